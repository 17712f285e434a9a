"""Measure the time that `judge` takes for hostile and broken replies: python benchmarks/hostile_speed.py.

The script prints milliseconds of CPU time per reply, the best of five, for every shape and level of repair at 25, 50,
100, and 200 KB, and the exponent of the growth (1 is linear). The promise is 25 ms for 200 KB. `--output FOLDER` also
writes a dated JSON file and the printed text.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any, Literal

from schema_guard.judging import judge
from schema_guard.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZES = (25_000, 50_000, 100_000, 200_000)
_RUNS = 5
_PROMISE_MS = 25.0
_LEVELS: tuple[Literal["off", "lossless", "lossy"], ...] = ("off", "lossless", "lossy")
_SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
)


def _repeat(unit: str, *, before: str = "", closing: str = "") -> Callable[[int], str]:
    """Return a function that makes a text of a size from a repeated unit and equally many closing texts."""

    def make(size: int) -> str:
        count = size // len(unit + closing)
        return before + unit * count + closing * count

    return make


_ROW = '{"id": %d, "name": "Ann Lee", "mail": "ann@x.org", "tags": ["a", "b"], "ok": true, "n": 1.5}'


def _rows(*changes: tuple[str, str], separator: str = ", ", after: str = "]") -> Callable[[int], str]:
    """Return a function that makes a list of rows of a size, each with the same faults."""

    def make(size: int) -> str:
        row = _ROW
        for plain, faulty in changes:
            row = row.replace(plain, faulty)
        return "[" + separator.join(row % index for index in range(size // len(row))) + after

    return make


SHAPES: dict[str, Callable[[int], str]] = {
    **{f"only {mark}": _repeat(mark) for mark in "{}[],:\"'\\/#-."},
    **{
        f"prose {unit}": _repeat(unit, before="x ")
        for unit in ("{", "}", "[", "]", '"', "{]", "}{", "[:", '{"')
    },
    "prose x{}": _repeat("x{}"),
    "prose x{{{}}}": _repeat("x{{{}}}"),
    "prose x{[}]": _repeat("x{[}]"),
    'prose x{"a":1}': _repeat('x{"a":1}'),
    'prose x{"a":""}': _repeat('x{"a":""}'),
    'prose x{"a":1,': _repeat('x{"a":1,'),
    'prose x{"\\': _repeat('x{"\\'),
    "prose x{'a':1}": _repeat("x{'a':1}"),
    "prose {see}": _repeat("{see} "),
    "prose, different numbers": lambda size: "".join(f'x{{"b":{number}}}' for number in range(size // 12)),
    "prose, nested braces": _repeat("{", before="x", closing="}"),
    "prose, nested keys": _repeat('{"a":', before="x", closing="}"),
    "prose, 90 levels": _repeat("x" + "{" * 90 + "}" * 90),
    "prose, code": _repeat('if (x) { y[i] = "a"; } else { z(); }\n', before="x "),
    "prose, LaTeX": _repeat("\\frac{a}{b} and \\text{x}_{i} ", before="x "),
    "prose, links": _repeat("[see](http://x.org/a) and ", before="x "),
    "fenced blocks": _repeat('```json\n{"a":""}\n```\n', before="x "),
    "{ open": _repeat("{", before="{"),
    "[ {": _repeat("{", before="["),
    "[ {,": _repeat("{,", before="["),
    "[ {]": _repeat("{]", before='{"a":['),
    "[ '": _repeat("'", before="["),
    '[ "': _repeat('"', before="["),
    "[ 1 1": _repeat("1 ", before="["),
    "[ 01,": _repeat("01,", before="["),
    "[ a": _repeat("a\n", before="["),
    "[ a,": _repeat("a,", before="["),
    "[ (1)": _repeat("(1)", before="["),
    "[ [1,],": _repeat("[1,],", before="["),
    "[ [1 2]": _repeat("[1 2] ", before="["),
    '[ "a" "a"': _repeat('"a" ', before="["),
    "[ {'a':'b'},": _repeat("{'a':'b'},", before="["),
    "[ None,": _repeat("None,", before="["),
    "[ {'a':None},": _repeat("{'a':None},", before="["),
    "[ 1,/**/": _repeat("1,/**/", before="["),
    "[ 1,//": _repeat("1,//\n", before="["),
    "[ # x": _repeat("# x\n", before="["),
    "[ {a:1},": _repeat("{a:1},", before="["),
    '[ "line break",': _repeat('"\n",', before="["),
    "[ \\a": _repeat("\\a", before="["),
    "[ “a”,": _repeat("“a”,", before="["),
    "[ forgotten quotes": _repeat('"a, ', before="["),
    "[ zero-width space": _repeat("\u200b ", before="["),
    "{ a:1,": _repeat("a:1,", before="{"),
    "{ …": _repeat("…", before="{"),
    "{ ...": _repeat("... ", before="{"),
    '{ "a": "b,': _repeat('"a": "b, ', before="{"),
    'string of "': _repeat('"', before='{"a":"'),
    "string of \\a": _repeat("\\a", before='{"a":"'),
    "rows": _rows(),
    "rows, single quotes": _rows(('"', "'")),
    "rows, single quotes and apostrophes": _rows(('"', "'"), ("Ann", "O'Ann")),
    "rows, escaped apostrophes": _rows(('"', "'"), ("Ann", "O\\'Ann")),
    "rows, Python": _rows(('"', "'"), ("true", "True"), ("1.5", "None")),
    "rows, trailing commas": _rows(('"]', '",]'), ("5}", "5,}")),
    "rows, unquoted keys": _rows(('"id"', "id"), ('"name"', "name"), ('"tags"', "tags"), ('"ok"', "ok")),
    "rows, unquoted values": _rows(('"Ann Lee"', "Ann Lee"), ('"a"', "a")),
    "rows, comments": _rows(separator=", // next\n"),
    "rows, block comments": _rows(('"name"', '/* who */ "name"')),
    "rows, hash comments": _rows(('"name"', '# who\n "name"')),
    "rows, no comma between": _rows(separator="\n"),
    "rows, no commas inside": _rows((", ", " ")),
    "rows, no colon": _rows(('"name":', '"name"')),
    "rows, line breaks in strings": _rows(("Ann Lee", "Ann\nLee")),
    "rows, bad escapes": _rows(("Ann Lee", "Ann \\d Lee")),
    "rows, quotes in strings": _rows(("Ann Lee", 'Ann "Q" Lee')),
    "rows, an inch in strings": _rows(("Ann Lee", 'Ann 5" Lee')),
    "rows, no closing quote": _rows(('Lee"', "Lee")),
    "rows, no closing brace": _rows(("5}", "5")),
    "rows, a brace too many": _rows(("5}", "5}}")),
    "rows, typographic quotes": _rows(('"Ann Lee"', "“Ann Lee”")),
    "rows, NaN": _rows(("1.5", "NaN")),
    "rows, leading zeros": _rows(("1.5", "007")),
    "rows, thousands": _rows(("1.5", "1,500")),
    "rows, tuples": _rows(('["a", "b"]', '("a", "b")')),
    "rows, many faults": _rows(
        ('"name"', "name"), ('"Ann', "'O\\'Ann"), ('Lee"', "Lee'"), ("true,", "True // so\n")
    ),
    "rows, cut off": _rows(after=""),
    "rows, cut off in a string": _rows(after=', {"id": 3, "name": "An'),
}


def main() -> None:
    """Print the table, and write it if requested."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--output", type=Path, help="folder for a dated JSON file and a text file")
    folder = arguments.parse_args().output
    judge("{a: 1}", _SCHEMA, repair="lossy")
    lines = [_heading()]
    print(lines[0])
    results: dict[str, dict[str, Any]] = {}
    for shape, make in SHAPES.items():
        texts = [make(size) for size in _SIZES]
        for level in _LEVELS:
            times = [_least_ms(text, level) for text in texts]
            results[f"{shape} | {level}"] = {"times_ms": times, "exponent": _exponent(texts, times)}
            lines.append(_line(shape, level, **results[f"{shape} | {level}"]))
            print(lines[-1], flush=True)
    lines += _summary(results)
    print("\n".join(lines[-2:]))
    if folder:
        _write(folder, results, lines)


def _least_ms(text: str, level: Literal["off", "lossless", "lossy"]) -> float:
    best = math.inf
    for _ in range(_RUNS):
        started = process_time()
        judge(text, _SCHEMA, repair=level)
        best = min(best, process_time() - started)
    return best * 1e3


def _exponent(texts: list[str], times_ms: list[float]) -> float:
    """Return the slope of the least-squares line through the logarithms."""
    xs = [math.log(len(text)) for text in texts]
    ys = [math.log(max(taken, 1e-3)) for taken in times_ms]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return slope / sum((x - mean_x) ** 2 for x in xs)


def _heading() -> str:
    sizes = "".join(f"{f'{size // 1000} KB':>9}" for size in _SIZES)
    return f"{'shape':38}{'repair':>9}{sizes}{'growth':>8}"


def _line(shape: str, level: str, *, times_ms: list[float], exponent: float) -> str:
    times = "".join(f"{taken:>9.2f}" for taken in times_ms)
    mark = "  > 25 ms" if times_ms[-1] > _PROMISE_MS else ""
    return f"{shape:38}{level:>9}{times}{exponent:>8.2f}{mark}"


def _summary(found: dict[str, dict[str, Any]]) -> list[str]:
    """Return the number of texts that exceed the promise, and the slowest one."""
    over = sum(row["times_ms"][-1] > _PROMISE_MS for row in found.values())
    slowest = max(found, key=lambda name: found[name]["times_ms"][-1])
    return [
        f"above {_PROMISE_MS:.0f} ms at {_SIZES[-1] // 1000} KB: {over} of {len(found)}",
        f"slowest: {slowest}, {found[slowest]['times_ms'][-1]:.1f} ms",
    ]


def _write(folder: Path, found: dict[str, dict[str, Any]], lines: list[str]) -> None:
    date = datetime.now(UTC).date().isoformat()
    about = {
        "date": date,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "sizes": _SIZES,
        "runs": _RUNS,
        "promise_ms": _PROMISE_MS,
    }
    path = folder / f"{date}-hostile"
    path.with_suffix(".json").write_text(json.dumps(about | {"shapes": found}, indent=1) + "\n")
    path.with_suffix(".txt").write_text("\n".join(lines) + "\n")
    print(f"written: {path}.json, {path}.txt")


if __name__ == "__main__":
    main()
