"""One file in a desk form, read with the same locks as every other form: its size, its fields, its seal."""

import hmac
from collections.abc import Collection

import msgspec
from litestar.datastructures import UploadFile
from litestar.exceptions import HTTPException

from supporters.kit.strings import gettext as _
from supporters.staff.sessions import Member
from supporters.web.common.errors import PageError
from supporters.web.common.house import house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.seal import FIELD, read_sealed, seal_of

FORM_TYPE = "multipart/form-data"
ENVELOPE = 64 * 1024  # what a browser writes around a file


class Upload(msgspec.Struct, frozen=True):
    """A file as it was sent; no bytes where none was chosen."""

    name: str
    content: bytes
    texts: dict[str, str] = {}


async def read_upload(
    request: AnyRequest, member: Member, field: str, *, too_large: str, texts: Collection[str] = ()
) -> Upload:
    """The file of a form that has nothing else but its seal and these `texts`.

    The handler's own `request_max_body_size` bounds what is read. Raises PageError: 413 with the words of `too_large`,
    415 no form, 403 a foreign seal, 400 anything else wrong.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        sent = await read_sealed(request, member, [field, *texts])  # without its file, it is one with no file chosen
        return Upload("", b"", {name: sent.get(name, "") for name in texts})
    form = await _parts(request, too_large)
    found = {name: values[0] for name, values in form.items() if len(values) == 1}
    if len(found) != len(form) or set(found) - {field, FIELD, *texts}:
        raise PageError(400, _("The form carried a field that we do not know, so nothing was done."))
    seal = found.get(FIELD, "")
    expected = seal_of(house_of(request).settings, member)
    if not isinstance(seal, str) or not hmac.compare_digest(seal.encode("utf-8", "replace"), expected.encode()):
        raise PageError(
            403, _("This form is from an earlier sign-in, so nothing was done. Open the page and try again.")
        )
    file = found.get(field, "")
    typed = {name: text for name in texts if isinstance(text := found.get(name, ""), str)}
    if len(typed) != len(texts):
        raise PageError(400, _("The form carried a file where words belong, so nothing was done."))
    return Upload(file.filename, await file.read(), typed) if isinstance(file, UploadFile) else Upload("", b"", typed)


async def _parts(request: AnyRequest, too_large: str) -> dict[str, list[UploadFile | str]]:
    try:
        form = await request.form()
    except HTTPException as error:
        if error.status_code == 413:
            raise PageError(413, too_large, headers={"connection": "close"}) from None
        raise PageError(400, _("The file did not arrive whole, so nothing was done. Send it again.")) from None
    except (UnicodeDecodeError, LookupError):
        raise PageError(400, _("What was sent holds characters that are not valid text (UTF-8).")) from None
    names: Collection[str] = set(form)
    return {name: list(form.getall(name)) for name in names}
