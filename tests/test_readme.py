"""What the README shows is what heaplint prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_sample_report_is_what_the_command_prints() -> None:
    shown = re.search(r"<!-- report:start -->\n```text\n(.*?)\n```\n", (ROOT / "README.md").read_text(), re.S)
    assert shown is not None
    command = [sys.executable, "-m", "heaplint", "check", "--exit-zero", "tests/fixtures/broken_gc/dealloc.c"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert printed.stdout.startswith(shown.group(1) + "\n\n")
