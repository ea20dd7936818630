"""The rules of the house, held by machine. Each test says why its rule is there.

A rule that turns out wrong is changed here, in one commit with its reason. The order of imports is held by import-linter.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src" / "supporters"
PYTHON = sorted(SRC.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py")) + sorted((ROOT / "bench").rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.*"))
FILE_LINES = 400
FUNCTION_LINES = 60
PURE_DATA: frozenset[str] = frozenset()


def name(path: Path) -> str:
    return str(path.relative_to(SRC))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(path)))


def imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@cache
def called(path: Path) -> tuple[tuple[str, ast.Call], ...]:
    return tuple((ast.unparse(node.func), node) for node in nodes(path) if isinstance(node, ast.Call))


def calls(path: Path) -> Iterator[tuple[str, int]]:
    return ((said, node.lineno) for said, node in called(path))


def importers(*modules: str) -> set[str]:
    return {name(path) for path in PYTHON if {found.partition(".")[0] for found in imports(path)} & set(modules)}


def test_files_stay_readable_in_one_sitting() -> None:
    """Long files hide several ideas behind one name."""
    long = {
        str(path.relative_to(ROOT)): lines
        for path in PYTHON + TESTS
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > FILE_LINES
        and name_or_test(path) not in PURE_DATA
    }
    assert not long


def name_or_test(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_functions_stay_readable_on_one_screen() -> None:
    """A function that does not fit a screen does several things."""
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in PYTHON + TESTS
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES
    ]
    assert not long


def test_only_the_unit_of_work_commits() -> None:
    """One request is one transaction: a commit inside would store half of it when the rest fails."""
    pattern = re.compile(r"\.(commit|rollback)$|(^|\.)engine\.begin$")
    allowed = {"kit/db.py", "kit/migrate.py", "kit/accept.py"}  # accept: the webhook's one statement
    found = {
        f"{name(path)}:{line} {call}"
        for path in PYTHON
        for call, line in calls(path)
        if pattern.search(call) and name(path) not in allowed and not name(path).startswith("sandbox/")
    }
    assert not found


def test_stripe_is_known_in_one_file() -> None:
    """Only the gateway speaks to the SDK; nothing above it sees a Stripe object."""
    assert importers("stripe") == {"payments/gateway.py"}


def test_mail_servers_are_known_in_one_file() -> None:
    """One way out for letters, so that suppression and dedupe cannot be walked around. The demo's sink is a server."""
    assert importers("aiosmtplib", "smtplib") == {"mail/transport.py"}
    assert {path for path in importers("aiosmtpd") if not path.startswith("demo/")} == set()


def test_environment_is_read_in_one_file() -> None:
    """Settings are read once and passed down: what the process was told is known in one place."""
    found = {
        name(path)
        for path in PYTHON
        for node in nodes(path)
        if (isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv", "os.putenv"})
    }
    assert found <= {"settings.py"}


def test_time_and_chance_are_injected() -> None:
    """A simulator must be able to drive the real code: only the clock tells the time, only ids roll dice."""
    clocks = re.compile(r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.time|time\.time_ns)$")
    found = {
        f"{name(path)}:{line} {call}"
        for path in PYTHON
        for call, line in calls(path)
        # the helper runs on the publisher's site, without the house, beside files that other processes touch
        if clocks.search(call) and name(path) not in {"kit/clock.py", "snippet/fetching.py"}
    }
    assert not found
    dice = {path for path in importers("random", "secrets", "uuid") if not path.startswith(("sandbox/", "demo/"))}
    assert dice == {"kit/ids.py"}


@pytest.mark.parametrize(
    "room", ["ledger", "reconciliation", "donations", "receipts", "payments", "people", "appeals", "discrepancies"]
)
def test_money_is_never_a_float(room: str) -> None:
    """A float loses pennies. Seconds may be floats, so only what names money is looked at there."""
    for path in sorted((SRC / room).rglob("*.py")):
        for node in nodes(path):
            assert not (isinstance(node, ast.Call) and ast.unparse(node.func) == "float"), f"{path}:{node.lineno}"
            if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
                target = ast.unparse(node.target) if isinstance(node, ast.AnnAssign) else node.arg
                is_float = "float" in ast.unparse(node.annotation)
                assert not (is_float and "seconds" not in target), f"{path}:{node.lineno} {target}"
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                text = ast.unparse(node)
                assert not re.search("minor|amount", text), f"{path}:{node.lineno} {text}"


def test_kit_money_has_no_float() -> None:
    """The money type itself is integers and decimals."""
    text = (SRC / "kit" / "money.py").read_text(encoding="utf-8")
    assert "float(" not in text
    assert not re.search(r":\s*float", text)


def test_every_package_has_a_nameplate() -> None:
    """A newcomer learns from `__init__` what a room is for and what it may import."""
    bare = [name(path) for path in PYTHON if path.name == "__init__.py" and not ast.get_docstring(tree(path))]
    assert not bare


def test_no_room_has_a_lumber_drawer() -> None:
    """Files are named for what they do; these names say nothing."""
    banned = {"service.py", "services.py", "utils.py", "helpers.py", "manager.py", "common.py", "misc.py"}
    assert not [name(path) for path in PYTHON if path.name in banned]


def test_every_public_verb_says_what_becomes_true() -> None:
    """Public functions of the rooms are read more often than their code."""
    bare = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in PYTHON
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not bare


def test_web_modules_keep_annotations_real() -> None:
    """The framework reads annotations at run time: postponed or type-checking-only imports would hide them."""
    for path in PYTHON:
        if name(path).startswith(("web/", "sandbox/")) or name(path) == "app.py":
            text = path.read_text(encoding="utf-8")
            assert "from __future__ import annotations" not in text, path
            assert "TYPE_CHECKING" not in text, path


def test_templates_never_switch_escaping_off() -> None:
    """Everything that a stranger typed is escaped; there is no exception to remember."""
    bad = re.compile(r"\|\s*safe\b|\bMarkup\b|autoescape\s+false")
    found = [
        path for path in TEMPLATES if path.suffix in {".html", ".txt"} and bad.search(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_pages_have_no_inline_style_or_script() -> None:
    """The content security policy allows none; letters need inline styles and are excepted."""
    bad = re.compile(r"\sstyle=|\son[a-z]+=|<script(?![^>]*\bsrc=)", re.IGNORECASE)
    pages = [path for path in TEMPLATES if path.suffix == ".html" and "mail" not in path.relative_to(ROOT).parts]
    assert not [path for path in pages if bad.search(path.read_text(encoding="utf-8"))]


def test_public_forms_choose_nothing_for_the_reader() -> None:
    """Nothing is ticked or chosen unless the reader or the address said so: `checked` stands only behind a condition."""
    for path in (ROOT / "templates" / "site").rglob("*.html"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"\bchecked\b", line):
                assert re.search(r"\{%-?\s*if|\{\{", line), f"{path}: {line.strip()}"


def test_log_lines_never_carry_whole_records() -> None:
    """Logs hold ids and event names: no names, addresses, card data, tokens or payloads."""
    banned = {"email", "name", "payload", "token", "body", "recipient", "address", "password", "context", "row"}
    found = [
        f"{name(path)}:{node.lineno}"
        for path in PYTHON
        for said, node in called(path)
        if re.match(r"^_?log(ger)?\.", said) and {keyword.arg for keyword in node.keywords} & banned
    ]
    assert not found


def test_personal_columns_are_marked() -> None:
    """Export and erasure of a person walk the columns that are marked; an unmarked one would be forgotten."""
    from supporters.tables import METADATA

    suspicious = re.compile(r"email|^name$|recipient|postal|phone|payload|context|(^|_)note$|^detail$")
    impersonal = {
        "appeal.name", "fund.name", "job.payload", "newsletter.name", "prompt_script.name", "schedule.name", "switch.name",
        "bank_account.name", "sync_mark.name", "discrepancy.detail", "donation_event.detail", "plan_event.detail",
    }  # fmt: skip
    unmarked = {
        f"{table.name}.{column.name}"
        for table in METADATA.tables.values()
        for column in table.columns
        if suspicious.search(column.name) and "personal" not in column.info
    }
    assert unmarked - impersonal == set()
    assert impersonal <= unmarked, "an exception that is no longer needed"


def test_no_address_of_a_registry_and_no_open_end_stands_in_the_repository() -> None:
    """Lock files hold hashes and no addresses; what is open is an issue with a number."""
    for lock in [*ROOT.glob("requirements*.lock"), *ROOT.glob("tests/cli/package*.json")]:
        assert "://" not in lock.read_text(encoding="utf-8")
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b(?!.*#\d)")
    found = [
        str(path.relative_to(ROOT))
        for path in PYTHON + TESTS + TEMPLATES
        if path != Path(__file__)
        and path.suffix in {".py", ".html", ".txt", ".css"}
        and marks.search(path.read_text("utf-8"))
    ]
    assert not found


def test_every_field_of_a_log_line_is_let_through() -> None:
    """A field that the log drops says nothing about whom it happened to."""
    from supporters.kit.logs import ALLOWED

    used = {
        keyword.arg
        for path in PYTHON
        for said, node in called(path)
        if re.match(r"^_?log(ger)?\.", said)
        for keyword in node.keywords
    }
    assert used - ALLOWED == set()
