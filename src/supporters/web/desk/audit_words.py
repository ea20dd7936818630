"""What the audit log says, in words: deeds, records, and what was before and after. Pure."""

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from supporters.audit.queries import AuditRow
from supporters.kit.money import Money, format_money
from supporters.kit.strings import gettext as _

LONGEST_VALUE = 300
PAGES = {
    "donation": "/desk/donations/{id}",
    "discrepancy": "/desk/discrepancies/{id}",
    "appeal": "/desk/appeals/{id}",
    "newsletter": "/desk/newsletters/{id}",
    "subscriber": "/desk/newsletters/people/{id}",
    "connector": "/desk/senders/connections/{id}",
    "webhook": "/desk/senders/webhooks/{id}",
    "issue": "/desk/issues/{id}",
    "import": "/desk/imports/{id}",
    "bank_account": "/desk/bank/{id}",
    "bank_file": "/desk/bank/import/{id}",
    "bank_line": "/desk/match/{id}",
    "match_rule": "/desk/match/rules/{id}",
    "match_action": "/desk/match/history/{id}",
    "export_batch": "/desk/exports/{id}",
    "account": "/desk/accounts/{id}",
    "month": "/desk/months/{id}",
    "payout": "/desk/payouts/{id}",
    "plan": "/desk/plans/{id}",
    "other_payment": "/desk/other-money/{id}",
    "promise": "/desk/other-money/promise/{id}",
}


class Told(msgspec.Struct, frozen=True):
    """One line of what a deed changed or said; `before` is empty where nothing was there, or it was not a change."""

    label: str
    before: str
    after: str

    @property
    def is_change(self) -> bool:
        """Whether there is something on both sides."""
        return bool(self.before)


def deed_word(action: str) -> str:
    """What was done; an action without words of its own is shown as it is written down."""
    return _deeds().get(action, action)


def kind_word(kind: str) -> str:
    """What it was done to."""
    return {
        "donation": _("donation"),
        "receipt": _("receipt"),
        "discrepancy": _("discrepancy"),
        "appeal": _("appeal"),
        "newsletter": _("newsletter"),
        "subscriber": _("newsletter reader"),
        "supporter": _("supporter"),
        "plan": _("monthly donation"),
        "connector": _("newsletter sender"),
        "webhook": _("webhook"),
        "issue": _("issue"),
        "import": _("import"),
        "bank_account": _("bank account"),
        "other_payment": _("money that never met Stripe"),
        "deposit": _("deposit"),
        "promise": _("promise"),
        "giving_account": _("account for readers"),
        "bank_file": _("bank statement"),
        "bank_line": _("bank line"),
        "match_rule": _("rule of matching"),
        "match_action": _("matches made at once"),
        "export_batch": _("export of the books"),
        "switch": _("switch"),
        "placement": _("place on the site"),
        "veto": _("page without a prompt"),
        "export": _("export"),
        "account": _("account"),
        "month": _("month"),
        "payout": _("payout"),
        "books_link": _("accountant's link"),
        "books": _("books"),
        "staff": _("staff"),
    }.get(kind, kind)


def page_of(row: AuditRow) -> str | None:
    """The desk's page of the record, if it has one."""
    pattern = PAGES.get(row.record_kind)
    return pattern.format(id=row.record_id) if pattern else None


def told(row: AuditRow, *, locale: str) -> list[Told]:
    """What the deed changed or said, line by line; nothing where it was erased."""
    detail = dict(row.detail or {})
    minor, currency = detail.get("amount_minor"), detail.get("currency")
    if isinstance(minor, int) and isinstance(currency, str):
        detail |= {"amount_minor": format_money(Money(minor, currency), locale), "currency": ""}
    return [_line(row.action, key, value) for key, value in detail.items() if not _is_empty(value)]


def in_one_line(lines: list[Told]) -> str:
    """The same for a cell of a spreadsheet."""
    return "; ".join(
        f"{each.label}: {each.before} → {each.after}" if each.is_change else f"{each.label}: {each.after}"
        for each in lines
    )


def _line(action: str, key: str, value: object) -> Told:
    label = _labels().get(key, key.replace("_", " "))
    change = _mapping(value)
    if set(change) == {"before", "after"}:
        return Told(label, _text(change["before"]), _text(change["after"]))
    pair = _items(value)
    if action == "receipt.correct" and len(pair) == 2:
        return Told(label, _text(pair[0]), _text(pair[1]))
    return Told(label, "", _text(value))


def _is_empty(value: object) -> bool:
    return value in (None, "", [], {})


def _text(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if named := _mapping(value):
        return ", ".join(f"{name}: {_text(each)}" for name, each in named.items())[:LONGEST_VALUE]
    if items := _items(value):
        return ", ".join(_text(each) for each in items)[:LONGEST_VALUE]
    return "–" if _is_empty(value) else str(value)[:LONGEST_VALUE]


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _items(value: object) -> Sequence[object]:
    return cast("Sequence[object]", value) if isinstance(value, list) else []


def _labels() -> Mapping[str, str]:
    return {
        "role": _("role"),
        "email": _("email"),
        "name": _("name"),
        "number": _("number"),
        "reason": _("reason"),
        "reason_sha256": _("digest of the reason"),
        "alone_sha256": _("digest of why alone"),
        "asked_by": _("asked by"),
        "confidence": _("how sure"),
        "reasons": _("what was compared"),
        "rule_id": _("rule"),
        "note": _("note"),
        "words": _("words"),
        "resolution": _("resolution"),
        "amount_minor": _("amount"),
        "parts": _("what it is"),
        "target": _("account"),
        "tested": _("what it would have done"),
        "currency": _("currency"),
        "list": _("list"),
        "lists": _("lists"),
        "filter": _("filter"),
        "version": _("version"),
        "base_url": _("address"),
        "url": _("address"),
        "kinds": _("kinds"),
        "rows": _("rows"),
        "before": _("before"),
        "after": _("after"),
        "outside_code": _("code"),
        "outside_name": _("name"),
        "tax_code": _("tax code"),
        "tracking": _("tracking"),
        "kind": _("kind"),
        "bank_proof": _("proof of the bank"),
        "starts_on": _("first day"),
        "wanted": _("wanted"),
    }


def _deeds() -> Mapping[str, str]:
    return {
        **_of_money(),
        **_of_house_and_asking(),
        **_of_plans(),
        **_of_discrepancies(),
        **_of_lists_and_senders(),
        **_of_staff(),
    }


def _of_money() -> Mapping[str, str]:
    return {
        "other_money.record": _("Wrote money down that never met Stripe"),
        "other_money.bounce": _("Said that a cheque bounced"),
        "other_money.void": _("Took money back that was written down by mistake"),
        "deposit.pay_in": _("Paid cash and cheques in"),
        "deposit.undo": _("Took a deposit back"),
        "other_money.refund": _("Paid money back that never met Stripe"),
        "other_money.refund_ask": _("Asked a second person to pay money back"),
        "other_money.refund_decline": _("Did not agree to pay money back, or took the request back"),
        "other_money.refund_void": _("Took back that money was paid back"),
        "promise.make": _("Took a promise down for somebody"),
        "promise.end": _("Ended a promise"),
        "giving_account.set": _("Changed the account that readers pay into"),
        "donation.refund": _("Asked for a refund"),
        "donation.export": _("Exported donations"),
        "receipt.resend": _("Sent the receipt again"),
        "receipt.correct": _("Corrected the receipt"),
        "receipt.void": _("Voided the receipt"),
        "receipt.restore": _("Let the receipt count again"),
        "account.map": _("Changed what an account is called outside"),
        "account.unmap": _("Took a line of the chart's mapping away"),
        "month.lock": _("Locked a month"),
        "month.reopen": _("Opened a locked month again"),
        "month.ask": _("Asked a second person to close a month"),
        "month.reopen_ask": _("Asked a second person to open a month again"),
        "month.reopen_decline": _("Did not agree to open a month again, or took the request back"),
        "month.decline": _("Did not agree to close a month, or took the request back"),
        "certificate.make": _("Made a certificate"),
        "payout.export": _("Exported payouts"),
        "books_link.make": _("Made a link for the accountant"),
        "books_link.end": _("Ended a link for the accountant"),
        "bank.account_add": _("Added a bank account"),
        "bank.account_close": _("Closed a bank account"),
        "bank.account_begin": _("Said from when on a bank account's months want statements"),
        "bank.account_open": _("Opened a bank account again"),
        "bank.upload": _("Brought a bank statement"),
        "bank_line.export": _("Exported bank lines"),
        "bank.import": _("Imported a bank statement"),
        "bank.undo": _("Undid the import of a bank statement"),
        "bank.drop": _("Dropped a bank statement"),
        "bank.match": _("Matched a bank line"),
        "bank.match_ask": _("Asked a second person to book a bank line"),
        "bank.match_decline": _("Did not agree to book a bank line, or took the request back"),
        "bank.match_all": _("Matched bank lines that were certain"),
        "bank.unmatch": _("Unlinked a bank line"),
        "bank.set_aside": _("Set a bank line aside"),
        "bank.take_up": _("Took a bank line up again"),
        "bank.rule_on": _("Switched a rule of matching on"),
        "bank.rule_off": _("Switched a rule of matching off"),
        "books.begin": _("Gave the day on which the books begin"),
        "books.withdraw_opening": _("Withdrew the opening balances"),
    }


def _of_house_and_asking() -> Mapping[str, str]:
    return {
        "switch.off": _("Turned off"),
        "switch.on": _("Turned on"),
        "event.replay": _("Tried an event again"),
        "job.again": _("Tried a job again"),
        "letter.again": _("Sent a letter again"),
        "appeal.create": _("Made an appeal"),
        "appeal.version": _("Saved a version"),
        "appeal.publish": _("Published"),
        "appeal.call_off": _("Called a planned version off"),
        "appeal.withdraw": _("Withdrew the appeal"),
        "appeal.bring_back": _("Brought an earlier version back"),
        "appeal.send_test": _("Sent a letter to look at"),
        "appeal.picture": _("Changed the picture for sharing"),
        "appeal.picture_removed": _("Took the picture for sharing away"),
        "veto.add": _("Kept a page free of the prompt"),
        "veto.lift": _("Let the prompt show on a page again"),
        "feed.read": _("Read the site's feed"),
        "feed.failed": _("Could not read the site's feed"),
        "export.make": _("Made an export of the books"),
        "export.reverse": _("Took an export of the books back"),
        "export.download": _("Downloaded an export of the books"),
        "import.upload": _("Brought a file to import"),
        "import.drop": _("Dropped a file to import"),
        "import.start": _("Started an import"),
        "import.stop": _("Stopped an import"),
        "import.finish": _("Finished an import"),
        "import.abandon": _("Gave an import up"),
        "import.export": _("Took the rows with faults away"),
        "import.undo": _("Asked to undo an import"),
        "import.undone": _("Undid an import"),
        "issue.add": _("Added an issue"),
        "issue.change": _("Changed an issue"),
        "placement.change": _("Changed what is asked there"),
    }


def _of_plans() -> Mapping[str, str]:
    return {
        "plan.amount": _("Changed a donation's amount"),
        "plan.date": _("Changed a donation's date"),
        "plan.skip": _("Left a payment out"),
        "plan.pause": _("Paused a donation"),
        "plan.go_on": _("Let a donation go on"),
        "plan.method": _("Changed a donation's card or account"),
        "plan.stop": _("Stopped a donation"),
        "plan.one_off": _("Made a donation one-off"),
        "plan.undo": _("Undid a donation and returned it"),
        "plan.try_now": _("Tried a failed payment again"),
    }


def _of_discrepancies() -> Mapping[str, str]:
    return {
        "discrepancy.resolve": _("Closed a discrepancy"),
        "discrepancy.reopen": _("Opened a discrepancy again"),
        "discrepancy.reopen_ask": _("Asked a second person to open a discrepancy again"),
        "discrepancy.reopen_decline": _("Did not agree to open a discrepancy again, or took the request back"),
        "discrepancy.ask": _("Asked a second person to agree"),
        "discrepancy.decline": _("Did not agree, or took the request back"),
        "discrepancy.comment": _("Wrote a comment"),
        "discrepancy.tell": _("Told the supporter of a refund"),
        "discrepancy.evidence": _("Added evidence"),
        "discrepancy.evidence_read": _("Took evidence away"),
        "discrepancy.evidence_erase": _("Erased evidence"),
        "discrepancy.assign": _("Changed who looks after it"),
        "discrepancy.due": _("Changed the day"),
        "discrepancy.note_all": _("Closed everything for information as read"),
        "discrepancy.export": _("Exported discrepancies"),
    }


def _of_lists_and_senders() -> Mapping[str, str]:
    return {
        "newsletter.create": _("Made a list"),
        "newsletter.change": _("Changed a list"),
        "newsletter.export": _("Exported a list"),
        "subscriber.stop": _("Stopped every list for somebody"),
        "subscriber.lift": _("Lifted a suppression"),
        "connector.add": _("Connected a sender"),
        "connector.again": _("Asked a sender to try again"),
        "connector.credentials": _("Changed a sender's key"),
        "connector.lists": _("Changed a sender's lists"),
        "connector.on": _("Turned a sender on"),
        "connector.pause": _("Paused a sender"),
        "connector.remove": _("Removed a sender"),
        "webhook.add": _("Added a webhook"),
        "webhook.change": _("Changed a webhook"),
        "webhook.new_secret": _("Gave a webhook a new secret"),
        "webhook.off": _("Turned a webhook off"),
        "webhook.on": _("Turned a webhook on"),
        "webhook.replay": _("Sent a webhook's message again"),
        "webhook.test": _("Sent a webhook a test"),
        "webhook.remove": _("Removed a webhook"),
    }


def _of_staff() -> Mapping[str, str]:
    return {
        "audit.export": _("Exported the audit log"),
        "list.export": _("Took a list away as a file"),
        "staff.add": _("Added to the staff"),
        "staff.invite": _("Invited somebody"),
        "staff.uninvite": _("Withdrew an invitation"),
        "staff.role": _("Changed the role"),
        "staff.deactivate": _("Suspended"),
        "staff.restore": _("Let in again"),
        "staff.sign_in": _("Signed in"),
        "staff.sign_out": _("Signed out"),
        "staff.code": _("Gave the app's code"),
        "staff.recovery_code": _("Used a recovery code"),
        "staff.recovery_codes": _("Made new recovery codes"),
        "staff.second_factor_on": _("Set up a second factor"),
        "staff.second_factor_off": _("Took the own second factor away"),
        "staff.second_factor_reset": _("Took somebody's second factor away"),
        "staff.password": _("Changed the password"),
        "staff.password_link": _("Sent a link for a new password"),
        "staff.password_by_link": _("Set a new password with the link"),
        "staff.money_letter": _("Turned the weekly letter about the books on or off"),
        "staff.session_end": _("Signed out another browser"),
        "staff.erase": _("Erased who it was"),
    }
