"""What will fall due, and by which clock."""

from supporters.sandbox.errors import Json
from supporters.sandbox.world import World

ACCOUNT_KINDS = frozenset(
    [
        *("settle", "refund", "dispute", "dispute_late", "verdict", "warning"),
        *("payouts", "payout_leaves", "payout_arrives", "payout_reconciled", "topup_arrives", "report"),
    ]
)
"""Work that belongs to the account: it goes by the sandbox's own clock also where a customer lives by a test clock."""


def schedule(world: World, at: int, task: str, object_id: str, note: Json | None = None) -> None:
    """`task` falls due for that object at `at` (epoch seconds as `world.now()` counts them)."""
    if task in ACCOUNT_KINDS:
        world.store.schedule(at - world.now() + world.wall() if world.timeline else at, task, object_id, note or {})
    else:
        world.store.schedule(at, task, object_id, note or {}, world.timeline)
