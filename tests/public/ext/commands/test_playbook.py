"""Facts about the command `bench run --playbook`."""

import json
import socket

from schema_guard import guard, open_store
from tests.public.commands.command_lines import run, script
from tests.public.commands.desk import ITEM, lay_out, lines, tasks


def closed_port():
    """Give a port of this machine on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def run_in(folder, model, *more):
    (folder / "inputs.txt").write_text("one\ntwo\nthree\nfour\nfive")
    return (
        "bench",
        "run",
        "--playbook",
        "--schema",
        "s.json",
        "--inputs",
        "inputs.txt",
        "--model",
        model,
        *more,
    )


def test_a_dead_server_is_the_environment(folder, capsys):
    """Where no call was answered the exit status is 2, and the last error is told."""
    asked = run_in(folder, f"http://127.0.0.1:{closed_port()}/v1#m", "--concurrency", "1")

    status, out, err = run(capsys, *asked)

    assert status == 2
    assert "schema-guard: no call returned a reply to validate: 3 calls in a row" in err
    assert "Connection" in err
    assert "NEED_MORE_DATA" in out


def test_one_reply_is_a_measurement(folder, capsys):
    """As soon as one reply was judged the exit status is the verdict's."""
    model = script(folder, '{"a": 1}', *({"raise": "down"} for _ in range(9)))

    status, _, err = run(capsys, *run_in(folder, model, "--concurrency", "1"))

    assert status == 0
    assert "no call got" not in err


def test_a_playbook_run_over_a_training_set_is_for_its_function(folder, capsys):
    """As with `bench`: another function under the same schema does not make it a playbook run for nobody."""
    document = {"title": "t", "type": "object", "required": ["a"]}
    with open_store("r.db") as store:
        for name in ("app.one", "app.two"):
            guard(document, name=name, store=store)(lambda prompt: '{"a": 1}')("x")
    (folder / "set").mkdir()
    manifest = {"format": 1, "schema": {"name": "t", "document": document}, "function": "app.two"}
    (folder / "set" / "manifest.json").write_text(json.dumps(manifest))
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": '{"a": 1}'}]
    for part in ("train", "test"):
        (folder / "set" / f"{part}.jsonl").write_text(json.dumps({"messages": turns}) + "\n")
    model = script(folder, *['{"a": 1}'] * 20)

    _, _, err = run(
        capsys, "bench", "run", "--playbook", "set", "--schema", "t", "--model", model, "--store", "r.db"
    )

    with open_store("r.db") as store:
        trials = {row.function for row in store.configurations()} - {"app.one", "app.two"}
    assert "counts for none of them" not in err
    assert trials
    assert all(name.endswith(":system_prompt:app.two") for name in trials)


def test_answers_of_a_larger_trial_replace_a_smaller_one(folder, capsys):
    """`bench` and a playbook measured the same prompt. Only the trial with known answers counts, and a note says so."""
    lay_out(folder)
    lines(folder / "item.jsonl", [task for task in tasks() if task["id"].startswith("i")])
    with open_store("sqlite:///r.db") as store:
        read = guard(ITEM, store=store, name="app.item", strategy="bare", max_attempts=1)(lambda prompt: "{}")
        read.outcome("text")
    tail = ("--model", "scripted:bad.jsonl", "--store", "r.db", "--function", "app.item")
    bench = ("--strategy", "system_prompt", "--max-attempts", "1", "--sample", "all", "-o", "r.json")
    steps = ("--playbook", "--schema", "item", "--first-step", "system_prompt", "--sample", "4")
    decide = ("decide", "--store", "r.db", "--min-right", "0.5", "--format", "json")

    assert run(capsys, "bench", "run", "item.jsonl", *tail, *bench)[0] == 0
    assert run(capsys, "bench", "run", "item.jsonl", *tail, *steps)[0] < 2
    without, answered = (json.loads(run(capsys, *decide, *more)[1]) for more in ((), ("--answers", "r.json")))

    counts = [sorted(rate["n"] for rate in result["rates"].values()) for result in (without, answered)]
    assert counts == [[1, 4, 9], [1, 9]]
    assert "a larger trial of this strategy has known answers" in json.dumps(answered)
