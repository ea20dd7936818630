"""Passwords as argon2id hashes, made and checked on two threads of their own.

One check takes 19 MiB for some 30 ms. Without the cap, a flood of sign-ins would eat the machine's memory.
Source: OWASP, "Password Storage Cheat Sheet" (argon2id, m=19 MiB, t=2, p=1), read 2026-11-22.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 2
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# The hash of a random text that nobody kept: checked when an address is unknown, so that both answers take as long.
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$VTHqBwA44l+TVfyqK4EmnQ$2M5ZKc2I0I2ltc33GcC8VGBuWFNBHMsbAHo3YRWe1cE"


class Passwords:
    """Makes and checks password hashes without holding up the event loop."""

    def __init__(self, *, at_once: int = AT_ONCE) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")

    async def make(self, password: str) -> str:
        """The hash to store for `password`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _HASHER.hash, password)

    async def fits(self, password_hash: str, password: str) -> bool:
        """Whether `password` is the one behind the hash. Takes as long for a wrong one."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _fits, password_hash, password)

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return _HASHER.check_needs_rehash(password_hash)


def _fits(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
