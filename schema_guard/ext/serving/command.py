# SPDX-License-Identifier: Apache-2.0
"""`report --serve`: the report as a page, until the user ends it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.shared.quantities import MOMENT
from schema_guard.errors import InvalidArgument
from schema_guard.ext.serving.live_report import LiveReport, chosen_in, query_of
from schema_guard.ext.serving.server import PageServer
from schema_guard.records.values import PointInTime
from schema_guard.report.page import check_extra
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.records import Store

__all__ = ["serve_report"]


def serve_report(store: Store, chosen: Mapping[str, Any], *, port: int) -> int:
    """Serve the page of a store until Ctrl-C.

    Args:
        store: The records.
        chosen: The options of `report` for the first page.
        port: 0 is a free one.

    Returns:
        The exit status.

    Raises:
        InvalidArgument: The store has no such calls.
        MissingExtra: The extra `report` is not installed.
    """
    check_extra("--serve")
    query = query_of(**{name: _typed(value) for name, value in chosen.items()})
    page_of = LiveReport(store, _time)
    # An error in the first query ends the command.
    page_of.report(chosen_in(query))
    with PageServer(page_of, port=port, start=query) as server:
        print(
            f"{safe(store.url)} at {server.url}\nfor whoever has this address on this machine; Ctrl-C ends it",
            flush=True,
        )
        with suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0


def _time(text: str) -> float:
    try:
        return float(MOMENT.convert(text, None, None))
    except click.BadParameter as error:
        raise InvalidArgument(error.message) from error


def _typed(value: Any) -> str | None:
    """Return an option as the user typed it, so that `24h` means the last day of the page's reader."""
    return value.text if isinstance(value, PointInTime) else value
