"""What discrepancies are about, by the names that people know it by: an id of ours says nothing to anybody."""

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.bank.models import BankAccount, BankFile, BankStatement
from supporters.discrepancies.models import Discrepancy
from supporters.donations.models import Donation
from supporters.donations.other_models import Deposit, OtherKind, OtherPayment, Promise
from supporters.kit.strings import gettext as _
from supporters.web.desk.discrepancy_words import id_of_ours
from supporters.web.desk.when import When

Names = dict[str, str]


async def named_subjects(session: AsyncSession, rows: Sequence[Discrepancy], when: When) -> Names:
    """What these are about, in words, by their subjects; what has no name of its own is left out.

    Where only Stripe or a record without a name has an id for it, the donation that it is about.
    """
    ids = {each.subject: (id_of_ours(each.subject), each.donation_id or "") for each in rows}
    wanted = {found for pair in ids.values() for found in pair if found}
    named: Names = {}
    for read in (_deposits, _payments, _promises, _donations, _statements, _files):
        if left := wanted - named.keys():
            named |= await read(session, left, when)
    known = {subject: named.get(own) or named.get(donation) for subject, (own, donation) in ids.items()}
    return {subject: _with_day(words, subject, when) for subject, words in known.items() if words}


def _with_day(words: str, subject: str, when: When) -> str:
    """The words with the day on which it was expected, where the subject names one."""
    _own, _colon, day = subject.partition(":")
    try:
        return _("%(what)s, expected %(day)s") % {"what": words, "day": when.day(date.fromisoformat(day))}
    except ValueError:
        return words


async def _deposits(session: AsyncSession, ids: Collection[str], when: When) -> Names:
    query = select(Deposit.id, Deposit.reference, Deposit.paid_in_on).where(Deposit.id.in_(ids))
    return {
        row.id: _("Deposit %(reference)s, %(day)s") % {"reference": row.reference, "day": when.day(row.paid_in_on)}
        for row in await session.execute(query)
    }


async def _payments(session: AsyncSession, ids: Collection[str], when: When) -> Names:
    payment = OtherPayment
    query = select(payment.id, payment.kind, payment.cheque_number, payment.received_on, Donation.name)
    query = query.join(Donation, Donation.id == payment.donation_id).where(payment.id.in_(ids))
    found: Names = {}
    for row in await session.execute(query):
        said = {"name": row.name, "number": row.cheque_number, "day": when.day(row.received_on)}
        is_cheque = row.kind == OtherKind.CHEQUE.value
        words = _("Cheque %(number)s of %(name)s") if is_cheque and row.cheque_number else _("%(name)s, %(day)s")
        found[row.id] = (_("Cheque of %(name)s, %(day)s") if is_cheque and not row.cheque_number else words) % said
    return found


async def _promises(session: AsyncSession, ids: Collection[str], _when: When) -> Names:
    payer = func.coalesce(func.nullif(Promise.payer_name, ""), Promise.name).label("payer")
    query = select(Promise.id, Promise.reference, payer).where(Promise.id.in_(ids))
    return {row.id: ", ".join(filter(None, (row.payer, row.reference))) for row in await session.execute(query)}


async def _donations(session: AsyncSession, ids: Collection[str], _when: When) -> Names:
    query = select(Donation.id, Donation.reference, Donation.name).where(Donation.id.in_(ids))
    return {row.id: ", ".join(filter(None, (row.name, row.reference))) for row in await session.execute(query)}


async def _statements(session: AsyncSession, ids: Collection[str], when: When) -> Names:
    statement = BankStatement
    query = select(statement.id, statement.starts_on, BankAccount.name)
    query = query.join(BankAccount, BankAccount.id == statement.bank_account_id).where(statement.id.in_(ids))
    said = _("%(account)s, statement from %(day)s")
    rows = await session.execute(query)
    return {row.id: said % {"account": row.name, "day": when.day(row.starts_on)} for row in rows}


async def _files(session: AsyncSession, ids: Collection[str], _when: When) -> Names:
    query = select(BankFile.id, BankFile.name).where(BankFile.id.in_(ids))
    return {row.id: row.name for row in await session.execute(query)}
