"""Money: what the last reading found wanting."""

revision = "0050_money_more"
down_revision = "0049_bank_more"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
