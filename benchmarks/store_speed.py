"""Measure the speed at which a store is written and read: python benchmarks/store_speed.py.

    python benchmarks/store_speed.py [--attempts 200000] [--store PATH] [--against FOLDER --other-store PATH]
        [--output benchmarks/results/NAME]

The script fills a store with synthetic attempts, ten million in thirteen weeks, through `Session.write` in transactions
like those of the writer's thread. It reads the store as `report` and `decide` do, and compares the counts with a scan
of all attempts. A store at --store is created if it doesn't exist, extended if it is smaller, and not deleted. With
--against, a checkout of another commit writes the same rows in its own process, in turn with this one. They write five
files of 100,000 attempts each, then five times 100,000 attempts after those of both stores. All times are wall times
unless CPU is stated. With --output, the script writes NAME.json and NAME.txt.
"""

import argparse
import hashlib
import json
import os
import platform
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from schema_guard.records import ConfigurationCounts, open_store
from schema_guard.records.rows import COLUMNS, Row
from schema_guard.records.sqlite.database import SQLite
from schema_guard.records.writing import writer

_ROUNDS = 5
_ROUND_ROWS = 100_000
_WEEK_S = 7 * 86_400
_SEED = 1

# Three schemas and four strategies: twelve configurations in every batch.
_SCHEMAS = ("invoice", "order", "ticket")
_FAILURE_RATES = {"bare": 0.4, "system_prompt": 0.15, "few_shot": 0.1, "strict_schema": 0.01}
_FAILURES = (
    ("structure", "type", '[["/total","type"]]'),
    ("syntax", "no_json", "[]"),
    ("truncation", "max_tokens", "[]"),
)
_MAX_ATTEMPTS = 3
_REPEATED = 0.1  # of the calls have one of the thousand inputs that repeat
_START_S, _STEP_S = 1.75e9, 0.95


def made_up_calls(seed: int, first: int = 0) -> Iterator[list[Row]]:
    """Yield the rows of each call, starting after *first* calls."""
    draw = random.Random(seed + first)  # made-up data
    number = first
    while True:
        number += 1
        task = draw.randrange(1_000) if draw.random() < _REPEATED else number + 1_000
        yield _call(draw, number, hashlib.md5(str(task).encode()).hexdigest())  # noqa: S324 - as above


def _call(draw: random.Random, number: int, input_hash: str) -> list[Row]:
    schema, strategy = draw.choice(_SCHEMAS), draw.choice(list(_FAILURE_RATES))
    columns: dict[str, Any] = {
        "call_id": f"{number:032x}", "started_at": _START_S + number * _STEP_S,
        "function": f"app.extract_{schema}", "schema_name": schema, "schema_fingerprint": f"{schema:0<16}",
        "model": "model", "provider": None, "strategies": strategy, "settings": '{"max_attempts":3}',
        "version": "0123456789ab", "tuned": 0, "segment": None, "cluster": None, "input_hash": input_hash,
        "parent_call_id": None, "strategy": strategy, "repairs": "[]", "coercions": "[]", "finish_reason": "stop",
        "cached_input_tokens": 0, "reasoning_tokens": None, "prompt_chars": 2_000, "reply_bytes": 900,
        "reply_hash": input_hash, "reply_model": "model", "snapshot": "model-2026-01-01", "exception": None,
        "unseen": 0, "adapted": 0, "gateway_repaired": 0, "stopped_at": None,
    }  # fmt: skip
    rows: list[Row] = []
    final = False
    while not final:
        failed = draw.random() < _FAILURE_RATES[strategy]
        final = not failed or len(rows) + 1 == _MAX_ATTEMPTS
        kind, code, violations = draw.choice(_FAILURES) if failed else (None, None, "[]")
        columns.update(
            number=len(rows) + 1, final=int(final), kind=kind, code=code, violations=violations,
            form=None if failed else "clean", input_tokens=draw.randrange(500, 900),
            output_tokens=draw.randrange(50, 400), elapsed_s=draw.lognormvariate(0, 0.5),
            cost=draw.random() / 100,
        )  # fmt: skip
        rows.append(tuple(columns[name] for name in COLUMNS))
    return rows


def write(path: Path, attempts: int) -> dict[str, float]:
    """Write attempts after the stored ones, with the imported library. Return the time that it took."""
    wall_s = cpu_s = 0.0
    stored = 0
    with closing(SQLite(path).session()) as session:
        made = made_up_calls(_SEED, _calls_in(path))
        while stored < attempts:
            rows = [row for _ in range(writer._MAX_BATCH) for row in next(made)]  # noqa: SLF001 - as its thread does
            began, cpu_began = perf_counter(), process_time()
            session.write(rows, {}, _START_S)
            wall_s, cpu_s = wall_s + perf_counter() - began, cpu_s + process_time() - cpu_began
            stored += len(rows)
    return {"attempts": stored, "wall_s": wall_s, "cpu_s": cpu_s}


def _calls_in(path: Path) -> int:
    """Return the number of the last call of a store."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        sql = "SELECT name FROM sqlite_schema WHERE name IN ('attempts', 'stored_attempts')"
        table = connection.execute(sql).fetchall()[0][0]  # stored_attempts: in stores of earlier commits
        rows = connection.execute(f"SELECT hex(call_id) FROM {table} ORDER BY id DESC LIMIT 1").fetchall()
    return int(rows[0][0], 16) if rows else 0


def _rows_in(path: Path) -> int:
    if not path.exists():
        return 0
    with open_store(f"sqlite:///{path}") as store:
        return store.info().rows


def written_by(checkout: Path, path: Path, attempts: int) -> dict[str, float]:
    """Run a process of a checkout that writes attempts. Return the time that it took."""
    command = [sys.executable, __file__, "--write", str(path), "--attempts", str(attempts)]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, capture_output=True, check=True, env=environment, text=True)
    document: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return document


def compared(here: Path, other: Path, stores: tuple[Path, Path] | None) -> dict[str, Any]:
    """Run two checkouts in turn that write the same rows. Return the best rates of each."""
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        names = [(Path(folder) / f"{n}-here.db", Path(folder) / f"{n}-other.db") for n in range(_ROUNDS)]
        results["small"] = _rates(here, other, names)
    if stores is not None:
        results["large"] = _rates(here, other, [stores] * _ROUNDS)
    return results


def _rates(here: Path, other: Path, paths: list[tuple[Path, Path]]) -> dict[str, Any]:
    rounds: list[dict[str, dict[str, float]]] = []
    for ours, theirs in paths:
        took = {
            "here": written_by(here, ours, _ROUND_ROWS),
            "other": written_by(other, theirs, _ROUND_ROWS),
        }
        rounds.append(took)
        print({name: round(one["attempts"] / one["wall_s"]) for name, one in took.items()}, flush=True)
    best = {
        f"{name}_{kind}_rows_a_s": max(one[name]["attempts"] / one[name][f"{kind}_s"] for one in rounds)
        for name in ("here", "other")
        for kind in ("wall", "cpu")
    }
    ratios = {
        f"{kind}_ratio": best[f"here_{kind}_rows_a_s"] / best[f"other_{kind}_rows_a_s"]
        for kind in ("wall", "cpu")
    }
    return {**best, **ratios, "rounds": rounds}


def seconds(action: Callable[[], object]) -> list[float]:
    """Return the least wall time and the least CPU time of some runs."""
    walls, cpus = [], []
    for _ in range(_ROUNDS):
        began, cpu_began = perf_counter(), process_time()
        action()
        walls.append(perf_counter() - began)
        cpus.append(process_time() - cpu_began)
    return [min(walls), min(cpus)]


def read(path: Path, *, scans_all: bool = True) -> dict[str, Any]:
    """Read the store as `report` and `decide` do. Return the times, and whether the counts are right.

    Args:
        path: Path of the store.
        scans_all: Whether to also scan all attempts, which takes minutes for ten million.
    """
    from schema_guard.decide.recorded.from_store import gather_each
    from schema_guard.records.attempts import Where
    from schema_guard.records.backend import pages
    from schema_guard.report import report_on
    from tests.records.scan import scanned

    backend = SQLite(path)
    with open_store(f"sqlite:///{path}") as store:
        counted = store.configurations()
        function = counted[0].function
        since = max(counts.last_started_at or 0.0 for counts in counted) - _WEEK_S
        call_id = next(store.attempts(since=since))["call_id"]
        last_week = store.configurations(since=since)
        times = {
            "report": seconds(lambda: report_on(store)),
            "one function": seconds(lambda: store.configurations(function=function)),
            "report of one function": seconds(lambda: report_on(store, function=function)),
            "report of the last week": seconds(lambda: report_on(store, since=since)),
            "decide": seconds(lambda: gather_each(store)),
            "decide on the last week": seconds(lambda: gather_each(store, since=since)),
            "decide on one function's last week": seconds(
                lambda: gather_each(store, since=since, function=function)
            ),
            "a call by its id": seconds(lambda: list(store.attempts(call_ids=[call_id]))),
            "schema-guard decide --since, the whole command": seconds(lambda: decided(path, since)),
        }
        began = perf_counter()
        is_right = _without_ids(counted) == scanned(pages(backend, Where())) if scans_all else None
        is_week_right = _without_ids(last_week) == scanned(pages(backend, Where(since)))
        return {
            "times_s": times,
            "calls": sum(counts.calls for counts in counted),
            "calls_of_the_week": sum(counts.calls for counts in last_week),
            "distinct_inputs": sum(counts.inputs for counts in counted),
            "configurations": len(counted),
            "all_equals_a_scan": is_right,
            "week_equals_a_scan": is_week_right,
            "scans_s": perf_counter() - began,
        }


def _without_ids(counted: list[ConfigurationCounts]) -> list[ConfigurationCounts]:
    return [replace(counts, id=None) for counts in counted]


def decided(path: Path, since: float) -> None:
    """Run the command on one of the schemas."""
    day = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    command = [sys.executable, "-m", "schema_guard", "decide", "--schema", _SCHEMAS[0], "--format", "json"]
    command += ["--since", day, "--store", f"sqlite:///{path}"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode > 1:
        raise SystemExit(done.stderr.decode())


def as_text(result: dict[str, Any]) -> str:
    """Return a result as lines."""
    lines = [
        result["command"],
        (
            f"{result['date']}, Python {result['python']}, SQLite {result['sqlite']}, {result['processors']} processors, "
            f"load {result['load']}"
        ),
        "",
        (
            f"{result['attempts']:,} attempts of {result['calls']:,} calls, {result['distinct_inputs']:,} distinct inputs, "
            f"{result['configurations']} configurations; {result['calls_of_the_week']:,} calls in the last week"
        ),
        f"{result['file_bytes'] / result['attempts']:.0f} bytes an attempt",
        (
            f"all equals a scan of the attempts: {result['all_equals_a_scan']}; the last week: "
            f"{result['week_equals_a_scan']}; which took {result['scans_s']:.0f} s"
        ),
        "",
        f"{'least of five':<50}{'wall ms':>10}{'CPU ms':>10}",
    ]
    lines += [
        f"{name:<50}{wall * 1e3:>10.1f}{cpu * 1e3:>10.1f}" for name, (wall, cpu) in result["times_s"].items()
    ]
    for name, what in (("small", "100,000 attempts"), ("large", "after those of the store")):
        if name in result:
            one = result[name]
            lines += [
                "",
                f"{what}: rows a second, best of five in turn{'this':>12}{'other':>10}{'ratio':>8}",
                *(
                    f"  {kind:<8}{one[f'here_{kind}_rows_a_s']:>{len(what) + 52 - 10},.0f}"
                    f"{one[f'other_{kind}_rows_a_s']:>10,.0f}{one[f'{kind}_ratio']:>8.2f}"
                    for kind in ("wall", "cpu")
                ),
            ]
    lines += ["", result["note"]] if "note" in result else []
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write the result if requested."""
    parser = argparse.ArgumentParser(description="How fast a store is written and read.")
    parser.add_argument("--attempts", type=int, default=200_000)
    parser.add_argument("--store", type=Path, help="Is kept; made or filled up when it is smaller.")
    parser.add_argument("--against", type=Path, help="A checkout of another commit.")
    parser.add_argument("--other-store", type=Path, help="Of as many attempts, written by that checkout.")
    parser.add_argument("--week-only", action="store_true", help="Scan the last week's attempts alone.")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument(
        "--output", type=Path, help="Where to write NAME.json and NAME.txt, without the ending."
    )
    value = parser.parse_args()
    if value.write is not None:
        print(json.dumps(write(value.write, value.attempts)))
        return
    here = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory() as folder:
        path = (value.store or Path(folder) / "store.db").resolve()
        while (rows := _rows_in(path)) < value.attempts:
            written_by(here, path, min(500_000, value.attempts - rows))
            print(f"{_rows_in(path):,} attempts", flush=True)
        result: dict[str, Any] = {
            "command": f"python benchmarks/store_speed.py {' '.join(sys.argv[1:])}",
            "date": datetime.now(UTC).date().isoformat(),
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "processors": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
            "attempts": _rows_in(path),
            "file_bytes": path.stat().st_size,
            **read(path, scans_all=not value.week_only),
        }
        print(as_text(result), flush=True)
        if value.against is not None:
            stores = None if value.other_store is None else (path, value.other_store.resolve())
            result |= compared(here, value.against.resolve(), stores)
    text = as_text(result)
    print(text)
    if value.output is not None:
        Path(f"{value.output}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        Path(f"{value.output}.txt").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
