"""A mailbag for the stories that need the whole product."""

from collections.abc import Iterator

import pytest

from whole import Mailbag


@pytest.fixture
def mailbag() -> Iterator[Mailbag]:
    bag = Mailbag()
    bag.start()
    yield bag
    bag.stop()
