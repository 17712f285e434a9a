"""Compare the speed of schema_guard with its peers and with its promises.

    python benchmarks/peers.py --output benchmarks/results/$(date -I)-peers.json

After a run, delete the previous result, and change its name in schema_guard/docs/benchmarks.md to the new one. Then run
`python tests/public/pages/blocks.py --update` to write the new figures there.

Every peer runs in its own process and its own environment, which is made once under --environments. In each round, each
case is timed once in every peer in turn, so that a slow moment of the machine affects all of them. The slow peers take
part in each fifth round. The numbers are minima of the rounds, in ns of the process's CPU time per call (a stub doesn't
wait), over a thousand different replies. A ratio is to the strict floor: jiter, which refuses duplicate keys and NaN,
and jsonschema_rs by hand, which on a retry reports each error. If a peer cannot do a case, the reason is listed.

The script also measures the cost that a guard adds to tasks, to memory, and to chunks, the growth on hostile texts, the
store, the CPU time of whole processes up to the first call, and memory. It takes twelve minutes. --quick measures only
the floors and schema_guard, and takes two. --output writes JSON, and the printed tables beside it as .txt.
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

from import_cost import BASE, READY
from peer_cases import CASES, GROWTH_CASES, GROWTH_SIZES, SHAPES
from peer_tables import (
    LARGEST,
    OURS,
    PYDANTIC,
    READERS,
    STRICT,
    VALIDATE_JSON,
    case_lines,
    promise_lines,
    promises,
    tables,
)
from peer_worker import ADAPTERS

HERE = Path(__file__).resolve().parent
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
_START_RUNS = 8
_READY_RUNS = 20
_SLOW_EVERY = 5
_ROUNDS, _QUICK_ROUNDS = 80, 10


class Peer(NamedTuple):
    """The environment of a peer, and the imports of a program that uses it."""

    environment: str
    imports: str

    @property
    def is_ours(self) -> bool:
        """Whether the peer is schema_guard or a floor, which are timed in every round."""
        return self.environment == "schema_guard"


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
    STRICT: Peer("schema_guard", "import jiter, jsonschema_rs"),
    "jiter + jsonschema_rs": Peer("schema_guard", "import jiter, jsonschema_rs"),
    "json + jsonschema_rs": Peer("schema_guard", "import json, jsonschema_rs"),
    OURS: Peer("schema_guard", "from schema_guard import guard"),
    VALIDATE_JSON: Peer("schema_guard", "import pydantic"),
    PYDANTIC: Peer("schema_guard", "import pydantic; from schema_guard import guard"),
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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("--environments", type=Path, default=cache / "schema-guard" / "peers")
    parser.add_argument("--source", default=str(HERE.parent), help="what is installed as schema_guard")
    parser.add_argument("--rounds", type=int, help=f"default: {_ROUNDS}, --quick: {_QUICK_ROUNDS}")
    parser.add_argument("--quick", action="store_true", help="the floors and schema_guard alone")
    parser.add_argument(
        "--only", help="a look at the cases whose names have this in them, and at nothing else"
    )
    parser.add_argument("--output", type=Path, help="a .json file; the tables go beside it")
    return parser.parse_args()


def main() -> None:
    """Measure, print the tables, and write them if requested."""
    value = _arguments()
    rounds = value.rounds or (_QUICK_ROUNDS if value.quick else _ROUNDS)
    began = monotonic()
    peers = {name: peer for name, peer in PEERS.items() if peer.is_ours or not value.quick}
    pythons, refused = environments(
        value.environments, value.source, {peer.environment for peer in peers.values()}
    )
    if value.only is not None:
        chosen = [case for case in CASES if value.only in case]
        print("\n".join(case_lines(calls(peers, pythons, refused, chosen, rounds)["cases"])))
        return
    result: dict[str, Any] = {
        "command": f"python benchmarks/peers.py{' --quick' * value.quick} --rounds {rounds}",
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_1m_before": round(os.getloadavg()[0], 2),
        "rounds": rounds,
        "how": {name: (ADAPTERS[name].__doc__ or "").splitlines()[0] for name in peers},
    }
    result |= calls(peers, pythons, refused, list(CASES), rounds)
    result |= added(pythons, rounds)
    say("ready for the first call")
    result["ready_cpu_s"] = ready(pythons)
    if not value.quick:
        result |= whole(pythons, refused)
    result["promises"] = promises(result)
    result["took_s"] = round(monotonic() - began)
    lines = promise_lines(result["promises"]) + case_lines(result["cases"]) if value.quick else tables(result)
    table = "\n".join(lines) + "\n"
    print(table, end="")
    if value.output is not None:
        value.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        value.output.with_suffix(".txt").write_text(table, encoding="utf-8")


def whole(pythons: dict[str, str], refused: dict[str, str]) -> dict[str, Any]:
    """Measure the facts that are not about one call: readers of any text, the start of processes, and memory."""
    say("shapes")
    results: dict[str, Any] = {"shapes": shapes(pythons, refused)}
    say("start")
    results["start_cpu_s"] = starts(pythons, refused)
    say("memory")
    results["memory"] = memory(pythons, refused)
    return results


def say(what: str) -> None:
    """Print the next step on standard error."""
    print(what, file=sys.stderr)


# The environments


def environments(folder: Path, source: str, wanted_ones: set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Make the missing environments. *source* is installed in schema_guard's each time.

    Returns:
        The Python of each environment, and the reason for each one that cannot be made.
    """
    pythons, refused = {}, {}
    for name in wanted_ones:
        requirements = ENVIRONMENTS[name]
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
    item = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1])
    return " ".join(word for word in item.split() if "/" not in word)[:160]


def environment() -> dict[str, str]:
    """Return the environment variables of every process, without those that change a peer's behavior."""
    # Without bytecode files every run would compile the sources again, which no installed program does.
    ours = ("PYTHON", "SCHEMA_GUARD", "LANGCHAIN", "LANGSMITH", "OTEL", "LOGFIRE")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)} | {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1"
    }


# The workers


class Worker:
    """A peer's process. After it ended or did not answer, the answer to each further command is the reason."""

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
        """Return the answer to a command."""
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


# The measurements


def calls(
    peers: dict[str, Peer], pythons: dict[str, str], refused: dict[str, str], chosen: list[str], rounds: int
) -> dict[str, Any]:
    """Time every chosen case in every peer, in turn, and the store."""
    running = {
        name: Worker(pythons[peer.environment], name)
        for name, peer in peers.items()
        if peer.environment in pythons
    }
    unable = {
        (case, name): refused[peer.environment]
        for case in chosen
        for name, peer in peers.items()
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
            turn = [name for name in running if peers[name].is_ours or number % _SLOW_EVERY == 0]
            for case, name in product(chosen, turn):
                if (case, name) not in unable:
                    _note(running[name].ask("time", case=case), (case, name), times, unable)
            if OURS in running and number % _SLOW_EVERY == 0:
                stored.append(running[OURS].ask("store", path=f"{folder}/{number}.db"))
    versions = {name: worker.ask("versions", packages=PACKAGES) for name, worker in running.items()}
    for worker in running.values():
        worker.end()
    cases = {case: {name: _summary((case, name), times, unable) for name in peers} for case in chosen}
    return {"versions": versions, "cases": cases, "growth": _growth(cases, peers), "store_ns": _store(stored)}


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
    least, floor = min(times[key]), times.get((key[0], STRICT))
    return {
        "ns": round(least),
        "median_ns": round(statistics.median(times[key])),
        "rounds": len(times[key]),
        "ratio": round(least / min(floor), 3) if floor else None,
    }


def _growth(cases: dict[str, Any], peers: dict[str, Peer]) -> dict[str, float | None]:
    """Return the exponent of each peer's growth over the large cases."""
    results = {}
    for name in peers:
        ns = [cases.get(case, {}).get(name, {}).get("ns") for case in GROWTH_CASES]
        results[name] = None if None in ns else exponent(ns)
    return results


def exponent(ns: list[float]) -> float | None:
    """Return e of time = c * size^e, fitted by least squares on logarithms. None for fewer than two sizes."""
    if len(ns) < 2:
        return None
    sizes = [math.log(size) for size in GROWTH_SIZES[: len(ns)]]
    return round(statistics.linear_regression(sizes, [math.log(time) for time in ns]).slope, 3)


def _store(stored: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the time that recording adds to a call of the small case, in ns, and the number of lost records."""
    good = [one for one in stored if "on" in one]
    if not good:
        return {"cannot": stored[0]["cannot"] if stored else "not installed"}
    added = {
        f"added_{clock}": round(statistics.median(one["on"][clock] - one["off"][clock] for one in good))
        for clock in ("wall", "thread", "process")
    }
    return {**added, "lost_records": sum(one["lost_records"] for one in good)}


def added(pythons: dict[str, str], rounds: int) -> dict[str, Any]:
    """Measure the cost that a guard adds to tasks, to memory while they wait, and to the chunks of a stream."""
    if "schema_guard" not in pythons:
        return {"added": {}}
    worker, result = Worker(pythons["schema_guard"], OURS), {}
    for what in ("tasks", "in flight", "chunks", "chunks, early stop"):
        say(f"added: {what}")
        result[what] = worker.ask("added", timeout_s=300, what=what, rounds=max(rounds // 4, 3))
    worker.end()
    return {"added": result}


def ready(pythons: dict[str, str]) -> dict[str, float | None]:
    """Measure CPU seconds of processes that are ready for the first call, and of the standard library alone."""
    taken: dict[str, list[float | None]] = {"standard library": [], "ready for the first call": []}
    for _ in range(_READY_RUNS + 1):
        for name, code in zip(taken, (BASE, READY), strict=True):
            taken[name].append(_cpu_s(pythons.get("schema_guard", sys.executable), code))
    return {name: _least(seconds[1:]) for name, seconds in taken.items()}


def shapes(pythons: dict[str, str], refused: dict[str, str]) -> dict[str, Any]:
    """Time the readers of any text on the text shapes. Return the exponent, and the ns at each size reached."""
    results: dict[str, Any] = {}
    for reader, peer in READERS.items():
        place = PEERS[peer].environment
        if place in refused:
            results[reader] = {shape: {"cannot": refused[place]} for shape in SHAPES}
            continue
        worker, results[reader] = Worker(pythons[place], peer), {}
        for shape in SHAPES:
            answer = worker.ask("shape", timeout_s=_SHAPE_TIMEOUT_S, shape=shape, reader=reader)
            if "cannot" in answer:
                worker.end()
                worker = Worker(pythons[place], peer)
                results[reader][shape] = answer
                continue
            ns = answer["ns"]
            reached = GROWTH_SIZES[len(ns) - 1]
            results[reader][shape] = {
                "exponent": exponent(ns),
                "reached": reached,
                "ns": [round(one) for one in ns],
            }
        worker.end()
    return results


def starts(pythons: dict[str, str], refused: dict[str, str]) -> dict[str, Any]:
    """Measure CPU seconds of whole processes: of the import, and until they are ready for the first call."""
    plain = pythons.get("schema_guard", sys.executable)
    results: dict[str, Any] = {
        name: {"cannot": refused.get(peer.environment)} for name, peer in PEERS.items()
    }
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
        results[name] = {what: _least(seconds) for what, seconds in runs.items()}
    return results


def _least(seconds: list[float | None]) -> float | None:
    good = [one for one in seconds if one is not None]
    return round(min(good), 4) if len(good) == len(seconds) else None


def _cpu_s(python: str, code: str) -> float | None:
    """Return the user and system seconds of one process. None if it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([python, "-c", code], check=False, env=environment(), cwd=HERE, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds if done.returncode == 0 else None


def memory(pythons: dict[str, str], refused: dict[str, str]) -> dict[str, Any]:
    """Measure the peak memory of a new process when it is ready, and after many calls of the largest case."""
    results: dict[str, Any] = {}
    for name, peer in PEERS.items():
        if peer.environment in refused:
            results[name] = {"cannot": refused[peer.environment]}
            continue
        worker = Worker(pythons[peer.environment], name)
        results[name] = worker.ask("memory", case=LARGEST)
        worker.end()
    return results


if __name__ == "__main__":
    main()
