"""The statement as a PDF, where it can be made, and not a word of it where it cannot."""

import pytest

from givers import Add, LetIn
from pages import Page
from supporters.web.site import statement
from whole import Whole

ADA = "ada.brook@example.org"


async def test_without_the_typesetter_nothing_offers_a_pdf(
    site: Whole, add: Add, let_in: LetIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statement, "has_pdf", lambda: False)
    await add(ADA)
    ada = await let_in(ADA)

    page = await ada.get("/me/statement/2026")

    assert [link for link in Page(page.text).links() if link.endswith(".pdf")] == []
    assert (await ada.get("/me/statement/2026.pdf")).status_code == 404


async def test_pdf_is_typeset_and_markup_in_a_name_stays_text(site: Whole, add: Add, let_in: LetIn) -> None:
    await add(ADA, name='#read("/etc/passwd") $x$ *Zoë*')
    ada = await let_in(ADA)

    answer = await ada.get("/me/statement/2026.pdf")

    assert "/me/statement/2026.pdf" in Page((await ada.get("/me/statement/2026")).text).links()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["content-disposition"] == 'attachment; filename="statement-2026.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    assert (await ada.get("/me/statement/2026.exe")).status_code == 404
