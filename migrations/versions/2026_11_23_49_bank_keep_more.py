"""Bank: what statements and their accounts keep beside."""

revision = "0049_bank_more"
down_revision = "0048_wish_kept"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
