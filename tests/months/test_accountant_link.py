"""A link for the accountant: opens months and payouts, read only, without names, until it ends."""

import re
from datetime import timedelta

from sqlalchemy import update

from months.test_month_pages import paid_out, press, rows
from supporters.audit.models import AuditEntry
from supporters.reconciliation.models import BooksLink
from whole import Whole, words


async def made(site: Whole, first: str = "2026-11") -> str:
    """A link that was made at the desk; its path."""
    desk = await site.staff("finance")
    page = await press(desk, "/desk/accountant", name="Kestrel & Co", **{"from": first}, days="30")
    await desk.aclose()
    assert page.status_code == 200
    found = re.search(r"/books/[\w-]+", page.text)
    assert found
    return found[0]


async def test_the_link_opens_months_payouts_and_certificates_without_a_name(site: Whole) -> None:
    payout = await paid_out(site)
    path = await made(site)
    desk = site.browser()
    certify = await site.staff("admin")
    await press(certify, f"/desk/payouts/{payout.stripe_payout_id}/certificate")

    pages = [
        await desk.get(address)
        for address in (
            path,
            f"{path}/months/2026-11",
            f"{path}/payouts/{payout.stripe_payout_id}",
            f"{path}/certificates/1",
        )
    ]

    assert [page.status_code for page in pages] == [200] * 4
    assert "November 2026" in words(pages[0].text)
    assert "£24.42" in words(pages[1].text)
    assert "Lines" not in words(pages[2].text).partition("Why")[0]
    assert "Difference £0.00" in words(pages[2].text)
    for page in pages:
        assert "Ben Osei" not in page.text
        assert "ben.osei" not in page.text
        assert 'href="/desk' not in page.text
        assert "<form" not in page.text
    assert all(page.headers["cache-control"] == "no-store" for page in pages)
    [link] = await rows(site, BooksLink)
    assert link.opened_at is not None
    unknown = (await desk.get(f"{path}/payouts/{payout.stripe_payout_id}?kind=none")).text
    assert "There is no such kind of line." in words(unknown)
    assert 'href="#f-kind"' not in unknown  # there is no form to lead to
    await desk.aclose()
    await certify.aclose()


async def test_it_shows_nothing_of_earlier_months(site: Whole) -> None:
    payout = await paid_out(site)
    path = await made(site, "2026-12")
    desk, certify = site.browser(), await site.staff("admin")
    for about in (f"payouts/{payout.stripe_payout_id}", "months/2026-11"):
        await press(certify, f"/desk/{about}/certificate")

    assert (await desk.get(path)).status_code == 200
    assert "November" not in (await desk.get(path)).text
    assert (await desk.get(f"{path}/months/2026-11")).status_code == 404
    assert (await desk.get(f"{path}/payouts/{payout.stripe_payout_id}")).status_code == 404
    assert (await certify.get("/desk/certificates/2")).status_code == 200
    assert [(await desk.get(f"{path}/certificates/{number}")).status_code for number in (1, 2)] == [404, 404]
    await desk.aclose()
    await certify.aclose()


async def test_it_opens_nothing_once_it_ended_or_ran_out(site: Whole) -> None:
    path = await made(site)
    desk, reader = await site.staff("admin"), site.browser()
    [link] = await rows(site, BooksLink)

    for _twice in range(2):
        assert (await press(desk, f"/desk/accountant/{link.id}/end")).status_code == 303
    ended = await reader.get(path)
    async with site.db.unit_of_work() as session:
        await session.execute(update(BooksLink).values(ended_at=None, ended_by=None))
    again = await reader.get(path)
    site.clock.advance(timedelta(days=31))
    late = await reader.get(path)

    assert (ended.status_code, again.status_code, late.status_code) == (404, 200, 404)
    assert "Whoever gave it to you can make a new one" in words(ended.text)
    assert (await reader.get("/books/" + "x" * 5000)).status_code == 404
    actions = [entry.action for entry in await rows(site, AuditEntry)]
    assert (actions.count("books_link.make"), actions.count("books_link.end")) == (1, 1)
    await desk.aclose()
    await reader.aclose()


async def test_a_form_that_lacks_something_comes_back(site: Whole) -> None:
    desk, editor = await site.staff("finance"), await site.staff("editor")

    for form, said in (
        ({"name": "", "from": "2026-11", "days": "30"}, "Write for whom it is"),
        ({"name": "K", "from": "", "days": "30"}, "Choose the first month"),
        ({"name": "K", "from": "2026-11", "days": "9999"}, "Choose how long it works"),
    ):
        page = await press(desk, "/desk/accountant", **form)

        assert (page.status_code, said in words(page.text)) == (422, True), form
    assert (await editor.get("/desk/accountant")).status_code == 403
    assert await rows(site, BooksLink) == []
    await desk.aclose()
    await editor.aclose()
