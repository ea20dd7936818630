"""Every table of the house, for migrations and tests."""

from supporters.appeals import models as appeals
from supporters.audit import models as audit
from supporters.discrepancies import models as discrepancies
from supporters.donations import models as donations
from supporters.guard import models as guard
from supporters.jobs import models as jobs
from supporters.kit.db import Base
from supporters.ledger import models as ledger
from supporters.mail import models as mail
from supporters.payments import models as payments
from supporters.people import models as people
from supporters.receipts import models as receipts
from supporters.staff import models as staff

ROOMS = (appeals, audit, discrepancies, donations, guard, jobs, ledger, mail, payments, people, receipts, staff)
METADATA = Base.metadata
