"""The short form of the campaign `make fuzz-statements`: hostile files, and bombs, against every reader."""

import time
from pathlib import Path

import pytest

from hostile_statements import TARGETS, bombs, cases, judge

BOMBS = bombs()


def peak() -> int:
    """The most memory that this process held, in KB."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])


@pytest.mark.parametrize("target", TARGETS)
def test_hostile_input_is_refused_in_words_or_read_rightly(target: str):
    make = cases(target, seed=4)

    for _ in range(150):
        make()()


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_disarmed_within_a_second(name: str):
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, begun = peak(), time.process_time()

    judge(BOMBS[name], "")

    assert time.process_time() - begun < 1
    assert peak() - before < 64 * 1024
