"""Whether people can read the publisher's colour, and the nearest shade that they can. Pure.

One colour cannot be readable on white and on our dark paper alike (the two papers are 18 to 1 apart, and 4.5 twice is 20), so
the colour itself is held to white, and the dark page gets the nearest shade of it that holds there.

Source: W3C, Web Content Accessibility Guidelines 2.2, "relative luminance", "contrast ratio" and 1.4.3; Björn Ottosson, "A
perceptual color space for image processing" (the OKLab matrices); both read 2026-11-22.
"""

from functools import lru_cache
from math import atan2, cos, hypot, sin

import msgspec

from supporters.kit.strings import gettext as _

LEAST = 4.5  # of text to its paper
WHITE = "#ffffff"
DARK_PAPER = "#151412"
INK = "#1b1a17"
HALVINGS = 12  # of the way to black or white: finer than a screen's 256 steps

_TO_LMS = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
_FROM_LAB = (
    (1.0, 0.3963377774, 0.2158037573),
    (1.0, -0.1055613458, -0.0638541728),
    (1.0, -0.0894841775, -1.2914855480),
)
_FROM_LMS = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)

Light = float  # a part, a share or a ratio of light: no money comes near it
Triple = tuple[Light, Light, Light]
Matrix = tuple[Triple, Triple, Triple]


class Verdict(msgspec.Struct, frozen=True):
    """How readable a colour is. `better` is the nearest shade that is readable on white, none where the colour itself is."""

    color: str
    on_white: Light
    better: str | None
    dark: str  # the shade for the dark page
    on_dark: Light  # how readable that shade is there
    on_brand: str  # the text colour that goes on the colour
    on_brand_ratio: Light

    @property
    def passes(self) -> bool:
        """Whether the colour may be used."""
        return self.better is None


@lru_cache(maxsize=50)
def judge(color: str) -> Verdict:
    """What is to be said about the publisher's colour, written as "#b3141e"."""
    light, dark, text = shade_for(color, WHITE), shade_for(color, DARK_PAPER), on_brand(color)
    return Verdict(
        color=color.lower(),
        on_white=contrast(color, WHITE),
        better=None if light == color.lower() else light,
        dark=dark,
        on_dark=contrast(dark, DARK_PAPER),
        on_brand=text,
        on_brand_ratio=contrast(text, color),
    )


def fault_of(color: str) -> str | None:
    """What is wrong with the publisher's colour, in words with the figures and a better shade; None when nothing is."""
    verdict = judge(color)
    if verdict.better is None:
        return None
    words = _(
        "Your colour %(color)s is %(ratio)s to 1 on white and needs %(least)s. The nearest that passes is %(better)s"
    )
    ratio = f"{verdict.on_white:.1f}"
    return words % {"color": verdict.color, "ratio": ratio, "least": f"{LEAST}", "better": verdict.better}


def brand_sheet(color: str) -> str:
    """The style sheet that puts the publisher's colour in the place of the house's own, in both schemes."""
    verdict = judge(color)
    light, dark = verdict.color, verdict.dark
    plain = f"--brand:{light};--brand-strong:{light};--brand-fill:{light};--brand-press:{light};"
    strong = f"light-dark(color-mix(in oklab,{light} 82%,#000),color-mix(in oklab,{dark} 82%,#fff))"
    mixed = (
        f"--brand:light-dark({light},{dark});--brand-strong:{strong};--brand-press:color-mix(in oklab,{light} 85%,#000)"
    )
    return (
        f"@layer tokens{{:root{{{plain}--on-brand:{verdict.on_brand}}}"
        f"@supports (color:light-dark(#000,#fff)) and (color:color-mix(in oklab,#000,#fff)){{:root{{{mixed}}}}}}}\n"
    )


def contrast(one: str, other: str) -> Light:
    """The contrast ratio of two colours, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> Light:
    """The relative luminance of a colour, 0 for black to 1 for white."""
    red, green, blue = (_linear(part) for part in _parts(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def on_brand(color: str) -> str:
    """White or ink: the text colour that is read more easily on `color`."""
    return WHITE if contrast(WHITE, color) >= contrast(INK, color) else INK


def shade_for(color: str, paper: str) -> str:
    """`color` itself where it is readable on `paper`, else the shade nearest in lightness that is."""
    if contrast(color, paper) >= LEAST:
        return color.lower()
    lightness, chroma, hue = _to_oklch(color)
    end = 0.0 if luminance(paper) > 0.5 else 1.0
    best, near, far = _from_oklch(end, chroma, hue), 0.0, 1.0
    for _step in range(HALVINGS):
        share = (near + far) / 2
        found = _from_oklch(lightness + (end - lightness) * share, chroma, hue)
        if contrast(found, paper) >= LEAST:
            best, far = found, share
        else:
            near = share
    return best


def _parts(color: str) -> Triple:
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _linear(part: Light) -> Light:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _gamma(part: Light) -> Light:
    return part * 12.92 if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055


def _times(matrix: Matrix, vector: Triple) -> Triple:
    first, second, third = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return first, second, third


def _to_oklch(color: str) -> Triple:
    red, green, blue = _parts(color)
    long, medium, short = _times(_TO_LMS, (_linear(red), _linear(green), _linear(blue)))
    lightness, a, b = _times(_TO_LAB, (long ** (1 / 3), medium ** (1 / 3), short ** (1 / 3)))
    return lightness, hypot(a, b), atan2(b, a)


def _from_oklch(lightness: Light, chroma: Light, hue: Light) -> str:
    """The colour, with as much of its chroma as a screen can show at that lightness."""
    for part in range(20, -1, -1):
        kept = chroma * part / 20
        found = _to_linear(lightness, kept, hue)
        if all(-0.0005 <= light <= 1.0005 for light in found):
            return "#" + "".join(f"{round(255 * _gamma(min(1.0, max(0.0, light)))):02x}" for light in found)
    return WHITE if lightness > 0.5 else "#000000"


def _to_linear(lightness: Light, chroma: Light, hue: Light) -> Triple:
    long, medium, short = _times(_FROM_LAB, (lightness, chroma * cos(hue), chroma * sin(hue)))
    return _times(_FROM_LMS, (long**3, medium**3, short**3))
