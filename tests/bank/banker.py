"""The hands that bring statements to the whole product, as finance does."""

import re

import httpx

from sealed import seal_of
from statements import Line, write
from whole import Whole, hidden_fields, words

NUMBER = "GB29NWBK60161331926819"


class Banker:
    """A member of staff who does the books, with one account."""

    def __init__(self, site: Whole, desk: httpx.AsyncClient, path: str) -> None:
        self.site, self.desk, self.path = site, desk, path

    async def seal(self) -> dict[str, str]:
        return await seal_of(self.desk)

    async def add(self, **form: str) -> httpx.Response:
        return await self.desk.post("/desk/bank", data={**await self.seal(), "currency": "GBP", **form})

    async def upload(self, content: bytes, name: str = "statement") -> httpx.Response:
        return await self.desk.post(f"{self.path}/files", data=await self.seal(), files={"file": (name, content)})

    async def bring(self, form: str, lines: list[Line], *, opening: int = 0, account: str = NUMBER) -> str:
        """A file whose check waits; returns its address."""
        uploaded = await self.upload(write(form, lines, opening=opening, account=account), f"november.{form}")
        assert uploaded.status_code == 303, words(uploaded.text)
        path = uploaded.headers["location"]
        page = await self.desk.get(path)
        if page.status_code == 303:
            columns = page.headers["location"]
            sent = await self.desk.post(columns, data=chosen((await self.desk.get(columns)).text))
            assert sent.status_code == 303, words(sent.text)
        return path

    async def take(self, path: str, **more: str) -> str:
        """The words of the page when the file is taken."""
        form = hidden_fields((await self.desk.get(path)).text)
        taken = await self.desk.post(f"{path}/take", data={**form, **more})
        assert taken.status_code == 303, words(taken.text)
        return words((await self.desk.get(taken.headers["location"])).text)


def chosen(page: str) -> dict[str, str]:
    """The form of the columns as it stands: what is selected."""
    form = page.partition("/columns")[2].partition("</form>")[0]
    found = {"seal": hidden_fields(page)["seal"]}
    for name, options in re.findall(r'<select[^>]* name="(\w+)".*?>(.*?)</select>', form, re.DOTALL):
        value = re.search(r'<option value="([^"]*)" selected>', options)
        found[name] = value[1] if value else ""
    if 'name="negated" value="yes" checked' in form:
        found["negated"] = "yes"
    return found


def figures(page: str) -> dict[str, str]:
    """The figures of a page's row of sums, by what they are called."""
    stats = page.partition('<dl class="stats">')[2].partition("</dl>")[0]
    return dict(re.findall(r"<dt>([^<]+)</dt>\s*<dd>\s*([^<]+?)\s*</dd>", stats))
