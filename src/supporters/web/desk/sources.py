"""Where money comes from: by article, issue, appeal, placement."""

from litestar.handlers import HTTPRouteHandler

HANDLERS: list[HTTPRouteHandler] = []
