# SPDX-License-Identifier: Apache-2.0
"""A message to a webhook when `watch` proves something new.

Rules: a message names functions, configurations, counts, and rates, and never a text or a key. A proved fault is reported
once, until the function is fine again, or its rate rises once more. A rise is proved against a constant rate, and weekends
can look like one. So a rise alone is reported after a week in which the rate stayed above the limit. The store keeps the
dates of the messages, so that it doesn't matter which machine runs the command.
"""

from __future__ import annotations

import logging
import re
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.ext.channels.request import FAILURES, failure_of, is_web_address, request
from schema_guard.records.sql import writing
from schema_guard.records.urls import command_on
from schema_guard.report.watch_document import by_function, document_of
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schema_guard.decide.watch import Watched
    from schema_guard.records import Store

COOL_DOWN_S = 86_400.0
"""Least seconds between two messages about a function that was fine in between."""

LASTING_COOL_DOWN_S = 7 * COOL_DOWN_S
"""Least seconds from a message to a new rise, because each day of the following week can show the same rise."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_logger = logging.getLogger("schema_guard")
_KIND, _OPEN, _CLOSED = "notified", "open", "closed"
_SELECT = "SELECT function, name, status, at FROM notes WHERE kind = ? ORDER BY id"


class _Known(NamedTuple):
    """The last message about a function: its time, and whether the reported fault is still open."""

    is_open: bool = False
    sent_at: float = float("-inf")


def notify(
    store: Store,
    watched: Sequence[Watched],
    limit: float,
    url: str,
    *,
    now: float | None = None,
    post: Callable[[str, str], None] | None = None,
) -> str:
    """Send one message about all functions with a newly proved fault. Return its text; "" if there is nothing new.

    A message that can't be sent is a warning, and the next run sends it.

    Args:
        store: The store of the calls. It keeps the dates of the messages.
        watched: From `watch`.
        limit: The largest failure rate that is good enough.
        url: The webhook, which takes `{"text": ...}` as Slack's does.
        now: Seconds since the epoch. Default: the clock.
        post: Sends a text to a URL, or raises OSError. Default: an HTTP request.

    Raises:
        InvalidArgument: *url* is no URL of a web server.
        StoreError: The store can't be read or written.
    """
    if not is_web_address(url):
        # The address is a secret, so that the error doesn't show it.
        raise InvalidArgument("--notify: expected the URL of a webhook, such as https://HOST/PATH")
    now = time.time() if now is None else now
    known, lines, notes = _known(store), [], []
    for function in by_function(watched):
        name = (function[0].function, function[0].schema)
        before, wrong = known.get(name, _Known()), not all(one.is_below for one in function)
        proved = any(_is_no_pattern(one, limit, now) for one in function)
        if proved and now - before.sent_at >= COOL_DOWN_S and _is_new(function, before):
            command = command_on(None, "decide", "--function", name[0])
            lines.append(f"{document_of(function, limit).title}\nNext: {command}")
            notes.append((*name, _OPEN))
        elif not wrong and before.is_open and not function[0].is_silent:
            notes.append((*name, _CLOSED))
    text = _escaped("\n\n".join(lines))
    try:
        if text:
            (post or _post)(url, text)
    except FAILURES as error:
        _logger.warning("--notify: sending the message failed: %s. The next run sends it", failure_of(error))
        notes = [note for note in notes if note[2] == _CLOSED]
    _write(store, notes, now)
    return text


def _is_no_pattern(one: Watched, limit: float, now: float) -> bool:
    """Return whether a fault isn't a weekly pattern. It is more than a rise, or its rate stayed high for a week."""
    if any(breach.what != "rise" for breach in one.breaches):
        return True
    week_ago = datetime.fromtimestamp(now - LASTING_COOL_DOWN_S, UTC).date().isoformat()
    noticed = max(_days(one), default="")
    return not one.is_below and noticed < week_ago and one.rate is not None and one.rate > limit


def _is_new(function: Sequence[Watched], before: _Known) -> bool:
    """Return whether a fault was not reported before, or its rate rose again a week after the message."""
    if not before.is_open:
        return True
    first_day = datetime.fromtimestamp(before.sent_at + LASTING_COOL_DOWN_S, UTC).date().isoformat()
    return any(_days(one)[:1] >= [first_day] for one in function if not one.is_below)


def _days(one: Watched) -> list[str]:
    """Return the days between which a rate changed. They come before the first colon in the words of the change."""
    return _DAY.findall((one.change or "").partition(":")[0])


def _known(store: Store) -> Mapping[tuple[str, str], _Known]:
    known: dict[tuple[str, str], _Known] = {}
    with closing(store.backend.session()) as session, session.writing() as connection:
        rows = connection.select(_SELECT, (_KIND,))
    for function, schema, status, at in rows:
        before = known.get((function, schema), _Known())
        known[function, schema] = _Known(status == _OPEN, at if status == _OPEN else before.sent_at)
    return known


def _write(store: Store, notes: Sequence[tuple[str, str, str]], now: float) -> None:
    rows = [(_KIND, None, function, schema, status, None, None, now) for function, schema, status in notes]
    if rows:
        with closing(store.backend.session()) as session, session.writing() as connection:
            writing.insert_notes(connection, rows)


def _post(url: str, text: str) -> None:
    request("POST", url, {"text": text})


def _escaped(text: str) -> str:
    """Return a text whose characters have no meaning for Slack: a function can be named `f.<locals>.g`."""
    lines = "\n".join(map(safe, text.split("\n")))
    return lines.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
