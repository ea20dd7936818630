"""The words people read, and the catalogue that translators start from."""

from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from supporters.kit import strings
from supporters.kit.catalogue import ENGLISH, collect, message_ids


def test_english_catalogue_holds_every_string_of_code_and_templates() -> None:
    with ENGLISH.open("rb") as file:
        written = message_ids(read_po(file))

    assert written == message_ids(collect()), "run: python -m supporters.kit.catalogue"
    assert "Skip to the page" in written


def test_another_language_is_spoken_once_it_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cy.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Name"\nmsgstr "Enw"\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(strings, "LOCALES", tmp_path)

    strings.use_language("cy_GB")
    try:
        assert strings.gettext("Name") == "Enw"
        assert strings.gettext("Email") == "Email"
    finally:
        strings.use_language("en_GB")
    assert strings.gettext("Name") == "Name"
