"""`plain_words` as SQL: the same words as `kit.text.plain_words` gives, on both databases."""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, String, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from supporters.kit.text import SHORTEST_LIKE


class plain_words_of(FunctionElement[str]):  # noqa: N801 - a function of SQL
    """The text's words as they are compared. SQLite calls the house's own function, registered with each connection."""

    type = String()
    name = "plain_words"
    inherit_cache = True


@compiles(plain_words_of)  # pyright: ignore[reportUntypedFunctionDecorator] - SQLAlchemy's own form
def _sqlite(element: plain_words_of, compiler: Any, **options: Any) -> str:
    return f"plain_words({compiler.process(element.clauses, **options)})"


@compiles(plain_words_of, "postgresql")  # pyright: ignore[reportUntypedFunctionDecorator] - SQLAlchemy's own form
def _postgresql(element: plain_words_of, compiler: Any, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    # Most texts are words and spaces: spaces that follow each other are made one in half the time of an expression.
    one_space = f"replace(replace(replace({text}, ' ', ' !'), '! ', ''), '!', '')"
    words = f"regexp_replace({text}, '[^0-9A-Za-z]+', ' ', 'g')"
    return f"""upper(btrim(CASE WHEN ({text}) ~ '[^0-9A-Za-z ]' THEN {words} ELSE {one_space} END) COLLATE "C")"""


def without_spaces(text: ColumnElement[str]) -> ColumnElement[str]:
    """The words run together, as banks run references together."""
    return func.replace(plain_words_of(text), " ", "")


class stands_in(FunctionElement[bool]):  # noqa: N801 - a function of SQL
    """Whether a key stands as a whole in words that are plain, as `kit.text.stands_in` says it: words, key."""

    type = Boolean()
    name = "stands_in"
    inherit_cache = True


@compiles(stands_in)  # pyright: ignore[reportUntypedFunctionDecorator] - SQLAlchemy's own form
def _stands_sqlite(element: stands_in, compiler: Any, **options: Any) -> str:
    return f"stands_in({compiler.process(element.clauses, **options)})"


@compiles(stands_in, "postgresql")  # pyright: ignore[reportUntypedFunctionDecorator] - SQLAlchemy's own form
def _stands_postgresql(element: stands_in, compiler: Any, **options: Any) -> str:
    words, key = (compiler.process(each, **options) for each in element.clauses)
    first, last = (f"CASE WHEN {end}({key}, 1) ~ '[0-9]' THEN '0-9' ELSE '0-9A-Z' END" for end in ("left", "right"))
    spaced = f"regexp_replace({key}, '(.)', '\\1 ?', 'g')"
    whole = f"{words} ~ ('(^|[^' || {first} || '])0*' || {spaced} || '($|[^' || {last} || '])')"
    return f"""CASE WHEN strpos(replace({words}, ' ', ''), {key}) = 0 THEN false
        WHEN strpos(' ' || {words} || ' ', ' ' || {key} || ' ') > 0 THEN true ELSE {whole} END"""


class has_one_like(FunctionElement[bool]):  # noqa: N801 - a function of SQL
    """Whether something in words that are plain looks as a key does, as `kit.text.has_one_like` says it: words, key."""

    type = Boolean()
    name = "has_one_like"
    inherit_cache = True


@compiles(has_one_like)  # pyright: ignore[reportUntypedFunctionDecorator] - SQLAlchemy's own form
def _like_sqlite(element: has_one_like, compiler: Any, **options: Any) -> str:
    return f"has_one_like({compiler.process(element.clauses, **options)})"


@compiles(has_one_like, "postgresql")  # pyright: ignore[reportUntypedFunctionDecorator] - SQLAlchemy's own form
def _like_postgresql(element: has_one_like, compiler: Any, **options: Any) -> str:
    words, key = (compiler.process(each, **options) for each in element.clauses)
    signs = f"greatest({SHORTEST_LIKE}, length({key}) - 2)"
    return f"""{words} ~ CASE WHEN {key} ~ '^[0-9]+$' THEN '[0-9]( ?[0-9]){{' || ({signs} - 1) || ',}}'
        ELSE '(^| )(?=[A-Z]*[0-9])[0-9A-Z]{{' || {signs} || ',}}' END"""
