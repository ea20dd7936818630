"""What is taken as a share picture: whole, of a fit size, and nothing in it but the picture."""

from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from supporters.appeals.pictures import PictureFault, PictureProblem, read_picture


def drawn(kind: str = "PNG", size: tuple[int, int] = (640, 336), **options: Any) -> bytes:
    """A picture of one colour, as another program writes it."""
    out = BytesIO()
    Image.new("RGB", size, "#b3141e").save(out, kind, **options)
    return out.getvalue()


def noted() -> tuple[bytes, bytes]:
    """A PNG and a JPEG that say where they were taken."""
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    text = PngInfo()
    text.add_text("Comment", "taken at home")
    text.add_text("More", "taken at home", zip=True)
    jpeg = drawn("JPEG", exif=exif, comment=b"taken at home", progressive=True, icc_profile=b"a profile")
    return drawn(pnginfo=text, exif=exif), jpeg


PNG, JPEG = drawn(), drawn("JPEG")


@pytest.mark.parametrize(("content", "kind"), [(PNG, "image/png"), (JPEG, "image/jpeg")])
def test_a_picture_is_known_by_its_bytes(content: bytes, kind: str) -> None:
    found = read_picture(content)

    assert (found.media_type, found.width, found.height) == (kind, 640, 336)
    assert Image.open(BytesIO(found.body)).getpixel((3, 3)) == Image.open(BytesIO(content)).getpixel((3, 3))


def test_what_cameras_and_programs_note_in_a_picture_is_left_out_and_its_colours_stay() -> None:
    for content in noted():
        assert b"taken at home" in content

        found = read_picture(content)

        assert b"at home" not in found.body
        shown = Image.open(BytesIO(found.body))
        shown.load()
        assert not shown.getexif()
        assert shown.size == (640, 336)
        assert shown.info.get("icc_profile") == (b"a profile" if found.media_type == "image/jpeg" else None)


@pytest.mark.parametrize("content", [PNG, JPEG])
def test_what_hangs_on_behind_the_picture_is_left_out(content: bytes) -> None:
    assert read_picture(content + b"<script>alert(1)</script>") == read_picture(content)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", PictureFault.EMPTY),
        (PNG + b"\0" * 1_000_000, PictureFault.TOO_LARGE),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", PictureFault.NO_PICTURE),
        (drawn("GIF"), PictureFault.NO_PICTURE),
        (drawn("WEBP"), PictureFault.NO_PICTURE),
        (PNG[:8], PictureFault.NO_PICTURE),
        (PNG[:33] + PNG[-12:], PictureFault.NO_PICTURE),
        (JPEG[:2] + JPEG[-2:], PictureFault.NO_PICTURE),
        (drawn(size=(599, 400)), PictureFault.TOO_SMALL),
        (drawn(size=(800, 314)), PictureFault.TOO_SMALL),
        (drawn(size=(4_097, 400)), PictureFault.TOO_WIDE),
    ],
)
def test_what_can_be_no_share_picture_is_refused_with_its_reason(content: bytes, fault: PictureFault) -> None:
    with pytest.raises(PictureProblem) as refused:
        read_picture(content)

    assert refused.value.fault is fault


@pytest.mark.parametrize("content", [PNG, JPEG])
def test_a_picture_that_did_not_arrive_whole_is_refused_wherever_it_breaks_off(content: bytes) -> None:
    for end in {*range(1, 200), *range(200, len(content), 97), len(content) - 1}:
        with pytest.raises(PictureProblem):
            read_picture(content[:end])


@given(st.sampled_from([PNG[:33], JPEG[:200], b""]), st.binary(max_size=300))
def test_any_bytes_are_a_picture_or_refused(start: bytes, rest: bytes) -> None:
    with suppress(PictureProblem):
        read_picture(start + rest)
