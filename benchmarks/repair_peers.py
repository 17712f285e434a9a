"""Compare repair with other libraries: SCHEMA_GUARD_CORPORA=... python benchmarks/repair_peers.py.

The script prints four tables: exact values on repair.jsonl by source, cases that must fail, validity and right leaves
on real_outputs.jsonl, and seconds and growth on hostile shapes. A peer is measured if it can be imported (json_repair,
fast_json_repair, json5, partial_json_parser). `--output FOLDER` also writes a dated JSON file.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import platform
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from schema_guard import reading as extract
from schema_guard.ext.repair.scanner import readings
from schema_guard.limits import Limits
from schema_guard.parsing import NotJson, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PEERS = {
    "json_repair": "json_repair",
    "fast_json_repair": "fast_json_repair",
    "json5": "json5",
    "partial_json_parser": "partial-json-parser",
}
_LIMITS = Limits()
_SIZES = (25_000, 50_000, 100_000, 200_000)
_RUNS = 3
# A peer that needs longer than this for one text is not given a larger one.
_ENOUGH_S = 2.0

_FAULTY_ROW = '{\'id\': %d, "name": "O\\\'Neil", tags: [\'a\', "b" "c",], ok: True, // note\n "n": 1_000}'
_PARAGRAPH = (
    "An invoice of the @usual@ kind, paid within the month. " * 2
    + "No fault in this sentence, so it is read whole. " * 19
)
SHAPES: dict[str, Callable[[int], str]] = {
    "rows, many faults": lambda n: "[" + ",\n".join(_FAULTY_ROW % i for i in range(n // 84)) + "]",
    "rows, one missing comma each": lambda n: (
        "["
        + ", ".join('{"id": ' + str(i) + ', "name": "Ann Lee" "mail": "ann@x.org"}' for i in range(n // 58))
        + "]"
    ),
    "paragraphs, a fault in each": lambda n: (
        json.dumps([{"id": i, "text": _PARAGRAPH} for i in range(n // 1_030)], indent=1).replace("@", '"')[
            :-1
        ]
        + ",]"
    ),
    "Python repr": lambda n: repr(
        [{"id": i, "name": "Ann", "ok": True, "x": [1.5, None]} for i in range(n // 62)]
    ),
    "JavaScript object": lambda n: (
        "[" + ",".join("{id: " + str(i) + ", name: 'Ann', x: [1, 2,]}" for i in range(n // 37)) + "]"
    ),
    "valid, then cut": lambda n: json.dumps(
        [{"id": i, "name": "Ann Lee", "x": [1.5, None]} for i in range(n // 48)]
    )[:-9],
    "openers": lambda n: "[" * n,
    "objects in objects": lambda n: '{"a":' * (n // 5),
    "quotes": lambda n: '{"a": "' + '" a' * (n // 3),
    "quotes and commas": lambda n: '["' + '", "' * (n // 4),
    "forgotten quotes": lambda n: "[" + '"a, ' * (n // 4),
    "forgotten quotes, keys": lambda n: "{" + '"a": "b, ' * (n // 9),
    "apostrophes and braces": lambda n: "{'a': '" + "'} x " * (n // 5),
    "backslashes": lambda n: '{"a": "' + "\\" * n,
    "invalid escapes": lambda n: '{"a": "' + "\\a" * (n // 2) + '"',
    "raw newlines": lambda n: '{"a": "' + "\n" * n + '"',
    "spaces": lambda n: "{'a' " + " " * n + "b",
    "newlines behind words": lambda n: "{a: b" + "\n" * n,
    "comments": lambda n: "[" + "/* */" * (n // 5),
    "open comments": lambda n: "[" + "/*" * (n // 2),
    "words": lambda n: "[" + "a " * (n // 2),
    "words, keys": lambda n: "{" + "a " * (n // 2),
    "colons": lambda n: "{" + ":" * (n - 10),
    "commas": lambda n: "[" + "," * (n - 10),
    "digits": lambda n: "[" + "1" * n,
    "closers": lambda n: "[" + "}" * n,
    "early closers": lambda n: '{"a":1' + '},"b":1' * (n // 7),
    "pluses": lambda n: '"a"' + ' + "a"' * (n // 6),
}


def main() -> None:
    """Print the tables, and write them if requested."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--output", type=Path, help="folder for a dated JSON file")
    chosen = arguments.parse_args()
    corpora = Path(os.environ["SCHEMA_GUARD_CORPORA"])
    peers = _peers()
    results = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "versions": {name: _version(package) for name, package in _PEERS.items() if name in peers},
        "repair": _by_source(_rows(corpora / "repair.jsonl"), peers),
        "real_outputs": _on_real(_rows(corpora / "real_outputs.jsonl"), peers),
        "growth": _growth(peers),
    }
    if chosen.output:
        path = chosen.output / f"{results['date']}-repair.json"
        path.write_text(json.dumps(results, indent=1) + "\n")
        print(f"written: {path}")


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _peers() -> dict[str, Callable[[str], Any]]:
    results: dict[str, Callable[[str], Any]] = {}
    for name in _PEERS:
        try:
            results[name] = importlib.import_module(name).loads
        except ImportError:
            print(f"not installed, left out: {name}")
    return results


def pieces(text: str) -> Iterator[str]:
    """Yield the parts of a reply that can be JSON by the reading rule."""
    reading = extract.read(text)
    for span in reading.candidates:
        yield text[span.start : span.end]
    for start in reading.unclosed[:2]:
        yield text[start:]
    if not (reading.candidates or reading.unclosed):
        yield text


def ours(
    text: str, accepts: Callable[[Any], bool], *, level: str, finished: bool
) -> tuple[Any, tuple[str, ...]] | None:
    """Return the first accepted value in a reply, and the repair steps. Unrepaired values come first."""
    for piece in pieces(text):
        parsed = parse(piece, _LIMITS)
        if not isinstance(parsed, NotJson) and accepts(parsed):
            return parsed, ()
    for piece in pieces(text) if level != "off" else ():
        for reading in readings(piece, level=level, finished=finished).repaired:  # type: ignore[arg-type]
            parsed = parse(reading.text, _LIMITS)
            if not isinstance(parsed, NotJson) and accepts(parsed):
                return parsed, reading.steps
    return None


def same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal. 1 equals 1.0, but not true."""
    return bool(one == other) and [repr(one).count(word) for word in ("True", "False")] == [
        repr(other).count(word) for word in ("True", "False")
    ]


def _accepts(schema: Any) -> Callable[[Any], bool]:
    if schema is None:
        return lambda value: True
    validator = jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)
    is_valid: Callable[[Any], bool] = validator.is_valid
    return is_valid


def _read_by(peer: Callable[[str], Any], text: str) -> tuple[Any] | None:
    try:
        return (peer(text),)
    except (Exception, RecursionError):  # noqa: BLE001 - a peer may raise anything; that is its result
        return None


def _by_source(rows: list[dict[str, Any]], peers: dict[str, Callable[[str], Any]]) -> dict[str, Any]:
    """Count exact values by source and kind. For must_fail, count the cases without an accepted value."""
    totals: Counter[str] = Counter()
    hits: dict[str, Counter[str]] = {name: Counter() for name in ("ours", "ours_lossless", *peers)}
    for row in rows:
        key = f"{row['source']} {row['kind']}"
        accepts = _accepts(row.get("schema"))
        totals[key] += 1
        values = {name: _read_by(peer, row["text"]) for name, peer in peers.items()}
        values["ours"] = ours(row["text"], accepts, level="lossy", finished=True)
        values["ours_lossless"] = ours(row["text"], accepts, level="lossless", finished=True)
        for name, value in values.items():
            if row["kind"] == "must_fail":
                hits[name][key] += value is None or not accepts(value[0])
            else:
                hits[name][key] += value is not None and same(value[0], row["expected"])
    print("\nExact values on repair.jsonl (must_fail: refused, or not valid)")
    print(f"{'source, kind':32}{'n':>5}" + "".join(f"{name:>20}" for name in hits))
    for key in sorted(totals):
        print(f"{key:32}{totals[key]:>5}" + "".join(f"{counts[key]:>20}" for counts in hits.values()))
    return {key: {"n": totals[key], **{name: hits[name][key] for name in hits}} for key in sorted(totals)}


def leaves(value: Any) -> dict[str, Any]:
    """Return the scalars of a JSON value by their places."""
    results: dict[str, Any] = {}
    stack = [("", value)]
    while stack:
        place, part = stack.pop()
        if isinstance(part, dict):
            stack += [(f"{place}/{key}", item) for key, item in part.items()]
        elif isinstance(part, list):
            stack += [(f"{place}/{index}", item) for index, item in enumerate(part)]
        else:
            results[place] = part
    return results


def right_leaves(value: Any, gold: Any) -> float:
    """Return the fraction of the gold value's leaves that the value has."""
    wanted, got = leaves(gold), leaves(value)
    hits = sum(place in got and same(got[place], leaf) for place, leaf in wanted.items())
    return hits / max(1, len(wanted))


def _on_real(rows: list[dict[str, Any]], peers: dict[str, Callable[[str], Any]]) -> dict[str, Any]:
    """Measure validity and content separately. The finish reason is unknown, so the replies count as not finished."""
    results: dict[str, Any] = {}
    print("\nreal_outputs.jsonl (finish reason unknown): valid; right leaves where valid, and over all rows")
    for kind in ("unparseable", "schema_invalid", "valid"):
        of_kind = [row for row in rows if row["kind"] == kind]
        for name in ("off", "lossless", "lossy", *peers):
            shares, valid = [], []
            for row in of_kind:
                accepts = _accepts(row["schema"])
                if name in peers:
                    value = _read_by(peers[name], row["text"])
                    value = value if value is None or accepts(value[0]) else None
                else:
                    value = ours(row["text"], accepts, level=name, finished=False)
                shares.append(0.0 if value is None else right_leaves(value[0], row["gold"]))
                valid.append(value is not None)
            where = sum(shares) / sum(valid) if any(valid) else None
            over_all = sum(shares) / len(shares)
            results[f"{kind} {name}"] = {
                "n": len(of_kind),
                "valid": sum(valid),
                "right_valid": where,
                "right": over_all,
            }
            text = "no data" if where is None else f"{where:.3f}"
            print(f"{kind:16}{name:22}{sum(valid):>4} of {len(of_kind):<4} {text:>8} {over_all:>7.3f}")
    return results


def _growth(peers: dict[str, Callable[[str], Any]]) -> dict[str, Any]:
    """Time every shape at four sizes. Return the times, and the exponent of the growth."""

    def judged(text: str) -> Any:
        return ours(text, lambda value: True, level="lossy", finished=False)

    results: dict[str, Any] = {}
    print(f"\nCPU time at {_SIZES[-1] // 1000} KB (or at the size reached) and growth exponent")
    names = {"ours": judged, **peers}
    print(f"{'shape':32}" + "".join(f"{name:>24}" for name in names))
    for shape, make in SHAPES.items():
        line = f"{shape:32}"
        for name, read in names.items():
            times = _times(read, make)
            exponent = _exponent(times)
            size, slowest = times[-1]
            results[f"{shape} | {name}"] = {"times_s": times, "exponent": exponent}
            shown = "raised" if slowest < 0 else f"{slowest * 1e3:.1f}ms@{size // 1000}K ^{exponent:.2f}"
            line += f"{shown:>24}"
        print(line, flush=True)
    return results


def _times(read: Callable[[str], Any], make: Callable[[int], str]) -> list[tuple[int, float]]:
    times: list[tuple[int, float]] = []
    for size in _SIZES:
        text = make(size)
        best = math.inf
        for _ in range(_RUNS):
            started = process_time()
            try:
                read(text)
            except (Exception, RecursionError):  # noqa: BLE001 - refusing quickly is a result too
                best = min(best, process_time() - started)
                break
            best = min(best, process_time() - started)
            if best > _ENOUGH_S:
                break
        times.append((size, best))
        if best > _ENOUGH_S:
            break
    return times


def _exponent(times: list[tuple[int, float]]) -> float:
    """Return the slope of the least-squares line through the logarithms."""
    if len(times) < 2:  # a line needs two points
        return math.nan
    points = [(math.log(size), math.log(max(taken, 1e-6))) for size, taken in times]
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


if __name__ == "__main__":
    main()
