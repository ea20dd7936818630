"""A past made all at once: finished charges, refunds, disputes and fees, and the payouts that took them to the bank.

Nothing of it is told in events, as for a site that looks at its account for the first time. The same seed makes the same
ids and amounts, so that whoever knows `charge_id` can have donations for them. Every payout names its lines and is their
sum; what is not paid out yet is in the balance, and later payouts of the sandbox take it along.
"""

import heapq
from collections.abc import Callable
from decimal import Decimal
from random import Random

from supporters.sandbox.balance import DAY, fee_parts, line_document, midnight
from supporters.sandbox.disputes import new_dispute
from supporters.sandbox.due import schedule
from supporters.sandbox.errors import Json
from supporters.sandbox.money import dispute_fee_of, fee_of
from supporters.sandbox.payouts import FAILURES, payout_document, trace_of
from supporters.sandbox.rates import Settled
from supporters.sandbox.world import World

AMOUNTS = (300, 500, 500, 750, 1000, 1000, 1000, 1500, 2000, 2500, 5000, 10_000)
REFUNDED, DISPUTED = 0.04, 0.004
DECIDED_AFTER = 20 * DAY
MONTH = 30 * DAY
MONTHLY_FEE, MONTHLY_TAX = 2900, 580
AT_ONCE = 5_000
RARELY = 40
Rare = Callable[["Past", int, int], None]
"""Makes one rare thing: of that past, the so manyeth, at that moment."""


def charge_id(seed: int, number: int) -> str:
    """The id of the charge that a filling of that seed makes at that place, counted from 0; its intent has it too."""
    return f"ch_fill{seed:04}x{number:012}"


def fill(world: World, *, lines: int, days: int, seed: int, rare: Rare | None = None) -> None:
    """So many lines lie in the balance's past, spread over `days` that end today, and those that were due paid out.

    `rare` makes whatever else there is to meet: it is called for every fortieth line.
    """
    end = midnight(world.now())
    start = day = end - days * DAY
    past = Past(world, seed, start, rare)
    for number in range(lines):
        at = start + number * days * DAY // lines
        while at >= day + DAY:
            day += DAY
            past.pay_out(day)
        past.add_one(number, at)
    while day < end:
        day += DAY
        past.pay_out(day)
    past.finish()


def new_charge(object_id: str, intent_id: str, amount: int, currency: str, created: int) -> Json:
    """A card's finished charge with no more in it than reports, refunds and disputes look at."""
    card: Json = {
        "brand": "visa",
        "country": "GB",
        "exp_month": 12,
        "exp_year": 2030,
        "fingerprint": "SandboxVisa4242",
        "funding": "debit",
        "last4": "4242",
        "network": "visa",
    }
    return {
        "id": object_id,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "balance_transaction": None,
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "captured": True,
        "created": created,
        "currency": currency,
        "customer": None,
        "description": None,
        "disputed": False,
        "livemode": False,
        "metadata": {},
        "paid": True,
        "payment_intent": intent_id,
        "payment_method_details": {"card": card, "type": "card"},
        "refunded": False,
        "status": "succeeded",
        "_card": "visa",
        "_account": None,
    }


class Past:
    """The past as it is being made, day after day."""

    def __init__(self, world: World, seed: int, start: int, rare: Rare | None) -> None:
        self.world = world
        self.currency = world.config.currency
        self.chance = Random(seed)  # noqa: S311 - a story, not a secret
        self._seed = seed
        self._rare = rare
        self._rares = 0
        self._made: dict[str, int] = {}
        self._ready: dict[int, list[Json]] = {}
        self._rows: list[Json] = []
        self._open: dict[str, Json] = {}
        self._later: list[tuple[int, int, Callable[[int], None]]] = []
        self._month = start // MONTH

    # what happens

    def add_one(self, number: int, at: int) -> None:
        """One thing has happened at that moment, and its line waits to be paid out."""
        month = at // MONTH
        if month != self._month:
            self._month = month
            self.line("stripe_fee", None, -MONTHLY_FEE, at, category="fee", text="Billing - Usage Fee")
            self.line("tax_fee", None, -MONTHLY_TAX, at, category="tax", text="VAT (Billing - Usage Fee)")
        elif self._later and self._later[0][0] <= at:
            heapq.heappop(self._later)[2](at)
        elif self._rare and (number + 1) // RARELY > self._rares:
            self._rares += 1
            self._rare(self, self._rares - 1, at)
        else:
            self._donate(at)

    def later(self, at: int, do: Callable[[int], None]) -> None:
        """`do` happens as soon as there is a place for it after `at`, if there is one before the past ends."""
        heapq.heappush(self._later, (at, self._count("later"), do))

    def _donate(self, at: int) -> None:
        charge = self.charge(self.chance.choice(AMOUNTS), at)
        fate = self.chance.random()
        if fate < REFUNDED:
            self.later(at + 3 * DAY, lambda when: self._refund(charge, when))
        elif fate < REFUNDED + DISPUTED:
            self.later(at + 9 * DAY, lambda when: self._dispute(charge, when))
        else:
            self.close(charge)

    def charge(self, amount: int, at: int, currency: str | None = None) -> Json:
        """A card's charge with its line, still open to change."""
        made = charge_id(self._seed, self._count("ch") - 1)
        charge = new_charge(made, made.replace("ch_", "pi_"), amount, currency or self.currency, at)
        if currency in (None, self.currency):
            fees = fee_parts(self.world, fee_of(amount, self.currency), self.currency, "Stripe processing fees")
            charge["balance_transaction"] = self.line("charge", made, amount, at, fees=fees, ripe=self.ripe(at))["id"]
        return self.keep(charge)

    def ripe(self, at: int) -> int:
        """When what is charged at that moment is available."""
        return midnight(at + self.world.config.available_after_days * DAY)

    def refund(self, charge: Json, amount: int, at: int) -> Json:
        """A refund of the charge, with its line, still open to change."""
        made = self.new_id("re")
        line = self.line("refund", made, -amount, at, text=f"REFUND FOR CHARGE ({charge['id']})")
        reference = {"reference": "0" * 23, "reference_status": "available", "type": "refund"}
        shape: Json = {**reference, "reference_type": "acquirer_reference_number"}
        refund: Json = {"id": made, "object": "refund", "amount": amount, "balance_transaction": line["id"]}
        refund.update(charge=charge["id"], created=at, currency=self.currency, metadata={}, reason=None)
        refund.update(payment_intent=charge["payment_intent"], receipt_number=None, status="succeeded")
        refund["destination_details"] = {"card": shape, "type": "card"}
        charge.update(amount_refunded=amount, refunded=amount == charge["amount"])
        return self.keep(refund)

    def _refund(self, charge: Json, at: int) -> None:
        amount = charge["amount"] if self.chance.random() < 0.8 else charge["amount"] // 2
        self.close(self.refund(charge, amount, at))
        self.close(charge)

    def _dispute(self, charge: Json, at: int) -> None:
        fees = fee_parts(self.world, dispute_fee_of("card", self.currency), self.currency, "Dispute fee")
        is_won = self.chance.random() < 0.4
        with self.world.at(at):
            status = "needs_response" if is_won else "lost"
            dispute = new_dispute(self.world, charge, charge["amount"], "fraudulent", status)
        dispute["id"] = self.new_id("du")
        text = f"Chargeback withdrawal for {charge['id']}"
        more: Json = {"category": "dispute", "fees": fees, "text": text}
        dispute["balance_transactions"] = [self.line("adjustment", dispute["id"], -charge["amount"], at, **more)]
        charge["disputed"] = True
        self.close(charge)
        self.keep(dispute)
        if is_won:
            self.later(at + DECIDED_AFTER, lambda when: self._win(charge, dispute, when))

    def _win(self, charge: Json, dispute: Json, at: int) -> None:
        text = f"Chargeback reversal for {charge['id']}"
        line = self.line("adjustment", dispute["id"], dispute["amount"], at, category="dispute_reversal", text=text)
        dispute["balance_transactions"] = [*dispute["balance_transactions"], line]
        dispute["status"] = "won"
        self.close(dispute)

    def new_debit(self, object_id: str, amount: int, at: int) -> Json:
        """A bank debit's charge, still open to change; its line is the caller's."""
        charge = new_charge(object_id, object_id.replace("py_", "pi_debit_"), amount, self.currency, at)
        details: Json = {"bacs_debit": {"last4": "2345", "sort_code": "108800"}, "type": "bacs_debit"}
        charge.update(payment_method_details=details, _card=None, _account="bacsDebit_success")
        return self.keep(charge)

    # what is written down

    def line(
        self,
        kind: str,
        source: str | None,
        amount: int,
        at: int,
        *,
        category: str | None = None,
        fees: list[Json] | None = None,
        ripe: int | None = None,
        text: str | None = None,
        rate: Decimal | None = None,
    ) -> Json:
        """A line of the balance that waits to be paid out; available at once if not told."""
        ripe_on = at if ripe is None else ripe
        line = line_document(
            self.new_id("txn"),
            kind,
            source,
            Settled(amount, self.currency, rate),
            fees or [],
            created=at,
            available_on=ripe_on,
            category=category or kind,
            description=text,
        )
        next_payout = max(-(-ripe_on // DAY) * DAY, midnight(at) + DAY)
        self._ready.setdefault(next_payout, []).append(line)
        return line

    def keep(self, document: Json) -> Json:
        """The object is on file in the end, however it is changed until it is closed."""
        self._open[document["id"]] = document
        return document

    def close(self, document: Json) -> None:
        """Nothing about the object changes any more."""
        self._rows.append(self._open.pop(document["id"]))

    def new_id(self, prefix: str) -> str:
        """The next id of that kind."""
        return f"{prefix}_fill{self._seed:04}x{self._count(prefix):012}"

    def _count(self, what: str) -> int:
        self._made[what] = self._made.get(what, 0) + 1
        return self._made[what]

    # payouts

    def pay_out(self, at: int) -> None:
        """What is available at that midnight has left in one payout, or was called in where it is below 0."""
        found = self._ready.pop(at, [])
        total = sum(line["net"] for line in found)
        if total == 0:
            self._ready.setdefault(at + DAY, [])[:0] = found
            return
        payout = self.keep(self._payout(total, at))
        own = line_document(
            self.new_id("txn"),
            "payout",
            payout["id"],
            Settled(-total, self.currency),
            [],
            created=at,
            available_on=at,
            category="payout",
            description="STRIPE PAYOUT",
        )
        payout["balance_transaction"] = own["id"]
        self._rows += [{**line, "_payout": payout["id"]} for line in (*found, own)]
        if self._rare and self._made["po"] % RARELY == RARELY // 2 and payout["status"] == "paid":
            self.later(payout["arrival_date"] + 2 * DAY, lambda when: self._fail(payout, when))
        else:
            self.close(payout)
        if len(self._rows) >= AT_ONCE:
            self._write()

    def _payout(self, total: int, at: int) -> Json:
        world, now = self.world, self.world.now()
        arrival, ready = at + world.config.payout_days * DAY, at + world.config.reconcile_delay_seconds
        made = self.new_id("po")
        payout = payout_document(made, total, self.currency, created=at, arrival=arrival, is_automatic=True, params={})
        if ready <= now:
            payout["reconciliation_status"] = "completed"
        else:
            schedule(world, ready, "payout_reconciled", made)
        if arrival <= now:
            payout.update(status="paid", trace_id=trace_of(made))
        else:
            payout["status"] = "in_transit"
            schedule(world, arrival, "payout_arrives", made)
        return payout

    def _fail(self, payout: Json, at: int) -> None:
        """The bank has sent a payout back that was paid."""
        text = f"PAYOUT FAILURE ({payout['id']})"
        line = self.line("payout_failure", payout["id"], payout["amount"], at, category="payout_reversal", text=text)
        code = "account_closed"
        payout.update(status="failed", failure_code=code, failure_message=FAILURES[code])
        payout["failure_balance_transaction"] = line["id"]
        self.close(payout)

    # the end

    def finish(self) -> None:
        """What is left over is on file as it stands: what was still to change, and lines that wait for a payout."""
        self._rows += self._open.values()
        for found in self._ready.values():
            self._rows += found
        self._write()

    def _write(self) -> None:
        self.world.store.insert_many(self._rows)
        self._rows = []
