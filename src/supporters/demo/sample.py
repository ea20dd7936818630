"""The sample paper and its readers: plain values. Nobody here exists."""

from datetime import date
from typing import NamedTuple

from supporters.newsletters.lists import ListForm

PUBLISHER = "The Weekly Lamp"
STAFF_EMAIL = "dana@weeklylamp.example"
STAFF_NAME = "Dana Whitlow"
STAFF_PASSWORD = "lamps-on-the-river"  # noqa: S105 - printed by the demo, opens nothing else
OTHER_STAFF = (
    ("eli@weeklylamp.example", "Eli Moss", "editor"),
    ("sam@weeklylamp.example", "Sam Okafor", "support"),
    ("noor@weeklylamp.example", "Noor Adeyemi", "finance"),
)

BANK = "Unity Trust"
BANK_NUMBERS = "Sort code 00-00-00\nAccount number 61121204\nFrom abroad: GB07 LAMP 0000 0061 1212 04"

PAPER = {
    "SUPPORTERS_PUBLISHER_NAME": PUBLISHER,
    "SUPPORTERS_LEGAL_NAME": "The Weekly Lamp Ltd",
    "SUPPORTERS_POSTAL_ADDRESS": "12 Tanner’s Row, Eastmere EM1 4LP",
    "SUPPORTERS_CONTACT_NAME": "Nora Hale, editor",
    "SUPPORTERS_CONTACT_EMAIL": "help@weeklylamp.example",
    "SUPPORTERS_MAIL_FROM": "receipts@give.weeklylamp.example",
    "SUPPORTERS_NEWSLETTER_NAME": "Morning Light",
    "SUPPORTERS_NEWSLETTER_WORDING": "Send me Morning Light, your daily email. I can stop with one click.",
    "SUPPORTERS_SECOND_FACTOR": "optional",
    "SUPPORTERS_PAYMENT_METHODS": "card, bacs_debit",
}


class Article(NamedTuple):
    """An article that donations came from."""

    path: str
    issue: str


FERRY = Article("/the-crew-that-keeps-the-river-open.html", "2822")
RENT = Article("/the-landlord-who-owns-the-street-lamps.html", "2821")
BAKERS = Article("/night-shift-at-the-bread-works.html", "2821")
SCHOOLS = Article("/four-classrooms-one-radiator.html", "2820")
LETTERS = Article("/letters-the-allotment-the-fence-and-the-frost.html", "2819")
TIDES = Article("/tide-tables-written-by-hand.html", "2822")  # on the plain site
ARTICLES = (FERRY, RENT, BAKERS, FERRY, SCHOOLS, FERRY, LETTERS)
SOURCES = ("article", "article", "article", "newsletter", "print")
ISSUES = (
    ("2819", date(2026, 10, 28), "The allotment, the fence and the frost"),
    ("2820", date(2026, 11, 4), "Four classrooms, one radiator"),
    ("2821", date(2026, 11, 11), "The landlord who owns the street lamps"),
    ("2822", date(2026, 11, 18), "The crew that keeps the river open"),
)


class AppealWords(NamedTuple):
    """What an appeal of the sample paper says."""

    slug: str
    name: str
    fund: str
    heading: str
    ask: str
    message: str
    thanks: str
    goal_minor: int | None = None
    if_more: str = ""
    sources: tuple[tuple[str, str], ...] = ()
    picture: str = ""  # a file of the demo's, shown where a link to the appeal is shared
    picture_alt: str = ""


GENERAL_NAME = "Every issue"
GENERAL_ASK = (
    "No owner and no advertisers stand behind this paper. Readers pay for every issue, including the one that you have "
    "just read. If it was worth something to you, help fund the next."
)
WARM_ROOMS = AppealWords(
    slug="warm-rooms",
    name="Warm rooms, winter",
    fund="Reporting on schools",
    heading="Three months on the county’s cold schools",
    ask="A reporter for three months, to ask in every school of the county how warm it is, and to print every answer.",
    message="Our reporter has read the letters of one school. There are forty-four. Three months of work cost £1,800, "
    "travel included; the answers will be printed in full.",
    thanks="It pays for the road to the next school, and for the time to listen there.",
    goal_minor=180_000,
    if_more="If more comes in, we go to the libraries next. If less, we begin with the twelve oldest schools.",
    sources=(("£1,800", "Agreement with the reporter, 2 November 2026"),),
    picture="warm-rooms.png",
    picture_alt="Drawing: three pupils in hats at their desks, snow at the window, 9 °C on the board.",
)
FERRY_LAMP = AppealWords(
    slug="ferry-lamp",
    name="A week on the ferry",
    fund="Reporting on the river",
    heading="A week on the Harrow ferry",
    ask="Help us to spend a week with the crew that has not missed a morning.",
    message="One reporter and one illustrator, seven mornings on the Harrow crossing.",
    thanks="The story is in issue 2822.",
)
INTERNS = AppealWords(
    slug="first-desk",
    name="First desk (draft)",
    fund="Training",
    heading="A first desk for a young reporter",
    ask="Help to pay a young reporter for a year, in full.",
    message="Whoever learns here is paid here. This appeal waits for the accounts.",
    thanks="It pays for a desk, a chair and the person at it.",
)
DAILY = ListForm(
    slug="daily",
    name="Morning Light",
    how_often="Every day",
    sender_name=PUBLISHER,
    wording="Five stories at 7 each morning. You can stop with one click.",
)
WEEKLY = ListForm(
    slug="river",
    name="The River Letter",
    how_often="Every Friday",
    sender_name=PUBLISHER,
    wording="What happens along the river, once a week. You can stop with one click.",
)
READERS = tuple(f"{name}@example.org" for name in ("lena.moor", "tom.abel", "ruth.okoro", "igor.vance", "may.collier"))
REMINDED = ("ann.teller@example.org", "bo.winters@example.org")

NAMES = (
    "Ada Brook", "Ben Osei", "Cleo Martín", "Ravi Nair", "Rosa Larkin", "Tomás O’Dell", "Mei-Ling Zhou", "Jo Smith",
    "Agnieszka Wójcik", "Yusuf Demir", "Hannah Price", "Samira Haddad", "Pádraig Flynn", "Ingrid Aas", "Luca Ferri",
    "Nomvula Dube", "Oskar Lind", "Farah Aziz", "Gwen Pritchard", "Kofi Mensah", "Marta Sousa", "Dev Patel",
    "Ellen Ward", "ليلى حداد", "Bartholomew Featherstonehaugh-Cholmondeley", "Zoë Marsh",
)  # fmt: skip
AMOUNTS = (1000, 500, 2500, 1000, 5000, 2500, 500, 1000, 1500, 2500, 12000, 1000, 750, 5000)
DAYS = 20
DONATIONS = 46


class Regular(NamedTuple):
    """A reader who gives every month or year: begun so many months and days ago, and what came later, by days ago."""

    name: str
    frequency: str
    minor: int
    months: int
    days: int
    hours: int = 3
    method: str = "card"
    later: tuple[tuple[int, str], ...] = ()


WHY = "I am moving to the coast and will miss the paper."
SUPPORTER = "Ada Brook"  # whose own pages the demo points to
REGULARS = (
    Regular(SUPPORTER, "monthly", 1000, 4, 9),
    Regular("Ingrid Aas", "monthly", 500, 4, 2, hours=7, later=((50, "gives more, by telephone"),)),
    Regular("Ellen Ward", "yearly", 6000, 5, 9, hours=5),
    Regular("Oskar Lind", "monthly", 500, 3, 12, later=((80, "card refused"),)),
    Regular("Luca Ferri", "monthly", 1500, 3, 4, hours=9, method="debit"),
    Regular("Nomvula Dube", "monthly", 1000, 2, 3, later=((12, "card refused"),)),
    Regular("Farah Aziz", "monthly", 2000, 2, 20, hours=8, later=((30, "stops"),)),
    Regular("Marta Sousa", "monthly", 750, 2, 14, later=((10, "pauses"),)),
    Regular("Dev Patel", "monthly", 2500, 1, 6, hours=2, later=((4, "bank asks it back"),)),
    Regular("Gwen Pritchard", "monthly", 1000, 1, 11, later=((6, "stops"),)),
    Regular("Zoë Marsh", "yearly", 12000, 2, 0, hours=11),
    Regular("Samira Haddad", "monthly", 500, 1, 8, hours=6, later=((7, "refund"),)),
    Regular("Cleo Martín", "monthly", 1800, 3, 24, hours=4),
    Regular("Yusuf Demir", "monthly", 4000, 2, 27, hours=6),
    Regular("Pádraig Flynn", "monthly", 1000, 0, 12, later=((2, "bank warns of fraud"),)),
    Regular("Rosa Larkin", "monthly", 1000, 0, 2, method="debit"),
    Regular("Hannah Price", "monthly", 3000, 0, 0, hours=5),
)


def address_of(name: str, number: int) -> str:
    """A made-up address for a sample reader."""
    words = ("".join(char for char in word if char.isascii() and char.isalpha()) for word in name.lower().split())
    return f"{'.'.join(word for word in words if word) or f'reader{number}'}@example.org"
