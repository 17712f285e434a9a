"""Run every command in cases that users meet, and write a table of exit codes and first lines.

    python benchmarks/command_table.py --output benchmarks/results/FILE.txt

Stores: with calls, none (`SCHEMA_GUARD_STORE=none`), a file that doesn't exist, and empty. Mistakes: a path that doesn't
exist, and a typo in each name. Output: a pipe that closes after one line, `NO_COLOR` on a terminal, and 60 columns.
The last part of the table has the least CPU time of five `--help` runs of each command.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from schema_guard import open_store
from schema_guard.cli.command import command as root

HELP_RUNS = 5
NARROW = 60
SHOWN = 84
STYLE = re.compile(r"\x1b\[[0-9;]*m")
# Codes that set a color. NO_COLOR leaves bold and underline alone.
COLOR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:[34][0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")
SCHEMA = {
    "title": "Order",
    "type": "object",
    "properties": {"id": {"type": "integer"}},
    "required": ["id"],
    "additionalProperties": False,
}
RECORD = f"""
from schema_guard import guard, open_store
store = open_store("records.db")
replies = iter(['{{"id": 1}}'] * 60 + ['{{"id": "x"}}'] * 40)
extract = guard({SCHEMA!r}, name="shop.extract", store=store, max_attempts=1, on_failure="return")(
    lambda prompt: next(replies)
)
for number in range(100):
    extract(f"order {{number}}")
store.close()
"""
# The arguments of each command, and misspellings of each name in it.
COMMANDS: dict[str, tuple[list[str], list[list[str]]]] = {
    "report": (
        [],
        [["--functoin", "f"], ["--function", "shop.extrct"], ["--format", "jsn"], ["--schema", "Ordr"]],
    ),
    "decide": ([], [["--function", "shop.extrct"], ["--prices", "genai-price"], ["--decline", "few_sho=no"]]),
    "watch": (["--max-failure-rate", "1%"], [["--function", "shop.extrct"], ["--max-p95", "2.5q"]]),
    "doctor": ([], [["shop:extract"], ["--format", "jsn"]]),
    "help": (["report"], [["reprot"]]),
    "completion": (["bash"], [["bsh"]]),
    "demo": (["--offline"], [["finetun"], ["--ofline"]]),
    "bench run": (
        ["small", "--model", "scripted:replies.jsonl", "--sample", "2", "--strategy", "bare"],
        [
            ["--strategy", "few_shto"],
            ["--model", "opnai:gpt-5"],
            ["--sample", "few"],
        ],
    ),
    "bench compare": (["result.json", "result.json"], [["--variant", "bar"], ["--measure", "rihgt"]]),
    "schema check": (["order.json", "reply.txt"], [["--format", "jsn"]]),
    "schema lint": (["order.json", "--provider", "openai"], [["--provider", "opnai"], ["--format", "sarf"]]),
    "schema probe": (
        ["--model", "local", "--dry-run"],
        [["--model", "opnai:gpt-5"], ["--provider", "opnai"]],
    ),
    "store info": ([], [["--format", "jsn"]]),
    "store check": ([], [["--format", "jsn"]]),
    "store export": ([], [["--function", "shop.extrct"], ["--since", "yesterdy"], ["--format", "cvs"]]),
    "store import": (["export.jsonl"], [["--from", "langfus"]]),
    "store delete": (
        ["--function", "shop.extract", "--dry-run"],
        [["--function", "shop.extrct"], ["--older-than", "90x"]],
    ),
    "tune prepare": (
        ["--schema", "order", "--suite", "suite.jsonl", "-o", "set"],
        [["--schema", "ordr"], ["--provider", "opnai"]],
    ),
    "tune run": (["set", "--backend", "local", "--dry-run"], [["--backend", "locl"]]),
}
# The argument of a command that is a path, and is replaced by a path that doesn't exist.
PATHS = {
    "bench run": 0, "bench compare": 0, "schema check": 0, "schema lint": 0, "store import": 0,
    "tune run": 0,
}  # fmt: skip


def leaves(group: click.Group = root, path: str = "") -> Iterator[str]:
    """Yield the path of each command that is not a group."""
    context = click.Context(group)
    for name in group.list_commands(context):
        one = group.get_command(context, name)
        if isinstance(one, click.Group):
            yield from leaves(one, f"{path}{name} ")
        else:
            yield f"{path}{name}"


def program(*arguments: str) -> list[str]:
    """Build a command line."""
    return [sys.executable, "-m", "schema_guard", *arguments]


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a new user in the current folder."""
    own = {"HOME": str(Path.cwd()), "SCHEMA_GUARD_STORE": "records.db", "LC_ALL": "C.UTF-8"}
    return {"PATH": os.environ["PATH"], **own, **more}


def run(arguments: list[str], **variables: str) -> tuple[int, str, str]:
    """Run a command line. Return its exit code, stdout, and stderr."""
    done = subprocess.run(
        program(*arguments),
        check=False,
        capture_output=True,
        text=True,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


def run_on_terminal(arguments: list[str], **variables: str) -> tuple[int, str]:
    """Run a command line on a pseudo-terminal. Return its exit code and output."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        program(*arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(TERM="xterm", **variables),
    )
    os.close(theirs)
    output = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux reports the end of a terminal so
            break
        if not chunk:
            break
        output += chunk
    os.close(ours)
    return process.wait(), output.decode("utf-8", "replace")


def run_into_closed_pipe(arguments: list[str]) -> tuple[int, str]:
    """Run a command line whose reader closes the pipe after one line. Return its exit code and stderr."""
    process = subprocess.Popen(
        program(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read().decode()
    return process.wait(), errors


def first_line(output: str, errors: str = "") -> str:
    """Return the first line that a user sees, or the error if there is one."""
    lines = [
        line
        for line in (errors if "schema-guard: " in errors else output or errors).splitlines()
        if line.strip()
    ]
    error = next((line for line in lines if line.startswith("schema-guard: ")), None)
    line = (
        COLOR.sub("", error or (lines[0] if lines else "(no output)")).strip().replace(str(Path.cwd()), ".")
    )
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def rows_of(name: str) -> Iterator[tuple[str, str, str]]:
    """Yield case, exit code, and first line for one command."""
    usual, typos = COMMANDS[name]
    arguments = [*name.split(), *usual]
    own = f"{name.replace(' ', '-')}.db"
    open_store(f"empty-{own}").set_target("0123456789abcdef", 0.01)
    takes_store = any("--store" in option.opts for option in command_at(name).params)
    code, output, errors = run(arguments)
    yield "usual", str(code), first_line(output, errors)
    if takes_store and name != "demo":
        for case, url in (
            ("no store", "none"),
            ("missing file", f"missing-{own}"),
            ("empty store", f"empty-{own}"),
        ):
            code, output, errors = run(arguments, SCHEMA_GUARD_STORE=url)
            yield case, str(code), first_line(output, errors)
        code, output, errors = run([*arguments, "--store", f"absent-{own}"])
        yield "--store missing", str(code), first_line(output, errors)
    if name in PATHS:
        wrong = [*name.split(), *usual]
        wrong[len(name.split()) + PATHS[name]] = "nowhere/x.json"
        code, output, errors = run(wrong)
        yield "wrong path", str(code), first_line(output, errors)
    for typo in typos:
        code, output, errors = run([*arguments, *typo] if typo[0].startswith("-") else [*name.split(), *typo])
        yield f"typo {' '.join(typo)}", str(code), first_line(output, errors)
    code, errors = run_into_closed_pipe(arguments)
    yield "closed pipe", str(code), first_line("", errors)
    code, output = run_on_terminal(arguments, NO_COLOR="1")
    yield "NO_COLOR", str(code), f"{len(COLOR.findall(output))} color codes"
    code, output = run_on_terminal(arguments, COLUMNS=str(NARROW))
    widths = [len(STYLE.sub("", line)) for line in output.replace("\r", "\n").splitlines()]
    yield f"COLUMNS={NARROW}", str(code), f"widest line {max(widths, default=0)}"
    code, output, _ = run([*name.split(), "--help"], COLUMNS=str(NARROW))
    yield f"help, {NARROW} columns", str(code), f"widest line {max(map(len, output.splitlines()))}"


def command_at(name: str) -> click.Command:
    """Return the command of a path such as `store info`."""
    at: click.Command = root
    for part in name.split():
        assert isinstance(at, click.Group)
        child = at.get_command(click.Context(at), part)
        assert child is not None
        at = child
    return at


def help_seconds(name: str) -> float:
    """Return the least CPU time of a command's `--help`, in seconds."""
    least = float("inf")
    for _ in range(HELP_RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            program(*name.split(), "--help"), stdout=subprocess.DEVNULL, check=True, env=environment()
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return least


def prepare() -> None:
    """Write the files that the command lines name."""
    Path("order.json").write_text(json.dumps(SCHEMA))
    Path("reply.txt").write_text('{"id": "x"}')
    Path("replies.jsonl").write_text('{"reply": "{}"}\n' * 20)
    subprocess.run([sys.executable, "-c", RECORD], check=True, env=environment())
    for line in (
        ["store", "export", "-o", "export.jsonl"],
        ["bench", "run", "small", "--model", "scripted:replies.jsonl", "--sample", "2", "--strategy", "bare",
         "-o", "result.json", "--store", "bench.db"],
    ):  # fmt: skip
        run(line)
    tasks = [
        {"id": str(n), "input": f"{word} order {n} {n * n}", "gold": {"id": n}, "schema_file": "order.json"}
        for n, word in enumerate(
            ["red", "blue", "green", "white", "black", "brown", "pink", "grey", "gold", "teal"] * 15
        )
    ]
    Path("suite.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    prepared = [
        "tune",
        "prepare",
        "--suite",
        "suite.jsonl",
        "--schema",
        "order",
        "-o",
        "set",
        "--min-examples",
        "20",
    ]
    code, output, errors = run(prepared)
    if code:
        raise SystemExit(f"no training set: {errors or output}")


def table() -> list[str]:
    """Return the lines of the table."""
    names = list(leaves())
    missing = [name for name in names if name not in COMMANDS]
    if missing:
        raise SystemExit(f"no command line for: {', '.join(missing)}")
    lines = [f"{datetime.now(UTC).date()}: {len(names)} commands, exit code and first line of each case", ""]
    for name in names:
        lines.append(f"schema-guard {' '.join([name, *COMMANDS[name][0]])}")
        lines += [f"  {case:<38} {code:>2}  {line}" for case, code, line in rows_of(name)]
        print("\n".join(lines[-8:]), file=sys.stderr)
    code, output, errors = run(["reprot"])
    lines += ["", f"  {'typo in the command: reprot':<38} {code:>2}  {first_line(output, errors)}"]
    for group in ("", "bench", "schema", "store", "tune"):
        code, output, errors = run(group.split())
        lines.append(f"  {f'no command: schema-guard {group}':<38} {code:>2}  {first_line(output, errors)}")
    lines += ["", "CPU seconds of --help, least of 5"]
    seconds = {name: help_seconds(name) for name in names}
    lines += [f"  {name:<38} {value:.2f}" for name, value in seconds.items()]
    return [*lines, f"  {'worst':<38} {max(seconds.values()):.2f}"]


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path)
    output = parser.parse_args().output
    output = None if output is None else output.absolute()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        prepare()
        text = "\n".join(table()) + "\n"
    if output is not None:
        output.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
