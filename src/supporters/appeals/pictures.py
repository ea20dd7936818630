"""The picture that goes with a shared link to an appeal: one for each, checked, stored without what cameras note in it.

It is no part of an appeal's drafts: readers get it at once, and the address changes with its bytes.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.appeals.models import SharePicture
from supporters.kit.db import changed_rows, insert_for

MOST_BYTES = 1_000_000
LEAST_WIDTH, LEAST_HEIGHT = 600, 315  # below that, networks show a thumbnail or nothing
MOST_SIDE = 4_096
ALT_CHARS = 300

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_NOTES = frozenset([b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"])
_JPEG = b"\xff\xd8"
_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # the markers that begin a frame
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a segment
_SCAN, _END = 0xDA, 0xD9
# Of the application segments only those that change colours: JFIF, the colour profile, Adobe's transform.
_KEPT = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}


class PictureFault(StrEnum):
    """Why a file is not taken."""

    EMPTY = "empty"  # There is nothing in it.
    TOO_LARGE = "too_large"  # It has more bytes than we serve.
    NO_PICTURE = "no_picture"  # It is neither PNG nor JPEG, or not all of it is there.
    TOO_SMALL = "too_small"  # Networks would not show it large.
    TOO_WIDE = "too_wide"  # It has more dots than anybody shows.


class PictureProblem(ValueError):
    """The file can't be a share picture."""

    def __init__(self, fault: PictureFault) -> None:
        super().__init__(fault)
        self.fault = fault


class Picture(msgspec.Struct, frozen=True):
    """A picture that was checked: whole, of a known kind and size, with nothing in it but the picture."""

    media_type: str
    width: int
    height: int
    body: bytes

    @property
    def digest(self) -> str:
        """What its address is made of."""
        return sha256(self.body).hexdigest()


def read_picture(content: bytes) -> Picture:
    """The picture in a file, known by its bytes whatever the file is called. Raises PictureProblem.

    *Source*: PNG (W3C, third edition) §5, §11; JPEG (ITU-T T.81) annex B.
    """
    if not content:
        raise PictureProblem(PictureFault.EMPTY)
    if len(content) > MOST_BYTES:
        raise PictureProblem(PictureFault.TOO_LARGE)
    try:
        picture = _read_png(content) if content.startswith(_PNG) else _read_jpeg(content)
    except (IndexError, ValueError):
        raise PictureProblem(PictureFault.NO_PICTURE) from None
    if picture.width < LEAST_WIDTH or picture.height < LEAST_HEIGHT:
        raise PictureProblem(PictureFault.TOO_SMALL)
    if max(picture.width, picture.height) > MOST_SIDE:
        raise PictureProblem(PictureFault.TOO_WIDE)
    return picture


async def keep_picture(
    session: AsyncSession, appeal_id: str, picture: Picture, *, alt: str, actor_id: str, now: datetime
) -> None:
    """Links to the appeal are shared with this picture, and with no other."""
    values: dict[str, Any] = {
        "digest": picture.digest,
        "media_type": picture.media_type,
        "width": picture.width,
        "height": picture.height,
        "body": picture.body,
        "alt": alt,
        "saved_by": actor_id,
        "saved_at": now,
    }
    kept = insert_for(session, SharePicture).values(appeal_id=appeal_id, **values)
    await session.execute(kept.on_conflict_do_update(index_elements=["appeal_id"], set_=values))


async def rename_picture(session: AsyncSession, appeal_id: str, *, alt: str, actor_id: str, now: datetime) -> None:
    """The appeal's picture, if it has one, is described by these words."""
    mine = update(SharePicture).where(SharePicture.appeal_id == appeal_id)
    renamed = mine.values(alt=alt, saved_by=actor_id, saved_at=now)
    await session.execute(renamed.execution_options(synchronize_session=False))


async def take_picture_away(session: AsyncSession, appeal_id: str) -> bool:
    """Links to the appeal are shared without a picture of its own. False when there was none."""
    gone = delete(SharePicture).where(SharePicture.appeal_id == appeal_id)
    return changed_rows(await session.execute(gone.execution_options(synchronize_session=False))) == 1


async def picture_body(session: AsyncSession, digest: str, media_type: str) -> bytes | None:
    """The bytes of the picture with that digest, while any appeal has it."""
    wanted = select(SharePicture.body).where(SharePicture.digest == digest, SharePicture.media_type == media_type)
    return await session.scalar(wanted.limit(1))


def _read_png(content: bytes) -> Picture:
    kept, width, height, has_dots = [_PNG], 0, 0, False
    for kind, whole in _chunks(content):
        if not width:
            if kind != b"IHDR" or len(whole) != 25:
                raise ValueError(kind)
            width, height = int.from_bytes(whole[8:12]), int.from_bytes(whole[12:16])
        has_dots = has_dots or kind == b"IDAT"
        if kind not in _PNG_NOTES:
            kept.append(whole)
    if not has_dots:
        raise ValueError("no picture data")
    return Picture("image/png", width, height, b"".join(kept))


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and bytes of every chunk up to the end of the picture; what follows that is left out."""
    at, kind = len(_PNG), b""
    while kind != b"IEND":
        size = int.from_bytes(content[at : at + 4])
        kind, whole = content[at + 4 : at + 8], content[at : at + 12 + size]
        if len(whole) < 12 + size:
            raise ValueError("cut off")
        yield kind, whole
        at += len(whole)


def _read_jpeg(content: bytes) -> Picture:
    if not content.startswith(_JPEG):
        raise ValueError("no JPEG")
    kept, size, has_dots = [_JPEG], (0, 0), False
    for marker, whole in _segments(content):
        if marker in _SIZES:
            size = int.from_bytes(whole[7:9]), int.from_bytes(whole[5:7])
        has_dots = has_dots or marker == _SCAN
        if not _is_note(marker, whole):
            kept.append(whole)
    if not (has_dots and all(size)):
        raise ValueError("no picture data")
    return Picture("image/jpeg", *size, b"".join(kept))


def _is_note(marker: int, whole: bytes) -> bool:
    """Whether a segment says something about the picture, like where and with what it was taken."""
    if marker in _KEPT:
        return not whole[4:].startswith(_KEPT[marker])
    return 0xE0 <= marker <= 0xEF or marker == 0xFE


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and bytes of every segment up to the end of the picture; a scan has its data with it."""
    at, marker = len(_JPEG), 0
    while marker != _END:
        if content[at] != 0xFF:
            raise ValueError("no marker")
        marker, end = content[at + 1], at + 2
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker not in _ALONE and marker != _END:
            end += int.from_bytes(content[end : end + 2])
        if marker == _SCAN:
            end = _end_of_scan(content, end)
        if end > len(content):
            raise ValueError("cut off")
        yield marker, content[at:end]
        at = end


def _end_of_scan(content: bytes, at: int) -> int:
    """Where the next marker is: in a scan's data, 0xFF stands only before 0x00 or a restart."""
    at = content.index(b"\xff", at)
    while content[at + 1] == 0 or 0xD0 <= content[at + 1] <= 0xD7:
        at = content.index(b"\xff", at + 2)
    return at
