"""Form-encoded parameters with square brackets, read against what an operation takes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from supporters.sandbox.errors import ApiError, Json, malformed, not_done
from supporters.sandbox.money import known_currency

Pairs = list[tuple[str, str]]
Tree = dict[str, "Tree | str"]

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def read_pairs(text: str) -> Pairs:
    """The pairs of a query string or a form body."""
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise malformed("Invalid request: the parameters are not form-encoded text in UTF-8.") from error


def nest(pairs: Pairs) -> Tree:
    """`a[b][0][c]=1` as nested dicts; `a[]=1` counts up by itself."""
    tree: Tree = {}
    for key, value in pairs:
        match = _KEY.fullmatch(key)
        if not match:
            raise malformed(f"Invalid parameter name: {key}", code="parameter_unknown", param=key)
        steps = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        _place(tree, steps, value, key)
    return tree


def _place(tree: Tree, steps: Sequence[str], value: str, key: str) -> None:
    node = tree
    for step in steps[:-1]:
        below = node.setdefault(step or str(len(node)), {})
        if isinstance(below, str):
            raise malformed(f"Invalid parameter: {key} is both a value and a hash.", param=key)
        node = below
    node[steps[-1] or str(len(node))] = value


def part(params: Json, name: str) -> Json:
    """The hash called `name`, empty if it was not given."""
    return params.get(name) or {}


class Kind:
    """How one parameter is read."""

    def read(self, value: "Tree | str", name: str) -> object:
        """The value in our terms. Raises ApiError when it does not fit."""
        raise NotImplementedError


@dataclass(frozen=True)
class Text(Kind):
    """A string; an empty one unsets."""

    longest: int = 5000

    def read(self, value: Tree | str, name: str) -> object:
        if not isinstance(value, str):
            raise malformed("Invalid string: the parameter is a hash.", param=name)
        if len(value) > self.longest:
            raise malformed(f"Invalid string: must be at most {self.longest} characters", param=name)
        return value or None


@dataclass(frozen=True)
class Whole(Kind):
    """An integer."""

    least: int | None = None
    most: int | None = None

    def read(self, value: Tree | str, name: str) -> object:
        if not isinstance(value, str) or not re.fullmatch(r"[+-]?[0-9]{1,18}", value):
            shown = value if isinstance(value, str) else "a hash"
            raise malformed(f"Invalid integer: {shown}", code="parameter_invalid_integer", param=name)
        number = int(value)
        if (self.least is not None and number < self.least) or (self.most is not None and number > self.most):
            message = (
                f"This value must be between {self.least} and {self.most}."
                if self.most is not None
                else (f"This value must be greater than or equal to {self.least}.")
            )
            raise malformed(message, code="parameter_invalid_integer", param=name)
        return number


@dataclass(frozen=True)
class Flag(Kind):
    """`true` or `false`."""

    def read(self, value: Tree | str, name: str) -> object:
        if value not in ("true", "false"):
            raise malformed(f"Invalid boolean: {value}", param=name)
        return value == "true"


class Choice(Kind):
    """One of a few words; `not_yet` are words that Stripe takes and the sandbox does not."""

    def __init__(self, *words: str, not_yet: Sequence[str] = ()) -> None:
        self.words = words
        self.not_yet = not_yet

    def read(self, value: Tree | str, name: str) -> object:
        if value in self.not_yet:
            raise not_done(f"{name}={value}", param=name)
        if value not in self.words:
            legal = ", ".join([*self.words, *self.not_yet])
            raise malformed(f"Invalid {name}: must be one of {legal}", param=name)
        return value


@dataclass(frozen=True)
class Currency(Kind):
    """A currency that Stripe takes, in small letters."""

    def read(self, value: Tree | str, name: str) -> object:
        if not isinstance(value, str):
            raise malformed("Invalid string: the parameter is a hash.", param=name)
        return known_currency(value, param=name)


@dataclass(frozen=True)
class Metadata(Kind):
    """Up to 50 pairs of the caller's own; an empty value removes a key, an empty hash removes all."""

    def read(self, value: Tree | str, name: str) -> object:
        if value == "":
            return None
        if isinstance(value, str):
            raise malformed("Invalid hash", code="parameter_invalid_hash" if value else None, param=name)
        if len(value) > 50:
            raise malformed("You can only specify up to 50 metadata keys.", param=name)
        pairs: dict[str, str] = {}
        for key, text in value.items():
            if not isinstance(text, str):
                raise malformed("Metadata values must be strings.", param=f"{name}[{key}]")
            if len(key) > 40 or len(text) > 500:
                message = "Metadata keys can be up to 40 characters long and values up to 500."
                raise malformed(message, param=f"{name}[{key}]")
            pairs[key] = text
        return pairs


@dataclass(frozen=True)
class ListOf(Kind):
    """An array."""

    item: Kind

    def read(self, value: Tree | str, name: str) -> object:
        if value == "":
            return []
        if isinstance(value, str) or not all(key.isdigit() for key in value):
            raise malformed("Invalid array", code="parameter_invalid_array" if value else None, param=name)
        ordered = sorted(value.items(), key=lambda pair: int(pair[0]))
        return [self.item.read(below, f"{name}[{key}]") for key, below in ordered]


@dataclass(frozen=True)
class Anything(Kind):
    """Taken as it is, without a look."""

    def read(self, value: Tree | str, name: str) -> object:
        return value


@dataclass(frozen=True)
class NotYet(Kind):
    """A parameter that Stripe takes and the sandbox does not."""

    def read(self, value: Tree | str, name: str) -> object:
        raise not_done(f"the parameter {name}", param=name)


class Fields(Kind):
    """A hash of named parameters; others are unknown."""

    def __init__(self, fields: Mapping[str, Kind] | None = None, /, *, required: Sequence[str] = (), **more: Kind):
        self.fields = {**(fields or {}), **more}
        self.required = required

    def read(self, value: Tree | str, name: str) -> object:
        if value == "":
            return None
        if isinstance(value, str):
            raise malformed("Invalid hash", code="parameter_invalid_hash", param=name)
        return self.read_all(value, name)

    def read_all(self, tree: Tree, name: str = "") -> Json:
        """Every parameter of `tree`, read. Raises ApiError `parameter_unknown`, `parameter_missing` and others."""
        unknown = [key for key in tree if key not in self.fields]
        if unknown:
            raise unknown_parameters([_path(name, key) for key in unknown])
        for key in self.required:
            if tree.get(key, "") == "":
                path = _path(name, key)
                raise malformed(f"Missing required param: {path}.", code="parameter_missing", param=path)
        return {key: self.fields[key].read(below, _path(name, key)) for key, below in tree.items()}


class Span(Kind):
    """A moment, or a range of moments with gt, gte, lt, lte."""

    bounds = Fields(gt=Whole(), gte=Whole(), lt=Whole(), lte=Whole())

    def read(self, value: Tree | str, name: str) -> object:
        if isinstance(value, str):
            at = Whole().read(value, name)
            return {"gte": at, "lte": at}
        return self.bounds.read(value, name)


def unknown_parameters(paths: Sequence[str]) -> ApiError:
    """Stripe's refusal of parameters that an operation does not have."""
    word = "parameter" if len(paths) == 1 else "parameters"
    message = f"Received unknown {word}: {', '.join(paths)}"
    return malformed(message, code="parameter_unknown", param=paths[0])


def _path(name: str, key: str) -> str:
    return f"{name}[{key}]" if name else key


ADDRESS = Fields(city=Text(), country=Text(), line1=Text(), line2=Text(), postal_code=Text(), state=Text())
BILLING = Fields(address=ADDRESS, email=Text(512), name=Text(), phone=Text(), tax_id=Text())
SHIPPING = Fields(address=ADDRESS, name=Text(), phone=Text(), carrier=Text(), tracking_number=Text())
PAGING = {"limit": Whole(1, 100), "starting_after": Text(), "ending_before": Text()}
