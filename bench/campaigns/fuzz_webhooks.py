"""A campaign against the webhook verifier: 100,000 hostile requests, none may be believed, none may break it.

    .venv/bin/python bench/fuzz_webhooks.py --cases 100000 --seed 2822

Half are unsigned in every way that a header can be wrong; half are rightly signed but are not what they should be, as if
the secret had leaked. What is signed and still a sound event may be believed, and is counted.
"""

import argparse
import hashlib
import hmac
import sys
import time
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import SECRET, event_body, machine

from supporters.kit.clock import SystemClock
from supporters.payments.verifier import BadEvent, Verifier

PIECES = [
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"null", b"{}", b"[]", b'"id":"evt_2",', b'"livemode":true,', b"\x00",
    b"\xff", b"\xed\xa0\x80", b'"\\ud800"', b"[" * 70, b'{"a":' * 70, b"]" * 70, b"}" * 70, b"\xe2\x80\xae", b"-", b"9" * 400,
]  # fmt: skip


def sign(body: bytes, at: int) -> str:
    """A right signature."""
    return f"t={at},v1={hmac.new(SECRET.encode(), f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"


def bend_body(body: bytes, random: Random) -> bytes:
    """The body with up to four wounds."""
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(body) + 1)
        upto = min(len(body), at + random.choice([0, 0, 1, 5, 60]))
        body = (
            body[:at]
            + random.choice([random.choice(PIECES), random.randbytes(random.randint(0, 8)), b""])
            + body[upto:]
        )
    return body


def bend_header(header: str, random: Random) -> str | None:
    """The header, changed so that it cannot be right any more."""
    at, _, signature = header.partition(",v1=")
    wrong = "".join(random.choices("0123456789abcdef", k=64))
    return random.choice(
        [
            None, "", at, f"v1={signature}", f"{at},v0={signature}", f"{at},v1={wrong}", f"t={int(at[2:]) - 301},v1={signature}",
            f"t={int(at[2:]) + 400},v1={signature}", f"{at},{at},v1={signature}", header[:-1], header * 20,
            "".join(chr(random.randrange(1, 0x2FF)) for _ in range(random.randint(1, 90))),
        ]
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=2822)
    told = parser.parse_args()
    random = Random(told.seed)
    verifier = Verifier([SECRET, "whsec_older"], clock=SystemClock())
    refused, sound, started = 0, 0, time.perf_counter()
    for number in range(told.cases):
        body = event_body(number)
        is_signed = number % 2 == 0
        body = bend_body(body, random) if is_signed or random.random() < 0.3 else body
        header = sign(body, int(time.time()))
        try:
            verifier.verify(body, header if is_signed else bend_header(header, random))
        except BadEvent:
            refused += 1
            continue
        if not is_signed:
            raise SystemExit(f"case {number} of seed {told.seed} was believed without a signature")
        sound += 1
    print(machine())
    print(
        f"{told.cases} cases in {time.perf_counter() - started:.0f} s: {refused} refused, 0 unsigned believed, 0 other errors;"
    )
    print(f"{sound} were rightly signed and still sound events after their wounds (inside texts, or white space)")


if __name__ == "__main__":
    main()
