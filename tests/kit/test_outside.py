"""The way to other machines: never into our own network, never further than asked, never for ever."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest

from supporters.kit.outside import LARGEST_REPLY, Outside, OutsideError, PrivateAddress, Resolve, is_public

PUBLIC = "93.184.216.34"
PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:c0a8:101::1",
]  # fmt: skip
# Ways to write an address of this machine that a resolver understands and a reader of names may not.
DISGUISED = [
    "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
    "http://0x7f.1/", "http://0/", "http://localhost/", "http://LOCALHOST/", "http://[::1]/", "http://[::]/",
    "http://[::ffff:127.0.0.1]/", "http://[0:0:0:0:0:ffff:7f00:1]/", "http://①②⑦.⓪.⓪.①/", "http://127.0.0.1:443/",
    "https://127.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/",
]  # fmt: skip
NO_ADDRESS = [
    "", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "javascript:alert(1)", "//example.org/",
    "example.org", "http://", "http:///x", "http://example.org:99999/", "http://example.org:x/", "http://[::1/",
    "https://user@example.org/", "https://user:secret@example.org/", "https://@example.org/", "http://" + "a" * 64 + ".org/",
]  # fmt: skip


def says(*numbers: str) -> Resolve:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return numbers

    return resolve


class Seen(httpx.AsyncBaseTransport):
    """Answers 200 and keeps what it was asked."""

    def __init__(self, answer: httpx.Response | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer or httpx.Response(200, text="yes")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answer


@asynccontextmanager
async def listening(answer: Callable[[asyncio.StreamWriter], object]) -> AsyncGenerator[tuple[str, list[int]]]:
    """A bare server on loopback; gives its address and counts its visitors."""
    visits: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(1)
        try:
            await reader.readuntil(b"\r\n\r\n")
            done = answer(writer)
            if asyncio.iscoroutine(done):
                await done
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", visits
    finally:
        server.close()


def reply(head: str, body: bytes = b"") -> Callable[[asyncio.StreamWriter], object]:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return write


@pytest.mark.parametrize("number", PRIVATE)
async def test_private_number_is_not_public_and_not_called(number: str) -> None:
    transport = Seen()
    outside = Outside(transport=transport, resolve=says(number))

    with pytest.raises(PrivateAddress):
        await outside.call("POST", "https://crm.example/hook")

    assert not is_public(number)
    assert transport.requests == []


@pytest.mark.parametrize("number", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
async def test_public_number_is_called(number: str) -> None:
    transport = Seen()

    answer = await Outside(transport=transport, resolve=says(number)).call("GET", "https://crm.example/")

    assert (answer.status, len(transport.requests)) == (200, 1)


@pytest.mark.parametrize("numbers", [(PUBLIC, "10.0.0.1"), ("10.0.0.1", PUBLIC), ("2606:4700::1", "::1")])
async def test_one_private_number_among_public_ones_is_enough_to_refuse(numbers: tuple[str, str]) -> None:
    transport = Seen()

    with pytest.raises(PrivateAddress):
        await Outside(transport=transport, resolve=says(*numbers)).call("GET", "https://crm.example/")

    assert transport.requests == []


@pytest.mark.parametrize("url", DISGUISED)
async def test_this_machine_is_not_reached_under_any_disguise(url: str) -> None:
    transport = Seen()

    with pytest.raises(OutsideError):
        await Outside(transport=transport).call("GET", url)

    assert transport.requests == []


@pytest.mark.parametrize("url", NO_ADDRESS)
async def test_what_is_no_plain_web_address_is_refused_before_any_look_up(url: str) -> None:
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return [PUBLIC]

    with pytest.raises(OutsideError):
        await Outside(transport=Seen(), resolve=resolve).call("GET", url)

    assert asked == []


async def test_connection_goes_to_the_number_that_was_checked_under_the_machines_own_name() -> None:
    transport = Seen()
    answers = iter([[PUBLIC], ["127.0.0.1"]])

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return next(answers)

    await Outside(transport=transport, resolve=resolve).call("POST", "https://CRM.example:8443/a b?q=1", content=b"x")

    [request] = transport.requests
    assert str(request.url) == f"https://{PUBLIC}:8443/a%20b?q=1"
    assert request.headers["host"] == "crm.example:8443"
    assert request.extensions["sni_hostname"] == "crm.example"
    assert next(answers) == ["127.0.0.1"]  # nobody asked a second time


async def test_name_with_accents_is_called_by_its_ascii_form() -> None:
    transport = Seen()

    await Outside(transport=transport, resolve=says(PUBLIC)).call("GET", "https://zeitung-köln.example/")

    assert transport.requests[0].headers["host"] == "xn--zeitung-kln-zfb.example"


async def test_private_host_is_called_only_when_the_settings_name_it() -> None:
    async with listening(reply("HTTP/1.1 200 OK\nContent-Length: 2", b"hi")) as (url, visits):
        with pytest.raises(PrivateAddress):
            await Outside(private_hosts=["localhost", "10.0.0.1"]).call("GET", url)
        refused = len(visits)

        answer = await Outside(private_hosts=[" 127.0.0.1 "]).call("GET", url)

    assert (refused, answer.status, answer.body, len(visits)) == (0, 200, b"hi", 1)


async def test_redirect_is_handed_back_and_not_followed() -> None:
    async with listening(reply("HTTP/1.1 200 OK\nContent-Length: 0")) as (inner, visits):
        head = f"HTTP/1.1 302 Found\nLocation: {inner}/secret\nContent-Length: 0"
        async with listening(reply(head)) as (url, _):
            answer = await Outside(private_hosts=["127.0.0.1"]).call("GET", url)

    assert (answer.status, answer.is_ok, visits) == (302, False, [])


async def test_answer_larger_than_the_limit_is_cut_off_while_it_comes() -> None:
    async with listening(reply("HTTP/1.1 200 OK\nConnection: close", b"x" * (LARGEST_REPLY + 70_000))) as (url, _):
        with pytest.raises(OutsideError, match="longer than 5 MB"):
            await Outside(private_hosts=["127.0.0.1"]).call("GET", url)


async def test_packed_answer_is_not_unpacked() -> None:
    bomb = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"\x1f\x8b not unpacked"))

    answer = await Outside(transport=Seen(bomb), resolve=says(PUBLIC)).call("GET", "https://crm.example/")

    assert answer.body == b"\x1f\x8b not unpacked"


async def test_machine_that_says_nothing_is_given_up_in_time() -> None:
    async def silence(_writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)

    async with listening(silence) as (url, _):
        began = asyncio.get_running_loop().time()
        with pytest.raises(OutsideError, match="did not answer"):
            await Outside(private_hosts=["127.0.0.1"]).call("GET", url, seconds=0.2)
        took = asyncio.get_running_loop().time() - began

    assert took < 1


async def test_machine_that_drips_is_given_up_in_time() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(40):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with listening(drip) as (url, _):
        with pytest.raises(OutsideError, match="did not answer"):
            await Outside(private_hosts=["127.0.0.1"]).call("GET", url, seconds=0.3)


async def test_name_that_takes_too_long_to_look_up_is_given_up_in_time() -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        await asyncio.sleep(5)
        return [PUBLIC]

    with pytest.raises(OutsideError, match="did not answer"):
        await Outside(transport=Seen(), resolve=resolve).call("GET", "https://crm.example/", seconds=0.1)


async def test_name_that_nobody_knows_is_said_so() -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror

    with pytest.raises(OutsideError, match=r"no machine called crm\.example"):
        await Outside(transport=Seen(), resolve=resolve).call("GET", "https://crm.example/")


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"])
async def test_answer_that_is_no_http_is_an_error_in_words(answer: bytes) -> None:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    async with listening(write) as (url, _):
        with pytest.raises(OutsideError, match="could not be called"):
            await Outside(private_hosts=["127.0.0.1"]).call("GET", url)


@pytest.mark.parametrize("value", ["a\r\nx: y", "naïve\u2026", "\x00"])
async def test_header_that_would_break_the_request_is_refused(value: str) -> None:
    async with listening(reply("HTTP/1.1 200 OK\nContent-Length: 0")) as (url, visits):
        with pytest.raises(OutsideError):
            await Outside(private_hosts=["127.0.0.1"]).call("GET", url, headers={"authorization": value})

    assert visits == [] or len(visits) == 1


async def test_cookies_and_proxies_of_the_machine_play_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with listening(reply("HTTP/1.1 200 OK\nSet-Cookie: a=b\nContent-Length: 0")) as (url, visits):
        outside = Outside(private_hosts=["127.0.0.1"])
        await outside.call("GET", url)
        await outside.call("GET", url)

    assert len(visits) == 2
