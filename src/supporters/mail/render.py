"""A letter out of its templates: one-line subject, text, HTML with its styles inline, and the message around them."""

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage

import css_inline
import msgspec

from supporters.kit.templates import Templates
from supporters.kit.text import clean_line
from supporters.mail.headers import LETTER_POLICY
from supporters.mail.models import Letter, Stream
from supporters.settings import Settings

SUBJECT_CHARS = 150
HTML_BYTES = 60 * 1024  # Gmail cuts letters off at 102 KB; ours need a tenth


class LetterTooLong(ValueError):
    """A letter's HTML has more than 60 KB: its template or its values are wrong."""


class RenderedLetter(msgspec.Struct, frozen=True):
    """What a reader will see."""

    subject: str
    text: str
    html: str


# Nothing is fetched while rendering, and media queries (dark mode, narrow screens) stay in the head.
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_link_tags=False)


def render_letter(templates: Templates, letter: Letter) -> RenderedLetter:
    """The letter as it will be read. Raises UndefinedError when its context lacks something, LetterTooLong."""
    folder = f"mail/{letter.kind}"
    subject = clean_line(templates.render(f"{folder}/subject.txt", **letter.context), limit=SUBJECT_CHARS)
    text = templates.render(f"{folder}/body.txt", **letter.context).strip() + "\n"
    html = _INLINER.inline(templates.render(f"{folder}/body.html", subject=subject, **letter.context))
    if len(html.encode()) > HTML_BYTES:
        raise LetterTooLong(f"letter {letter.kind} has {len(html.encode())} bytes of HTML")
    return RenderedLetter(subject, text, html)


def compose(
    letter: Letter,
    rendered: RenderedLetter,
    settings: Settings,
    *,
    now: datetime,
    unsubscribe_url: str | None = None,
    list_id: str | None = None,
) -> EmailMessage:
    """The message that goes out; `list_id` is the whole header. Only the e-mail package writes headers: a line break in a
    value is an error, not a header.
    """
    message = EmailMessage(policy=LETTER_POLICY)
    message["Subject"] = rendered.subject
    message["From"] = Address(_name(settings.publisher_name), addr_spec=settings.mail_from)
    message["To"] = Address(addr_spec=letter.recipient)
    message["Reply-To"] = Address(
        _name(settings.contact_name), addr_spec=settings.mail_reply_to or settings.contact_email
    )
    message["Date"] = now
    message["Message-ID"] = letter.message_id
    message["Auto-Submitted"] = "auto-generated"
    if letter.stream == Stream.MARKETING:
        if unsubscribe_url is None:
            raise ValueError("a marketing letter needs its unsubscribe link")
        message["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        if list_id is not None:
            message["List-Id"] = list_id
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    return message


def _name(text: str) -> str:
    return clean_line(text, limit=100)
