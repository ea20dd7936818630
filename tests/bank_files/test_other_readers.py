"""Two readers that others wrote find the same days and amounts in the same files."""

import io
from decimal import Decimal
from random import Random

import mt940
import pytest
from ofxtools.Parser import OFXTree

from statements import some_lines, write
from supporters.bank.formats import read_plainly
from supporters.bank.limits import DEFAULT

LINES = some_lines(Random(11), 20)


def test_mt940_agrees_with_another_reader():
    content = write("mt940", LINES, opening=5_000)
    theirs = mt940.parse(content.decode())

    ours = read_plainly(content, currency="GBP", profile=None, limits=DEFAULT).statements[0]

    assert [(line.booked_on, Decimal(line.amount_minor) / 100) for line in ours.lines] == [
        (each.data["date"], each.data["amount"].amount) for each in theirs
    ]
    assert theirs.data["final_closing_balance"].amount.amount * 100 == ours.closing_minor


@pytest.mark.parametrize("form", ["ofx1", "ofx2"])
def test_ofx_agrees_with_another_reader(form: str):
    content = write(form, LINES)
    tree = OFXTree()
    tree.parse(io.BytesIO(content))
    theirs = tree.convert().statements[0]

    ours = read_plainly(content, currency="GBP", profile=None, limits=DEFAULT).statements[0]

    assert [(line.booked_on, Decimal(line.amount_minor) / 100, line.bank_reference) for line in ours.lines] == [
        (each.dtposted.date(), each.trnamt, each.fitid) for each in theirs.transactions
    ]
    assert [line.counterparty for line in ours.lines] == [each.name for each in theirs.transactions]
