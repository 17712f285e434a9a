"""Kill and resume benchmark runs: python -m benchmarks.bench_resume --corpora FOLDER --output FILE.txt.

The first part runs a real model on 60 tasks of tasks.jsonl, spread over its twelve sources. No task has more than 1,500
tokens. There are two strategies, and one call at a time. The command is killed with SIGKILL in the middle, and run
again with --resume. The report has the replies that were stored at the kill, and whether each is still there, whether
the journal has an attempt twice, and whether the calls are those of the plan. The second part runs all 450 tasks with a
script, killed in the middle three times. The result's file is compared byte for byte with that of an uninterrupted run.
The third part runs 10,000 tasks against a server on this machine, 200 calls at once, killed in the middle. --part
selects parts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

from benchmarks.bench_throughput import CONCURRENCY, LATENCY_S, served, write_orders
from benchmarks.public_tasks import convert
from schema_guard.bench.suites.values import estimated_tokens
from schema_guard.records import open_store

STRATEGIES = "few_shot,strict_schema"
MOST_TOKENS = 1_500


def main() -> None:
    """Run the parts, print the results, and write them if requested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora", type=Path, default=os.environ.get("SCHEMA_GUARD_CORPORA"))
    parser.add_argument("--output", type=Path)
    parser.add_argument("--part", action="append", choices=("local", "script", "server"))
    arguments = parser.parse_args()
    tasks = arguments.corpora / "tasks.jsonl"
    parts = {
        "local": lambda folder: real_model(tasks, folder),
        "script": lambda folder: script(tasks, folder),
        "server": loopback,
    }
    chosen = arguments.part or list(parts)
    command = (
        f"python -m benchmarks.bench_resume {' '.join(f'--part {part}' for part in arguments.part or ())}"
    )
    lines = [
        command.rstrip(),
        f"{datetime.now(UTC):%Y-%m-%d}, load {os.getloadavg()[0]:.0f} on {os.cpu_count()} processors",
    ]
    for part in chosen:
        with tempfile.TemporaryDirectory() as folder:
            lines += ["", *parts[part](Path(folder))]
    text = "\n".join(lines)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")


def bench(*arguments: str | Path) -> list[str]:
    """Return the command line of a run."""
    return [sys.executable, "-m", "schema_guard", "bench", "run", *map(str, arguments)]


def killed(command: list[str], journal: Path, lines: int) -> bytes:
    """Run a command until its journal has *lines* lines, kill it, and return the complete lines of the journal."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not journal.exists() or journal.read_bytes().count(b"\n") < lines:
        if process.poll() is not None:
            raise SystemExit(f"it ended by itself: {process.returncode}")
        sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    content = journal.read_bytes()
    return content[: content.rfind(b"\n") + 1]


def replies_of(journal: Path) -> list[dict[str, object]]:
    """Return the replies of a journal."""
    return [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()[1:]]


def real_model(tasks: Path, folder: Path) -> list[str]:
    """Kill and resume a run of the local model."""
    journal, result, store = folder / "real.journal", folder / "real.json", f"sqlite:///{folder}/real.db"
    short = folder / "short.jsonl"
    lines = tasks.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = folder / "kept.jsonl"
    kept.write_text(
        "".join(line for line in lines if estimated_tokens(line) <= MOST_TOKENS), encoding="utf-8"
    )
    convert(kept, short)
    command = bench(
        short, "--model", "local", "--strategy", STRATEGIES, "--sample", "60",
        "--concurrency", "1", "--journal", journal, "--resume", "--output", result, "--store", store,
    )  # fmt: skip
    output = subprocess.run([*command, "--dry-run"], check=True, capture_output=True, text=True).stderr
    planned = int(re.search(r"Calls to make: ([\d,]+)", output)[1].replace(",", ""))
    began = monotonic()
    before = killed(command, journal, 60)
    first = monotonic() - began
    shown = before.count(b"\n") - 1
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = monotonic() - began
    after = replies_of(journal)
    times = Counter((*reply["call"], reply["attempt"]) for reply in after)
    document = json.loads(result.read_text(encoding="utf-8"))
    at = {name: index for index, name in enumerate(document["call_fields"])}
    tasks_done = {call[at["task"]] for call in document["calls"]}
    sources = {call[at["group"]] for call in document["calls"]}
    with open_store(store) as records:
        stored = Counter((row["call_id"], row["number"]) for row in records.attempts())
        lost = sum(row["kind"] == "transport" for row in records.attempts())
    return [
        f"the local model, 60 tasks of {len(sources)} sources, {STRATEGIES}, one call at a time",
        f"killed with SIGKILL after {first:.0f} s, {shown} replies kept; finished after {seconds:.0f} s in all",
        f"the journal still begins with these replies, byte for byte: {yes(journal.read_bytes().startswith(before))}",
        f"attempts that are in the journal twice: {sum(count > 1 for count in times.values())} of {len(times)}",
        f"attempts that are in the store twice: {sum(count > 1 for count in stored.values())} of {len(stored)}, {lost} of them lost",
        f"calls in the result: {len(document['calls'])} of {planned} that can be made, {len(tasks_done)} tasks",
        *(f"  {why[:150]} ..." for why in document["stopped"]),
    ]


def script(tasks: Path, folder: Path) -> list[str]:
    """Kill and resume a run of a script three times, and compare its file with that of an uninterrupted run."""
    rows = [json.loads(line) for line in tasks.read_text(encoding="utf-8").splitlines()]
    suite, replies = convert(tasks, folder / "tasks.jsonl"), folder / "script.jsonl"
    with replies.open("w", encoding="utf-8") as file:
        for number, row in enumerate(rows):
            # One in five is no JSON, so that there is something to ask again.
            text = "I cannot say." if number % 5 == 0 else json.dumps(row["gold"])
            file.write(
                json.dumps({"when": row["text"], "reply": text, "finish_reason": "stop", "delay_s": 0.02})
                + "\n"
            )

    def command(name: str, *more: str) -> list[str]:
        return bench(
            suite, "--model", f"scripted:{replies}", "--strategy", STRATEGIES, "--sample", "all", "--seed", "7",
            "--output", folder / f"{name}.json", "--store", "none", *more,
        )  # fmt: skip

    subprocess.run(command("whole"), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = folder / "script.journal"
    killed_command = command("killed", "--journal", str(journal), "--resume")
    deaths = [killed(killed_command, journal, lines).count(b"\n") - 1 for lines in (150, 400, 800)]
    subprocess.run(killed_command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    whole, again = ((folder / f"{name}.json").read_bytes() for name in ("whole", "killed"))
    times = Counter((*reply["call"], reply["attempt"]) for reply in replies_of(journal))
    calls = len(json.loads(whole)["calls"])
    return [
        f"a script, all {len(rows)} tasks, {STRATEGIES}: {calls} calls, {len(times)} attempts",
        f"killed with SIGKILL after {', '.join(map(str, deaths))} replies",
        f"attempts that are in the journal twice: {sum(count > 1 for count in times.values())} of {len(times)}",
        f"the result's file of {len(whole):,} bytes is that of an undisturbed run: {yes(whole == again)}",
    ]


def loopback(folder: Path) -> list[str]:
    """Kill and resume a run of 10,000 tasks against a server on this machine."""
    suite, result, journal = folder / "orders.jsonl", folder / "orders.json", folder / "orders.journal"
    write_orders(suite, 10_000)
    store = f"sqlite:///{folder}/records.db"
    with served() as url:
        command = bench(
            suite, "--model", f"{url}#m", "--strategy", "system_prompt", "--sample", "all", "--concurrency", str(CONCURRENCY),
            "--journal", journal, "--resume", "--output", result, "--store", store,
        )  # fmt: skip
        began = monotonic()
        before = killed(command, journal, 5_000)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = monotonic() - began
    shown = before.count(b"\n") - 1
    times = Counter((*reply["call"], reply["attempt"]) for reply in replies_of(journal))
    document = json.loads(result.read_text(encoding="utf-8"))
    with open_store(store) as records:
        stored = Counter((row["call_id"], row["number"]) for row in records.attempts())
    return [
        f"a server on this machine, 10,000 tasks, {CONCURRENCY} calls at once, {LATENCY_S * 1000:.0f} ms a reply",
        f"killed with SIGKILL after {shown:,} replies; finished after {seconds:.0f} s in all",
        f"the journal still begins with these replies, byte for byte: {yes(journal.read_bytes().startswith(before))}",
        f"attempts that are in the journal twice: {sum(count > 1 for count in times.values())} of {len(times):,}",
        f"attempts that are in the store twice: {sum(count > 1 for count in stored.values())} of {len(stored):,}",
        f"calls in the result: {len(document['calls']):,} of 10,000",
    ]


def yes(claim: bool) -> str:
    """Return a claim as a word."""
    return "yes" if claim else "NO"


if __name__ == "__main__":
    main()
