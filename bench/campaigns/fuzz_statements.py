"""A campaign against every reader of bank statements: hostile files, amounts and days; only refusals in words may come out.

    .venv/bin/python bench/campaigns/fuzz_statements.py --cases 50000 --seed 1789 [--targets camt ofx]

Each target runs in a process of its own, whose growth in memory is the most that any single input can have taken.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import machine

from hostile_statements import TARGETS, bombs, cases, judge

MOST_SECONDS, MOST_MB = 1.0, 64.0


class Outcome(NamedTuple):
    """What became of one target's inputs."""

    target: str
    count: int
    broken: list[str]
    slowest: float
    grown_mb: float
    seconds: float


def main() -> int:
    """Prints a line for each target; 1 when a promise was broken."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--cases", type=int, default=50_000)
    asked.add_argument("--seed", type=int, default=1789)
    asked.add_argument("--targets", nargs="*", default=[*TARGETS, "bombs"])
    wanted = asked.parse_args()
    print(f"{wanted.cases:,} inputs each, seed {wanted.seed} · {machine()}")
    print(f"{'target':<10}{'inputs':>9}{'broken':>8}{'slowest s':>11}{'grown MB':>10}{'CPU s':>8}")
    is_broken = False
    context = multiprocessing.get_context("spawn")
    for target in wanted.targets:
        with context.Pool(1) as pool:
            found = pool.apply(attack, (target, wanted.cases, wanted.seed))
        bad = found.broken or found.slowest > MOST_SECONDS or found.grown_mb > MOST_MB
        is_broken = is_broken or bool(bad)
        row = (
            f"{found.count:>9,}{len(found.broken):>8}{found.slowest:>11.3f}{found.grown_mb:>10.1f}{found.seconds:>8.0f}"
        )
        print(f"{target:<10}{row}{'  <-- broken' if bad else ''}", flush=True)
        for each in found.broken[:5]:
            print("   ", each)
    return int(is_broken)


def attack(target: str, count: int, seed: int) -> Outcome:
    """Gives the target its inputs, one by one."""
    make = cases(target, seed) if target != "bombs" else None
    hostile = list(bombs().values()) if target == "bombs" else []
    broken: list[str] = []
    slowest = 0.0
    begun, before = time.process_time(), _largest()
    for number in range(count if make else len(hostile)):
        case = make() if make else (lambda content=hostile[number]: judge(content, ""))
        start = time.process_time()
        try:
            case()
        except Exception as problem:
            broken.append(f"input {number}: {type(problem).__name__}: {str(problem)[:300]}")
        slowest = max(slowest, time.process_time() - start)
    return Outcome(target, number + 1, broken, slowest, _largest() - before, time.process_time() - begun)


def _largest() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    raise SystemExit(main())
