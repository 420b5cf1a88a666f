"""How long 10 000 findings take as SARIF, beyond what they take as text.

`python benchmarks/sarif.py` makes findings with steps, related places and fixes in files that are made up, renders them
as text and as SARIF in turn, and prints the median of user plus system seconds of both and their difference. The time
that Python takes to load sarif-om is printed apart, and counts.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from heaplint.cards import all_cards
from heaplint.findings import Edit, Finding, Fix, Related
from heaplint.report import text
from heaplint.report.report import Report
from heaplint.source import SourceFile

FILES = 100
LINES_OF_CODE = 30
"""Between one finding and the next, since fingerprints depend on the whole file; real packages have more."""


def made_up_report(number: int) -> Report:
    """So many findings, spread over FILES files; each tenth with a fix, each thirtieth with steps (as in real packages)."""
    cards = all_cards()
    rules = list(cards.values())
    sources, findings = {}, []
    for file in range(FILES):
        lines, offsets, size = [], [], 0
        for place in range(file * number // FILES, (file + 1) * number // FILES):
            offsets.append(size)
            block = [f"static PyTypeObject Type{place} = {{ 0 }};\n"]
            block += [f"    if (self->member_{line} == NULL) {{ return {place}; }}\n" for line in range(LINES_OF_CODE)]
            lines += block
            size += sum(map(len, block))
        source = SourceFile(f"src/module_{file}.c", "".join(lines).encode())
        sources[source.path] = source
        for index, offset in enumerate(offsets):
            card = rules[(file + index) % len(rules)]
            span = source.span(offset + 20, offset + 30)
            more: tuple[Related, ...] = ()
            fix = None
            if index % 30 == 0:
                more = (Related(span, "the object is made here"), Related(span, "the error is here"))
            if index % 10 == 0:
                fix = Fix("safe", (Edit(source.path, offset, offset + 6, "extern"),))
            findings.append(
                Finding(
                    card.id, card.name, card.severity, card.precision,
                    f"the type Type{offset} is wrong here: it breaks the rule that all types keep; mend it",
                    span, symbol=f"Type{index}", function=f"make_{index}", steps=more, related=more[:1], fix=fix,
                )
            )  # fmt: skip
    return Report(findings, (), FILES, sources, cards)


def cpu(task: Callable[[], object]) -> float:
    """User plus system seconds of a call."""
    start = time.process_time()
    task()
    return time.process_time() - start


def import_seconds() -> float:
    """What loading sarif-om adds to a process of heaplint, in user plus system seconds."""
    program = "import time; s = time.process_time(); import heaplint.report.sarif; print(time.process_time() - s)"
    program = "import heaplint.report.text, heaplint.engine; " + program
    repository = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=repository)
    return float(done.stdout)


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    reader = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    reader.add_argument("--findings", type=int, default=10_000, metavar="N")
    reader.add_argument("--repeat", type=int, default=5, metavar="N", help="runs of each; medians are printed (5)")
    options = reader.parse_args(arguments)
    report = made_up_report(options.findings)
    loading = import_seconds()
    from heaplint.report import sarif

    as_text, as_sarif = [], []
    for _ in range(options.repeat):  # in turn, so that a busy moment hits both
        as_text.append(cpu(lambda: "".join(text.render(report, text.PLAIN))))
        as_sarif.append(cpu(lambda: "".join(sarif.render(report))))
    text_cpu, sarif_cpu = statistics.median(as_text), statistics.median(as_sarif)
    size = sum(len(source.data) for source in report.sources.values())
    print(f"findings  {len(report.findings)} in {size / 1e6:.1f} MB of C")
    print(f"text      {text_cpu:.3f} s user+sys, median of {options.repeat}")
    print(f"sarif     {sarif_cpu:.3f} s user+sys, and {loading:.3f} s for loading sarif-om")
    print(f"beyond    {sarif_cpu + loading - text_cpu:.3f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
