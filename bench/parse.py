"""How fast bank statements are read: the whole of `read_statements`, its process included, beside the standard library.

    .venv/bin/python bench/parse.py --lines 100000

The floor of a format is what Python's own reader takes to look at every cell or element, without understanding any.
"""

import argparse
import csv
import io
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from xml.etree.ElementTree import iterparse

sys.path.insert(0, str(Path(__file__).resolve().parent))

from common import machine

from statements import some_lines, write
from supporters.bank.csv_guess import guess_profile
from supporters.bank.limits import Limits
from supporters.bank.read import read_statements

BARS = {"csv": 20_000, "csv-two-columns": 20_000, "xero": 20_000, "camt.02": 8_000, "camt.08": 8_000}
FORMS = (*BARS, "ofx1", "ofx2", "mt940", "qif")
PATIENT = Limits(bytes=500 * 1024 * 1024, seconds=120, unpacked=1024 * 1024 * 1024)


def main() -> int:
    """Prints a table; 1 when a format is slower than its bar."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--lines", type=int, default=100_000)
    asked.add_argument("--formats", nargs="*", default=FORMS)
    wanted = asked.parse_args()
    lines = some_lines(Random(5), wanted.lines)
    print(f"{wanted.lines:,} lines · {machine()}")
    print(f"{'format':<16}{'MB':>6}{'lines/s':>10}{'of CPU':>10}{'floor/s':>10}{'bar':>8}")
    slow = False
    for form in wanted.formats:
        content = write(form, lines, opening=1)
        rate, cpu_rate = measure(lambda form=form, content=content: _read(form, content), wanted.lines)
        floor = (
            measure(lambda form=form, content=content: _floor(form, content), wanted.lines)[1] if form in BARS else 0
        )
        bar = BARS.get(form, 0)
        slow = slow or rate < bar
        print(
            f"{form:<16}{len(content) / 1e6:>6.1f}{rate:>10,.0f}{cpu_rate:>10,.0f}{floor:>10,.0f}{bar:>8,}", flush=True
        )
    own, children = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(f"largest: this process {own:,.0f} MB (with the lines to write), the process that reads {children:,.0f} MB")
    return int(slow)


def measure(work: Callable[[], None], count: int) -> tuple[float, float]:
    """Lines a second, by the clock and by the time of computing of this process and its children."""
    clock, busy = time.perf_counter(), _busy()
    work()
    return count / (time.perf_counter() - clock), count / (_busy() - busy)


def _busy() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _read(form: str, content: bytes) -> None:
    profile = guess_profile(content).profile if form.startswith("csv") else None
    read_statements(content, form, currency="GBP", profile=profile, limits=PATIENT)


def _floor(form: str, content: bytes) -> None:
    if form.startswith("camt"):
        for _event, element in iterparse(io.BytesIO(content)):
            if element.tag.endswith("}Ntry"):
                for each in element.iter():
                    _ = each.tag, each.text
                element.clear()
        return
    for row in csv.DictReader(io.StringIO(content.decode(), newline="")):
        _ = row.items()


if __name__ == "__main__":
    raise SystemExit(main())
