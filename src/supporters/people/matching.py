"""Which addresses are the same, and which can be written to. Pure."""

import unicodedata
from enum import StrEnum

from email_validator import EmailNotValidError, validate_email

from supporters.kit.errors import SupportersError

EMAIL_CHARS = 254


class EmailFault(StrEnum):
    """Why an address can't be taken."""

    EMPTY = "empty"  # Nothing was typed.
    TOO_LONG = "too_long"  # Longer than any mail server takes.
    NOT_AN_ADDRESS = "not_an_address"  # Not of the shape name@example.org.
    NOT_PLAIN = "not_plain"  # Its local part has letters that many mail servers can't take.


class EmailProblem(SupportersError):
    """An address that a person typed can't be taken; `fault` says why."""

    def __init__(self, fault: EmailFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def read_email(text: str) -> str:
    """The address as it will be written to: white space around it gone, the domain in lower-case ASCII.

    The local part stays as typed. Nothing is asked of the network. Raises EmailProblem.
    """
    typed = unicodedata.normalize("NFC", text).strip()
    if not typed:
        raise EmailProblem(EmailFault.EMPTY)
    if len(typed) > EMAIL_CHARS:
        raise EmailProblem(EmailFault.TOO_LONG)
    local, _, domain = typed.rpartition("@")
    if domain and local and not local.isascii():
        raise EmailProblem(EmailFault.NOT_PLAIN)
    return _checked(typed)


def normalise_email(address: str) -> str:
    """The key under which one address is one person: case folded. Dots and plus tags are kept: they may be two people."""
    return unicodedata.normalize("NFC", address).strip().casefold()


def _checked(typed: str) -> str:
    try:
        # Special-use domains such as .test are a network question too: mail to them fails visibly in the outbox.
        found = validate_email(
            typed, check_deliverability=False, allow_smtputf8=False, strict=True, test_environment=True
        )
    except EmailNotValidError:
        raise EmailProblem(EmailFault.NOT_AN_ADDRESS) from None
    address = found.ascii_email
    if address is None or len(address) > EMAIL_CHARS:
        raise EmailProblem(EmailFault.NOT_AN_ADDRESS)
    return address
