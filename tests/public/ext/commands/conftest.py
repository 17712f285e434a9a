"""Fixtures of the same folder outside of `ext`."""

from tests.public.commands.conftest import *  # noqa: F403
