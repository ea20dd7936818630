"""The plugin in a real WordPress, as administrators and editors use it; and what is left when it goes."""

import re

import httpx
import pytest
from reading import Reader, feet, foot
from service import Service
from wordpress import WordPress

SETTINGS = "supporters_prompt_settings"
UNSENT = {"checkbox", "submit"}
CLASSIC = "<?php add_filter('use_block_editor_for_post', '__return_false');"
UNINSTALL = """
deactivate_plugins('supporters-prompt/supporters-prompt.php');
uninstall_plugin('supporters-prompt/supporters-prompt.php');
return 1;
"""
MAKE_EDITOR = """
wp_delete_user((int) username_exists('eli'));
wp_insert_user(['user_login' => 'eli', 'user_pass' => 'eli', 'role' => 'editor']);
return 1;
"""
TRACES = """
global $wpdb;
return [
  'options' => $wpdb->get_col("SELECT option_name FROM $wpdb->options WHERE option_name LIKE '%supporter%'"),
  'meta' => $wpdb->get_col("SELECT meta_key FROM $wpdb->postmeta WHERE meta_key LIKE '%supporter%'"),
  'timer' => array_filter(_get_cron_array(), fn($jobs) => isset($jobs['supporters_prompt_pull'])),
];
"""


def save(client: httpx.Client, site: WordPress, **changes: str | list[str] | None) -> str:
    """What the settings page says after these fields were changed (None leaves a field out)."""
    page = client.get(f"{site.home}/wp-admin/options-general.php?page=supporters-prompt")
    form = Reader(page.text)
    data = {
        each["name"]: each.get("value", "")
        for each in form.all("input")
        if "name" in each and each.get("type") not in UNSENT
    }
    data |= {each["name"]: each["value"] for each in form.all("input", type="checkbox") if "checked" in each}
    for name, value in changes.items():
        key = name if name.startswith("_") else f"{SETTINGS}[{name}]"
        data.pop(key, None)
        if value is not None:
            data[key] = value
    return client.post(f"{site.home}/wp-admin/options.php", data=data).text


def stored(site: WordPress) -> dict[str, object]:
    return dict(site.eval(f"return get_option('{SETTINGS}');"))


def test_settings_page_saves_and_says_which_version_is_shown(site: WordPress, service: Service) -> None:
    service.files["issue-page"]["version"] = 41
    with site.sign_in() as client:
        said = save(client, site, placement="issue-page", issue_key="print_issue", script="1")

    assert "Posts show version 41." in said
    assert {path for path, _, _ in service.requests} == {"/p/v1/issue-page.json"}
    assert stored(site) == {
        "service": service.address,
        "placement": "issue-page",
        "post_types": ["post"],
        "issue_key": "print_issue",
        "script": True,
        "off": False,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("service", "http://give.lamp.example"),
        ("service", "javascript:alert(1)"),
        ("service", "https://user:pass@give.lamp.example"),
        ("service", 'https://give.lamp.example/"><script>alert(1)</script>'),
        ("service", "https://give.lamp.example/?next=1"),
        ("service", "give.lamp.example"),
        ("placement", "Article Foot"),
        ("placement", "../secret"),
        ("issue_key", "a b'; DROP"),
    ],
)
def test_setting_that_cannot_be_used_is_refused_with_words(site: WordPress, field: str, value: str) -> None:
    before = stored(site)
    with site.sign_in() as client:
        said = save(client, site, **{field: value})

    assert "was not changed" in said
    assert "<script>alert" not in said
    assert stored(site)[field] == before.get(field)


@pytest.mark.parametrize("address", ["https://give.lamp.example", "https://give.lamp.example:8443/supporters/"])
def test_service_on_https_is_taken_without_its_last_slash(site: WordPress, address: str) -> None:
    assert site.eval("return Supporters\\Prompt\\clean_service($address);", address=address) == address.rstrip("/")


def test_settings_need_their_nonce_and_an_administrator(site: WordPress) -> None:
    before = stored(site)
    site.eval(MAKE_EDITOR)

    with site.sign_in() as client:
        save(client, site, _wpnonce="forged", off="1")
    with site.sign_in("eli", "eli") as editor:
        refused = editor.get(f"{site.home}/wp-admin/options-general.php?page=supporters-prompt")

    assert refused.status_code == 403
    assert stored(site) == before


def test_switched_off_shows_nothing_and_asks_nothing(site: WordPress, service: Service) -> None:
    address = site.post("The ferry")
    block = site.post("Block", "<!-- wp:supporters/prompt /-->")
    with site.sign_in() as client:
        save(client, site, off="1")
    service.requests.clear()

    pages = [site.get(address), site.get(block), site.get(f"{site.home}/feed/")]
    httpx.get(f"{site.home}/wp-cron.php", timeout=20)

    assert not [page for page in pages if "supporters-foot" in page or "Make a donation" in page]
    assert service.requests == []
    assert site.eval("return wp_next_scheduled('supporters_prompt_pull');") is False


def test_words_of_another_service_are_forgotten(site: WordPress, service: Service) -> None:
    address = site.post("The ferry")
    with site.sign_in() as client:
        save(client, site, service="http://127.0.0.1:9")  # nobody listens there

    prompt = foot(site.get(address))

    assert not prompt.all("form")
    assert [link["href"].startswith("http://127.0.0.1:9/give?") for link in prompt.all("a")] == [True]
    assert str(service.port) not in prompt.all("a")[0]["href"]


def test_post_types_that_are_ticked_get_the_foot(site: WordPress) -> None:
    page = site.post("About", kind="page")
    post = site.post("The ferry")
    with site.sign_in() as client:
        save(client, site, **{"post_types][": ["page", "wp_block", "nonsense"]})

    assert foot(site.get(page))
    assert not feet(site.get(post))
    assert stored(site)["post_types"] == ["page"]


def mark(client: httpx.Client, site: WordPress, number: int, *, off: bool, nonce: str | None = None) -> None:
    """Saves the classic editor's form of a post with the box ticked or not."""
    classic = site.root / "wp-content" / "mu-plugins" / "classic.php"
    classic.write_text(CLASSIC)
    try:
        page = client.get(f"{site.home}/wp-admin/post.php?post={number}&action=edit").text
        form = Reader(page.partition('<form name="post"')[2].partition("</form>")[0])
        data = {each["name"]: each.get("value", "") for each in form.all("input", type="hidden") if "name" in each}
        data |= {"post_title": "The ferry", "content": "Words", "save": "Update"}
        data.update({"_supporters_prompt_off": "1"} if off else {})
        data.update({"supporters_prompt_mark": nonce} if nonce is not None else {})
        assert "No donation prompt on this post" in page
        client.post(f"{site.home}/wp-admin/post.php", data=data)
    finally:
        classic.unlink()


def test_box_of_the_classic_editor_takes_the_prompt_from_one_post_and_gives_it_back(site: WordPress) -> None:
    address, other = site.post("The ferry"), site.post("Another")
    with site.sign_in() as client:
        mark(client, site, site.id_of(address), off=True, nonce="forged")
        forged = feet(site.get(address))
        mark(client, site, site.id_of(address), off=True)
        marked = feet(site.get(address))
        feed = site.get(f"{site.home}/feed/")
        beside = feet(site.get(other))
        mark(client, site, site.id_of(address), off=False)

    assert len(forged) == 1
    assert not marked
    assert feed.count("Make a donation") == 1
    assert len(beside) == 1
    assert len(feet(site.get(address))) == 1


def test_mark_may_be_set_over_rest_by_who_may_edit_the_post_only(site: WordPress) -> None:
    address = site.post("The ferry")
    number = site.id_of(address)
    endpoint, change = f"{site.home}/wp-json/wp/v2/posts/{number}", {"meta": {"_supporters_prompt_off": True}}

    stranger = httpx.post(endpoint, json=change)
    with site.sign_in() as client:
        page = client.get(f"{site.home}/wp-admin/post.php?post={number}&action=edit").text
        nonce = re.search(r'createNonceMiddleware\( "(\w+)" \)', page)
        assert nonce
        editor = client.post(endpoint, json=change, headers={"X-WP-Nonce": nonce[1]})

    assert stranger.status_code == 401
    assert editor.json()["meta"]["_supporters_prompt_off"] is True
    assert not feet(site.get(address))


def test_deactivation_leaves_nothing_behind_but_what_people_decided(site: WordPress, service: Service) -> None:
    address = site.post("The ferry", _supporters_prompt_off="1")
    site.run_timer()
    site.eval("deactivate_plugins('supporters-prompt/supporters-prompt.php'); return 1;")
    service.requests.clear()

    page = site.get(address)
    httpx.get(f"{site.home}/wp-cron.php", timeout=20)
    traces = site.eval(TRACES)

    assert not feet(page)
    assert "supporters-prompt/" not in page
    assert service.requests == []
    assert traces == {"options": [SETTINGS], "meta": ["_supporters_prompt_off"], "timer": []}


def test_deleting_the_plugin_leaves_nothing_at_all(site: WordPress) -> None:
    site.post("The ferry", _supporters_prompt_off="1")
    site.run_timer()
    site.eval(UNINSTALL)

    traces = site.eval(TRACES)

    assert traces == {"options": [], "meta": [], "timer": []}
