"""Does the mirror of Stripe's balance hold?"""

from supporters.kit.strings import gettext as _
from supporters.ledger.checks import Check


def checks() -> list[Check]:
    """What must hold in the mirror."""
    return [
        Check(
            "mirror_net",
            _("Every line of Stripe's balance has a net that is its gross less its fee."),
            "SELECT stripe_balance_transaction_id AS line, gross_minor, fee_minor, net_minor FROM balance_transaction "
            "WHERE net_minor <> gross_minor - fee_minor",
        ),
    ]
