"""Large XML read branch by branch, with nothing of it kept: no DTD, no entities, no depth beyond the limit.

The parser is the one of `defusedxml`, which refuses every DTD; only what its elements mean is set here.
Source: OWASP, "XML External Entity Prevention Cheat Sheet".
"""

from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from supporters.bank.limits import Limits
from supporters.bank.refusals import refuse
from supporters.kit.strings import gettext as _

PIECE = 64 * 1024
MOST_NAMES = 5_000
LONGEST_TAG = 128 * 1024  # bytes of one tag or comment
MOST_BELOW = 250_000  # elements and attributes in one branch: a collection of ten thousand payments has fewer
BYTES_EACH = 12  # of an element or attribute, in the mean: the shortest names with their ends take more
FREE = 5_000  # elements before which the mean says nothing
NO_MEMORY = expat.errors.codes[expat.errors.XML_ERROR_NO_MEMORY]


def under(element: Element | None, *names: str) -> Element | None:
    """The element below by these names, the first of each; much faster than a path of them."""
    for name in names:
        if element is None:
            return None
        element = element.find(name)
    return element


def text_under(element: Element | None, *names: str) -> str:
    """The text of the element below by these names, without spaces around it; empty where there is none."""
    found = under(element, *names)
    return (found.text or "").strip() if found is not None else ""


class Branches:
    """Gives each child of a `parents` element whose name is in `wanted`, whole; names are without their namespace."""

    def __init__(
        self, *, parents: frozenset[str], wanted: frozenset[str], begin: Callable[[str], None], limits: Limits
    ) -> None:
        self._parents, self._wanted, self._begin, self._limits = parents, wanted, begin, limits
        self._names = _LocalNames()
        self._path: list[str] = []
        self._found: list[Element] = []
        self._fed = self._count = 0  # bytes; elements and attributes
        self._begun: int | None = None  # the count at which the branch began that is built
        # The guard is defusedxml's; the handlers on its expat parser are ours.
        self._inner = DefusedXMLParser(forbid_dtd=True).parser
        self._inner.DefaultHandlerExpand, self._inner.ordered_attributes = None, False
        self._look_outside()

    def read(self, content: bytes) -> Iterator[Element]:
        """The branches in their order. Raises Unreadable with the line."""
        pieces = range(0, max(len(content), 1), PIECE)
        for at in pieces:
            self._feed(content[at : at + PIECE], is_last=at == pieces[-1])
            self._fed += len(content[at : at + PIECE])
            self._check_sizes()
            yield from self._found
            self._found = []

    def _feed(self, piece: bytes, *, is_last: bool) -> None:
        try:
            self._inner.Parse(piece, is_last)
        except DefusedXmlException:
            raise refuse(
                _(
                    "The file declares its own entities or a document type, which no bank's statement does. It is not read."
                )
            ) from None
        except (expat.ExpatError, ValueError, LookupError) as error:
            if getattr(error, "code", None) == NO_MEMORY:
                raise MemoryError from None
            raise refuse(
                _("Line {line}: the XML is broken or cut off ({reason}). Download the file from the bank once more."),
                line=self._inner.CurrentLineNumber,
                reason=str(error),
            ) from None

    def _check_sizes(self) -> None:
        """No tag is longer, and nothing is made of more elements, than a statement needs. Raises Unreadable."""
        is_dense = self._count > FREE + self._fed // BYTES_EACH
        is_wide = self._begun is not None and self._count - self._begun > MOST_BELOW
        if is_dense or is_wide or self._fed - self._inner.CurrentByteIndex > LONGEST_TAG:
            raise refuse(
                _(
                    "Line {line}: it has more elements or attributes than any bank's statement. "
                    "Download shorter periods, one file each."
                ),
                line=self._inner.CurrentLineNumber,
            )

    def _look_outside(self) -> None:
        """Outside of branches only names are looked at."""
        self._begun = None
        self._inner.StartElementHandler, self._inner.EndElementHandler = self._start, self._end
        self._inner.CharacterDataHandler = None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name, path = self._names[tag], self._path
        self._count += 1 + len(attributes)
        if len(path) >= self._limits.depth:
            raise self._too_deep()
        if name in self._parents:
            self._begin(name)
        elif name in self._wanted and path and path[-1] in self._parents:
            self._build(name, attributes)
            return
        path.append(name)

    def _end(self, _tag: str) -> None:
        self._path.pop()

    def _build(self, name: str, attributes: dict[str, str]) -> None:
        """The branch that begins here is built; these handlers run for every element, so they look nothing up."""
        builder = TreeBuilder()
        builder.start(name, attributes)
        start_element, end_element, names = builder.start, builder.end, self._names
        self._begun = self._count
        depth, most = 0, self._limits.depth - len(self._path) - 1

        def start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            self._count += 1 + len(attributes)
            if depth > most:
                raise self._too_deep()
            start_element(names[tag], attributes)

        def end(tag: str) -> None:
            nonlocal depth
            end_element(tag)  # the builder closes what is open; the name does not matter to it
            depth -= 1
            if depth < 0:
                self._found.append(builder.close())
                self._look_outside()

        self._inner.StartElementHandler, self._inner.EndElementHandler = start, end
        self._inner.CharacterDataHandler = builder.data

    def _too_deep(self) -> Exception:
        return refuse(
            _("Line {line}: elements stand more than {depth} deep in each other, which no bank's statement needs."),
            line=self._inner.CurrentLineNumber,
            depth=self._limits.depth,
        )


class _LocalNames(dict[str, str]):
    """Names without their namespace, each worked out once; beyond 5,000 different ones nothing is remembered."""

    def __missing__(self, tag: str) -> str:
        name = tag.rpartition("}")[2]
        if len(self) < MOST_NAMES:
            self[tag] = name
        return name
