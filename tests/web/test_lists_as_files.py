"""Every list of the desk can be taken away: as CSV and as XLSX, by whom, and after what."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from supporters.audit.models import AuditEntry
from supporters.donations.other_models import Deposit
from supporters.donations.other_queries import SHOWN
from supporters.paths import data_dir
from supporters.staff.models import Role
from supporters.web.desk.door import route_rules
from supporters.web.desk.paging import page_number
from whole import Whole, hidden_fields

SIGNS = {"csv": "\ufeff".encode(), "xlsx": b"PK\x03\x04"}
FILES = [rule for rule in route_rules() if rule.method == "GET" and rule.path.endswith((".csv", ".xlsx"))]
LISTS = [rule for rule in FILES if "{" not in rule.path]
# Lists of sums and words that name nobody: without a proof and without a deed, for whoever sees their page.
OPEN = (
    *("appeals", "base", "base/books", "income", "income/articles", "income/books", "issues", "issues/articles"),
    *("months/waiting/at-bank", "months/waiting/suspense", "newsletters", "prompts/places", "prompts/seen", "sources"),
)
SUMS = {f"/desk/{path}.{kind}" for path in OPEN for kind in SIGNS}

# How many tables of a template are not taken away, and why. Whoever adds a table adds its files, or says why here.
ONE_RECORD = "one record's own page"
A_FILE = "what is in a file that a person has"
A_QUESTION = "what a form asks about"
NOT_TAKEN = {
    "account.html": (1, "its lines are in the file of accounts"),
    "appeal.html": (1, A_QUESTION),
    "appeal_history.html": (1, "what two versions say differently"),
    "bank_check.html": (2, A_FILE),
    "bank_columns.html": (2, A_FILE),
    "bank_parts.html": (1, A_FILE),
    "books.html": (1, "what holds and what does not are one file"),
    "donation.html": (2, ONE_RECORD),
    "export_parts.html": (1, "the batch is a file"),
    "export_preview.html": (1, "the batch will be a file"),
    "import_columns.html": (1, A_FILE),
    "import_preview.html": (2, A_FILE),
    "issue_articles.html": (1, "the pages that show it take it away"),
    "match_certain.html": (2, A_QUESTION),
    "match_line.html": (1, A_QUESTION),
    "match_parts.html": (2, "its pages take the history away; the other is what a form asks about"),
    "match_together.html": (1, A_QUESTION),
    "month_parts.html": (1, "the page of months takes it away, the accountant's does not"),
    "newsletter_people.html": (1, "a search; the list's own page takes it away, for a reason that is kept"),
    "other_money.html": (1, A_QUESTION),
    "other_payment.html": (1, ONE_RECORD),
    "parts.html": (1, "what all tables are made of"),
    "payout_body.html": (1, "the certificate has it"),
    "payout_lines.html": (1, "sums of the lines, which are taken away below them"),
    "proof_parts.html": (1, "the certificate has it"),
    "today.html": (9, "it leads to every list that it counts"),
    "your_sign_in.html": (1, "one's own browsers"),
}


def ways_of(source: str) -> list[str]:
    """The addresses at which a template offers files, with {} for what it fills in, and no ending."""
    fixed = re.search(r"{% set path = (.*?) %}", source)
    ways: list[str] = []
    for asked in re.findall(r"(?:files_row|take_away)\((.*?)[,)]", source):
        said = re.sub(r"^path\b", fixed[1] if fixed else "path", asked)
        for each in said.partition(" else ")[::2] if " else " in said else [said]:
            parts = [part.strip() for part in each.partition(" if ")[0].split("~")]
            ways.append("".join(part.strip('"') if part.startswith('"') else "{}" for part in parts))
    return ways


def test_no_table_of_the_desk_is_without_its_files_and_every_offered_file_is_there_as_both() -> None:
    there = {re.sub(r"{.*?}", "{}", rule.path) for rule in FILES}
    assert {f"{path.rpartition('.')[0]}.{kind}" for path in there for kind in SIGNS} == there
    ours = re.compile(r"^{(?:%.*?macro (?:files_row|take_away)|#).*", re.MULTILINE)
    left: dict[str, int] = {}

    for template in sorted((data_dir("templates") / "desk").glob("*.html")):
        source = ours.sub("", template.read_text())
        ways = [] if template.name == "list_parts.html" else ways_of(source)
        assert {f"{way}.{kind}" for way in ways for kind in SIGNS if way.startswith("/")} <= there, template.name
        tables = len(re.findall(r"{% call table\(|<table\b", source))
        left[template.name] = max(tables - len(ways) - len(re.findall(r'href="[^"]*xlsx', source)), 0)

    assert {name for name, count in left.items() if count > NOT_TAKEN.get(name, (0, ""))[0]} == set()
    assert {name for name in NOT_TAKEN if not left.get(name)} == set()


async def lay_deposits(site: Whole, count: int) -> None:
    now = site.clock.now()
    row = {"currency": "GBP", "state": "paid_in", "counted_minor": 5, "paid_in_on": now.date(), "made_by": "dana"}
    rows = [{"id": f"D{each}", "reference": f"PI-{each}", "made_at": now, **row} for each in range(count)]
    async with site.db.unit_of_work() as session:
        await session.execute(insert(Deposit), rows)


async def test_whoever_sees_a_list_takes_it_away_and_says_how_close_its_lines_stand(site: Whole) -> None:
    finance, editor, admin = [await site.staff(role) for role in ("finance", "editor", "admin")]
    await lay_deposits(site, SHOWN + 1)

    takers = {rule.path: finance if rule.roles and Role.FINANCE in rule.roles else admin for rule in LISTS}
    for path, desk in takers.items():
        answer = await desk.get(path)
        assert answer.content.startswith(SIGNS[path.rpartition(".")[2]]), path
        assert "attachment" in answer.headers["content-disposition"], path
    sheets = [rule for rule in LISTS if rule.path.endswith(".csv")]
    edits = {rule.path for rule in sheets if rule.roles and Role.EDITOR in rule.roles}
    assert {rule.path for rule in sheets if (await editor.get(rule.path)).status_code == 200} == edits

    async with site.db.reading() as session:
        told = await session.scalars(select(AuditEntry.record_id).where(AuditEntry.record_kind == "export"))
        assert len(list(told)) == len(LISTS) - len(SUMS) + len(edits - SUMS)
    seal = {"seal": hidden_fields((await finance.get("/desk")).text)["seal"]}
    turned = await finance.post(
        "/desk/you/density?back=/desk/payouts?view=bank%26page=2", data={**seal, "compact": "yes"}
    )
    away = await finance.post("/desk/you/density?back=//evil.example", data={**seal, "compact": "yes"})
    assert [page.headers["location"] for page in (turned, away)] == ["/desk/payouts?view=bank&page=2", "/desk"]
    assert '<body class="desk is-compact">' in (await finance.get("/desk/payouts")).text
    assert "/desk/you/density" in (await finance.get("/desk/bank")).text
    refused = await finance.post("/desk/bank", data={**seal, "name": "Riverside", "currency": "pounds", "number": ""})
    assert (refused.status_code, "Riverside" in refused.text, "/desk/you/density" in refused.text) == (422, True, False)
    assert len((await finance.get("/desk/other-money/deposits.csv")).text.splitlines()) == 1 + SHOWN + 1
    assert '<body class="desk">' in (await editor.get("/desk/sources")).text
    assert (await editor.get("/desk/income/articles.csv?month=1999-01")).status_code == 400
    site.clock.advance(timedelta(minutes=20))
    later = {path: await desk.get(path) for path, desk in takers.items() if path.endswith(".csv")}
    assert {path for path, page in later.items() if page.headers["content-type"].startswith("text/csv")} == SUMS & {
        *later
    }
    for desk in (finance, editor, admin):
        await desk.aclose()


@pytest.mark.parametrize(
    ("text", "page"), [("", 1), ("2", 2), ("0", 1), ("99", 50), ("9" * 5000, 1), ("-2", 1), ("²", 1), ("x", 1)]
)
def test_an_address_asks_for_a_page_that_there_may_be(text: str, page: int) -> None:
    assert page_number(text, most=50) == page
