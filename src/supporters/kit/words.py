"""`plain_words` as SQL: the same words as `kit.text.plain_words` gives, on both databases."""

from typing import Any

from sqlalchemy import ColumnElement, String, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


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
    return f"""upper(btrim(regexp_replace({text}, '[^0-9A-Za-z]+', ' ', 'g')) COLLATE "C")"""


def without_spaces(text: ColumnElement[str]) -> ColumnElement[str]:
    """The words run together, as banks run references together."""
    return func.replace(plain_words_of(text), " ", "")
