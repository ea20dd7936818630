"""Runs migrations on the connection that `supporters.kit.migrate` hands over, in its transaction."""

from alembic import context

from supporters.kit.db import UTCDateTime
from supporters.tables import METADATA


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """Our own column type is written as the type that the database has."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UTCDateTime) else False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=render_item,
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=False,
)
context.run_migrations()
