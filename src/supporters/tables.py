"""Every table of the house, for migrations and tests."""

from supporters.appeals import models as appeals
from supporters.audit import models as audit
from supporters.bank import models as bank
from supporters.connectors import models as connectors
from supporters.discrepancies import models as discrepancies
from supporters.donations import models as donations
from supporters.donations import other_models as other_money
from supporters.exports import models as exports
from supporters.guard import models as guard
from supporters.imports import models as imports
from supporters.jobs import models as jobs
from supporters.kit.db import Base
from supporters.ledger import models as ledger
from supporters.mail import models as mail
from supporters.newsletters import models as newsletters
from supporters.outgoing import models as outgoing
from supporters.payments import models as payments
from supporters.people import models as people
from supporters.plans import models as plans
from supporters.prompts import models as prompts
from supporters.receipts import models as receipts
from supporters.reconciliation import models as reconciliation
from supporters.staff import models as staff

ROOMS = (
    appeals, audit, bank, connectors, discrepancies, donations, exports, guard, imports, jobs, ledger, mail,
    newsletters, other_money, outgoing, payments, people, plans, prompts, receipts, reconciliation, staff,
)  # fmt: skip
METADATA = Base.metadata
