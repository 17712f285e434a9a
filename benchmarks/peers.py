"""How schema_guard compares with its peers: python benchmarks/peers.py --output benchmarks/results/DATE-peers.json.

Every peer runs in an environment of its own, made once under --environments, in a process of its own. In each round
each case is timed once in every peer in turn, so that a slow moment of the machine meets all of them. Numbers are
medians of the rounds, in ns of wall time a call; a ratio is to the floor, jiter + jsonschema_rs by hand, in the
same round. What a peer cannot do is listed with the reason. It also measures growth on hostile texts, the store, the CPU of
whole processes up to the first call, and memory. --output writes JSON, and the printed tables beside it as .txt.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import select
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from import_cost import BASE
from peer_cases import CASES, GROWTH_CASES, GROWTH_SIZES, SHAPES
from peer_worker import ADAPTERS

HERE = Path(__file__).resolve().parent
FLOOR, STRICT, OURS = "jiter + jsonschema_rs", "strict jiter + the same", "schema_guard"
LARGEST = GROWTH_CASES[-1]
# What reads the text shapes -> the peer in whose environment it is.
READERS = {
    OURS: OURS,
    f"{OURS}, lossy": OURS,
    "json_repair": "json_repair",
    "fast_json_repair": "fast_json_repair",
}
PACKAGES = (
    "schema-guard",
    "jiter",
    "jsonschema-rs",
    "instructor",
    "pydantic-ai-slim",
    "langchain-core",
    "outputguard",
    "json_repair",
    "fast_json_repair",
    "openai",
    "pydantic",
    "jsonschema",
    "orjson",
)
_SHAPE_TIMEOUT_S = 15.0
_START_RUNS = 5


class Peer(NamedTuple):
    """Where a peer is installed, and what a program that uses it imports."""

    environment: str
    imports: str


ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "schema_guard": ("openai>=3", "pydantic>=2.9"),
    "instructor": ("instructor>=1.17",),
    "pydantic_ai": ("pydantic-ai-slim>=2.68",),
    "langchain_core": ("langchain-core>=1.8",),
    "outputguard": ("outputguard>=2.1",),
    "json_repair": ("json_repair>=0.64", "jsonschema-rs>=0.61"),
    "fast_json_repair": ("fast_json_repair>=0.2", "jsonschema-rs>=0.61"),
}
PEERS = {
    FLOOR: Peer("schema_guard", "import jiter, jsonschema_rs"),
    STRICT: Peer("schema_guard", "import jiter, jsonschema_rs"),
    "json + jsonschema_rs": Peer("schema_guard", "import json, jsonschema_rs"),
    OURS: Peer("schema_guard", "from schema_guard import guard"),
    "schema_guard, Pydantic": Peer("schema_guard", "import pydantic; from schema_guard import guard"),
    "instructor": Peer("instructor", "import instructor, openai"),
    "pydantic-ai": Peer("pydantic_ai", "from pydantic_ai import Agent, NativeOutput"),
    "langchain-core": Peer(
        "langchain_core",
        "from langchain_core.runnables import RunnableLambda; "
        "from langchain_core.output_parsers import PydanticOutputParser",
    ),
    "outputguard": Peer("outputguard", "import outputguard"),
    "json_repair": Peer("json_repair", "import json_repair, jsonschema_rs"),
    "fast_json_repair": Peer("fast_json_repair", "import fast_json_repair, jsonschema_rs"),
}


def main() -> None:
    """Measure, print the tables, and write them when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("--environments", type=Path, default=cache / "schema-guard" / "peers")
    parser.add_argument("--source", default=str(HERE.parent), help="what is installed as schema_guard")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--only", help="a look at the cases whose names have this in them, and at nothing else"
    )
    parser.add_argument("--output", type=Path, help="a .json file; the tables go beside it")
    arguments = parser.parse_args()
    other = "" if arguments.source == parser.get_default("source") else " --source COPY"
    began = monotonic()
    chosen = [case for case in CASES if (arguments.only or "") in case]
    pythons, refused = environments(arguments.environments, arguments.source)
    result: dict[str, Any] = {
        "command": f"python benchmarks/peers.py --rounds {arguments.rounds}{other}",
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_1m_before": round(os.getloadavg()[0], 2),
        "rounds": arguments.rounds,
        "how": {name: (adapter.__doc__ or "").splitlines()[0] for name, adapter in ADAPTERS.items()},
    }
    result |= calls(pythons, refused, chosen, arguments.rounds)
    if arguments.only is not None:
        print("\n".join(_case_lines(result["cases"])), end="")
        return
    say("shapes")
    result["shapes"] = shapes(pythons, refused)
    say("start")
    result["start_cpu_s"] = starts(pythons, refused)
    say("memory")
    result["memory"] = memory(pythons, refused)
    result["promises"] = promises(result)
    result["took_s"] = round(monotonic() - began)
    table = "\n".join(tables(result)) + "\n"
    print(table, end="")
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        arguments.output.with_suffix(".txt").write_text(table, encoding="utf-8")


def say(what: str) -> None:
    """Tell on standard error what comes next."""
    print(what, file=sys.stderr)


# The environments


def environments(folder: Path, source: str) -> tuple[dict[str, str], dict[str, str]]:
    """Make the environments that are missing; schema_guard's gets *source* anew each time.

    Returns:
        The Python of each environment, and why each other one cannot be made.
    """
    pythons, refused = {}, {}
    for name, requirements in ENVIRONMENTS.items():
        place = folder / name
        python = str(place / ("Scripts" if os.name == "nt" else "bin") / "python")
        made = place / "requirements.json"
        wanted = json.dumps([platform.python_version(), *requirements])
        problem = None
        if not made.is_file() or made.read_text(encoding="utf-8") != wanted:
            say(f"environment {name}")
            problem = _failure(sys.executable, "-m", "venv", "--clear", str(place)) or _failure(
                python, "-m", "pip", "install", "-q", *requirements
            )
        if problem is None and name == "schema_guard":
            # pip installs a folder again even when its version has not changed.
            problem = _failure(python, "-m", "pip", "install", "-q", source)
        problem = problem or _failure(python, "-m", "pip", "check")
        if problem is None:
            made.write_text(wanted, encoding="utf-8")
            pythons[name] = python
        else:
            refused[name] = f"not installed: {problem}"
    return pythons, refused


def _failure(*command: str) -> str | None:
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    if done.returncode == 0:
        return None
    lines = (done.stderr.strip() or done.stdout.strip() or f"exit {done.returncode}").splitlines()
    told = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1])
    return " ".join(word for word in told.split() if "/" not in word)[:160]


def environment() -> dict[str, str]:
    """Give the environment variables of every process here: none that changes what a peer does."""
    # Without bytecode files every run would compile the sources again, which no installed program does.
    ours = ("PYTHON", "SCHEMA_GUARD", "LANGCHAIN", "LANGSMITH", "OTEL", "LOGFIRE")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)} | {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1"
    }


# The workers


class Worker:
    """A peer's process. When it ends or does not answer, everything more it is asked gets the reason."""

    def __init__(self, python: str, name: str) -> None:
        self._dead: str | None = None
        self._process = subprocess.Popen(
            [python, str(HERE / "peer_worker.py"), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            text=True,
        )

    def ask(self, do: str, *, timeout_s: float = 60.0, **given: Any) -> dict[str, Any]:
        """Give the answer to a command."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        if self._dead is None:
            try:
                print(json.dumps({"do": do, **given}), file=process.stdin, flush=True)
                if select.select([process.stdout], [], [], timeout_s)[0]:
                    line = process.stdout.readline()
                    if line:
                        return json.loads(line)  # type: ignore[no-any-return]
                    self._dead = (
                        f"its process ended with {process.wait()} at: {do} {list(given.values())[:1]}"
                    )
                else:
                    self._dead = f"no answer in {timeout_s:.0f} s to: {do} {list(given.values())[:1]}"
            except BrokenPipeError:
                self._dead = f"its process ended with {process.wait()}"
        return {"cannot": self._dead}

    def end(self) -> None:
        """End the process."""
        if self._dead is not None:
            self._process.kill()
        self._process.communicate()


def workers(pythons: dict[str, str]) -> dict[str, Worker]:
    """Start a worker for every peer that is installed."""
    return {
        name: Worker(pythons[peer.environment], name)
        for name, peer in PEERS.items()
        if peer.environment in pythons
    }


# What is measured


def calls(pythons: dict[str, str], refused: dict[str, str], chosen: list[str], rounds: int) -> dict[str, Any]:
    """Time every chosen case in every peer, in turn, and the store."""
    running = workers(pythons)
    unable = {
        (case, name): refused[peer.environment]
        for case in chosen
        for name, peer in PEERS.items()
        if peer.environment in refused
    }
    for case in chosen:
        say(f"warm-up: {case}")
        answers = {name: worker.ask("prepare", case=case) for name, worker in running.items()}
        unable |= {(case, name): answer["cannot"] for name, answer in answers.items() if "cannot" in answer}
    times: dict[tuple[str, str], list[float]] = {}
    stored: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for case, name in product(chosen, running):
                if (case, name) not in unable:
                    _note(running[name].ask("time", case=case), (case, name), times, unable)
            if OURS in running:
                stored.append(running[OURS].ask("store", path=f"{folder}/{number}.db"))
    versions = {name: worker.ask("versions", packages=PACKAGES) for name, worker in running.items()}
    for worker in running.values():
        worker.end()
    cases = {case: {name: _summary((case, name), times, unable) for name in PEERS} for case in chosen}
    return {"versions": versions, "cases": cases, "growth": _growth(cases), "store_ns": _store(stored)}


def _note(
    answer: dict[str, Any], key: tuple[str, str], times: dict[Any, list[float]], unable: dict[Any, str]
) -> None:
    if "ns" in answer:
        times.setdefault(key, []).append(answer["ns"])
    else:
        unable[key] = answer["cannot"]


def _summary(
    key: tuple[str, str], times: dict[tuple[str, str], list[float]], unable: dict[tuple[str, str], str]
) -> dict[str, Any]:
    if key in unable:
        return {"cannot": unable[key]}
    ns, floor = times[key], times.get((key[0], FLOOR))
    # Of one round: its two samples lie a second apart, and what slows one slows the other.
    ratios = [one / least for one, least in zip(ns, floor or [], strict=bool(floor))]
    low, middle, high = statistics.quantiles(ns, n=4) if len(ns) > 1 else ns * 3
    ratio = round(statistics.median(ratios), 3) if ratios else None
    return {
        "ns": round(middle),
        "quarter_below_ns": round(low),
        "quarter_above_ns": round(high),
        "ratio": ratio,
    }


def _growth(cases: dict[str, Any]) -> dict[str, float | None]:
    """Give the exponent of each peer's growth over the large cases."""
    found = {}
    for name in PEERS:
        ns = [cases.get(case, {}).get(name, {}).get("ns") for case in GROWTH_CASES]
        found[name] = None if None in ns else exponent(ns)
    return found


def exponent(ns: list[float]) -> float | None:
    """Fit time = c * size^e by least squares on logarithms, over the sizes reached; None for fewer than two."""
    if len(ns) < 2:
        return None
    sizes = [math.log(size) for size in GROWTH_SIZES[: len(ns)]]
    return round(statistics.linear_regression(sizes, [math.log(time) for time in ns]).slope, 3)


def _store(stored: list[dict[str, Any]]) -> dict[str, Any]:
    """Give what recording adds to a call of the small case, in ns, and how many attempts were dropped."""
    good = [one for one in stored if "on" in one]
    if not good:
        return {"cannot": stored[0]["cannot"] if stored else "not installed"}
    added = {
        f"added_{clock}": round(statistics.median(one["on"][clock] - one["off"][clock] for one in good))
        for clock in ("wall", "thread", "process")
    }
    return {**added, "dropped": sum(one["dropped"] for one in good)}


def shapes(pythons: dict[str, str], refused: dict[str, str]) -> dict[str, Any]:
    """Time the readers of any text on the text shapes: exponent, and ns at the largest size reached."""
    found: dict[str, Any] = {}
    for reader, peer in READERS.items():
        place = PEERS[peer].environment
        if place in refused:
            found[reader] = {shape: {"cannot": refused[place]} for shape in SHAPES}
            continue
        worker, found[reader] = Worker(pythons[place], peer), {}
        for shape in SHAPES:
            answer = worker.ask("shape", timeout_s=_SHAPE_TIMEOUT_S, shape=shape, reader=reader)
            if "cannot" in answer:
                worker.end()
                worker = Worker(pythons[place], peer)
                found[reader][shape] = answer
                continue
            ns = answer["ns"]
            reached = GROWTH_SIZES[len(ns) - 1]
            found[reader][shape] = {
                "exponent": exponent(ns),
                "reached": reached,
                "ns": [round(one) for one in ns],
            }
        worker.end()
    return found


def starts(pythons: dict[str, str], refused: dict[str, str]) -> dict[str, Any]:
    """Measure CPU seconds of whole processes: the import, and all up to being ready for the first call."""
    plain = pythons.get("schema_guard", sys.executable)
    found: dict[str, Any] = {name: {"cannot": refused.get(peer.environment)} for name, peer in PEERS.items()}
    commands = {
        ("standard library", "import"): (plain, BASE),
        ("standard library", "ready"): (plain, "import peer_worker"),
    }
    for name, peer in PEERS.items():
        if peer.environment in pythons:
            python = pythons[peer.environment]
            commands[name, "import"] = python, peer.imports
            commands[name, "ready"] = python, f"import peer_worker; peer_worker.ready({name!r})"
    taken: dict[tuple[str, str], list[float | None]] = {key: [] for key in commands}
    for _ in range(_START_RUNS + 1):
        for key, command in commands.items():
            taken[key].append(_cpu_s(*command))
    for name in {name for name, _ in commands}:
        # The first run writes bytecode files.
        runs = {what: taken[name, what][1:] for what in ("import", "ready")}
        found[name] = {what: _median(seconds) for what, seconds in runs.items()}
    return found


def _median(seconds: list[float | None]) -> float | None:
    good = [one for one in seconds if one is not None]
    return round(statistics.median(good), 4) if len(good) == len(seconds) else None


def _cpu_s(python: str, code: str) -> float | None:
    """Give the user and system seconds of one process; None when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([python, "-c", code], check=False, env=environment(), cwd=HERE, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds if done.returncode == 0 else None


def memory(pythons: dict[str, str], refused: dict[str, str]) -> dict[str, Any]:
    """Measure the peak memory of a fresh process, ready, and after many calls of the largest case."""
    found: dict[str, Any] = {}
    for name, peer in PEERS.items():
        if peer.environment in refused:
            found[name] = {"cannot": refused[peer.environment]}
            continue
        worker = Worker(pythons[peer.environment], name)
        found[name] = worker.ask("memory", case=LARGEST)
        worker.end()
    return found


# What is told


def promises(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Hold the measurements against what is promised; measured is None where there is no measurement.

    Where a ratio to the floor is promised, the ratio to the strict floor stands beside it, for information.
    """
    cases = result["cases"]

    def to_floor(case: str, bound: float, floor: str = "the floor") -> dict[str, Any]:
        ours, strict = cases[case][OURS].get("ratio"), cases[case][STRICT].get("ratio")
        return {
            **_held(f"{case}: ratio to {floor}", ours, "<=", bound),
            "measured_to_strict_floor": round(ours / strict, 3) if ours and strict else None,
        }

    def times_less(peer: str) -> float | None:
        theirs, ours = cases["small"][peer].get("ns"), cases["small"][OURS].get("ns")
        return round(theirs / ours, 1) if theirs and ours else None

    told = [to_floor("small", 5), to_floor("medium, 3 KB", 1.6), to_floor(LARGEST, 1.2)]
    told += [to_floor(case, 4) for case in CASES if case.startswith("re-ask")]
    told += [
        _held(f"small: times less than {peer}", times_less(peer), ">=", 100)
        for peer in ("instructor", "pydantic-ai")
    ]
    told += [_held("store: us added to a small call", _us(result["store_ns"].get("added_wall")), "<=", 3)]
    told += [to_floor(case, 2, "find + parse") for case in CASES if case.startswith("extract")]
    for reader in READERS:
        if reader.startswith(OURS):
            told += _shape_promises(reader, result["shapes"][reader])
    return told


def _held(what: str, measured: float | None, relation: str, bound: float) -> dict[str, Any]:
    kept = None if measured is None else (measured <= bound if relation == "<=" else measured >= bound)
    return {"what": what, "promised": f"{relation} {bound:g}", "measured": measured, "kept": kept}


def _shape_promises(reader: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    measured = {shape: one for shape, one in found.items() if one.get("exponent") is not None}
    if len(measured) < len(found):
        return [_held(f"{reader}: exponent of all shapes", None, "<=", 1.1)]
    steepest = max(measured, key=lambda shape: measured[shape]["exponent"])
    slowest = max(measured, key=lambda shape: measured[shape]["ns"][-1])
    ms = round(measured[slowest]["ns"][-1] / 1e6, 2)
    return [
        _held(f"{reader}: steepest shape, exponent ({steepest})", measured[steepest]["exponent"], "<=", 1.1),
        _held(f"{reader}: slowest 200 KB, ms ({slowest})", ms, "<=", 25),
    ]


def _us(ns: float | None) -> float | None:
    return None if ns is None else round(ns / 1000, 2)


def tables(result: dict[str, Any]) -> list[str]:
    """Give the lines of all tables."""
    head = (
        f"{result['command']}, {result['date']}, Python {result['python']}, {result['cores']} cores, "
        f"load {result['load_1m_before']} before it began, median of {result['rounds']} rounds"
    )
    return [
        head,
        "A case is timed in all peers in turn, once a round. Under other load ratios hold better than times do.",
        "",
        *_promise_lines(result["promises"]),
        *_overview_lines(result),
        *_case_lines(result["cases"]),
        *_store_lines(result["store_ns"]),
        *_shape_lines(result["shapes"]),
        "How each is called",
        *(f"  {name:<24}{how}" for name, how in result["how"].items()),
        "",
        "Versions",
        *(
            f"  {name:<24}" + ", ".join(f"{package} {version}" for package, version in found.items())
            for name, found in result["versions"].items()
        ),
    ]


def _promise_lines(told: list[dict[str, Any]]) -> list[str]:
    words = {True: "kept", False: "MISSED", None: "no data"}
    lines = [f"{'Promised':<66}{'':>8}{'measured':>10}{'':9}{'to the strict floor':>19}"]
    for one in told:
        strict = one.get("measured_to_strict_floor")
        beside = "" if strict is None else f"{_number(strict):>19}"
        word = words[one["kept"]]
        lines.append(
            f"  {one['what']:<64}{one['promised']:>8}{_number(one['measured']):>10}  {word:<7}{beside}".rstrip()
        )
    return [*lines, ""]


def _number(value: float | None) -> str:
    return "no data" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _overview_lines(result: dict[str, Any]) -> list[str]:
    shown = ("small", "medium, 3 KB", LARGEST, "re-ask, small, wrong value", "fenced in prose, 3 KB")
    heads = ("small", "medium", "large", "re-ask", "fenced", "growth", "import", "ready", "memory", "grown")
    lines = [
        "Ratio to the floor; growth exponent over 25 to 200 KB; CPU ms of the process; peak MiB ready, and added by 200 x 200 KB",
        f"  {'':<24}" + "".join(f"{head:>9}" for head in heads),
    ]
    for name in PEERS:
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


def _case_lines(cases: dict[str, Any]) -> list[str]:
    lines = []
    for case, by_peer in cases.items():
        lines.append(f"{case}: us a call (quarter of the rounds below, above), ratio to the floor")
        for name, one in by_peer.items():
            if "cannot" in one:
                lines.append(f"  {name:<24}cannot: {one['cannot']}")
            else:
                low, high = one["quarter_below_ns"] / 1000, one["quarter_above_ns"] / 1000
                ratio = _cell(one["ratio"], "x")
                lines.append(f"  {name:<24}{one['ns'] / 1000:>12.2f}  ({low:.2f}, {high:.2f}){ratio:>12}")
        lines.append("")
    return lines


def _store_lines(found: dict[str, Any]) -> list[str]:
    if "cannot" in found:
        return [f"store: cannot: {found['cannot']}", ""]
    return [
        "Recording to SQLite in the background (queue), added to a small call, in bursts of 200 calls",
        (
            f"  wall {found['added_wall'] / 1000:.2f} us, CPU of the calling thread {found['added_thread'] / 1000:.2f} us, "
            f"CPU of the process with the writer's thread {found['added_process'] / 1000:.2f} us; dropped {found['dropped']}"
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


if __name__ == "__main__":
    main()
