"""Dry runs connect to nothing, download nothing, and write nothing, even on a new machine."""

import json
import socket

import pytest

from tests.needs import needs, with_parts
from tests.public.commands.command_lines import run
from tests.public.commands.desk import lay_out, lines

LINES = (
    "schema probe --model local --dry-run",
    "schema probe --model openai:MODEL --keywords --schema item.json --dry-run",
    "schema probe --model http://192.0.2.1:8000/v1#m --provider vllm --dry-run --format json",
    "tune run set --backend openai --base MODEL --price 3 --dry-run",
    "tune run set --backend local --dry-run",
    "tune run set --backend azure --base MODEL --dry-run --format json",
    "store import langfuse.jsonl --from langfuse --schema ticket.json --traffic all --store new.db --dry-run",
    "store import plain.jsonl --from jsonl --field reply=answer --schema ticket.json --traffic all --store new.db --dry-run",
)


@pytest.fixture
def new_machine(folder, monkeypatch):
    """A folder with input files, an empty home folder without weights and keys, and no network."""
    lay_out(folder)
    (folder / "set").mkdir()
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "{}"}]
    for name in ("train", "validation"):
        lines(folder / "set" / f"{name}.jsonl", [{"messages": turns}] * 12)
    lines(folder / "set" / "test.jsonl", [{"messages": turns}] * 2)
    manifest = {"format": 1, "schema": {"name": "order"}, "files": {"train": {"rows": 12, "tokens": 400}}}
    (folder / "set" / "manifest.json").write_text(json.dumps(manifest))
    home = folder / "home"
    home.mkdir()
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home))
    for name in (
        "OPENAI_API_KEY",
        "AZURE_OPENAI_API_KEY",
        "SCHEMA_GUARD_MODEL_KEY",
        "SCHEMA_GUARD_LOCAL_MODEL",
    ):
        monkeypatch.delenv(name, raising=False)

    def refuse(*_):
        raise AssertionError("a dry run opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return folder


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("line", with_parts(LINES))
def test_dry_run_connects_to_nothing_and_writes_nothing(capsys, new_machine, line):
    """The command prints its plan and ends with exit status 0."""
    before = files(new_machine)

    status, out, err = run(capsys, *line.split())

    assert status == 0, err
    assert out
    assert files(new_machine) == before


@needs("fitting")
def test_dry_run_of_probe_prints_the_cost_for_known_prices(capsys, new_machine):
    """With `--prices`, the output has the expected and the largest cost."""
    line = "schema probe --model openai:good --prices prices.json --dry-run --format json"
    document = json.loads(run(capsys, *line.split())[1])

    assert document["requests"] == 4
    assert 0 < document["cost"] < document["most_cost"]


@needs("tuning")
@pytest.mark.parametrize("option", ["--status", "--cancel"])
def test_dry_run_of_tune_refuses_options_that_ask_the_host(capsys, new_machine, option):
    """They have no effect on a plan."""
    status, _, err = run(
        capsys, "tune", "run", "set", "--backend", "openai", "--base", "m", "--dry-run", option
    )

    assert (status, f"{option} has no effect with --dry-run" in err) == (2, True)
