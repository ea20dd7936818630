"""Newsletters, for tests: hands to sign up, confirm and stop with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from supporters.kit.clock import FixedClock
from supporters.kit.db import Database
from supporters.kit.ids import Ids
from supporters.mail.models import Letter
from supporters.newsletters import actions, signup
from supporters.newsletters.lists import ListForm, create_list
from supporters.newsletters.models import Consent, Signup, Subscriber, Subscription
from supporters.settings import Settings
from supporters.tables import METADATA


@dataclass
class Lists:
    """The domain's verbs, each in a transaction of its own."""

    db: Database
    clock: FixedClock
    ids: Ids
    settings: Settings

    @property
    def tools(self) -> dict[str, Any]:
        return {"settings": self.settings, "ids": self.ids, "now": self.now}

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def add(self, slug: str, **changes: Any) -> str:
        told: dict[str, Any] = {
            "slug": slug, "name": slug.title(), "how_often": "Saturdays", "sender_name": "The Weekly Lamp",
            "wording": f"Send me {slug}.",
        }  # fmt: skip
        async with self.db.unit_of_work() as session:
            return await create_list(session, ListForm(**(told | changes)), ids=self.ids, now=self.now)

    async def ask(self, email: str = "cleo.marsh@example.org", *slugs: str, **changes: Any) -> None:
        told: dict[str, Any] = {"form": "snippet", "path": "/articles/ferry.html", "network": "203.0.113.7"}
        async with self.db.unit_of_work() as session:
            await signup.request_signup(
                session, slugs=slugs or ("daily",), email=email, **(told | changes), **self.tools
            )

    async def confirm(self, *slugs: str, email: str = "cleo.marsh@example.org") -> bool:
        async with self.db.unit_of_work() as session:
            signup_id = (
                await session.execute(
                    select(Signup.id)
                    .join(Subscriber, Subscriber.id == Signup.subscriber_id)
                    .where(Subscriber.address == email)
                )
            ).scalar_one()
            return await actions.confirm_signup(session, signup_id, slugs=slugs or ("daily",), **self.tools)

    async def join(self, email: str = "cleo.marsh@example.org", *slugs: str) -> str:
        """The address is on the lists; returns its subscriber id."""
        await self.ask(email, *slugs)
        await self.confirm(*slugs, email=email)
        return await self.subscriber(email)

    async def stop(self, subscriber_id: str, slugs: Sequence[str] | None, why: str = "one_click") -> int:
        async with self.db.unit_of_work() as session:
            return await actions.stop(session, subscriber_id, slugs=slugs, why=why, **self.tools)

    async def subscriber(self, email: str = "cleo.marsh@example.org") -> str:
        async with self.db.reading() as session:
            found = await session.execute(select(Subscriber.id).where(Subscriber.address == email))
            return found.scalar_one()

    async def letters(self, kind: str | None = None) -> list[Letter]:
        async with self.db.reading() as session:
            found = (await session.scalars(select(Letter).order_by(Letter.id))).all()
        return [each for each in found if kind in {None, each.kind}]

    async def evidence(self) -> list[Consent]:
        async with self.db.reading() as session:
            return list((await session.scalars(select(Consent).order_by(Consent.id))).all())

    async def states(self) -> dict[str, str]:
        """State by address and list id's position."""
        async with self.db.reading() as session:
            found = await session.execute(
                select(Subscriber.address, Subscription.state).join(
                    Subscription, Subscription.subscriber_id == Subscriber.id
                )
            )
            return {row[0]: row[1] for row in found}

    async def rows(self) -> dict[str, int]:
        """How many rows every table has."""
        async with self.db.reading() as session:
            return {
                name: await session.scalar(select(func.count()).select_from(table)) or 0
                for name, table in METADATA.tables.items()
            }


def link_of(text: str, place: str) -> str:
    """The path of the link to `place` in a letter."""
    found = re.search(rf"http://[^/\s]+(/news/{place}/[^\s\"<>]+)", text)
    assert found, text
    return found[1]
