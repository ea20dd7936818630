"""How commands are run: on the loop of the web service, with this process' settings, against a database that is up to date."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

from rich.console import Console
from uvicorn.loops.auto import auto_loop_factory

from supporters.kit.logs import configure_logs
from supporters.settings import Settings, read_settings

P = ParamSpec("P")
out = Console(highlight=False, soft_wrap=True)


def in_loop(command: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """The async command as click wants it."""

    @wraps(command)
    def run_it(*args: P.args, **kwargs: P.kwargs) -> None:
        run(command(*args, **kwargs))

    return run_it


def run(command: Coroutine[Any, Any, None]) -> None:
    """The command has run, on the loop that the web service uses too."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(command)


def settings_of_process() -> Settings:
    """The settings, and logs as they say."""
    settings = read_settings()
    configure_logs(as_json=settings.log_json)
    return settings


async def require_current(settings: Settings) -> None:
    """Raises NotMigrated in words, rather than a trace of the first query that fails."""
    from supporters.kit import migrate
    from supporters.kit.db import Database

    db = Database(settings.database_url)
    try:
        await migrate.require_current(db)
    finally:
        await db.close()
