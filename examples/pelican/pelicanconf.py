"""The Weekly Lamp, built with Pelican: `pelican content` makes the whole site in `output/`.

Change SITEURL and GIVE to your own addresses.
"""

from pathlib import Path

from supporters.snippet import TEMPLATES, fetch

HERE = Path(__file__).resolve().parent
GIVE = "https://give.weeklylamp.example"
CACHE = HERE / ".snippet"

SITENAME = "The Weekly Lamp"
SITEURL = "https://weeklylamp.example"
TIMEZONE = "Europe/London"
DEFAULT_LANG = "en-GB"
DEFAULT_DATE_FORMAT = "%-d %B %Y"
PATH = str(HERE / "content")
THEME = str(HERE / "theme")
STATIC_PATHS = ["images", "pdf"]

# The published words for the foot of an article and for the page of an issue: fresh, or the last good ones.
# Without any (the very first build, and no service yet) the pages are built without asking.
JINJA_GLOBALS = {
    "GIVE": GIVE,
    "article_prompt": fetch(GIVE, "article-foot", CACHE / "article-foot.json", site=SITEURL, max_age=0),
    "issue_prompt": fetch(GIVE, "issue-page", CACHE / "issue-page.json", site=SITEURL, max_age=0),
}
# Where {% from "supporters/snippet.html" import article_foot %} is found.
THEME_TEMPLATES_OVERRIDES = [TEMPLATES]

ARTICLE_PATHS = ["articles"]
PAGE_PATHS = ["pages"]
ARTICLE_URL = ARTICLE_SAVE_AS = "{slug}.html"
PAGE_URL = PAGE_SAVE_AS = "{slug}.html"
CATEGORY_URL = CATEGORY_SAVE_AS = "section-{slug}.html"
TAG_SAVE_AS = AUTHOR_SAVE_AS = ARCHIVES_SAVE_AS = TAGS_SAVE_AS = AUTHORS_SAVE_AS = ""
CATEGORIES_SAVE_AS = "sections.html"
DEFAULT_PAGINATION = False
DELETE_OUTPUT_DIRECTORY = True

# The service reads titles, tags and issue numbers of articles from this feed.
FEED_DOMAIN = SITEURL
FEED_ALL_RSS = "feed.xml"
FEED_ALL_ATOM = CATEGORY_FEED_ATOM = TRANSLATION_FEED_ATOM = AUTHOR_FEED_ATOM = AUTHOR_FEED_RSS = None
