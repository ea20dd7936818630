"""Reconciliation: money back, large lines matched to an account, and opening again ask a second person."""

revision = "0047_ask_more"
down_revision = "0046_merged"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
