# SPDX-License-Identifier: Apache-2.0
"""What came of the engines, as a document and as JSON: one set of numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks.engine_checks.result import times_of
from schema_guard.report import as_json
from schema_guard.report.document import Document, Fact, Section, Table
from schema_guard.report.words import NO_DATA, bounded
from schema_guard.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.engine_checks.result import EngineResult, EnginesResult, Times

_SHOWN_REASONS = 4

_WORDS = (
    "supported: compiles, accepts every valid and rejects every invalid instance; of the schemas with instances",
    "unsound: accepts an invalid instance of a schema that it compiled; of the judged schemas that have one",
    "narrowed: rejects a valid instance, or gives up on one; of the judged schemas that have a valid one",
    (
        "coverage, soundness, any order: valid accepted, invalid rejected, accepted with all keys in reverse as well; "
        "the mean of the schemas' own shares; a schema that is not compiled covers nothing"
    ),
    (
        "an instance counts as accepted when it is accepted compact or with blanks, with its keys as given, in the "
        "order of the schema, or in that order with the required ones first"
    ),
    "times are processor time; compiling of what came to its end, masks of the first tokens of valid instances",
)


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


def document_of(result: EnginesResult) -> Document:
    """Give a result as a document."""
    limits = result.limits
    instances = f"{result.valid} valid and {result.invalid} invalid instances"
    return Document(
        f"engines on suite {result.suite} ({result.suite_fingerprint})",
        (
            Fact("suite", f"{plural(result.schemas, 'schema')} with {instances}"),
            Fact("vocabulary", result.vocabulary),
            Fact(
                "limits",
                f"at most {limits.schema_s:g} CPU s and {limits.memory_bytes / 2**30:g} GiB for a schema",
            ),
            Fact("bounds", "[lower, upper]: each side holds with 95 %; n counts schemas"),
        ),
        tuple(_sections(result)),
    )


def _sections(result: EnginesResult) -> Iterator[Section]:
    yield from _tables([engine for engine in result.engines if engine.not_measured is None])
    for title, lines in (
        ("Why schemas were not judged", _reasons(result)),
        ("Not measured", _missing(result)),
        ("Settings", _settings(result)),
        ("Words", _WORDS),
    ):
        if lines:
            yield Section(title, lines=tuple(lines))


def _tables(measured: list[EngineResult]) -> Iterator[Section]:
    if not measured:
        return
    for title, header, row_of in (
        ("Schemas", ("n", "compiled %", "n", "supported %"), _schemas),
        ("Claimed and not kept", ("n", "unsound %", "n", "narrowed %"), _claims),
        ("Instances", ("coverage %", "soundness %", "any order %"), _instances),
        (
            "Schemas that were not judged, and judged ones with an instance given up",
            ("refused", "too slow", "too large", "crashed", "gave up"),
            _not_judged,
        ),
        ("Time", ("compile ms p50/p95/max", "masks", "mask us p50/p95/max"), _time),
    ):
        rows = tuple((_name(engine), *row_of(engine)) for engine in measured)
        yield Section(title, table=Table(("engine", *header), rows))


def _schemas(engine: EngineResult) -> tuple[str, ...]:
    compiled, supported = engine.compiled, engine.supported
    return str(compiled.n), bounded(compiled), str(supported.n), bounded(supported)


def _claims(engine: EngineResult) -> tuple[str, ...]:
    unsound, narrowed = engine.unsound, engine.narrowed
    return str(unsound.n), bounded(unsound), str(narrowed.n), bounded(narrowed)


def _instances(engine: EngineResult) -> tuple[str, ...]:
    return bounded(engine.coverage), bounded(engine.soundness), bounded(engine.any_order)


def _not_judged(engine: EngineResult) -> tuple[str, ...]:
    counts = (engine.refused, engine.timeouts, engine.memory, engine.crashed, engine.gave_up)
    return tuple(map(str, counts))


def _time(engine: EngineResult) -> tuple[str, ...]:
    masks = str(engine.mask_s.n if engine.mask_s else 0)
    return _times(engine.compile_s, 1e3), masks, _times(engine.mask_s, 1e6)


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
        lines += [f"{engine.engine}, {reason.schemas} {reason.state}: {reason.text}" for reason in shown]
        if rest := sum(reason.schemas for reason in engine.reasons[_SHOWN_REASONS:]):
            lines.append(f"{engine.engine}, {rest} for other reasons")
    return lines


def _missing(result: EnginesResult) -> list[str]:
    return [
        f"{engine.engine} was not measured: {engine.not_measured}"
        for engine in result.engines
        if engine.not_measured is not None
    ]


def _settings(result: EnginesResult) -> list[str]:
    return [
        f"{engine.engine}: {engine.settings}"
        for engine in result.engines
        if engine.not_measured is None and engine.settings != "defaults"
    ]
