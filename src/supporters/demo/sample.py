"""The sample paper and its readers: plain values. Nobody here exists."""

from typing import NamedTuple

PUBLISHER = "The Weekly Lamp"
STAFF_EMAIL = "dana@weeklylamp.example"
STAFF_NAME = "Dana Whitlow"
STAFF_PASSWORD = "lamps-on-the-river"  # noqa: S105 - printed by the demo, opens nothing else
OTHER_STAFF = (("eli@weeklylamp.example", "Eli Moss", "editor"), ("sam@weeklylamp.example", "Sam Okafor", "support"))

PAPER = {
    "SUPPORTERS_PUBLISHER_NAME": PUBLISHER,
    "SUPPORTERS_LEGAL_NAME": "The Weekly Lamp Ltd",
    "SUPPORTERS_POSTAL_ADDRESS": "12 Tanner’s Row, Eastmere EM1 4LP",
    "SUPPORTERS_CONTACT_NAME": "Nora Hale, editor",
    "SUPPORTERS_CONTACT_EMAIL": "help@weeklylamp.example",
    "SUPPORTERS_MAIL_FROM": "receipts@give.weeklylamp.example",
    "SUPPORTERS_NEWSLETTER_NAME": "the daily email, Morning Light",
}


class Article(NamedTuple):
    """An article that donations came from."""

    path: str
    issue: str


FERRY = Article("/paper/the-crew-that-keeps-the-river-open", "2822")
RENT = Article("/paper/the-landlord-who-owns-the-street-lamps", "2821")
BAKERS = Article("/paper/night-shift-at-the-bread-works", "2821")
SCHOOLS = Article("/paper/four-classrooms-one-radiator", "2820")
ARTICLES = (FERRY, RENT, BAKERS, FERRY, SCHOOLS, FERRY)
SOURCES = ("article", "article", "article", "newsletter", "print")

NAMES = (
    "Ada Brook", "Ben Osei", "Cleo Martín", "Ravi Nair", "Rosa Larkin", "Tomás O’Dell", "Mei-Ling Zhou", "Jo Smith",
    "Agnieszka Wójcik", "Yusuf Demir", "Hannah Price", "Samira Haddad", "Pádraig Flynn", "Ingrid Aas", "Luca Ferri",
    "Nomvula Dube", "Oskar Lind", "Farah Aziz", "Gwen Pritchard", "Kofi Mensah", "Marta Sousa", "Dev Patel",
    "Ellen Ward", "ليلى حداد", "Bartholomew Featherstonehaugh-Cholmondeley", "Zoë Marsh",
)  # fmt: skip
AMOUNTS = (1000, 500, 2500, 1000, 5000, 2500, 500, 1000, 1500, 2500, 12000, 1000, 750, 5000)
DAYS = 20
DONATIONS = 46


def address_of(name: str, number: int) -> str:
    """A made-up address for a sample reader."""
    words = ("".join(char for char in word if char.isascii() and char.isalpha()) for word in name.lower().split())
    return f"{'.'.join(word for word in words if word) or f'reader{number}'}@example.org"
