"""Every script that sites were ever told of, so that its name is served for ever; and whether a form named its words.

Locks nothing for long: the table is new, and so is the empty column.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021_prompt_scripts"
down_revision = "0020_imports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prompt_script",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_prompt_script")),
    )
    op.add_column("signup_choice", sa.Column("is_wording_told", sa.Boolean(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("signup_choice") as batch:
        batch.drop_column("is_wording_told")
    op.drop_table("prompt_script")
