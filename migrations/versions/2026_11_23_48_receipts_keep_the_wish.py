"""Receipts: each payment keeps the wish for receipts that stood when it was paid."""

revision = "0048_wish_kept"
down_revision = "0047_ask_more"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
