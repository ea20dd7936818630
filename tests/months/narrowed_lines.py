"""What the page of a payout with one donation says of its lines, narrowed by the address, on the page and as files."""

import httpx

from whole import words


async def its_lines_are_narrowed_by_the_address(desk: httpx.AsyncClient, page: str) -> None:
    once, refunds, wrong = [await desk.get(f"{page}?kind={kind}") for kind in ("once", "refund", "nonsense")]
    assert "1 line of 1 fits, the earliest first. The proof above is of all of them." in words(once.text)
    assert "Ben Osei" in words(once.text)
    assert "Sum of those that fit £25.00 −£0.58 £24.42" in words(once.text)
    assert "No line of this payout fits." in words(refunds.text)
    assert "Difference £0.00" in words(refunds.text)
    assert (await desk.get(f"{page}?kind=%E2%80%AE&fund=%00")).status_code == 200
    assert (wrong.status_code, "There is no such kind of line." in words(wrong.text)) == (422, True)
    assert [(await desk.get(f"{page}/lines.{form}?fund=none")).status_code for form in ("csv", "json")] == [400, 400]
    file, told = (await desk.get(f"{page}/lines.json?kind=once")).json(), (await desk.get(f"{page}/lines.csv")).text
    assert (file["filter"], file["sum"]["net_minor"], file["payout"]["standing"]) == ({"kind": "once"}, 2442, "proved")
    assert [(line["name"], line["fee_minor"]) for line in file["lines"]] == [("Ben Osei", -58)]
    assert (await desk.get(f"{page}/lines.json?kind=refund")).json()["lines"] == []
    assert '"One-off donations","Payment","One-off"' in told
