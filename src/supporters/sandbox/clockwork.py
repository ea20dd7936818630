"""What the sandbox's clock brings about: sessions run out, charges reach the balance, refunds arrive."""

from supporters.sandbox import balance, checkout, refunds
from supporters.sandbox.world import Cause, World

TASKS = {"expire": checkout.run_out, "settle": balance.settle_charge, "refund": refunds.finish_refund}


def run_due(world: World, task: str | None = None, *, at: int | None = None) -> int:
    """All that has fallen due has happened; gives how many things did. `at` looks ahead of the clock."""
    entries = world.store.due(world.now() if at is None else at, task)
    for due in entries:
        with world.atomic(), world.caused_by(Cause()):
            world.store.unschedule(due.seq)
            TASKS[due.task](world, due)
    return len(entries)
