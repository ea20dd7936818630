"""Who may do what at the desk. Admins may do everything, also where they are not named."""

from supporters.staff.models import Role

EVERYBODY = frozenset(Role)
SEES_DONATIONS = frozenset({Role.VIEWER, Role.SUPPORT, Role.FINANCE, Role.ADMIN})
SEES_PEOPLE = frozenset({Role.SUPPORT, Role.FINANCE, Role.ADMIN})
SEES_SOURCES = frozenset(Role)  # totals by article, never names
EDITS = frozenset({Role.EDITOR, Role.ADMIN})
RUNS_LISTS = frozenset({Role.EDITOR, Role.SUPPORT, Role.ADMIN})  # what readers get; addresses only for SEES_PEOPLE
BRINGS_LISTS = frozenset({Role.SUPPORT, Role.ADMIN})
CONNECTS = frozenset({Role.ADMIN})
DOES_BOOKS = frozenset({Role.FINANCE, Role.ADMIN})
