"""What GitHub code scanning takes: a report that holds more is refused as a whole, so it is cut here, and says so.

The figures are those of "SARIF support for code scanning" in GitHub's documentation.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from heaplint.findings import SEVERITIES, Finding
from heaplint.records import dataclass
from heaplint.report.report import counted

RESULTS = 25_000
"""Results of a run; a file with more is refused."""
SHOWN_RESULTS = 5_000
"""Results of a run that are shown, the most severe ones."""
LOCATIONS = 100
"""Places of a result that are shown."""
STEPS = 1_000
"""Steps of a result that are shown."""
GZIPPED = 10_000_000
"""Bytes of a file after gzip; a larger one is refused."""

_SURELY_FITS = 12_000_000
"""Printable ASCII holds 6.6 bits in a byte, so that gzip brings a document of this size below GZIPPED."""


@dataclass(slots=True)
class Cuts:
    """What had to be left out of a document."""

    findings: int = 0
    limit: str = ""
    """Why findings were left out."""
    steps: int = 0
    locations: int = 0
    not_shown: int = 0
    """How many results are in the document, but beyond what GitHub shows."""

    def messages(self) -> list[str]:
        """A sentence for each thing that was cut."""
        said = []
        if self.findings:
            said.append(f"{counted(self.findings, 'finding')}, the least severe, left out: {self.limit}.")
        if self.not_shown:
            said.append(
                f"GitHub shows the {SHOWN_RESULTS} most severe results of a run only, "
                f"{self.not_shown} of this one are not shown."
            )
        if self.steps:
            said.append(f"{counted(self.steps, 'step')} left out: GitHub shows {STEPS} of a result.")
        if self.locations:
            said.append(f"{counted(self.locations, 'related place')} left out: GitHub shows {LOCATIONS} of a result.")
        return said


def most_severe(findings: Sequence[Finding], number: int) -> Sequence[Finding]:
    """At most so many findings, the most severe ones, in the order in which they were."""
    if len(findings) <= number:
        return findings
    order = sorted(range(len(findings)), key=lambda index: -SEVERITIES.index(findings[index].severity))
    return [findings[index] for index in sorted(order[:number])]


def excess(document: str) -> float:
    """How many times larger than GitHub takes a document in ASCII is when it is compressed; 1 or less when it fits."""
    if len(document) <= _SURELY_FITS:
        return 0.0
    return len(zlib.compress(document.encode("ascii"), 1)) / GZIPPED
