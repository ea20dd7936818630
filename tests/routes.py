"""Every route of the application, for tests that a new route cannot be forgotten by."""

from collections.abc import Iterator

from litestar import Litestar
from litestar.handlers import BaseRouteHandler
from litestar.routes import ASGIRoute, HTTPRoute


def handlers_of(app: Litestar) -> Iterator[tuple[str, str, BaseRouteHandler]]:
    """Path, method and handler of everything that somebody wrote; the framework's own OPTIONS answers are left out."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _model) in route.route_handler_map.items():
                if method != "OPTIONS":
                    yield route.path, method, handler
        elif isinstance(route, ASGIRoute):
            yield route.path, "*", route.route_handler
