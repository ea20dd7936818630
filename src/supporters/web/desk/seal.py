"""The form token of the desk: bound to the session, on every form. The origin guard comes first; this is the second lock."""

import hmac
from collections.abc import Collection, Mapping

from supporters.kit.signing import Signer
from supporters.kit.strings import gettext as _
from supporters.settings import Settings
from supporters.staff.sessions import Member
from supporters.web.common.errors import PageError
from supporters.web.common.forms import LARGEST_BODY, read_form
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest

FIELD = "seal"


def seal_of(settings: Settings, member: Member) -> str:
    """The form token of the member's session. It stays while the session's own token changes, and with it what is typed."""
    return Signer(settings.secret_key, "desk-form").digest(member.session_id)


async def read_sealed(
    request: AnyRequest, member: Member, fields: Collection[str], *, largest: int = LARGEST_BODY
) -> Mapping[str, str]:
    """The fields of a desk form, once its token fits the session. Raises PageError 403, and what `read_form` raises."""
    found = await read_form(request, {*fields, FIELD}, largest=largest)
    expected = seal_of(house_of(request).settings, member)
    if not hmac.compare_digest(found.pop(FIELD, "").encode("utf-8", "replace"), expected.encode()):
        raise PageError(
            403, _("This form is from an earlier sign-in, so nothing was done. Open the page and try again.")
        )
    return found
