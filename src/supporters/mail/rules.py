"""What may be said in a letter, which mailbox it ends in, and when it is tried again. Pure."""

import re
from datetime import timedelta

NAME_CHARS = 60
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=4)
DOTLESS = frozenset({"gmail.com", "googlemail.com"})  # mailboxes that ignore dots in their name
GIVE_UP_AFTER = timedelta(days=3)  # mail servers give up after days too: RFC 5321 asks for four to five

# A name is the one thing in our letters that a stranger chooses, so spammers write advertisements into it.
_SPAM = re.compile(
    r"""
      ://                                # an address with its scheme
    | \bwww\b                            # or without
    | [@/\\<>{}\[\]|=%$€£¥*#_~^;:!?]     # no name has these
    | [\w-]\s*[.。．｡‧․]\s*[^\W\d_]{2,}   # evil.com, "evil . com"; initials such as J.R. stay
    | \d{3}                              # telephone numbers, amounts
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Only before a space: in "t.co" the t is no initial.
_INITIALS = re.compile(r"(?:\b[^\W\d_]\.)+(?=\s|$)")
_TITLES = re.compile(
    r"\b(?:Mr|Mrs|Ms|Mx|Dr|Prof|Rev|Sr|Jr|St|Fr|Hr|Mme|Mlle|Ing|Dipl|Lt|Col|Gen|Hon)\.(?=\s|$)", re.IGNORECASE
)


def echoable_name(name: str) -> str | None:
    """The name if it can stand in a letter; None when it may carry an address, a number or a message."""
    text = " ".join(name.split())
    if not text or len(text) > NAME_CHARS or len(text.split()) > 6:
        return None
    bare = _INITIALS.sub(" ", _TITLES.sub(" ", text))
    return None if _SPAM.search(bare) else text


def mailbox_of(address: str) -> str:
    """The mailbox that an address most likely ends in, so that tags and dots open no second door. For limits only."""
    local, _, domain = address.strip().casefold().rpartition("@")
    plain = local.partition("+")[0] or local
    if domain in DOTLESS:
        plain = plain.replace(".", "")
    return f"{plain}@{domain}"


def retry_after(attempts: int) -> timedelta:
    """How long a letter waits after its `attempts`-th failed try: a minute, then twice as long, up to four hours."""
    return min(FIRST_RETRY * 2 ** min(max(attempts - 1, 0), 20), LONGEST_RETRY)
