"""Who may do what at the desk: one table. What no line of it allows is refused; admins may do everything.

Names say what may be done; every route of the desk carries one of them.
"""

from supporters.staff.models import Role

V, S, F, E, A = Role.VIEWER, Role.SUPPORT, Role.FINANCE, Role.EDITOR, Role.ADMIN

EVERYBODY = frozenset({V, S, F, E, A})  # one's own sign-in, the front page
SEES_SOURCES = frozenset({V, S, F, E, A})  # totals by article, never names
SEES_DONATIONS = frozenset({V, S, F, A})  # names and addresses only for SEES_PEOPLE
SEES_PEOPLE = frozenset({S, F, A})
SUPPORTERS_SEE = frozenset({S, F, A})  # a supporter's own page, with name and address
SUPPORTERS_CHANGE = frozenset({S, A})  # corrects details, and changes a plan for somebody who asked
PLANS_SEE = frozenset({V, S, F, A})  # plans and when they are next charged; names only for SEES_PEOPLE
DOES_BOOKS = frozenset({F, A})  # refunds, discrepancies, exports of money, switches
READS_AUDIT = frozenset({F, A})
EDITS = frozenset({E, A})
RUNS_LISTS = frozenset({S, E, A})  # what readers get; addresses only for SEES_PEOPLE
BRINGS_LISTS = frozenset({S, A})
CONNECTS = frozenset({A})
RUNS_STAFF = frozenset({A})
