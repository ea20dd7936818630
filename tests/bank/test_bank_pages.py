"""Statements as pages: brought, checked, imported, undone; and what is said of files that can't be taken."""

from datetime import date

from banker import Banker, chosen, figures
from sqlalchemy import select

from engines import on_postgresql
from statements import Line, write
from supporters.jobs.models import Job
from whole import words

DAYS = [date(2026, 11, number) for number in range(1, 20)]
LINES = [
    Line(DAYS[0], 1000, "Jo Bloggs", "DONATION", "R1"),
    Line(DAYS[1], 2500, "Ada Lovelace", "LAMP", "R2"),
    Line(DAYS[1], 14980, "STRIPE PAYMENTS UK LTD", "STRIPE PAYOUT", "R3"),
    Line(DAYS[2], -90000, "A Landlord", "office rent", "R4"),
]
OTHERS = ("csv-two-columns", "csv-german", "camt.08", "ofx2", "qif", "xero")


@on_postgresql
async def test_a_statement_is_brought_checked_imported_and_undone(banker_on_both: Banker) -> None:
    banker = banker_on_both
    path = await banker.bring("camt.08", LINES, opening=100_000)
    check = await banker.desk.get(path)
    assert figures(check.text) == {"New": "4", "Here already": "0", "Kept whole": "3", "Amount only": "1"}
    assert "£1,000.00 → £284.80, and the lines between add up" in words(check.text)
    assert "Import 4 lines" in words(check.text)

    done = await banker.take(path)

    assert "Done. Its lines are here, and the file is erased." in done
    async with banker.site.db.reading() as session:
        assert "bank.match" in set(await session.scalars(select(Job.kind)))
    account = await banker.desk.get(banker.path)
    assert figures(account.text) == {
        "Known until": "3 Nov", "Balance then": "£284.80", "Lines": "4", "Open": "3",
    }  # fmt: skip
    assert "Ada Lovelace" in account.text
    assert "Landlord" not in account.text
    await banker.site.books_hold(against_stripe=False)

    undone = await banker.desk.post(f"{path}/undo", data=await banker.seal())

    assert undone.status_code == 303
    assert "Undone. Its lines were taken back" in words((await banker.desk.get(path)).text)
    assert "Ada Lovelace" not in (await banker.desk.get(banker.path)).text
    await banker.site.books_hold(against_stripe=False)


async def test_the_same_days_in_another_format_bring_nothing_new(shared: Banker) -> None:
    added = await shared.add(name="Bank of many formats")
    shared.path, account = added.headers["location"], "GB94BARC10201530090000"
    await shared.take(await shared.bring("mt940", LINES, opening=0, account=account))

    for other in OTHERS:
        brought = await shared.bring(other, LINES, opening=0, account=account)
        check = figures((await shared.desk.get(brought)).text)

        assert (check["New"], check["Here already"]) == ("0", "4"), other


async def test_a_banks_table_is_asked_about_once_and_then_remembered(banker: Banker) -> None:
    first = await banker.upload(write("csv", LINES, opening=0), "November.csv")
    at = (await banker.desk.get(first.headers["location"])).headers["location"]
    page = await banker.desk.get(at)
    assert "What do the columns mean?" in page.text
    assert "£149.80" in page.text
    await banker.desk.post(at, data=chosen(page.text))
    await banker.take(first.headers["location"])

    again = await banker.upload(write("csv", [Line(DAYS[5], 700, "Jo", "more", "R9")], opening=-71_520), "Next.csv")
    check = await banker.desk.get(again.headers["location"])

    assert check.status_code == 200
    assert figures(check.text)["New"] == "1"
    assert "does not go on" not in check.text


async def test_columns_that_can_not_be_meant_come_back_with_what_is_wrong(shared: Banker) -> None:
    uploaded = await shared.upload(write("csv", LINES, opening=0), "November.csv")
    at = uploaded.headers["location"] + "/columns"
    good = chosen((await shared.desk.get(at)).text)

    for changes, said in (
        ({"amount": "", "in": "", "out": ""}, "Choose the column with the amount"),
        ({"amount": good["date"]}, "Two of these point to the same column"),
        ({"date": "99"}, "Choose a column of the file"),
        ({"date": ""}, "Choose the column with the day"),
        ({"order": "ymd"}, "line 2"),
        ({"order": "backwards"}, "Choose how dates are written"),
        ({"text1": "two"}, "Choose a column of the file"),
    ):
        sent = await shared.desk.post(at, data={**good, **changes})

        assert sent.status_code == 422, changes
        assert said.lower() in words(sent.text).lower(), changes


async def test_looking_again_changes_nothing_and_shows_the_lines_so(shared: Banker) -> None:
    uploaded = await shared.upload(write("csv", [Line(date(2026, 3, 4), 700, "Jo", "more", "R9")]), "Short.csv")
    at = uploaded.headers["location"] + "/columns"
    form = chosen((await shared.desk.get(at)).text)

    as_us = await shared.desk.post(at, data={**form, "order": "mdy", "look": "yes"})
    as_uk = await shared.desk.post(at, data={**form, "order": "dmy", "look": "yes"})

    assert "3 April 2026" in as_us.text
    assert "4 March 2026" in as_uk.text


async def test_files_that_can_not_be_taken_come_back_with_a_reason(shared: Banker) -> None:
    added = await shared.add(name="Picky", number="GB29NWBK60161331926820")
    shared.path = added.headers["location"]
    for content, said in (
        (b"", "choose a file first"),
        (b"%PDF-1.4 pretending", "pretend.pdf"),
        (write("camt.08", LINES)[:400], "pretend.pdf"),
        (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><Document>&a;</Document>', "pretend.pdf"),
        (write("camt.08", LINES, closing=5), "is missing"),
        (write("camt.08", LINES), "ending 6819, and this account ends 6820"),
        (write("camt.08", LINES, currency="EUR", account="GB29NWBK60161331926820"), "kept in GBP"),
        (
            write("camt.08", [Line(date(2027, 1, 3), 5)], account="GB29NWBK60161331926820"),
            "the day 2027-01-03 has not come yet",
        ),
    ):
        found = await shared.upload(content, "pretend.pdf" if content else "")

        assert found.status_code == 422, said
        assert said in words(found.text).lower() or said in words(found.text), words(found.text)[:600]
    assert figures((await shared.desk.get(shared.path)).text)["Lines"] == "0"


async def test_far_too_large_a_file_is_refused_before_it_is_read(shared: Banker) -> None:
    found = await shared.upload(b"x" * (20 * 1024 * 1024 + 100_000))

    assert found.status_code == 413
    assert "larger than 20 MB" in found.text


async def test_of_two_who_press_at_once_one_imports(banker: Banker) -> None:
    first, second = await banker.bring("mt940", LINES), await banker.bring("qif", LINES)
    await banker.take(first)
    seal = await banker.seal()

    late = await banker.desk.post(f"{second}/take", data={**seal, "seen": "0"})
    again = await banker.desk.post(f"{first}/take", data={**seal, "seen": "0"})

    assert late.headers["location"].endswith("?changed=1")
    assert "nothing was taken" in words((await banker.desk.get(late.headers["location"])).text)
    assert again.headers["location"] == first
    assert figures((await banker.desk.get(banker.path)).text)["Lines"] == "4"


async def test_dropped_file_is_gone(shared: Banker) -> None:
    path = await shared.bring("qif", LINES[:2])

    dropped = await shared.desk.post(f"{path}/drop", data=await shared.seal())

    assert dropped.status_code == 303
    assert "dropped before anything was taken" in words((await shared.desk.get(path)).text)
    assert (await shared.desk.get(f"{path}/columns")).headers["location"] == path


async def test_accounts_are_added_with_care(shared: Banker) -> None:
    for form, said in (
        ({"name": ""}, "Give the account a name"),
        ({"name": "Unity"}, "There is an account of this name already"),
        ({"name": "Other", "number": "GB29 NWBK 6016 1331 9268 19"}, "This number is known already"),
        ({"name": "Other", "number": "12"}, "Write the account's number"),
        ({"name": "Other", "currency": "POUND"}, "three letters"),
    ):
        found = await shared.add(**form)

        assert found.status_code == 422
        assert said in words(found.text)
        assert "GB29" not in found.text


async def test_closed_account_takes_no_file_until_it_is_open_again(shared: Banker) -> None:
    added = await shared.add(name="Old bank")
    shared.path = added.headers["location"]
    await shared.desk.post(f"{shared.path}/close", data=await shared.seal())
    assert 'enctype="multipart/form-data"' not in (await shared.desk.get(shared.path)).text
    assert (await shared.upload(write("qif", LINES), "x.qif")).status_code == 422

    await shared.desk.post(f"{shared.path}/open", data=await shared.seal())

    assert (await shared.upload(write("qif", LINES), "x.qif")).status_code == 303


async def test_lines_are_found_by_words_days_and_state(shared: Banker) -> None:
    added = await shared.add(name="Long list")
    shared.path = path = added.headers["location"]
    many = [Line(DAYS[number % 19], 100 + number, f"Giver {number}", "DONATION", f"M{number}") for number in range(60)]
    await shared.take(await shared.bring("mt940", many, account="GB94BARC10201530099999"))

    first = (await shared.desk.get(path)).text
    second = (await shared.desk.get(f"{path}?page=2")).text
    assert (first.count("Giver "), second.count("Giver ")) == (50, 10)
    assert "1 line," in words((await shared.desk.get(f"{path}?q=Giver+59")).text)
    assert "60 lines," in words((await shared.desk.get(f"{path}?state=open&way=in&from=2026-11-01&to=2026-11-30")).text)
    assert "No line fits" in words((await shared.desk.get(f"{path}?q=100%25")).text)
    assert (await shared.desk.get(f"{path}?from=yesterday")).status_code == 422
    assert (await shared.desk.get("/desk/bank/line/nothing")).status_code == 404


async def test_what_does_not_exist_is_not_found(shared: Banker) -> None:
    for address in ("/desk/bank/x", "/desk/bank/import/x", "/desk/bank/import/01J0000000000000000000000X/columns"):
        assert (await shared.desk.get(address)).status_code == 404
