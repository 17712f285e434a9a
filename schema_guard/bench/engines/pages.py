"""What came of the engines, as text, as Markdown and as JSON: one set of numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.engines.result import times_of
from schema_guard.report import as_json, table
from schema_guard.report.as_text import NO_DATA, percent
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.bench.engines.result import EngineResult, EnginesResult, Times

_SHOWN_REASONS = 4

_NOTES = (
    "supported: compiles, accepts every valid and rejects every invalid instance; of the schemas with instances",
    "unsound: accepts an invalid instance of a schema that it compiled; of the judged schemas that have one",
    "narrowed: rejects a valid instance, or gives up on one; of the judged schemas that have a valid one",
    "coverage, soundness, any order: valid accepted, invalid rejected, accepted with all keys in reverse as well;",
    "  the mean of the schemas' own shares; a schema that is not compiled covers nothing",
    "an instance counts as accepted when it is accepted compact or with blanks, with its keys as given, in the order",
    "  of the schema, or in that order with the required ones first",
    "times are processor time; compiling of what came to its end, masks of the first tokens of valid instances",
    "[lower, upper]: each side holds with 95 %; n counts schemas",
)


class _Table(NamedTuple):
    """A table of a page: what it is about, its header and its rows."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


def engines_as_json(result: EnginesResult) -> Any:
    """Give a result as plain JSON: the names of its fields, rates as fractions, None as null.

    Of the single masks of a schema their count, median, 95th percentile and largest are given.
    """
    plain = as_json(replace(result, engines=()))
    plain["engines"] = [_engine_as_json(engine) for engine in result.engines]
    return plain


def _engine_as_json(engine: EngineResult) -> Any:
    plain = as_json(engine)
    for row, checked in zip(plain["checked"], engine.checked, strict=True):
        row["mask_s"] = as_json(times_of(checked.mask_s))
    return plain


def engines_as_text(result: EnginesResult) -> str:
    """Give a result as text that ends without a line break."""
    lines = [*_heading(result)]
    for page in _tables(result):
        lines += ["", page.title, *table(page.header, page.rows)]
    if reasons := _reasons(result):
        lines += ["", "why schemas were not judged", *(f"  {line}" for line in reasons)]
    if missing := _missing(result):
        lines += ["", *missing]
    return "\n".join([*lines, "", *_settings(result), *_NOTES])


def engines_as_markdown(result: EnginesResult) -> str:
    """Give a result as Markdown that ends without a line break."""
    first, *rest = _heading(result)
    blocks = [f"# {_escaped(first)}", _escaped("; ".join(rest))]
    for page in _tables(result):
        rows = [page.header, ("---",) + ("--:",) * (len(page.header) - 1), *page.rows]
        blocks += [f"## {page.title}", "\n".join(f"| {' | '.join(row)} |" for row in rows)]
    if reasons := _reasons(result):
        blocks += ["## why schemas were not judged", _list(reasons)]
    if missing := _missing(result):
        blocks.append(_list(missing))
    blocks.append(_list([*_settings(result), *(note.strip() for note in _NOTES)]))
    return "\n\n".join(blocks)


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {_escaped(line)}" for line in lines)


def _escaped(line: str) -> str:
    return "".join("\\" + letter if letter in r"\`*_[]<>|#" else letter for letter in line)


def _heading(result: EnginesResult) -> tuple[str, ...]:
    limits = result.limits
    return (
        f"engines on suite {safe(result.suite)} ({result.suite_fingerprint})",
        f"{result.schemas} schemas with {result.valid} valid and {result.invalid} invalid instances",
        f"{safe(result.vocabulary)}; at most {limits.schema_s:g} CPU s and {limits.memory_bytes / 2**30:g} GiB for a schema",
    )


def _tables(result: EnginesResult) -> list[_Table]:
    measured = [engine for engine in result.engines if engine.not_measured is None]
    if not measured:
        return []
    return [
        _Table(
            "schemas",
            ("engine", "n", "compiled %", "n", "supported %"),
            [
                (_name(e), str(e.compiled.n), percent(e.compiled), str(e.supported.n), percent(e.supported))
                for e in measured
            ],
        ),
        _Table(
            "claimed and not kept",
            ("engine", "n", "unsound %", "n", "narrowed %"),
            [
                (_name(e), str(e.unsound.n), percent(e.unsound), str(e.narrowed.n), percent(e.narrowed))
                for e in measured
            ],
        ),
        _Table(
            "instances",
            ("engine", "coverage %", "soundness %", "any order %"),
            [(_name(e), *(percent(r) for r in (e.coverage, e.soundness, e.any_order))) for e in measured],
        ),
        _Table(
            "schemas that were not judged, and judged ones with an instance given up",
            ("engine", "refused", "too slow", "too large", "crashed", "gave up"),
            [
                (_name(e), *(str(n) for n in (e.refused, e.timeouts, e.memory, e.crashed, e.gave_up)))
                for e in measured
            ],
        ),
        _Table(
            "time",
            ("engine", "compile ms p50/p95/max", "masks", "mask us p50/p95/max"),
            [
                (
                    _name(e),
                    _times(e.compile_s, 1e3),
                    str(e.mask_s.n if e.mask_s else 0),
                    _times(e.mask_s, 1e6),
                )
                for e in measured
            ],
        ),
    ]


def _name(engine: EngineResult) -> str:
    return engine.engine if engine.version is None else f"{engine.engine} {engine.version}"


def _times(times: Times | None, factor: float) -> str:
    if times is None:
        return NO_DATA
    return " / ".join(_three_digits(seconds * factor) for seconds in (times.p50, times.p95, times.largest))


def _three_digits(number: float) -> str:
    """Write a number with three digits that count, and no exponent.

    >>> [_three_digits(number) for number in (0.01234, 3.2, 45.67, 12345.6)]
    ['0.01', '3.20', '45.7', '12346']
    """
    return f"{number:.{2 if number < 10 else 1 if number < 100 else 0}f}"


def _reasons(result: EnginesResult) -> list[str]:
    lines = []
    for engine in result.engines:
        shown = engine.reasons[:_SHOWN_REASONS]
        lines += [
            f"{engine.engine}, {reason.schemas} {reason.state}: {safe(reason.text)}" for reason in shown
        ]
        if rest := sum(reason.schemas for reason in engine.reasons[_SHOWN_REASONS:]):
            lines.append(f"{engine.engine}, {rest} for other reasons")
    return lines


def _missing(result: EnginesResult) -> list[str]:
    return [
        f"{engine.engine} was not measured: {safe(engine.not_measured)}"
        for engine in result.engines
        if engine.not_measured is not None
    ]


def _settings(result: EnginesResult) -> list[str]:
    return [
        f"{engine.engine}: {engine.settings}"
        for engine in result.engines
        if engine.not_measured is None and engine.settings != "defaults"
    ]
