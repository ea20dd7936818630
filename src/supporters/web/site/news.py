"""Signing up to newsletters, confirming it, and what one receives."""

from litestar.handlers import HTTPRouteHandler

HANDLERS: list[HTTPRouteHandler] = []
