"""A mailed link that opens nothing any more says so in its heading, and leads on."""

from whole import Whole

WAYS_ON = {
    "/giving/nothing": "/sign-in",
    "/sign-in/confirm/nothing": "/sign-in",
    "/sign-in/address/nothing": "/me/details",
    "/news/confirm/nothing": "/news",
    "/news/preferences/nothing": "/news",
    "/news/stop/nothing": "/news",
    "/remind/nothing": "/remind",
    "/remind/cancel/nothing": "/give",
    "/thanks/nothing": "/give",
    "/desk/join/nothing": "/desk",
    "/desk/new-password/nothing": "/desk",
}


async def test_every_mailed_link_that_is_dead_is_headed_as_such_and_leads_on(site: Whole) -> None:
    answers = {path: await site.reader.get(path) for path in WAYS_ON}

    assert {answer.status_code for answer in answers.values()} <= {404, 410}
    for path, answer in answers.items():
        main = answer.text.partition("<main")[2].partition("</main>")[0]
        assert "Page not found" not in answer.text, path
        assert f'"{WAYS_ON[path]}"' in main, path
        assert "href=" in main or "<form" in main, path
        if path != "/sign-in/confirm/nothing":  # its page is the form to ask for another
            assert "<h1>This link does not work any more</h1>" in main, path
            assert "<title>This link does not work any more" in answer.text, path


async def test_an_address_that_nobody_was_sent_is_still_no_page(site: Whole) -> None:
    answer = await site.reader.get("/nowhere")

    assert "<h1>Page not found</h1>" in answer.text
