"""The plugin in a real WordPress, as readers, feeds and the service see it."""

import re
import time
from html import unescape

import httpx
import pytest
from reading import Reader, feet, foot, hidden
from service import Service
from wordpress import WordPress, wait_for

GAVE_UP = "return array_filter(get_option('supporters_prompt_state'), fn($each) => '' !== $each['problem']);"
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>[supporter_prompt][gallery]\u202e\x07&quot;'


def test_prompt_stands_once_under_a_post_with_a_plain_form(site: WordPress, service: Service) -> None:
    address = site.post("The ferry")

    page = site.get(address)
    prompt = foot(page)

    assert page.index("Six minutes over the river.") < page.index("supporters-foot")
    assert "Make a donation to The Weekly Lamp" in prompt.text
    assert prompt.all("form", method="get")[0]["action"] == f"{service.address}/give"
    assert [each["value"] for each in prompt.all("input", name="frequency")] == ["monthly", "yearly", "once"]
    assert [each["value"] for each in prompt.all("input", name="monthly")] == ["3", "5", "10", "20", "other"]
    assert not [each for each in prompt.all("input") if "checked" in each]
    assert len(prompt.all("input", name="other")) == 1
    carried = hidden(prompt)
    assert carried["article"] == address
    assert {carried["appeal"], carried["placement"], carried["source"]} == {"general", "article-foot", "wordpress"}
    assert "issue" not in carried
    assert "<script" not in feet(page)[0]
    assert "supporters-prompt/style.css" in page.partition("</head>")[0]


def test_newsletter_form_posts_to_the_service(site: WordPress, service: Service) -> None:
    prompt = foot(site.get(site.post("The ferry")))

    posts = {form["action"] for form in prompt.all("form", method="post")}

    assert posts == {f"{service.address}/news", f"{service.address}/remind"}
    assert hidden(prompt)["list"] == "daily~0123456789abcdef"
    assert "Sign up for our daily email Morning Light" in prompt.text


def test_newsletter_and_reminder_say_under_which_article_they_were_asked_for(site: WordPress, service: Service) -> None:
    address = site.post("The ferry")
    told = feet(site.get(address))[0]

    for place in ("news", "remind"):
        form = told.partition(f'<form action="{service.address}/{place}"')[2].partition("</form>")[0]
        assert f'<input type="hidden" name="article" value="{address}">' in form, place


def test_block_takes_the_place_of_the_foot(site: WordPress) -> None:
    body = "<!-- wp:supporters/prompt /-->\n<!-- wp:paragraph --><p>After the block.</p><!-- /wp:paragraph -->"

    page = site.get(site.post("Block", body))

    assert foot(page).all("form", method="get")
    assert page.index("supporters-foot") < page.index("After the block.")


def test_shortcode_takes_the_place_of_the_foot_and_names_its_placement(site: WordPress) -> None:
    address = site.post("Shortcode", '[supporter_prompt place="issue-page"]\n\nAfter the shortcode.')

    before = foot(site.get(address))  # nobody fetched that placement yet: a plain link
    site.run_timer()
    after = foot(site.get(address))

    assert not before.all("form")
    assert "Make a donation to The Weekly Lamp" in before.text
    assert after.all("form", method="get")
    assert hidden(after)["placement"] == "issue-page"


def test_block_in_a_reusable_block_counts(site: WordPress) -> None:
    site.post("Kept", "<!-- wp:supporters/prompt /-->", kind="wp_block")
    number = site.eval("return get_posts(['post_type' => 'wp_block'])[0]->ID;")

    page = site.get(site.post("Reused", f'<!-- wp:block {{"ref":{number}}} /-->'))

    assert len(feet(page)) == 1


@pytest.mark.parametrize("place", ["../../x", "ARTICLE", "<b>", "a" * 300])
def test_placement_that_is_no_code_falls_back_to_the_site_s_own(site: WordPress, place: str) -> None:
    page = site.get(site.post("Wrong", f'[supporter_prompt place="{place}"]'))

    assert hidden(foot(page))["placement"] == "article-foot"


def test_pages_lists_excerpts_and_the_rest_interface_have_no_form(site: WordPress) -> None:
    site.post("The ferry")
    page = site.post("About", kind="page")

    shown = {
        "page": site.get(page),
        "list": site.get(site.home),
        "excerpt": str(site.eval("return get_the_excerpt(get_posts()[0]);")),
        "rest": site.get(f"{site.home}/wp-json/wp/v2/posts"),
    }

    assert "About" in shown["page"]
    assert "Six minutes" in shown["excerpt"]
    assert {where for where, html in shown.items() if "supporters-foot" in html or "Make a donation" in html} == set()


def test_feed_has_one_plain_link_and_no_form(site: WordPress, service: Service) -> None:
    address = site.post("The ferry", issue="2822")
    site.post("With block", "<!-- wp:supporters/prompt /-->")

    feed = site.get(f"{site.home}/feed/")

    assert feed.count("Make a donation to The Weekly Lamp</a>") == 2
    assert "<form" not in feed
    assert "supporters-foot" not in feed
    link = next(unescape(link) for link in re.findall(r'href="([^"]+)', feed) if "issue=2822" in link)
    assert httpx.URL(link).params["article"] == address
    assert httpx.URL(link).params["source"] == "rss"
    assert link.startswith(f"{service.address}/give?")


def test_issue_number_is_carried_from_the_custom_field(site: WordPress) -> None:
    prompt = foot(site.get(site.post("The ferry", issue="2822")))

    assert hidden(prompt)["issue"] == "2822"


def test_hostile_issue_number_stays_text_and_short(site: WordPress) -> None:
    page = site.get(site.post("The ferry", issue='"><script>alert(1)</script>' + "x" * 5000))

    assert hidden(foot(page))["issue"] == '"><script>alert(1)</'
    assert "<script>alert" not in page


def test_marked_tag_has_no_ask_anywhere(site: WordPress, service: Service) -> None:
    service.files["article-foot"]["quiet"]["tags"] = ["obituary"]
    site.run_timer()

    vetoed = site.get(site.post("Farewell", tags="Obituary, River"))
    block = site.get(site.post("Farewell too", "<!-- wp:supporters/prompt /-->", tags="Obituary"))
    other = site.get(site.post("The ferry", tags="River"))

    assert not feet(vetoed)
    assert not feet(block)
    assert foot(other)
    assert site.get(f"{site.home}/feed/").count("Make a donation") == 1


@pytest.mark.parametrize("path", ["/the-ferry/", "/the-ferry", "/the%2Dferry/?x=1"])
def test_marked_path_has_no_ask(site: WordPress, service: Service, path: str) -> None:
    service.files["article-foot"]["quiet"]["paths"] = [path]
    site.run_timer()

    assert not feet(site.get(site.post("The ferry")))
    assert foot(site.get(site.post("Another")))


@pytest.mark.parametrize(("start", "end", "shown"), [(0, 0, False), (-1, 1, False), (1, 9, True), (-9, -1, True)])
def test_marked_days_have_no_ask_first_and_last_included(
    site: WordPress, service: Service, start: int, end: int, *, shown: bool
) -> None:
    days = site.eval(
        "return array_map(fn($ahead) => wp_date('Y-m-d', time() + $ahead * 86400), $around);",
        around=[start, end],
    )
    service.files["article-foot"]["quiet"]["ranges"] = [days]
    site.run_timer()

    assert bool(feet(site.get(site.post("The ferry")))) is shown


def test_placement_that_is_switched_off_at_the_desk_shows_nothing(site: WordPress, service: Service) -> None:
    service.files["article-foot"]["is_on"] = False
    site.run_timer()

    assert not feet(site.get(site.post("The ferry")))


def test_protected_post_asks_for_its_password_only(site: WordPress) -> None:
    address = site.post("Secret")
    site.eval("wp_update_post(['ID' => $id, 'post_password' => 'x']); return 1;", id=site.id_of(address))

    assert not feet(site.get(address))


def test_hostile_file_comes_out_harmless(site: WordPress, service: Service) -> None:
    file = service.files["article-foot"]
    for key in ("heading", "why", "currency_words", "sign", "paper", "language", "appeal"):
        file[key] = EVIL
    file["words"] = dict.fromkeys(file["words"], EVIL) | {EVIL: EVIL}
    file["action"] = "javascript:alert(1)"
    file["link"] = file["remind"] = "https://elsewhere.example/take"
    file["manage"] = "javascript:alert(1)"
    file["newsletter"] = {
        "slug": "daily",
        "words": EVIL,
        "note": EVIL,
        "action": f"{service.address}@elsewhere.example/news",
    }
    file["amounts"]["monthly"] = [[EVIL, "£3"], ["3", EVIL], ["-1", "£1"], [["5"], "£5"], "x", ["7", "£7"]]
    file["amounts"]["once"] = {"a": 1}
    file["frequencies"] = ["monthly", EVIL, 5, "yearly", None]
    file["colors"] = {"brand": "red;background:url(//elsewhere.example)", "on_brand": "#ffffff"}
    file["script"] = {"src": "https://elsewhere.example/x.js", "integrity": file["script"]["integrity"]}
    site.change(script=True)
    site.run_timer()

    for body in ("<p>Words.</p>", "<!-- wp:supporters/prompt /-->", "[supporter_prompt]"):
        page = site.get(site.post("Hostile", body))
        prompt = foot(page)

        assert {form["action"] for form in prompt.all("form")} == {f"{service.address}/give"}
        assert not prompt.all("script") + prompt.all("img") + prompt.all("supporter-prompt")
        assert not [has for _, has in prompt.tags if any(name.startswith("on") for name in has)]
        assert "elsewhere.example" not in page
        assert "javascript:" not in feet(page)[0]
        assert "<script>alert(1)</script><img src=x onerror=alert(1)>[supporter_prompt][gallery] &quot;" in prompt.text
        assert [each["value"] for each in prompt.all("input", name="monthly")] == ["3", "7", "other"]
        assert [each["value"] for each in prompt.all("input", name="frequency")] == ["monthly", "yearly"]
        assert "appeal" not in hidden(prompt)
        assert "url(" not in feet(page)[0]


@pytest.mark.parametrize(
    "origin", ["https://elsewhere.example/give", "//elsewhere.example/give", "http://127.0.0.1:1/give", "/give", 5]
)
def test_form_goes_to_no_other_origin(site: WordPress, service: Service, origin: object) -> None:
    service.files["article-foot"]["action"] = origin
    site.run_timer()

    assert foot(site.get(site.post("The ferry"))).all("form", method="get")[0]["action"] == f"{service.address}/give"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>not found</html>",
        b"[]",
        b'{"v": 2}',
        b'{"v":1,"placement":"other","heading":"x"}',
        b"[" * 9000,
        b"\xff\xfe",
        b"x" * 600_000,
    ],
)
def test_answer_that_is_no_prompt_changes_nothing(site: WordPress, service: Service, body: bytes) -> None:
    service.body = body
    site.run_timer()

    assert "Make a donation to The Weekly Lamp" in foot(site.get(site.post("The ferry"))).text
    assert "article-foot" in site.eval(GAVE_UP)


def test_last_good_words_stay_when_the_service_is_stopped(
    site: WordPress, service: Service, figures: list[str]
) -> None:
    address = site.post("The ferry")
    site.get(address)  # PHP's own cold start is not the service's doing
    service.stop()
    site.let_a_minute_pass()

    took = []
    for _ in range(3):
        start = time.monotonic()
        prompt = foot(site.get(address))
        took.append(time.monotonic() - start)
        assert "Make a donation to The Weekly Lamp" in prompt.text
        assert prompt.all("form", method="get")
    figures.append(f"service stopped: pages in {', '.join(f'{each * 1000:.0f} ms' for each in took)}")
    assert max(took) < 1


def test_page_does_not_wait_for_a_service_that_hangs(site: WordPress, service: Service, figures: list[str]) -> None:
    address = site.post("The ferry")
    site.get(address)
    service.slow_seconds = 5
    site.let_a_minute_pass()

    start = time.monotonic()
    prompt = foot(site.get(address))
    took = time.monotonic() - start

    figures.append(f"service hanging, timer due: page in {took * 1000:.0f} ms")
    assert prompt.all("form", method="get")
    assert took < 1
    wait_for(lambda: "problem" in str(site.eval(GAVE_UP)), "the end of the timer's attempt", seconds=15)


def test_first_words_that_never_came_leave_a_plain_link(site: WordPress, service: Service) -> None:
    site.eval("delete_option('supporters_prompt_copies'); return 1;")
    service.stop()

    prompt = foot(site.get(site.post("The ferry")))

    assert [link["href"].partition("?")[0] for link in prompt.all("a")] == [f"{service.address}/give"]
    assert "Make a donation to The Weekly Lamp" in prompt.text


def test_changed_words_appear_after_the_minute_s_timer(site: WordPress, service: Service) -> None:
    address = site.post("The ferry")
    service.files["article-foot"] |= {"version": 2, "heading": "Help the Lamp through the winter"}

    same_minute = foot(site.get(address)).text
    site.let_a_minute_pass()
    site.get(address)  # a reader's visit wakes WP-Cron, which runs beside it
    until = time.monotonic() + 10
    while "through the winter" not in (shown := foot(site.get(address)).text) and time.monotonic() < until:
        time.sleep(0.1)

    assert "through the winter" not in same_minute
    assert "through the winter" in shown


def test_service_is_asked_at_most_once_a_minute_and_only_for_what_is_new(site: WordPress, service: Service) -> None:
    site.run_timer()
    for _ in range(4):
        httpx.get(f"{site.home}/wp-cron.php", timeout=20)
        site.eval("do_action('supporters_prompt_pull'); return 1;")

    assert [(path, status) for path, _, status in service.requests] == [("/p/v1/article-foot.json", 304)]
    assert service.requests[0][1] == {"site": [f"127.0.0.1:{site.port}"], "form": ["wordpress"]}


def test_page_views_carry_the_timer_where_cron_is_away(site: WordPress, service: Service) -> None:
    address = site.post("The ferry")
    service.files["article-foot"]["heading"] = "Help the Lamp through the winter"
    site.eval(
        "delete_transient('supporters_prompt_lock'); wp_unschedule_hook('supporters_prompt_pull');"
        "set_transient('doing_cron', sprintf('%.22F', microtime(true) + 50));"
        "wp_schedule_event(time() - 3600, 'supporters_prompt_minute', 'supporters_prompt_pull'); return 1;"
    )

    site.get(address)

    assert "through the winter" in foot(site.get(address)).text


def test_appeal_that_ended_while_the_service_was_away_asks_no_more(site: WordPress, service: Service) -> None:
    service.files["article-foot"]["ends_at"] = "2026-01-01T00:00:00Z"
    site.run_timer()

    prompt = foot(site.get(site.post("The ferry")))

    assert not prompt.all("form", method="get")
    assert [link["href"].partition("?")[0] for link in prompt.all("a")] == [f"{service.address}/give"]


def test_ticker_is_shown_only_while_the_service_answers(site: WordPress, service: Service) -> None:
    service.files["article-foot"]["ticker"] = {"words": "£1,200 of £5,000, counted at 14:05", "percent": 24}
    address = site.post("The ferry")
    site.run_timer()

    fresh = foot(site.get(address)).text
    service.stop()
    site.run_timer()
    stale = foot(site.get(address)).text

    assert "£1,200 of £5,000" in fresh
    assert "£1,200" not in stale
    assert "Make a donation to The Weekly Lamp" in stale


def test_optional_script_is_pinned_and_wraps_the_same_form(site: WordPress, service: Service) -> None:
    address = site.post("The ferry", tags="River", issue="2822")
    site.change(script=True)

    page = site.get(address)

    prompt, script = foot(page), Reader(page).all("script", type="module")
    named = service.files["article-foot"]["script"]
    assert [(each["src"], each["integrity"], each["crossorigin"]) for each in script] == [
        (named["src"], named["integrity"], "anonymous")
    ]
    assert "async" in script[0]
    element = prompt.all("supporter-prompt")[0]
    assert element["data-tags"] == '["river"]'
    assert element["data-path"] == "/the-ferry/"
    assert element["data-file"] == f"{service.address}/p/v1/article-foot.json"
    assert prompt.all("form", method="get")
    assert f"{service.address}/sign-in" in {each["href"] for each in prompt.all("a")}


def test_post_of_several_pages_asks_under_the_last(site: WordPress) -> None:
    address = site.post("Long read", "<p>First half.</p><!--nextpage--><p>Second half.</p>")

    assert not feet(site.get(address))
    assert hidden(foot(site.get(f"{address}2/")))["article"] == address


def test_nothing_is_sent_elsewhere_and_no_cookie_is_set(site: WordPress, service: Service) -> None:
    address = site.post("The ferry")
    site.run_timer()
    answer = httpx.get(address)
    site.get(f"{site.home}/feed/")

    assert "set-cookie" not in answer.headers
    assert site.hosts_asked() == {f"127.0.0.1:{service.port}"}
