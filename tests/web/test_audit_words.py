"""Every deed that the sources write to the audit log is told in words, and money as money."""

import re
from datetime import UTC, datetime
from pathlib import Path

from supporters.audit.queries import AuditRow
from supporters.web.desk.audit_words import PAGES, deed_word, kind_word, told

SOURCES = Path(__file__).parents[2] / "src" / "supporters"
WRITES = re.compile(r'action="([a-z]+\.[a-z_]+)"')
HANDED_ON = re.compile(
    r'\b(?:deed|note|act|save|record|_record|_note|_audit|write|_write)\w*\([^()]*?"([a-z]+\.[a-z_]+)"'
)


def test_every_deed_that_is_written_down_has_words() -> None:
    found = {
        action
        for path in SOURCES.rglob("*.py")
        for pattern in (WRITES, HANDED_ON)
        for action in pattern.findall(path.read_text(encoding="utf-8"))
        if kind_word(action.partition(".")[0]) != action.partition(".")[0] or action.partition(".")[0] in PAGES
    }

    assert len(found) > 20
    assert {action for action in found if deed_word(action) == action} == set()


def test_money_is_told_as_money() -> None:
    row = AuditRow(
        seq=1,
        at=datetime(2026, 11, 22, tzinfo=UTC),
        actor_kind="staff",
        actor_id=None,
        action="donation.refund",
        record_kind="donation",
        record_id="01J",
        detail={"amount_minor": 6000, "currency": "GBP"},
    )

    assert [(line.label, line.after) for line in told(row, locale="en_GB")] == [("amount", "£60.00")]
