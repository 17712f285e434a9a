# SPDX-License-Identifier: Apache-2.0
"""The plan of a job before it begins: its size, its cost, its dates, and the reasons against it.

Rules: the calculation uses only a price from the user. A listed price is shown with its source, its day, and the cost
that it would give. An unknown day is reported as unknown.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.ext.tuning.export.hosts import host_of
from schema_guard.ext.tuning.export.values import MANIFEST
from schema_guard.ext.tuning.training_rows import TRAIN
from schema_guard.prices.tuning import active_only, closing_of, tuning_prices
from schema_guard.text import dollars, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.ext.tuning.training_rows import TrainingSet
    from schema_guard.prices.tuning import ModelClosing, TuningPrice

_MILLION: Final = 1_000_000
_PER_TOKENS: Final = "$ per 1M training tokens"
_HOURS_A_MONTH: Final = 730
# The limit of "soon": a model that is tuned then answers for at most a quarter of a year.
_SOON_DAYS: Final = 92
_BILLIONS: Final = re.compile(r"(?<![0-9a-z.])(\d+(?:[.p]\d+)?)b(?![a-z])", re.IGNORECASE)
_UP_TO: Final = re.compile(r"up to (\d+)B")
_BETWEEN: Final = re.compile(r"(\d+)B to (\d+)B")


class JobPlan(NamedTuple):
    """The plan of a job.

    Attributes:
        lines: Description of the job.
        warnings: Facts that the user has to know, but that don't prevent the job.
        against: Reasons against the job. With any of them, nothing is done.
        cost: The cost, in the form of `job.json`.
    """

    lines: list[str]
    warnings: list[str]
    against: list[str]
    cost: dict[str, Any]


def plan_job(
    rows: TrainingSet,
    *,
    backend: str,
    base: str,
    epochs: int | None,
    price: float | None,
    today: date,
) -> JobPlan:
    """Return the plan of a job before it begins.

    Args:
        rows: Its training set.
        backend: Host that tunes the model.
        base: Model to tune.
        epochs: Number of passes over the rows; None lets the host decide.
        price: The user's price for a million training tokens, in dollars; None without one.
        today: The day to which dates are compared.
    """
    host = host_of(backend)
    closing = closing_of(base, host.label)
    against = [*refused(rows, backend), *_closed(base, closing, today)]
    listed = _price_row(host.label, base)
    cost = _cost(rows, epochs, price)
    lines = [
        f"{host.label} tunes the model {base} on {_size(rows)}",
        f"  tokens: {_tokens(rows, epochs)}",
        f"  cost: {_cost_line(cost, rows, epochs, listed)}",
        *[f"  {line}" for line in _dates(closing)],
        *(
            [f"  the number of rows that {host.label} rejects is unknown until it checks them"]
            if host.spelling is None
            else []
        ),
        *[f"  {line}" for line in hosting_lines(backend)],
    ]
    return JobPlan(lines, [*_active_only(host.label), *_soon(closing, today)], against, cost)


def hosting_lines(backend: str) -> list[str]:
    """Return the deployment that a tuned model needs before it answers, and its monthly cost. It may need none."""
    host = host_of(backend)
    if host.deployment is None:
        return []
    hour = next((price for price in tuning_prices() if price.what == host.hosting), None)
    month = (
        "its cost is unknown"
        if hour is None
        else f"{dollars(hour.amount * _HOURS_A_MONTH)} a month at ${hour.amount:g} an hour ({hour.what}: {hour.source}, {hour.as_of})"
    )
    return [f"before the tuned model can reply, it needs {host.deployment}: {month}"]


def refused(rows: TrainingSet, backend: str) -> list[str]:
    """Return the reasons why a host would refuse a training set, or nothing if its rules are unknown."""
    host = host_of(backend)
    reasons = [] if host.spelling is None else list(_too_much(rows, backend))
    if len(rows.keys) > 1:
        reasons.append(
            f"expected rows of one form in {TRAIN}, got {len(rows.keys)} forms: {_keys_text(rows.keys)}"
        )
    elif host.spelling is not None and not rows.keys <= host.keys:
        reasons.append(
            f"{TRAIN} has rows with {_keys_text(rows.keys)}, but {host.label} needs {_keys_text(host.keys)}. Write such rows with schema-guard tune prepare --provider HOST"
        )
    return reasons


def _too_much(rows: TrainingSet, backend: str) -> Iterator[str]:
    takes = host_of(backend)
    count, label = len(rows.train), takes.label
    if count < takes.least_rows:
        yield f"{TRAIN} has {plural(count, 'row')}, but {label} needs at least {takes.least_rows}"
    if takes.most_rows is not None and count > takes.most_rows:
        yield f"{TRAIN} has {count:,} rows, but {label} accepts at most {takes.most_rows:,}"
    most = takes.most_sent or takes.most_bytes
    for name, size in rows.bytes.items():
        if most is not None and size > most:
            yield f"{name} has {size:,} bytes, but {label} accepts at most {most:,} in one request"
    if takes.byte_order_mark and not rows.has_mark:
        yield f"{TRAIN} has no byte-order mark, but {label} needs one. Write the file with schema-guard tune prepare --provider {takes.name}"


def _keys_text(keys: Iterable[frozenset[str]]) -> str:
    return " or ".join(sorted("{" + ", ".join(sorted(names)) + "}" for names in keys))


def _size(rows: TrainingSet) -> str:
    text = f"{len(rows.train):,} rows ({rows.bytes[TRAIN]:,} bytes)"
    return f"{text} and validates it on {len(rows.validation):,} rows" if rows.validation else text


def _tokens(rows: TrainingSet, epochs: int | None) -> str:
    if rows.tokens is None:
        why = f"is not the file that {MANIFEST} describes"
        return (
            "unknown, because the manifest has no counts"
            if rows.is_unchanged
            else f"unknown, because {TRAIN} {why}"
        )
    times = "the host chooses the number of epochs" if epochs is None else plural(epochs, "epoch")
    return f"{rows.tokens:,} per epoch, according to the manifest; {times}"


def _cost(rows: TrainingSet, epochs: int | None, price: float | None) -> dict[str, Any]:
    is_known = None not in (price, rows.tokens, epochs)
    return {
        "rows": len(rows.train),
        "tokens": rows.tokens,
        "epochs": epochs,
        "price": price,
        "expected": _paid(price, rows.tokens, epochs) if is_known else None,
        "trained_tokens": None,
        "trained_epochs": None,
        "dollars": None,
    }


def _paid(price: float | None, tokens: int | None, epochs: int | None) -> float:
    return (price or 0.0) * (tokens or 0) * (epochs or 1) / _MILLION


def _cost_line(
    cost: dict[str, Any], rows: TrainingSet, epochs: int | None, listed: TuningPrice | None
) -> str:
    each = "" if epochs is not None else " for each epoch"
    if cost["price"] is not None:
        if rows.tokens is None:
            return f"unknown, because the number of tokens is unknown; ${cost['price']:g} per million tokens (your price)"
        paid = _paid(cost["price"], rows.tokens, epochs)
        return f"{dollars(paid)}{each}, at ${cost['price']:g} per million tokens (your price)"
    if listed is None:
        return "unknown without --price, the price of a million training tokens"
    estimate = (
        ""
        if rows.tokens is None
        else f", which would be {dollars(_paid(listed.amount, rows.tokens, epochs))}{each}"
    )
    return (
        f"unknown. The last known price is ${listed.amount:g} per million tokens{estimate} ({listed.what}: {listed.source}, {listed.as_of}). "
        "Look up your price, and add it with --price"
    )


def _price_row(label: str, base: str) -> TuningPrice | None:
    """Return the listed price of a model, by its name without a date, or by the number of parameters in its name.

    Rows of the table with a model, but no host, are OpenAI's.
    """
    rows = [row for row in tuning_prices() if row.unit == _PER_TOKENS and row.what.startswith("train ")]
    if label == host_of("openai").label:
        return next(
            (row for row in rows if base == row.what[6:] or base.startswith(f"{row.what[6:]}-20")), None
        )
    size = _BILLIONS.search(base)
    billions = float(size[1].replace("p", ".")) if size else -1.0
    sized = [row for row in rows if row.what.startswith(f"train {label.lower()} ")] if size else []
    return next((row for row in sized if _holds(row.what, billions)), None)


def _holds(what: str, billions: float) -> bool:
    between, up_to = _BETWEEN.search(what), _UP_TO.search(what)
    if between:
        return int(between[1]) < billions <= int(between[2])
    return up_to is not None and billions <= int(up_to[1])


def _dates(closing: ModelClosing | None) -> list[str]:
    if closing is None:
        return ["dates: the shutdown date of the base model is unknown"]
    note = f"; {closing.note}" if closing.note else ""
    training, inference = closing.last_training or "unknown", closing.last_inference_text
    return [f"last day of training: {training}; last day of inference: {inference} ({closing.read_at}{note})"]


def _closed(base: str, closing: ModelClosing | None, today: date) -> list[str]:
    if closing is not None:
        for day, what in ((closing.last_training, " for tuning"), (closing.last_inference, "")):
            if day is not None and date.fromisoformat(day) < today:
                return [f"{base} has been unavailable{what} since {day}. Use another --base"]
    return []


def _active_only(label: str) -> list[str]:
    """Return the warning that a provider accepts new jobs only from active tuners."""
    rule = active_only(label)
    if rule is None:
        return []
    text = f"{label} accepts new tuning jobs only from accounts that used a tuned model within 60 days"
    return [f"{text}, and none after {rule.last_training} ({rule.read_at})"]


def _soon(closing: ModelClosing | None, today: date) -> list[str]:
    if closing is None:
        return []
    ends = {"training": closing.last_training, "inference": closing.last_inference}
    remaining = {
        what: (date.fromisoformat(day) - today).days for what, day in ends.items() if day is not None
    }
    return [
        f"{what} ends in {plural(days, 'day')}, on {ends[what]}"
        for what, days in remaining.items()
        if 0 <= days <= _SOON_DAYS
    ]
