"""What readers meet when something is down: nothing is charged in silence, nothing typed is lost, nothing is doubled."""

from datetime import timedelta
from typing import Any

import pytest

from whole import Whole, hidden_fields, session_id, words


async def send(whole: Whole) -> tuple[dict[str, str], Any]:
    """A filled-in form and the answer to sending it."""
    page = await whole.reader.get("/give")
    whole.clock.advance(timedelta(seconds=20))
    fields = {
        **hidden_fields(page.text),
        "frequency": "once",
        "once": "25",
        "other": "",
        "email": "ben.osei@example.org",
        "name": "Ben Osei",
    }
    return fields, await whole.reader.post("/give", data=fields)


@pytest.mark.parametrize("kind", ["500", "429", "timeout", "lock_timeout"])
async def test_stripe_in_trouble_charges_nothing_keeps_everything_and_goes_on(whole: Whole, kind: Any) -> None:
    whole.sandbox.fail_next(kind, seconds=0.05)
    fields, refused = await send(whole)

    assert refused.status_code == 503
    assert "card was not charged" in words(refused.text)
    assert 'value="ben.osei@example.org"' in refused.text
    assert whole.sandbox.objects("checkout.session") == []

    again = await whole.reader.post("/give", data={**fields, **hidden_fields(refused.text)})

    assert again.status_code == 303, words(again.text)
    assert len(whole.sandbox.objects("checkout.session")) == 1
    await whole.pay(again)
    await whole.settle()
    assert len(whole.mailbag.letters) == 1
    await whole.books_hold()


async def test_a_reply_that_is_lost_after_its_effect_makes_no_second_session(whole: Whole) -> None:
    whole.sandbox.fail_next("reply_lost", effect="done")
    fields, refused = await send(whole)
    assert refused.status_code == 503

    again = await whole.reader.post("/give", data={**fields, **hidden_fields(refused.text)})

    assert again.status_code == 303
    assert len(whole.sandbox.objects("checkout.session")) == 1


async def test_letters_wait_while_the_mail_server_is_down(whole: Whole) -> None:
    whole.mailbag.answer = "451 come back later"
    given = (await send(whole))[1]
    await whole.pay(given)
    await whole.settle()
    assert whole.mailbag.letters == []

    whole.mailbag.answer = None
    whole.clock.advance(timedelta(hours=3))
    await whole.settle()

    assert len(whole.mailbag.letters) == 1
    await whole.books_hold()


async def test_changed_content_goes_on_with_one_open_session(whole: Whole) -> None:
    fields, first = await send(whole)
    changed = await whole.reader.post("/give", data={**fields, "once": "50"})
    same = await whole.reader.post("/give", data={**fields, "once": "50"})

    assert session_id(changed) == session_id(same) != session_id(first)
    states = {session["id"]: session["status"] for session in whole.sandbox.objects("checkout.session")}
    assert states == {session_id(first): "expired", session_id(changed): "open"}
    await whole.pay(changed)
    await whole.settle()
    assert "£50" in whole.mailbag.letters[0]["Subject"]

    paid = await whole.reader.post("/give", data={**fields, "once": "50"})
    assert paid.status_code == 409
    assert len(whole.mailbag.letters) == 1
    await whole.books_hold()
