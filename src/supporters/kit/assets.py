"""Files that pages load, each under a name that changes with its content, so that browsers may keep it for ever."""

import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

TYPES = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".jpg": "image/jpeg",
        ".ico": "image/x-icon",
        ".pdf": "application/pdf",
    }
)
OWN_PICTURES = frozenset(["mark", "cover"])
PICTURES = frozenset([".svg", ".png", ".jpg"])
LARGEST_PICTURE = 200_000
WORTH_PACKING = frozenset([".css", ".js", ".svg"])


class Asset(msgspec.Struct, frozen=True):
    """One file: its fingerprinted name, its bytes, and the same bytes packed where that helps."""

    name: str
    media_type: str
    etag: str
    body: bytes
    packed: bytes | None


class Assets:
    """Every file of a folder, read once, found by its fingerprinted name.

    `own` is the publisher's folder: the pictures `mark` (beside the paper's name) and `cover` (this week's front page) are
    taken from it when they are there. `made` are files that the settings lead to, by name.
    """

    def __init__(
        self,
        folder: Path,
        *,
        own: Path | None = None,
        made: Mapping[str, str] = MappingProxyType({}),
        prefix: str = "/assets/",
    ) -> None:
        self._prefix = prefix
        self._addresses: dict[str, str] = {}
        self._by_name: dict[str, Asset] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix in TYPES:
                self._add(path.name, path.read_bytes())
        for name, text in made.items():
            self._add(name, text.encode())
        for path in sorted(own.iterdir()) if own and own.is_dir() else ():
            if path.stem in OWN_PICTURES and path.suffix in PICTURES and path.stat().st_size <= LARGEST_PICTURE:
                self._addresses[path.stem] = self._add(path.name, path.read_bytes())

    def address(self, name: str) -> str:
        """Where browsers find `name`: "/assets/site.1a2b3c4d5e.css". Raises KeyError for a file that is not there."""
        return self._addresses[name]

    def made(self, name: str) -> str | None:
        """Where browsers find a file that only some installations have."""
        return self._addresses.get(name)

    def own(self, stem: str) -> str | None:
        """Where browsers find the publisher's own picture `mark` or `cover`, if there is one."""
        return self._addresses.get(stem)

    def find(self, name: str) -> Asset | None:
        """The file with this fingerprinted name, if there is one."""
        return self._by_name.get(name)

    def _add(self, file_name: str, body: bytes) -> str:
        """The file is found from now on; returns its address."""
        stem, _dot, suffix = file_name.rpartition(".")
        suffix = f".{suffix}"
        digest = hashlib.sha256(body).hexdigest()[:10]
        name = f"{stem}.{digest}{suffix}"
        packed = _packed(body) if suffix in WORTH_PACKING else None
        self._by_name[name] = Asset(name, TYPES[suffix], f'"{digest}"', body, packed)
        self._addresses[file_name] = self._prefix + name
        return self._prefix + name


def _packed(body: bytes) -> bytes:
    return gzip.compress(body, 9, mtime=0)
