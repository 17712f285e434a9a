"""`--dry-run` prints the plan. It connects to nothing, downloads nothing, and writes nothing."""

import socket

import pytest

from tests.needs import marked, needs, with_parts
from tests.public.commands.command_lines import command

PLANS = {
    "bench run --model local --dry-run": "tasks x 3 variants x 1 epoch = ",
    "bench run --model openai:gpt-x --model anthropic:claude-x --dry-run": "tasks x 6 variants x 1 epoch = ",
    "bench run --playbook --schema ticket --dry-run": "inputs x at most ",
    "bench run --playbook --schema ticket --model openai:gpt-x --larger openai:gpt-y --max-calls 50 --dry-run": "at most 50 calls",
}


@pytest.fixture
def empty_home(tmp_path, monkeypatch):
    """An empty home folder, no keys, and no network."""

    def refused(*_):
        raise AssertionError("a dry run connects to nothing")

    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(home))
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "SCHEMA_GUARD_LOCAL_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SCHEMA_GUARD_STORE", str(home / "records.db"))
    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.chdir(home)
    return home


def has_strict_schema(line):
    """Return whether the plan has the strategy `strict_schema`."""
    return line.startswith("bench run --model")


@pytest.mark.parametrize("line", marked(with_parts(PLANS), "fitting", has_strict_schema))
def test_dry_run_prints_the_plan_and_does_nothing(empty_home, line):
    """The plan goes to stdout, and the home folder stays empty."""
    status, out, err = command(*line.split())

    assert (status, err) == (0, "")
    assert PLANS[line] in out
    assert list(empty_home.iterdir()) == []


@needs("playbook")
def test_dry_run_with_prices_prints_the_most_cost(empty_home):
    """The cost of a playbook has an upper bound."""
    (empty_home / "prices.json").write_text('{"gpt-x": {"p_in": 1, "p_cached": 1, "p_out": 10}}')
    line = "bench run --playbook --schema ticket --model openai:gpt-x --prices prices.json --dry-run"

    assert "output tokens, at most about $" in command(*line.split())[1]


def test_dry_run_of_an_unknown_model_is_an_error(empty_home):
    """The error suggests the nearest name."""
    status, _, err = command("bench", "run", "--model", "openia:gpt-x", "--dry-run")

    assert status == 2
    assert "Did you mean 'openai'?" in err
