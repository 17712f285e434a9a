"""Fixtures of the same folder outside of `ext`."""

from tests.public.records.conftest import *  # noqa: F403
