"""Options of `bench run --write-batch` and `--read-batch`: the requests written, and the replies accepted."""

import json
from pathlib import Path

import pytest

from tests.public.commands.command_lines import command, file
from tests.public.commands.desk import ITEM, lay_out, lines

GOOD = '{"a": 1, "unit": "kg"}'


@pytest.fixture(autouse=True)
def desk(folder, monkeypatch):
    """The files of a desk, rows of an export, and a key of OpenAI."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    lay_out(folder)
    long = {"id": "long", "input": "x " * 3_000, "gold": json.loads(GOOD), "schema": ITEM}
    lines(folder / "long.jsonl", [*map(json.loads, Path("suite.jsonl").read_text().splitlines()), long])
    lines(folder / "rows.jsonl", [{"text": f"row {n}.", "label": GOOD} for n in range(3)])
    return folder


def batch(what, name, options, journal="j"):
    """Write or read a batch. Return the result."""
    line = (
        f"bench run {options} --{what}-batch {name} --model openai:gpt-x --strategy bare --journal {journal}"
    )
    return command(*line.split())


def written(options, journal="j"):
    """Return the requests that these options write."""
    status, _, err = batch("write", "r.jsonl", options, journal)
    assert status == 0, err
    return [json.loads(line) for line in Path("r.jsonl").read_text().splitlines()]


def prompts(requests):
    return [request["body"]["messages"][-1]["content"] for request in requests]


def answer(requests, text):
    """Write the replies to these requests to a file."""
    body = {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": text}}]}
    rows = [
        {"custom_id": one["custom_id"], "response": {"status_code": 200, "body": body}} for one in requests
    ]
    file("replies.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


NUMBERS = {
    "suite.jsonl --sample all": 15,
    "suite.jsonl --sample 4": 4,
    "suite.jsonl --sample 4 --seed 3": 4,
    "suite.jsonl --sample 4 --epochs 3": 12,
    "long.jsonl --sample all": 16,
    "rows.jsonl --sample all --field input=text --field gold=label --schema item.json": 3,
    "rows.jsonl --sample all --field input=text --field gold=label --schema item.json --suite-format huggingface": 3,
}


@pytest.mark.parametrize("options", NUMBERS)
def test_options_of_write_are_needed_to_read(options):
    """A batch has one request for each call. Reading accepts the replies with the same options."""
    requests = written(options)
    answer(requests, GOOD)
    status, out, err = batch("read", "replies.jsonl", options)

    assert len(requests) == NUMBERS[options]
    assert (status, err) == (0, "")
    assert (
        out.splitlines()[0] == f"replies: {len(requests)} stored, 0 already known, 0 failed, 0 of other runs"
    )


@pytest.mark.parametrize(
    "options", ["--sample 4", "--sample 4 --seed 1 --epochs 2", "--sample 4 --max-attempts 5", "--sample all"]
)
def test_replies_of_other_options_are_refused(options):
    """A journal belongs to one plan. Reading with other options ends with exit status 2."""
    answer(written("suite.jsonl --sample 4 --seed 1"), GOOD)
    status, out, err = batch("read", "replies.jsonl", f"suite.jsonl {options}")

    assert (status, out) == (2, "")
    assert err.startswith("schema-guard: ")


def test_form_of_the_files_is_taken_from_the_option(desk):
    """`--suite-format` reads a file whose form its rows do not show."""
    status, out, err = batch("write", "r.jsonl", "rows.jsonl --suite-format jsonl")

    assert (status, out) == (2, "")
    assert "rows.jsonl:1" in err
    status, out, err = batch("read", "r.jsonl", "suite.jsonl --suite-format promptfoo", "k")
    assert (status, out) == (2, "")
    assert "suite.jsonl:1" in err


def test_seed_chooses_the_sample():
    """One seed always chooses the same tasks, and two seeds choose different ones."""
    first, again, other = (
        prompts(written(f"suite.jsonl --sample 6 --seed {seed}", f"j{n}")) for n, seed in enumerate((1, 1, 2))
    )

    assert first == again
    assert {*first} != {*other}


@pytest.mark.parametrize(("attempts", "more"), [(1, 0), (2, 4), (3, 4)])
def test_attempts_of_a_call_are_limited(attempts, more):
    """After a failed reply, a call has another request only if `--max-attempts` allows it."""
    options = f"suite.jsonl --sample 4 --max-attempts {attempts}"
    answer(written(options), "no JSON")
    status, out, _ = batch("read", "replies.jsonl", options)
    _, text, _ = batch("write", "again.jsonl", options)

    assert status == 0
    assert (f"{more} calls are not finished" in out) == bool(more)
    assert text.splitlines()[-1].startswith(f"{more} requests for 4 calls" if more else "nothing to write")
