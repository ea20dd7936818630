"""The forms of the snippet as staff copy them: ready text, made from what is published."""

from html import escape
from typing import Any

import msgspec

from supporters.kit.strings import gettext as _
from supporters.settings import Settings


class Snippet(msgspec.Struct, frozen=True):
    """One thing to copy: where it goes, and the text itself."""

    key: str
    title: str
    about: str
    text: str


def snippets_of(file: dict[str, Any], page: str, *, settings: Settings) -> list[Snippet]:
    """Every form for one placement, the simplest first. `file` is the published file, `page` its HTML."""
    code, base = str(file["placement"]), settings.base_url
    script = file["script"]
    tag = (
        f'<script type="module" async src="{script["src"]}"\n'
        f'  integrity="{script["integrity"]}" crossorigin="anonymous"></script>'
    )
    jinja_about = _("Once in the article’s template. New words follow by themselves.")
    return [
        Snippet(
            "link", _("Link"), _("Safe anywhere: pages, newsletters, feeds. Its words stay as copied."), _link(file)
        ),
        Snippet("form", _("Form without script"), _("The whole block. Its words stay as copied."), page),
        Snippet("jinja", _("Template for Jinja"), jinja_about, jinja(code)),
        *how_tos(code, base),
        Snippet(
            "written",
            _("Pages that are already written"),
            _("For sites of plain HTML: two marks in each page, and a command that a timer runs every minute."),
            written(code, base),
        ),
        Snippet(
            "component",
            _("Block with a coat of its own"),
            _("Any of the above, and this once on the page: tiles, “Not now”, fresh words. Optional; 2.5 kB."),
            tag,
        ),
        Snippet(
            "style",
            _("Lines for your stylesheet"),
            _("They keep the height of the block free, so that nothing moves, and set its colours."),
            style(file),
        ),
        Snippet(
            "policy",
            _("If your site has a content security policy"),
            _("Add these sources. The first is all that the forms need."),
            policy(base),
        ),
        Snippet(
            "wordpress",
            "WordPress",
            _(
                "Install the plugin of examples/wordpress. It puts the block at the end of articles, or where this stands."
            ),
            "[supporters]",
        ),
    ]


def _link(file: dict[str, Any]) -> str:
    text = f'<p><a href="{escape(file["link"])}?placement={file["placement"]}&amp;source=link">{escape(file["heading"])}</a>.'
    news = file["newsletter"]
    if news:
        text += f'\n   <a href="{escape(news["action"])}?list={escape(news["slug"])}">{escape(news["words"])}</a>.'
    return text + "</p>"


def jinja(code: str) -> str:
    """The lines in a template."""
    macro = "issue_block" if code == "issue-page" else "article_foot"
    return (
        f'{{% from "supporters/snippet.html" import {macro}, prompt_script %}}\n'
        f"{{{{ {macro}(prompt, article=page_address, issue=issue_number, tags=tags, no_ask=no_ask) }}}}\n"
        "{{ prompt_script(prompt) }}   {# optional #}"
    )


def how_tos(code: str, base: str) -> list[Snippet]:
    """How a site of each kind gets the words: lines that a test runs as they stand here."""
    about = _("Five lines. The last good words stay when the donation service is down.")
    name = code.replace("-", "_")
    fetch = f'fetch("{base}", "{code}", cache="cache/{name}.json", site="paper.example")'
    start = "from supporters.snippet import TEMPLATES as SNIPPET, fetch"
    lines = {
        "Pelican": f"# pelicanconf.py\n{start}\nTHEME_TEMPLATES_OVERRIDES = [SNIPPET]\n"
        f"JINJA_GLOBALS = {{'prompt': {fetch}}}",
        "Flask": f"{start}\nfrom jinja2 import ChoiceLoader, FileSystemLoader\n"
        "app.jinja_loader = ChoiceLoader([app.jinja_loader, FileSystemLoader(SNIPPET)])\n"
        f"app.context_processor(lambda: {{'prompt': {fetch}}})",
        "Litestar": f"{start}\n# where the application is made\n"
        "template_config = TemplateConfig(directory=['templates', SNIPPET], engine=JinjaTemplateEngine)\n"
        f"# in the handler, off the event loop\nprompt = await asyncio.to_thread(lambda: {fetch})",
        "Django (Jinja)": "# settings.py, where TEMPLATES[0] is django.template.backends.jinja2.Jinja2\n"
        "from supporters.snippet import TEMPLATES as SNIPPET\nTEMPLATES[0]['DIRS'].append(SNIPPET)\n"
        f"# in the view\nfrom supporters.snippet import fetch\ncontext['prompt'] = {fetch}",
    }
    return [Snippet(f"how-{at}", name, about, text) for at, (name, text) in enumerate(lines.items())]


def written(code: str, base: str) -> str:
    """The marks, and the command."""
    return (
        f'<!-- supporters:{code} issue="2822" tags="work, river" --><!-- /supporters -->\n\n'
        f"python -m supporters.snippet refresh {base} public --site paper.example"
    )


def style(file: dict[str, Any]) -> str:
    """The rules for the host's stylesheet, for a page with the script and for one without it."""
    form, other = "supporter-prompt form", "form:not(:has([value=other]:checked)) [data-other]"
    unchosen = f"{form}:not(:has([name=frequency]:checked)) [data-ladder=once]"
    chosen = [
        f"{form}:has([name=frequency][value={each}]:checked) [data-ladder={each}]"
        for each in ("once", "monthly", "yearly")
    ]
    return (
        "supporter-prompt { display: flow-root; min-block-size: 54em; }\n"
        "@media (max-width: 27em) { supporter-prompt { min-block-size: 60em; } }\n"
        "@media (max-width: 22em) { supporter-prompt { min-block-size: 67em; } }\n"
        "@media (min-width: 48em) { supporter-prompt { min-block-size: 46em; } }\n"
        f"supporter-prompt [data-ladder], supporter-prompt {other}, "
        "supporter-prompt [data-error]:empty { display: none; }\n"
        + ",\n".join([unchosen, *chosen])
        + " { display: block; }\n"
        "@media print { supporter-prompt { min-block-size: 0; } supporter-prompt > :not([data-print]) { display: none; } "
        "supporter-prompt > [data-print] { display: block; } }\n"
        f"supporter-prompt {{ --prompt-brand: {file['colors']['brand']}; --prompt-on-brand: {file['colors']['on_brand']}; }}\n"
        "/* also: --prompt-surface --prompt-rule --prompt-radius --prompt-gap, ::part(box) ::part(heading) ::part(button) */"
    )


def policy(base: str) -> str:
    """What a content security policy must name."""
    return f"form-action {base};\nscript-src {base}/p/v1/;\nconnect-src {base}/p/v1/;"
