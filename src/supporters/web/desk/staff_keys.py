"""What signing in, proving and second factors share: one pool of threads for passwords, and the keys of this installation."""

from supporters.kit.signing import Signer
from supporters.settings import Settings
from supporters.staff.letters import StaffLetters
from supporters.staff.passwords import Passwords
from supporters.staff.proving import Proofs
from supporters.staff.second_factor import SecondFactors
from supporters.staff.sign_in import SignIns
from supporters.web.common.house import House

PASSWORDS = Passwords()  # its two threads serve every sign-in of this process


def sign_ins_of(settings: Settings) -> SignIns:
    """Lets staff in."""
    return SignIns(Signer(settings.secret_key, "staff-sign-in"), PASSWORDS)


def proofs_of(settings: Settings) -> Proofs:
    """Takes a member's password and code once more."""
    return Proofs(settings.secret_key, PASSWORDS)


def factors_of(settings: Settings) -> SecondFactors:
    """Sets up and checks second factors."""
    return SecondFactors(settings.secret_key)


def letters_of(house: House) -> StaffLetters:
    """Tells members of staff what was done to their sign-in."""
    return StaffLetters(house.settings, house.ids)


def second_required(settings: Settings) -> bool:
    """Whether finance and admin need a second factor here."""
    return settings.second_factor == "required"
