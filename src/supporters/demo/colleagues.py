"""Dana and Noor talk about what does not add up: who looks after it, what was found out, the bank's letter."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from supporters.bank.models import BankLine
from supporters.demo import sample_money as money
from supporters.demo.counter import Dated, moment
from supporters.discrepancies.codes import Code
from supporters.discrepancies.discuss import add_comment, assign
from supporters.discrepancies.evidence import add_evidence
from supporters.discrepancies.letters import tell_mentioned
from supporters.discrepancies.models import Discrepancy, DiscrepancyState
from supporters.kit.clock import Clock
from supporters.staff.models import Staff
from supporters.worker import Tools

LATELY = timedelta(days=3)


class Colleagues:
    """Those of the sample paper who do the books."""

    def __init__(self, tools: Tools, clock: Clock, *, until: datetime) -> None:
        self._tools = tools
        self._clock = clock
        self._until = until

    def happenings(self) -> Iterator[Dated]:
        """What they say, each with its moment: the day after the statement came, the day after that, and of late."""
        yield moment(self._until, 1, money.HALF + 2, 14), partial(self._talk, money.TALKS, 0)
        yield moment(self._until, 1, money.HALF + 3, 9), partial(self._talk, money.TALKS, 1)
        yield self._until - LATELY, partial(self._talk, money.LATELY, 0)

    async def _talk(self, talks: Sequence[money.Talk], turn: int) -> None:
        """The next thing is said about each; at first it has an owner, and the evidence that there is."""
        async with self._tools.db.unit_of_work() as session:
            rows = await session.execute(select(Staff.name, Staff.id))
            people = {name.split()[0]: (who, name) for name, who in rows.tuples()}
            for talk in talks:
                found = await self._find(session, talk)
                if found and not turn:
                    await self._take_on(session, found, talk, people[talk.owner][0])
                if found and turn < len(talk.said):
                    first, words = talk.said[turn]
                    await self._say(session, found, words, people[first])

    async def _find(self, session: AsyncSession, talk: money.Talk) -> Discrepancy | None:
        d, part = Discrepancy, aliased(Discrepancy)
        is_here_in_parts = d.subject.in_(select(part.subject).where(part.code == Code.BANK_SPLIT.value))
        wanted = select(d).where(d.code == talk.code, d.state == DiscrepancyState.OPEN.value)
        if talk.bank_name:
            wanted = wanted.join(BankLine, BankLine.id == d.subject).where(BankLine.counterparty == talk.bank_name)
        return await session.scalar(wanted.order_by(is_here_in_parts, d.id).limit(1))

    async def _take_on(self, session: AsyncSession, found: Discrepancy, talk: money.Talk, owner: str) -> None:
        now = self._clock.now()
        await assign(session, found.id, owner, actor_id=owner, now=now)
        if talk.code == Code.CHEQUE_BOUNCED:
            name, content, ids = money.LETTER_NAME, money.LETTER, self._tools.ids
            await add_evidence(session, found.id, name=name, content=content, actor_id=owner, ids=ids, now=now)

    async def _say(self, session: AsyncSession, found: Discrepancy, words: str, writer: tuple[str, str]) -> None:
        ids, now, settings = self._tools.ids, self._clock.now(), self._tools.settings
        who, name = writer
        said = await add_comment(session, found.id, words, actor_id=who, ids=ids, now=now)
        await tell_mentioned(
            session,
            found,
            said.names,
            comment_id=said.comment_id,
            by=name,
            settings=settings,
            ids=ids,
            now=now,
        )
