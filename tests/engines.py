"""For tests whose statements other tests run on the other engine: once is enough for what the house decides by itself."""

import pytest

on_sqlite = pytest.mark.parametrize("db", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("db", ["postgresql"], indirect=True)
