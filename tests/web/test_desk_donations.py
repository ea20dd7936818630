"""The list of donations and one donation: views, sums, what each role sees, refunds, receipts."""

import csv
import io
import re

import httpx
from sqlalchemy import case, select, update

from supporters.audit.models import AuditEntry
from supporters.donations.models import Donation, Refund
from supporters.receipts.models import Receipt
from whole import Whole, hidden_fields, words

BEN = "Ben Osei"


async def paid(site: Whole, **form: str) -> str:
    """A donation that went all the way to the books; its id."""
    await site.pay(await site.give(**form))
    await site.settle()
    async with site.db.reading() as session:
        return (await session.scalars(select(Donation.id).order_by(Donation.id.desc()).limit(1))).one()


async def form_of(desk: httpx.AsyncClient, donation_id: str) -> dict[str, str]:
    return {"seal": hidden_fields((await desk.get(f"/desk/donations/{donation_id}")).text)["seal"]}


async def test_the_list_shows_paid_and_unpaid_and_sums_the_paid(site: Whole) -> None:
    await paid(site, amount="25", article="/paper/2822/the-river-crew", issue="2822")
    await paid(site, amount="10", name="Iris Fenn", email="iris@example.org")
    await site.give(amount="99", name="Una Wade", email="una@example.org")
    desk = await site.staff("finance")

    page = words((await desk.get("/desk/donations")).text)

    assert "3 donations, newest first. 1 is not paid and not in the sums." in page
    assert "Sum of 2 paid £35.00 −£0.93 £0.00 £34.07" in page
    assert "The river crew Issue 2822" in page
    await desk.aclose()


FILTERS = {
    "q=iris": ["Iris Fenn"],
    "q=IRIS%40EXAMPLE.ORG": ["Iris Fenn"],
    "q=25": [BEN],
    "q=%C2%A325.00": [BEN],
    "q=100%25": [],
    "state=paid&min=20": [BEN],
    "max=10": ["Iris Fenn"],
    "issue=2822": [BEN],
    "article=river-crew": [BEN],
    "article=%25": [],
    "appeal=general": ["Iris Fenn", BEN],
    "appeal=other": [],
    "from=2026-11-22&to=2026-11-22": ["Iris Fenn", BEN],
    "to=2026-11-21": [],
    "state=not_paid": [],
    "state=refunded": [],
}


async def test_a_fully_refunded_donation_was_received_and_is_not_paid_any_more(site: Whole) -> None:
    await paid(site, amount="25", name="Ben Osei", email="ben@example.org")
    await paid(site, amount="10", name="Iris Fenn", email="iris@example.org")
    async with site.db.unit_of_work() as session:
        whole = Donation.amount_minor == 2500
        await session.execute(update(Donation).values(refunded_minor=case((whole, 2500), else_=400)))
    desk = await site.staff("finance")

    listed: dict[str, str] = {}
    for state in ("received", "paid", "refunded"):
        listed[state] = words((await desk.get(f"/desk/donations?state={state}")).text)
    today = words((await desk.get("/desk")).text)

    assert "Sum of 2 paid £35.00" in listed["received"]
    assert "Sum of 1 paid £10.00" in listed["paid"]
    assert "Ben Osei" not in listed["paid"]
    assert "Sum of 2 paid £35.00" in listed["refunded"]
    assert "Received £35.00 2 donations" in today
    await desk.aclose()


async def test_each_filter_finds_what_it_says(site: Whole) -> None:
    await paid(site, amount="25", article="/paper/2822/the-river-crew", issue="2822")
    await paid(site, amount="10", name="Iris Fenn", email="iris@example.org")
    desk = await site.staff("finance")

    for query, found in FILTERS.items():
        page = await desk.get(f"/desk/donations?{query}")
        rows = re.findall(r'<th scope="row" class="person">.*?<bdi>(.*?)</bdi>', page.text, re.DOTALL)

        assert (page.status_code, rows) == (200, found), query
    await desk.aclose()


UNREADABLE = ["from=yesterday", "min=ten", "max=1.234", "state=lost", "to=9999-12-31"]


async def test_a_filter_that_cannot_be_read_says_so_and_nothing_is_exported(site: Whole) -> None:
    desk = await site.staff("finance")

    for query in UNREADABLE:
        page = await desk.get(f"/desk/donations?{query}")
        sheet = await desk.get(f"/desk/donations.csv?{query}")

        assert page.status_code == 422
        assert "There is a problem" in words(page.text)
        assert sheet.status_code == 400
    await desk.aclose()


ODD = ["q=%00", "q=a&q=b", "q=%FF", "q=" + "x" * 5000, "before=nonsense", "article=%25_%5C", "q=%27--", "min=1e9"]


async def test_odd_addresses_never_break_the_list(site: Whole) -> None:
    desk = await site.staff("finance")

    for query in ODD:
        assert (await desk.get(f"/desk/donations?{query}")).status_code in {200, 400, 414, 422}, query
    await desk.aclose()


async def test_a_reference_in_the_search_opens_its_donation(site: Whole) -> None:
    donation_id = await paid(site)
    async with site.db.reading() as session:
        reference = (await session.get_one(Donation, donation_id)).reference
    desk = await site.staff("viewer")

    answer = await desk.get("/desk/donations", params={"q": reference.lower()})

    assert answer.headers["location"] == f"/desk/donations/{donation_id}"
    await desk.aclose()


async def test_a_long_list_is_read_page_by_page_and_no_row_is_lost(site: Whole) -> None:
    donation_id = await paid(site)
    async with site.db.unit_of_work() as session:
        one = await session.get_one(Donation, donation_id)
        columns = {column.key for column in Donation.__table__.columns}
        for number in range(60):
            values = {key: getattr(one, key) for key in columns}
            unique = {"id": site.ids.ulid(), "attempt_id": site.ids.ulid(), "reference": f"D-COPY{number:04d}"}
            other = {"stripe_payment_intent_id": f"pi_copy{number}", "stripe_charge_id": f"ch_copy{number}"}
            session.add(Donation(**(values | unique | other)))
    desk = await site.staff("finance")

    first = await desk.get("/desk/donations")
    older = re.search(r'href="([^"]*before=[^"]*)"', first.text)
    assert older
    second = await desk.get(older[1].replace("&amp;", "&"))

    seen = [re.findall(r"/desk/donations/([0-9A-Z]{26})", page.text) for page in (first, second)]
    assert [len(each) for each in seen] == [50, 11]
    assert len(set(seen[0] + seen[1])) == 61
    assert "61 donations" in words(first.text)
    assert "Sum of all 61 paid in this view £1,525.00" in words(first.text)
    await desk.aclose()


async def test_the_spreadsheet_holds_the_view_and_no_formula_and_the_audit_says_who_took_it(site: Whole) -> None:
    await paid(site, amount="25", name='=HYPERLINK("x","y")', source="@SUM(A1)")
    await paid(site, amount="10", name="Iris Fenn", email="iris@example.org")
    desk = await site.staff("finance")

    answer = await desk.get("/desk/donations.csv?min=20")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(row["Amount"], row["Fee"], row["Refunded"], row["Net"]) for row in rows] == [
        ("25.00", "0.58", "0.00", "24.42")
    ]
    assert rows[0]["Name"].startswith("'=")
    assert not any(cell[:1] in "=+@" for row in rows for cell in row.values() if cell)
    async with site.db.reading() as session:
        deeds = (await session.scalars(select(AuditEntry.action))).all()
    assert deeds.count("donation.export") == 1
    await desk.aclose()


async def test_a_viewer_sees_money_and_no_person_and_cannot_find_one_by_searching(site: Whole) -> None:
    donation_id = await paid(site)
    desk = await site.staff("viewer")

    pages = [
        await desk.get("/desk"),
        await desk.get("/desk/donations"),
        await desk.get(f"/desk/donations/{donation_id}"),
    ]

    for page in pages:
        assert page.status_code == 200
        assert "Osei" not in page.text
        assert "ben.osei" not in page.text
        assert "4242" not in page.text
        assert "£25.00" in words(page.text)
    for query in ("osei", "ben.osei@example.org"):
        assert "No donation fits this view" in words((await desk.get(f"/desk/donations?q={query}")).text)
    assert "Refund…" not in pages[2].text
    await desk.aclose()


async def test_an_editor_sees_the_sums_and_no_list(site: Whole) -> None:
    await paid(site)
    desk = await site.staff("editor")

    page = await desk.get("/desk")

    assert "£25.00" in words(page.text)
    assert "/desk/donations" not in page.text
    assert "Osei" not in page.text
    await desk.aclose()


async def test_the_donation_tells_its_whole_story(site: Whole) -> None:
    donation_id = await paid(site, article="/paper/2822/the-river-crew", issue="2822")
    desk = await site.staff("finance")

    page = words((await desk.get(f"/desk/donations/{donation_id}")).text)

    for expected in (
        "£25.00 from Ben Osei",
        "£24.42 net",
        "£24.42 at Stripe",
        "Awaiting payout",
        "Started on the donation page £25.00",
        "Paid £25.00",
        "Receipt sent to ben.osei@example.org",
        "checkout.session.completed",
        "In the books",
        "Visa ending 4242",
        "Processing fees 5000 £0.58",
        "/paper/2822/the-river-crew",
        "R-2026-0001",
    ):
        assert expected in page, expected
    await desk.aclose()


FAULTS: list[tuple[dict[str, str], str]] = [
    ({}, "Choose whether all of it"),
    ({"part": "all"}, "Choose a reason"),
    ({"part": "some", "amount": "", "reason": "duplicate"}, "Write the part"),
    ({"part": "some", "amount": "25.01", "reason": "duplicate"}, "more than is left"),
    ({"part": "some", "amount": "1.234", "reason": "duplicate"}, "too many decimals"),
    ({"part": "some", "amount": "0", "reason": "duplicate"}, "more than nothing"),
    ({"part": "some", "amount": "-5", "reason": "duplicate"}, "amount in figures"),
    ({"part": "all", "reason": "other"}, "Say in the note"),
    ({"part": "all", "reason": "because"}, "Choose a reason"),
]


async def test_a_refund_form_with_a_fault_comes_back_and_returns_nothing(site: Whole) -> None:
    donation_id = await paid(site)
    desk = await site.staff("finance")
    sent = {**await form_of(desk, donation_id), "note": "", "step": "confirm", "left": "2500"}

    for fields, expected in FAULTS:
        answer = await desk.post(f"/desk/donations/{donation_id}/refund", data={**sent, **fields})

        assert answer.status_code == 422, fields
        assert expected in words(answer.text), fields
        assert re.search(r"<title>\s*Error:", answer.text), fields
    async with site.db.reading() as session:
        assert (await session.scalars(select(Refund))).all() == []
    await desk.aclose()


async def test_a_part_is_asked_once_more_then_returned_once_however_often_the_button_is_pressed(site: Whole) -> None:
    donation_id = await paid(site)
    desk = await site.staff("finance")
    path = f"/desk/donations/{donation_id}/refund"
    typed = {"part": "some", "amount": "£7.50", "reason": "other", "note": "Asked by phone."}

    asked = await desk.post(path, data={**await form_of(desk, donation_id), **typed})
    assert asked.status_code == 200
    assert "Refund £7.50?" in words(asked.text)
    async with site.db.reading() as session:
        assert (await session.scalars(select(Refund))).all() == []
    confirmed = await desk.post(path, data=hidden_fields(asked.text))
    again = await desk.post(path, data=hidden_fields(asked.text))

    assert (confirmed.status_code, again.status_code) == (303, 409)
    await site.settle()
    async with site.db.reading() as session:
        assert [refund.amount_minor for refund in await session.scalars(select(Refund))] == [750]
        assert (await session.get_one(Donation, donation_id)).refunded_minor == 750
    page = words((await desk.get(f"/desk/donations/{donation_id}")).text)
    assert "All that is left, £17.50" in page
    assert "Refund asked for by Finance £7.50" in page
    await site.books_hold()
    await desk.aclose()


async def test_a_receipt_goes_to_a_corrected_address_and_the_address_on_file_stays(site: Whole) -> None:
    donation_id = await paid(site)
    desk = await site.staff("support")
    path = f"/desk/donations/{donation_id}/receipt"

    wrong = await desk.post(path, data={**await form_of(desk, donation_id), "email": "not an address"})
    right = await desk.post(path, data={**await form_of(desk, donation_id), "email": "ben@new.example"})
    once_more = await desk.post(f"{path}/again", data=await form_of(desk, donation_id))
    await site.settle()

    assert (wrong.status_code, right.status_code, once_more.status_code) == (422, 303, 303)
    assert 'value="not an address"' in wrong.text
    assert [letter["To"] for letter in site.mailbag.letters] == [
        "ben.osei@example.org",
        "ben@new.example",
        "ben@new.example",
    ]
    async with site.db.reading() as session:
        receipts = (await session.scalars(select(Receipt))).all()
        assert [(each.number, each.email) for each in receipts] == [("R-2026-0001", "ben@new.example")]
        assert (await session.get_one(Donation, donation_id)).email == "ben.osei@example.org"
    page = words((await desk.get(f"/desk/donations/{donation_id}")).text)
    assert "Corrected the receipt's address by Support" in page
    await desk.aclose()


async def test_an_id_that_is_none_is_404(site: Whole) -> None:
    desk = await site.staff("admin")

    for odd in ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "none", "%00", "..%2f", "x" * 300]:
        for room in ("donations", "discrepancies", "letters"):
            assert (await desk.get(f"/desk/{room}/{odd}")).status_code == 404, (room, odd)
    await desk.aclose()
