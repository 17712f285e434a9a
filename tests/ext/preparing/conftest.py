"""Fixtures of the same folder outside of `ext`."""

from tests.preparing.conftest import *  # noqa: F403
