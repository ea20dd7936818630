"""Every migration goes up, down and up again on both databases, and the models agree with them."""

import pytest
from sqlalchemy import inspect

from databases import Databases
from supporters.kit.db import Database
from supporters.kit.migrate import check_models_match, is_current, migrate


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_migrations_go_up_down_and_up_and_agree_with_the_models(kind: str, databases: Databases) -> None:
    async with databases.fresh(kind, migrated=False) as db:
        await migrate(db)
        await migrate(db, "base")
        async with db.engine.connect() as connection:
            left = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        assert left == ["alembic_version"]

        await migrate(db)

        assert await is_current(db)
        await check_models_match(db)


async def test_migrating_twice_changes_nothing(db: Database) -> None:
    await migrate(db)

    assert await is_current(db)
