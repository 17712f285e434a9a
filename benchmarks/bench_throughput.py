"""Compare the benchmark's runner with the raw client: python benchmarks/bench_throughput.py --output FILE.json.

A loopback server with OpenAI's wire format answers every request after 20 ms, in its own process. Four roles send the
same prompts, 200 at once: the raw client (the package openai, asynchronous), the runner (with guards, scoring, a
journal, and a store), instructor, and pydantic-ai. Each has its own process, and the peers have their own environments.
They take turns for a number of rounds. A ratio is to the raw client's throughput in the same round. Memory is the peak
of the whole process. --output writes JSON, and the printed table beside it as .txt.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve()
LATENCY_S = 0.020
CONCURRENCY = 200
SCHEMA = {
    "title": "order",
    "type": "object",
    "properties": {"number": {"type": "integer"}, "item": {"type": "string"}, "paid": {"type": "boolean"}},
    "required": ["number", "item", "paid"],
    "additionalProperties": False,
}
ENVIRONMENTS = {"instructor": ("instructor>=1.17",), "pydantic-ai": ("pydantic-ai-slim[openai]>=2.68",)}


def prompt(number: int) -> str:
    """Return the text of a task."""
    return f"Extract the order.\n\nOrder {number}: one desk, paid by card."


def gold(number: int) -> dict[str, Any]:
    """Return the right answer of a task."""
    return {"number": number, "item": "desk", "paid": True}


def write_orders(file: Path, count: int) -> None:
    """Write the suite."""
    instruction, *_ = prompt(0).split("\n\n")
    rows = (
        {"id": f"order-{number}", "instruction": instruction, "input": prompt(number).split("\n\n")[1],
         "gold": gold(number), "schema": SCHEMA}
        for number in range(count)
    )  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@contextmanager
def served() -> Iterator[str]:
    """Start the server in its own process, and yield its address."""
    server = subprocess.Popen(
        [sys.executable, str(HERE), "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    assert server.stdin is not None
    try:
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
    finally:
        server.stdin.close()
        server.wait(5)


async def serve() -> None:
    """Answer every request after the latency until standard input ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                asked = (await reader.readexactly(size)).decode()
                # Few-shot examples have orders too. The last order is the task.
                number = int(asked.rpartition("Order ")[2].partition(":")[0])
                await asyncio.sleep(LATENCY_S)
                body = json.dumps({
                    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
                    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": json.dumps(gold(number))}}],
                    "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
                }).encode()  # fmt: skip
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                    % len(body)
                    + body
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def side_by_side(count: int, ask: Any) -> None:
    """Make the call of every number, 200 at once."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await ask(number)

    await asyncio.gather(*(work() for _ in range(CONCURRENCY)))


def raw(url: str, count: int) -> int:
    """Send the prompts of the runner with only the package openai."""
    from openai import AsyncOpenAI  # each role has its own packages

    instruction = "Reply with one JSON value that is valid for this JSON Schema: " + json.dumps(SCHEMA)
    valid = 0

    async def go() -> None:
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

            async def ask(number: int) -> None:
                nonlocal valid
                messages = [
                    {"role": "system", "content": instruction},
                    {"role": "user", "content": prompt(number)},
                ]
                reply = await client.chat.completions.create(model="m", messages=messages, max_tokens=64)
                valid += bool(reply.choices[0].message.content)

            await side_by_side(count, ask)

    asyncio.run(go())
    return valid


def runner(url: str, count: int) -> int:
    """Send the prompts with the benchmark's runner, a journal, and a store."""
    from schema_guard.bench.run.journal import Journal
    from schema_guard.bench.run.plan import plan_of, variants_of
    from schema_guard.bench.run.runner import RunSettings, run
    from schema_guard.bench.suites.load import load_suite
    from schema_guard.models import connect
    from schema_guard.records import open_store

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "suite.jsonl"
        write_orders(file, count)
        plan = plan_of(load_suite(file), variants_of(["m"], ["system_prompt"]))
        store = open_store(f"sqlite:///{folder}/records.db")
        began()
        with Journal.begin(Path(folder) / "journal.jsonl", plan) as journal:
            finished = run(
                plan,
                {"m": connect(f"{url}#m")},
                store=store,
                journal=journal,
                settings=RunSettings(concurrency=CONCURRENCY),
            )
        store.flush(60.0)
        stored = store.counts().stored
        store.close()
        return min(stored, sum(one.right for one in finished.calls))


def instructor(url: str, count: int) -> int:
    """Send the prompts with instructor in JSON_SCHEMA mode and a Pydantic model of the same schema."""
    import instructor as peer
    from openai import AsyncOpenAI

    order, valid = _order(), 0

    async def go() -> None:
        nonlocal valid
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            patched = peer.from_openai(client, mode=peer.Mode.JSON_SCHEMA)

            async def ask(number: int) -> None:
                nonlocal valid
                result = await patched.chat.completions.create(
                    model="m", response_model=order, max_retries=1, max_tokens=64,
                    messages=[{"role": "user", "content": prompt(number)}],
                )  # fmt: skip
                valid += result.number == number

            await side_by_side(count, ask)

    asyncio.run(go())
    return valid


def pydantic_ai(url: str, count: int) -> int:
    """Send the prompts with pydantic-ai and NativeOutput of a Pydantic model of the same schema."""
    from openai import AsyncOpenAI
    from pydantic_ai import Agent, NativeOutput
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    order, valid = _order(), 0

    async def go() -> None:
        nonlocal valid
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            agent = Agent(
                OpenAIChatModel("gpt-4o", provider=OpenAIProvider(openai_client=client)),
                output_type=NativeOutput(order),
                retries=1,
            )

            async def ask(number: int) -> None:
                nonlocal valid
                result = await agent.run(prompt(number))
                valid += result.output.number == number

            await side_by_side(count, ask)

    asyncio.run(go())
    return valid


def _order() -> Any:
    from pydantic import BaseModel, ConfigDict

    class Order(BaseModel):
        model_config = ConfigDict(extra="forbid")
        number: int
        item: str
        paid: bool

    return Order


ROLES = {
    "raw client": raw,
    "schema_guard bench": runner,
    "instructor": instructor,
    "pydantic-ai": pydantic_ai,
}
_began = [0.0, 0.0]


def began() -> None:
    """Start to measure, after the preparation."""
    _began[:] = perf_counter(), process_time()


def play(role: str, url: str, count: int) -> None:
    """Run one role, and print its measurements."""
    began()
    right = ROLES[role](url, count)
    seconds, cpu = perf_counter() - _began[0], process_time() - _began[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu_s": cpu, "peak_mib": peak, "right": right}))


def python_of(role: str, cache: Path) -> str:
    """Return the interpreter of a role. The environment of a peer is made once."""
    if role not in ENVIRONMENTS:
        return sys.executable
    folder = cache / role
    if not (folder / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "pip"), "install", "-q", *ENVIRONMENTS[role]], check=True)
    return str(folder / "bin" / "python")


def measure(pythons: dict[str, str], calls: int, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Run every role in turn against one server, and return the measurements."""
    seen: dict[str, list[dict[str, float]]] = {role: [] for role in pythons}
    with served() as url:
        for _ in range(rounds):
            for role, python in pythons.items():
                done = subprocess.run(
                    [python, str(HERE), "--calls", str(calls), "--role", role, url],
                    check=True, capture_output=True, text=True,
                )  # fmt: skip
                seen[role].append(json.loads(done.stdout.splitlines()[-1]))
                print(role, seen[role][-1], file=sys.stderr)
    return seen


def main() -> None:
    """Measure, print the table, and write it if requested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("--environments", type=Path, default=cache / "schema-guard" / "throughput")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, help="a .json file; the table goes beside it")
    parser.add_argument("--only", action="append", choices=list(ROLES), help="roles beside the raw client")
    parser.add_argument("--role", nargs=2, metavar=("ROLE", "URL"), help="used by this script itself")
    parser.add_argument("--serve", action="store_true", help="used by this script itself")
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve())
        return
    if arguments.role:
        play(*arguments.role, arguments.calls)
        return
    roles = [role for role in ROLES if role == "raw client" or role in (arguments.only or ROLES)]
    pythons = {role: python_of(role, arguments.environments) for role in roles}
    seen = measure(pythons, arguments.calls, arguments.rounds)
    text = table(seen, arguments.calls, arguments.rounds)
    print(text)
    if arguments.output:
        result = {
            "command": f"python benchmarks/bench_throughput.py --calls {arguments.calls} --rounds {arguments.rounds}",
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "processors": os.cpu_count(),
            "latency_s": LATENCY_S,
            "concurrency": CONCURRENCY,
            "rounds": seen,
        }
        arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        arguments.output.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")


def table(seen: dict[str, list[dict[str, float]]], calls: int, rounds: int) -> str:
    """Return the medians as a table."""
    base = seen["raw client"]
    lines = [
        f"python benchmarks/bench_throughput.py --calls {calls} --rounds {rounds}",
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[2]:.0f}",
        f"{calls:,} calls, {CONCURRENCY} at once, {LATENCY_S * 1000:.0f} ms latency, medians of {rounds} rounds",
        "",
        f"{'':20}{'calls/s':>9}{'throughput':>12}{'CPU ms a call':>15}{'peak MiB':>10}{'right':>8}",
    ]
    for role, rows in seen.items():
        speed = statistics.median(calls / row["seconds"] for row in rows)
        ratio = statistics.median(
            raw["seconds"] / row["seconds"] for raw, row in zip(base, rows, strict=True)
        )
        cpu = statistics.median(row["cpu_s"] for row in rows) / calls * 1000
        peak = max(row["peak_mib"] for row in rows)
        lines.append(
            f"{role:20}{speed:9,.0f}{ratio:11.2f}x{cpu:15.2f}{peak:10.0f}{min(row['right'] for row in rows):8,.0f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
