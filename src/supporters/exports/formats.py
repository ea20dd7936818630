"""Which program takes what: the formats by their target, and several files as one. Pure."""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence

from supporters.exports.beancount import write_beancount
from supporters.exports.hledger import write_hledger
from supporters.exports.journals import File, Heading, Journal, check_balanced
from supporters.exports.plain import write_csv, write_json
from supporters.exports.quickbooks import write_quickbooks
from supporters.exports.targets import Target
from supporters.exports.xero import write_xero

Writer = Callable[[Sequence[Journal], Heading], list[File]]
WRITERS: Mapping[Target, Writer] = {
    Target.XERO: write_xero,
    Target.QUICKBOOKS: write_quickbooks,
    Target.CSV: write_csv,
    Target.JSON: write_json,
    Target.BEANCOUNT: write_beancount,
    Target.HLEDGER: write_hledger,
}
ZIP_DAY = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP knows: the same journals give the same bytes


def write(target: Target, journals: Sequence[Journal], heading: Heading) -> File:
    """The batch's one file: what the program loads, or all of what it loads in a ZIP. *Raises* NotBalanced.

    Its name begins with target and days, and is not used by any other batch.
    """
    check_balanced(journals)
    files = WRITERS[target](journals, heading)
    name = f"{target}-{heading.starts_on}-{heading.ends_on}-{heading.batch_id[-6:].lower()}"
    if len(files) == 1:
        return File(f"{name}.{files[0].name.rpartition('.')[2]}", files[0].content)
    return File(f"{name}.zip", _pack(name, files))


def _pack(folder: str, files: Sequence[File]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(f"{folder}/{file.name}", date_time=ZIP_DAY)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.content)
    return held.getvalue()
