"""Step 2 of an import: what each column means, for which newsletter, and on what basis these people agreed."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import get, post
from litestar.connection import Request
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncSession

from supporters.imports.actions import PROOF_CHARS, Basis, Choice, set_columns
from supporters.imports.columns import Column, DateOrder
from supporters.imports.grid import Grid
from supporters.imports.models import ImportBatch
from supporters.imports.preview import count_rows, judge_apart, plan_of, read_apart
from supporters.imports.queries import OPEN, find_batch, find_file, list_choices
from supporters.kit.clock import local_date
from supporters.kit.errors import NotFound
from supporters.kit.ids import is_ulid
from supporters.kit.strings import gettext as _
from supporters.kit.text import clean_line
from supporters.web.common.access import member_of
from supporters.web.common.house import House, house_of
from supporters.web.common.shell import AnyRequest
from supporters.web.desk.frame import desk_page
from supporters.web.desk.import_words import basis_words, column_words, notice_words, order_words, step_names
from supporters.web.desk.roles import BRINGS_LISTS
from supporters.web.desk.seal import read_sealed

PATH = "/desk/imports"
SHOWN_ROWS = 5
SHOWN_CHARS = 60
COLUMN_FIELDS = {Column.ADDRESS: "address", Column.NAME: "name", Column.CONSENTED: "consented", Column.BASIS: "says"}
FIELDS = (*COLUMN_FIELDS.values(), "header", "order", "list", "basis", "proof")


class Typed(msgspec.Struct, frozen=True):
    """The form as it stands: what was guessed, or what was sent."""

    columns: Mapping[str, str]
    header: str
    order: str
    list_slug: str
    basis: str
    proof: str


@get(PATH + "/{batch_id:str}/columns", opt={"access": BRINGS_LISTS})
async def show_columns(
    request: Request[Any, Any, Any], batch_id: FromPath[str], reading: NamedDependency[AsyncSession]
) -> Response[Any]:
    """The first rows of the file and the form that says what they mean."""
    batch, content = await open_batch(reading, batch_id)
    if content is None:
        return Redirect(f"{PATH}/{batch_id}", status_code=303)
    return await _page(request, reading, batch, await read_apart(content), _as_stored(batch))


@post(PATH + "/{batch_id:str}/columns", status_code=303, opt={"access": BRINGS_LISTS})
async def take_columns(request: Request[Any, Any, Any], batch_id: FromPath[str]) -> Response[Any]:
    """The batch can be looked at before it starts, or the form comes back (422). No transaction is held while rows are read."""
    house, member = house_of(request), member_of(request)
    form = await read_sealed(request, member, FIELDS)
    async with house.db.reading() as session:
        batch, content = await open_batch(session, batch_id)
        if content is None:
            return Redirect(f"{PATH}/{batch_id}", status_code=303)
        grid, typed = await read_apart(content), _as_sent(form)
        choice, problems = read_choice(typed, grid, [slug for slug, _name in await list_choices(session)])
        if choice is None:
            return await _page(request, session, batch, grid, typed, problems=problems)
    await _store(house, batch_id, grid, choice)
    return Redirect(f"{PATH}/{batch_id}", status_code=303)


async def open_batch(session: AsyncSession, batch_id: str) -> tuple[ImportBatch, bytes | None]:
    """The batch, and its file unless it is past its columns. Raises NotFound."""
    batch = await find_batch(session, batch_id) if is_ulid(batch_id) else None
    if batch is None:
        raise NotFound(_("There is no such import."))
    return batch, await find_file(session, batch_id) if batch.state in OPEN else None


def shortened(cell: str) -> str:
    """The cell as a table shows it: one line, cut where it is long."""
    cell = clean_line(cell, limit=SHOWN_CHARS + 1)
    return cell if len(cell) <= SHOWN_CHARS else cell[:SHOWN_CHARS] + "…"


def read_choice(typed: Typed, grid: Grid, slugs: Sequence[str]) -> tuple[Choice | None, list[tuple[str, str]]]:
    """What the form says, or what is wrong with it as pairs of a field's id and words."""
    problems: list[tuple[str, str]] = []
    columns = _read_columns(typed, grid, problems)
    if typed.header not in {"yes", "no"}:
        problems.append(("header-yes", _("Say whether the first row holds the names of the columns.")))
    elif not grid.body(has_header=typed.header == "yes"):
        problems.append(("header-yes", _("The file has one row only, so that row must be a person.")))
    if typed.order not in set(DateOrder):
        problems.append(("order", _("Choose how dates are written.")))
    if typed.list_slug not in slugs:
        problems.append(("list", _("Choose the newsletter that these people agreed to.")))
    if typed.basis not in set(Basis):
        problems.append((f"basis-{Basis.DOUBLE_OPT_IN}", _("Say how these people agreed.")))
    if not typed.proof:
        problems.append(("proof", _("Write where the proof of their consent is, so that it can be found in a year.")))
    if problems:
        return None, problems
    return (
        Choice(
            columns=columns,
            has_header=typed.header == "yes",
            date_order=DateOrder(typed.order),
            list_slug=typed.list_slug,
            basis=Basis(typed.basis),
            proof=typed.proof,
        ),
        [],
    )


def _read_columns(typed: Typed, grid: Grid, problems: list[tuple[str, str]]) -> dict[str, int]:
    known = {str(index): index for index in range(grid.width)}
    columns: dict[str, int] = {}
    for column, field in COLUMN_FIELDS.items():
        value = typed.columns.get(field, "")
        if value in known and known[value] in columns.values():
            problems.append((field, _("Two of these point to the same column. Choose another one here.")))
        elif value in known:
            columns[column] = known[value]
        elif value:
            problems.append((field, _("Choose a column of the file.")))
        elif column is Column.ADDRESS:
            problems.append((field, _("Choose the column with the email addresses.")))
    return columns


async def _store(house: House, batch_id: str, grid: Grid, choice: Choice) -> None:
    now = house.clock.now()
    today = local_date(now, house.settings.time_zone)
    plan = plan_of(choice.columns, date_order=choice.date_order, width=grid.width, today=today)
    judged = await judge_apart(grid, plan, has_header=choice.has_header)
    async with house.db.reading() as session:
        preview = await count_rows(session, judged, list_slug=choice.list_slug, secret_key=house.settings.secret_key)
    async with house.db.unit_of_work() as session:
        await set_columns(session, batch_id, choice, row_count=len(judged), preview=preview, now=now)


async def _page(
    request: AnyRequest,
    session: AsyncSession,
    batch: ImportBatch,
    grid: Grid,
    typed: Typed,
    *,
    problems: list[tuple[str, str]] | None = None,
) -> Response[bytes]:
    return await desk_page(
        request,
        session,
        "desk/import_columns.html",
        here="imports",
        batch=batch,
        steps=step_names(),
        notices=[notice_words(each) for each in grid.notices],
        width=grid.width,
        sample=[
            (row.number, [shortened(row.cell(index)) for index in range(grid.width)]) for row in grid.rows[:SHOWN_ROWS]
        ],
        choices=[(str(index), _column_label(grid, index)) for index in range(grid.width)],
        columns=[(field, *column_words(column)) for column, field in COLUMN_FIELDS.items()],
        orders=[(order.value, order_words(order)) for order in DateOrder],
        bases=[(basis.value, *basis_words(basis)) for basis in Basis],
        lists=await list_choices(session),
        typed=typed,
        problems=problems or [],
    )


def _as_stored(batch: ImportBatch) -> Typed:
    return Typed(
        columns={COLUMN_FIELDS[Column(name)]: str(index) for name, index in batch.columns.items()},
        header="yes" if batch.has_header else "no",
        order=batch.date_order,
        list_slug=batch.list_slug or "",
        basis=batch.basis or "",
        proof=batch.proof or "",
    )


def _as_sent(form: Mapping[str, str]) -> Typed:
    return Typed(
        columns={field: form.get(field, "") for field in COLUMN_FIELDS.values()},
        header=form.get("header", ""),
        order=form.get("order", ""),
        list_slug=form.get("list", ""),
        basis=form.get("basis", ""),
        proof=clean_line(form.get("proof", ""), limit=PROOF_CHARS),
    )


def _column_label(grid: Grid, index: int) -> str:
    """What a person recognises a column by: its place and what stands on top of it."""
    return _("%(place)s: %(cell)s") % {"place": index + 1, "cell": shortened(grid.rows[0].cell(index)) or _("(empty)")}


HANDLERS = [show_columns, take_columns]
