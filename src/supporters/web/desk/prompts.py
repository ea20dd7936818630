"""Placements, snippets, vetoes, and which site shows what."""

from litestar.handlers import HTTPRouteHandler

HANDLERS: list[HTTPRouteHandler] = []
