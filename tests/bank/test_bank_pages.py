"""Statements as pages: brought, checked, imported, undone; and what is said of files that can't be taken."""

from datetime import date

from banker import Banker, chosen, figures
from sqlalchemy import select

from engines import on_postgresql
from statements import Line, write
from supporters.audit.models import AuditDetail
from supporters.bank.models import BankStatement
from supporters.jobs.models import Job
from whole import hidden_fields, words

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
    assert "Match what is open: 3" in done
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

    form = hidden_fields(check.text)
    take = f"{again.headers['location']}/take"
    for days, wrong in (
        ({"from": "2026-11-07"}, "The file has a line of 6 Nov, so its first day can't be later."),
        ({"to": "2026-11-05"}, "The file has a line of 6 Nov, so its last day can't be earlier."),
        ({"from": "2026-11-03"}, "There is a line of 3 Nov here that this file does not have."),
        ({"to": "2026-11-23"}, "This day has not come yet."),
        ({"from": "2024-11-06"}, "That is more than a year beside its lines."),
        ({"to": "tomorrow"}, "Write the day as year, month and day"),
    ):
        refused = await banker.desk.post(take, data={**form, **days})
        assert (refused.status_code, wrong in words(refused.text)) == (422, True), days
        assert all(f'value="{day}"' in refused.text for day in days.values())

    done = await banker.take(again.headers["location"], **{"from": "2026-11-04", "to": "2026-11-20"})

    assert "4 Nov – 20 Nov, as they were named at the import" in done
    async with banker.site.db.reading() as session:
        latest = await session.scalar(select(BankStatement).order_by(BankStatement.id.desc()).limit(1))
        noted = await session.scalar(select(AuditDetail.detail).order_by(AuditDetail.seq.desc()).limit(1))
    assert latest
    assert (latest.starts_on, latest.ends_on) == (DAYS[3], date(2026, 11, 20))
    assert noted
    assert (noted["ends_on"], noted["has_named_days"]) == ("2026-11-20", True)


async def test_what_is_declined_or_worded_anew_or_may_be_missing_is_asked_about_and_said(banker: Banker) -> None:
    header = "Date,Description,Status,Amount\n"
    first = await banker.upload(
        f"{header}02/10/2026,STRIPE PAYOUT,Completed,10.00\n03/10/2026,Jo,Declined,-50.00\n"
        f"04/10/2026,Ada,Pending,200.00\n05/10/2026,Ada,Posted,6.00\n".encode(),
        "One.csv",
    )
    path, at = first.headers["location"], first.headers["location"] + "/columns"
    columns = await banker.desk.get(at)
    assert "left out: the bank says that it moved no money" in columns.text
    await banker.desk.post(at, data=chosen(columns.text))
    check = words((await banker.desk.get(path)).text)
    assert "Declined 1, of −£50.00 together, left out" in check
    assert "Pending 1, of £200.00 together" in check
    await banker.take(path)

    second = await banker.upload(
        f"{header}02/10/2026,STRIPE PAYMENTS UK REF 77,Completed,10.00\n05/10/2026,Ada,Posted,6.00\n"
        "20/10/2026,Max,Completed,4.00\n".encode(),
        "Two.csv",
    )
    again = second.headers["location"]
    page = words((await banker.desk.get(again)).text)
    assert "1 line that is here between its days is not in it" in page
    assert "Here already in other words?" in page
    unsaid = await banker.desk.post(f"{again}/take", data=hidden_fields((await banker.desk.get(again)).text))
    assert unsaid.status_code == 422
    assert "Say whether these lines are the ones that are here" in unsaid.text
    await banker.take(again, reworded="same")
    account = await banker.desk.get(banker.path)
    assert figures(account.text)["Lines"] == "3"

    third = await banker.upload(f"{header}25/10/2026,Max,Completed,4.00\n".encode(), "Three.csv")
    late = words((await banker.desk.get(third.headers["location"])).text)
    assert "No file tells of 21 Oct to 24 Oct." in late
    future = await banker.upload(f"{header}25/10/2027,Max,Completed,4.00\n".encode(), "Four.csv")
    sent = await banker.desk.post(
        (at := future.headers["location"] + "/columns"), data=chosen((await banker.desk.get(at)).text)
    )
    assert "Four.csv: line 2, Date: the day 2027-10-25 has not come yet" in words(sent.text)


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
            "entry 1, bookgdt: the day 2027-01-03 has not come yet",
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


async def test_gap_between_two_files_without_an_opening_balance_is_seen_and_said_to_be_worked_out(
    shared: Banker,
) -> None:
    shared.path = (await shared.add(name="Says little")).headers["location"]
    number = "GB33BUKB20201555555555"
    first = await shared.bring("ofx1", LINES[:1], opening=500, account=number)
    assert "the opening one was worked out" in words((await shared.desk.get(first)).text)
    await shared.take(first)

    second = await shared.desk.get(await shared.bring("ofx2", LINES[3:], opening=18_980, account=number))

    told = words(second.text)
    assert "begins with £189.80, and what is known until 1 Nov" in told
    assert (
        "comes to £15.00. Is a file missing between them? The bank gave no opening balance: it was worked out" in told
    )


async def test_closed_account_takes_no_file_until_it_is_open_again(shared: Banker) -> None:
    added = await shared.add(name="Old bank")
    shared.path = added.headers["location"]
    for day, status in (("2026-11-10", 303), ("10 November", 422), ("2062-11-10", 422)):
        sent = await shared.desk.post(f"{shared.path}/begin", data={**await shared.seal(), "starts_on": day})
        assert sent.status_code == status
    assert 'value="2026-11-10"' in (await shared.desk.get(shared.path)).text
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
