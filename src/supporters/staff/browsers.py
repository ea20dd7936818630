"""Which browser a session is: its family and system, in the names that people know. Pure."""

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
LONGEST_READ = 400


def family_of(user_agent: str) -> str:
    """Family and system, such as "Firefox, Linux"; empty where neither is known. Nothing of the text itself is kept."""
    text = user_agent[:LONGEST_READ]
    return ", ".join(name for name in (_first(text, BROWSERS), _first(text, SYSTEMS)) if name)


def _first(text: str, known: tuple[tuple[str, str], ...]) -> str:
    return next((name for mark, name in known if mark in text), "")
