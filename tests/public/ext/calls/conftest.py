"""Fixtures of the same folder outside of `ext`."""

from tests.public.calls.conftest import *  # noqa: F403
