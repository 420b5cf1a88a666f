"""How the findings of a run are shown: one module per format."""

from typing import Literal

Format = Literal["text", "gcc", "json", "sarif", "github", "gitlab", "junit", "html"]
"""The formats of `check` by name; heaplint.report.formats knows what each writes."""
