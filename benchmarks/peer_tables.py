"""Compare a result of peers.py with the promises about the speed of a call, and write the tables of the result."""

from __future__ import annotations

from typing import Any

from peer_cases import GROWTH_CASES, GROWTH_SIZES, SHAPES

STRICT, OURS, VALIDATE_JSON = "strict floor", "schema_guard", "model_validate_json"
PYDANTIC = f"{OURS}, Pydantic"
LARGEST = GROWTH_CASES[-1]
# The reader of text shapes -> the peer whose environment has it.
READERS = {
    OURS: OURS,
    f"{OURS}, lossy": OURS,
    "json_repair": "json_repair",
    "fast_json_repair": "fast_json_repair",
}
# The largest promised ratio to the strict floor. None for a ratio that is measured without a promise.
_TO_STRICT = {
    "small": 2.3,
    "medium, 3 KB": 1.2,
    LARGEST: 1.05,
    "fenced, 3 KB": None,
    "fenced in prose, 3 KB": None,
    "retry, small, wrong value": 8,
    "retry, medium, wrong values": 2.5,
    "retry, small, no JSON": None,
    "extract, fenced, 3 KB": None,
    "extract, fenced in prose, 3 KB": None,
}
_VALIDATED_BY_PYDANTIC = ("small", "medium, 3 KB", LARGEST)
# The promised microseconds added to a call, by the number of tasks at once.
_TO_TASKS_US = {"1": None, "1000": None, "10000": 8}
_LONG, _SHORT = "25000", "3000"


# The promises


def promises(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the measurements with the promises.

    `measured` is None without a measurement, and `promised` is None without a promise.
    """
    text = _call_promises(result["cases"]) + _added_promises(result["added"])
    seconds = result["ready_cpu_s"]
    text.append(
        _held(
            "ready for the first call: CPU, to the standard library alone",
            _over(seconds["ready for the first call"], seconds["standard library"]),
            2.4,
        )
    )
    text.append(
        _held(
            "store: us of wall time added to a small call of a burst",
            _us(result["store_ns"].get("added_wall")),
        )
    )
    for reader in READERS:
        if reader.startswith(OURS) and "shapes" in result:
            text += _shape_promises(reader, result["shapes"][reader])
    return text


def _call_promises(cases: dict[str, Any]) -> list[dict[str, Any]]:
    def ns(case: str, name: str) -> float | None:
        return cases[case].get(name, {}).get("ns")  # type: ignore[no-any-return]

    messages = [
        _held(f"{case}: to the strict floor", _over(ns(case, OURS), ns(case, STRICT)), most)
        for case, most in _TO_STRICT.items()
    ]
    replied = _over(ns("small, reply object", OURS), ns("small", STRICT))
    messages.append(_held("small, reply object: to the strict floor of small", replied))
    messages += [
        _held(
            f"{case}, Pydantic: to model_validate_json",
            _over(ns(case, PYDANTIC), ns(case, VALIDATE_JSON)),
        )
        for case in _VALIDATED_BY_PYDANTIC
    ]
    for peer in ("instructor", "pydantic-ai"):
        if peer in cases["small"]:
            messages.append(
                _held(f"small: {peer}, to schema_guard", _over(ns("small", peer), ns("small", OURS)))
            )
            messages.append(
                _held(f"small: {peer}, to the strict floor", _over(ns("small", peer), ns("small", STRICT)))
            )
    return messages


def _added_promises(added: dict[str, Any]) -> list[dict[str, Any]]:
    def less(what: str, more: str, than: str, at: str | None = None) -> float | None:
        value = added.get(what, {})
        measured = value.get("bytes") if at is None else value.get("ns", {}).get(at)
        return None if measured is None else measured[more] - measured[than]  # type: ignore[no-any-return]

    messages = []
    for tasks, most in _TO_TASKS_US.items():
        at_once = f"async, {int(tasks):,} task{'s' * (tasks != '1')}: us added to the strict floor by hand"
        messages.append(_held(at_once, _us(less("tasks", "guarded", "by hand", tasks)), most))
        bare = less("tasks", "guarded", "unguarded", tasks)
        messages.append(_held("  to the bare call, parsing and validating included", _us(bare)))
    messages.append(_held("a call in flight: KB added", _us(less("in flight", "guarded", "unguarded")), 4))
    what = "stream of 16-character chunks: ns a chunk beyond the same text in one piece"
    messages.append(_held(what, less("chunks", "streamed", "joined", _LONG)))
    messages.append(
        _held("  beyond its iteration, judging included", less("chunks", "streamed", "iterated", _LONG))
    )
    messages.append(
        _held(
            "  the same of a reply of 3 KB, with what a call costs",
            less("chunks", "streamed", "iterated", _SHORT),
        )
    )
    stopping = less("chunks, early stop", "streamed", "joined", _LONG)
    messages.append(_held("stream with early_stop: us a chunk, the same", _us(stopping)))
    stopping = less("chunks, early stop", "streamed", "iterated", _SHORT)
    messages.append(_held("  of a reply of 3 KB, beyond its iteration", _us(stopping)))
    return messages


def _held(what: str, measured: float | None, most: float | None = None) -> dict[str, Any]:
    """Return a row with the measurement, the promise, and whether it is kept. Without `most`, there is no promise."""
    if most is None:
        return {"what": what, "promised": None, "measured": measured, "kept": None}
    return {
        "what": what,
        "promised": f"<= {most:g}",
        "measured": measured,
        "kept": None if measured is None else measured <= most,
    }


def _over(one: float | None, other: float | None) -> float | None:
    return round(one / other, 3) if one and other else None


def _us(ns: float | None) -> float | None:
    return None if ns is None else round(ns / 1000, 2)


def _shape_promises(reader: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    measured = {shape: one for shape, one in found.items() if one.get("exponent") is not None}
    if len(measured) < len(found):
        return [_held(f"{reader}: exponent of all shapes", None)]
    steepest = max(measured, key=lambda shape: measured[shape]["exponent"])
    slowest = max(measured, key=lambda shape: measured[shape]["ns"][-1])
    ms = round(measured[slowest]["ns"][-1] / 1e6, 2)
    return [
        _held(f"{reader}: steepest shape, exponent ({steepest})", measured[steepest]["exponent"]),
        _held(f"{reader}: slowest 200 KB, ms ({slowest})", ms),
    ]


# The tables


def tables(result: dict[str, Any]) -> list[str]:
    """Return the lines of all tables."""
    head = (
        f"{result['command']}, {result['date']}, Python {result['python']}, {result['cores']} cores, "
        f"load {result['load_1m_before']} before it began, minimum of {result['rounds']} rounds"
    )
    return [
        head,
        "A case is timed in all peers in turn, the slow ones in each fifth round. Under load ratios hold better than times do.",
        "",
        *promise_lines(result["promises"]),
        *_overview_lines(result),
        *case_lines(result["cases"]),
        *_store_lines(result["store_ns"]),
        *_shape_lines(result["shapes"]),
        "How each is called",
        *(f"  {name:<24}{how}" for name, how in result["how"].items()),
        "",
        "Versions",
        *(
            f"  {name:<24}" + ", ".join(f"{package} {version}" for package, version in results.items())
            for name, results in result["versions"].items()
        ),
    ]


def promise_lines(text: list[dict[str, Any]]) -> list[str]:
    """Return the lines of the table of promises."""
    words = {True: "kept", False: "MISSED", None: "no data"}
    lines = [f"{'':<78}{'promised':>9}{'measured':>10}"]
    for one in text:
        word = "" if one["promised"] is None else words[one["kept"]]
        promised = one["promised"] or ""
        lines.append(f"  {one['what']:<76}{promised:>9}{_number(one['measured']):>10}  {word}".rstrip())
    return [*lines, ""]


def _number(value: float | None) -> str:
    return "no data" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _overview_lines(result: dict[str, Any]) -> list[str]:
    shown = ("small", "medium, 3 KB", LARGEST, "retry, small, wrong value", "fenced in prose, 3 KB")
    heads = ("small", "medium", "large", "retry", "in prose", "growth", "import", "ready", "memory", "grown")
    lines = [
        "Ratio to the strict floor; growth exponent over 25 to 200 KB; CPU ms of the process; peak MiB ready, and added by",
        "200 x 200 KB",
        f"  {'':<24}" + "".join(f"{head:>9}" for head in heads),
    ]
    for name in result["how"]:
        ratios = [result["cases"][case][name].get("ratio") for case in shown]
        start, kib = result["start_cpu_s"].get(name, {}), result["memory"][name]
        ready_kib = kib.get("ready_kib")
        columns = [_cell(ratio, "x") for ratio in ratios]
        columns += [_cell(result["growth"][name])]
        columns += [_milliseconds(start.get(what)) for what in ("import", "ready")]
        columns += [_cell(None if ready_kib is None else ready_kib / 1024)]
        columns += [_cell(None if ready_kib is None else (kib["after_kib"] - ready_kib) / 1024)]
        lines.append(f"  {name:<24}" + "".join(f"{column:>9}" for column in columns))
    base = result["start_cpu_s"]["standard library"]
    lines.append(
        f"  the standard library alone: import {_milliseconds(base['import'])} ms; this harness's own part of ready: "
        f"{_milliseconds(base['ready'])} ms"
    )
    return [*lines, ""]


def _cell(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:.{max(0, 2 - len(str(int(value))) + 1)}f}{unit}"


def _milliseconds(seconds: float | None) -> str:
    return _cell(None if seconds is None else 1000 * seconds)


def case_lines(cases: dict[str, Any]) -> list[str]:
    """Return the lines of all cases, with a table for each."""
    lines = []
    for case, by_peer in cases.items():
        lines.append(
            f"{case}: us of CPU a call, least and median of the rounds; ratio of the least to the strict floor's"
        )
        for name, one in by_peer.items():
            if "cannot" in one:
                lines.append(f"  {name:<24}cannot: {one['cannot']}")
            else:
                least, middle = one["ns"] / 1000, one["median_ns"] / 1000
                lines.append(f"  {name:<24}{least:>12.2f}{middle:>12.2f}{_cell(one['ratio'], 'x'):>12}")
        lines.append("")
    return lines


def _store_lines(found: dict[str, Any]) -> list[str]:
    if "cannot" in found:
        return [f"store: cannot: {found['cannot']}", ""]
    return [
        "Recording to SQLite in the background (queue), added to a small call, in bursts of 200 calls",
        (
            f"  wall {found['added_wall'] / 1000:.2f} us, CPU of the calling thread {found['added_thread'] / 1000:.2f} us, "
            f"CPU of the process with the writer's thread {found['added_process'] / 1000:.2f} us; lost {found['lost_records']}"
        ),
        "",
    ]


def _shape_lines(found: dict[str, Any]) -> list[str]:
    lines = [
        "Texts of 25 to 200 KB: growth exponent, and ms at 200 KB (or at the size reached)",
        f"  {'':<30}" + "".join(f"{reader:>24}" for reader in found),
    ]
    for shape in SHAPES:
        cells = []
        for by_shape in found.values():
            one = by_shape[shape]
            if "cannot" in one:
                cells.append("cannot")
                continue
            at = "" if one["reached"] == GROWTH_SIZES[-1] else f" at {one['reached'] // 1000} KB"
            cells.append(f"{_cell(one['exponent'])} {one['ns'][-1] / 1e6:>9.2f}{at}")
        lines.append(f"  {shape:<30}" + "".join(f"{cell:>24}" for cell in cells))
    for reader, by_shape in found.items():
        reasons = sorted({one["cannot"] for one in by_shape.values() if "cannot" in one})
        lines += [f"  {reader} cannot: {reason}" for reason in reasons]
    return [*lines, ""]
