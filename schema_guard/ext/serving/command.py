# SPDX-License-Identifier: Apache-2.0
"""`report --serve`: the report of a store as a page that follows it, until the user ends it.

Rules: The query of an address can be hostile. It may contain known names, each once, and values from the store. If
the page can't show something, it reports the fault and leads back.
"""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import click

from schema_guard.cli.shared.quantities import MOMENT
from schema_guard.errors import InvalidArgument, SchemaGuardError
from schema_guard.ext.serving.server import PageAnswer, PageServer
from schema_guard.records.selection import NO_SEGMENT
from schema_guard.records.values import PointInTime
from schema_guard.report.document import Document, Tone
from schema_guard.report.figures import GROUPINGS, report_on
from schema_guard.report.page import Live, PageChoice, check_extra, page, policy
from schema_guard.report.report_page import report_page
from schema_guard.report.words import shortened
from schema_guard.text import clip, did_you_mean, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from schema_guard.records import Store

_EVERY_S = 5
_CHOICES = ("function", "schema", "segment", "since", "until", "by")
_TIMES = (
    ("", "all time"),
    ("1h", "the last hour"),
    ("24h", "the last day"),
    ("7d", "the last week"),
    ("30d", "the last 30 days"),
)

# A request of a browser can't contain a longer name.
_LONGEST_NAME = 500
_NAME_SIZE = 40


class LiveReport:
    """Makes the page of a store for a query.

    Args:
        store: Store to read.
        time: Parses a point in time. Raises `InvalidArgument` for any other text.
    """

    def __init__(self, store: Store, time: Callable[[str], float]) -> None:
        self._store, self._time = store, time
        self._reading = Lock()

    def __call__(self, query: str) -> PageAnswer:
        """Return the page for the query of an address. One page is made at a time."""
        with self._reading:
            return self._page(query)

    def report(self, asked: Mapping[str, Any], live: Live | None = None) -> str:
        """Return the page of a selection.

        Raises:
            InvalidArgument: A name is not recorded, or a time is invalid.
            StoreError: The store cannot be read.
        """
        times = {name: self._time(asked[name]) for name in ("since", "until") if name in asked}
        which = {name: value for name, value in {**asked, **times}.items() if name != "by"}
        report = report_on(self._store, **which, by=asked.get("by", GROUPINGS[0]), hours=True)
        return report_page(report, self._store, live=live, **which)

    def _page(self, query: str) -> PageAnswer:
        choices: tuple[PageChoice, ...] = ()
        try:
            selection = chosen_in(query)
            choices = tuple(self._choices(selection))
            return PageAnswer(
                HTTPStatus.OK, self.report(selection, Live(_EVERY_S, choices)), policy(live=True)
            )
        except InvalidArgument as error:
            status, document = HTTPStatus.BAD_REQUEST, Document(str(error), tone=Tone.BAD)
        except SchemaGuardError as error:
            status, document = HTTPStatus.SERVICE_UNAVAILABLE, Document(str(error), tone=Tone.BAD)
        shown = page(document, title="schema-guard report", live=Live(_EVERY_S, choices))
        return PageAnswer(status, shown, policy(live=True))

    def _choices(self, selection: Mapping[str, str]) -> Iterable[PageChoice]:
        rows = self._store.configurations()
        names = {
            "function": {row.function for row in rows},
            "schema": {row.schema_name for row in rows},
            "segment": {row.segment or NO_SEGMENT for row in rows},
        }
        for name, known in names.items():
            chosen = selection.get(name, "")
            fits = sorted(value for value in known | {chosen} if value and len(value) <= _LONGEST_NAME)
            options = zip(fits, shortened(fits, _NAME_SIZE), strict=True)
            yield PageChoice(name, name, (("", "all"), *options), chosen)
        since = selection.get("since", "")
        more = () if since in dict(_TIMES) else ((since, f"since {clip(since)}"),)
        yield PageChoice("since", "time", (*_TIMES, *more), since)
        if until := selection.get("until", ""):
            yield PageChoice("until", "end", (("", "now"), (until, f"until {clip(until)}")), until)
        yield PageChoice("by", "row", tuple((by, by) for by in GROUPINGS), selection.get("by", GROUPINGS[0]))


def chosen_in(query: str) -> dict[str, str]:
    """Parse the choices in a query, without the blank ones.

    Raises:
        InvalidArgument: A name is unknown or occurs twice, or the query is invalid.

    >>> chosen_in("function=triage&segment=")
    {'function': 'triage'}
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=2 * len(_CHOICES))
    except ValueError as error:
        raise InvalidArgument(
            "the query of the address is invalid: expected name=value pairs, separated by &"
        ) from error
    choices: dict[str, Any] = {}
    for name, value in pairs:
        if name not in _CHOICES:
            raise InvalidArgument(
                f"{clip(repr(name))}: expected one of {', '.join(_CHOICES)}{did_you_mean(clip(name), _CHOICES)}"
            )
        if name in choices:
            raise InvalidArgument(f"the parameter {name} of the address: expected one value, got several")
        choices[name] = value
    return {name: value for name, value in choices.items() if value}


def query_of(**chosen: str | None) -> str:
    """Return the query for choices, as `chosen_in` parses it."""
    return urlencode({name: value for name, value in chosen.items() if value})


def serve_report(store: Store, chosen: Mapping[str, Any], *, port: int) -> int:
    """Serve the page of a store until Ctrl-C.

    Args:
        store: Store with the records.
        chosen: Options of `report` for the first page.
        port: Port of the server, or 0 for a free port.

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
