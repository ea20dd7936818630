"""Who may do what at the desk. Admins may do everything, also where they are not named."""

from supporters.staff.models import Role

EVERYBODY = frozenset(Role)
SEES_DONATIONS = frozenset({Role.VIEWER, Role.SUPPORT, Role.FINANCE, Role.ADMIN})
SEES_PEOPLE = frozenset({Role.SUPPORT, Role.FINANCE, Role.ADMIN})
DOES_BOOKS = frozenset({Role.FINANCE, Role.ADMIN})
