"""The command `schema-guard bench` and what belongs to it, by arguments, output and exit status."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import schema_guard
from tests.needs import needs
from tests.public.commands.command_lines import main

SCHEMA = {
    "title": "item",
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to work in with a suite of eight tasks, and no store but the one that is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "none")
    rows = [
        {"id": f"t{n}", "instruction": "Give a.", "input": f"a is {n}.", "gold": {"a": n}, "schema": SCHEMA}
        for n in range(1, 9)
    ]
    (tmp_path / "suite.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def script(name, wrong=(), reply="no JSON"):
    """A script that gives the right answer to every task but those."""
    rows = [
        {
            "when": f"a is {n}.",
            "reply": reply if n in wrong else json.dumps({"a": n}),
            "finish_reason": "stop",
        }
        for n in range(1, 9)
    ]
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"scripted:{name}"


def run(capsys, *arguments):
    status = main(["bench", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, out, err


def bench(capsys, *arguments, model=None):
    return run(
        capsys, "run", "suite.jsonl", "--model", model or script("m.jsonl"), "--strategy", "bare", *arguments
    )


def test_result_goes_to_stdout_and_the_plan_to_stderr(capsys):
    """What is about to be asked is told before, what was measured afterwards."""
    status, out, err = bench(capsys, model=script("m.jsonl", wrong=(3,)))

    assert status == 0
    assert err.startswith("8 tasks x 1 variant x 1 epoch = 8 calls. Calls to make: 8, with about ")
    assert "calls are not recorded" in err.splitlines()
    assert out.startswith("bare fails in ")
    assert any(line.split()[:2] == ["bare", "8"] for line in out.splitlines())
    assert "  - bare: failed attempts by kind: syntax (no_json) 2" in out.splitlines()


@pytest.mark.parametrize(("form", "begin"), [("json", "{"), ("markdown", "#"), ("html", "<!doctype html>")])
def test_formats(capsys, form, begin):
    """The result comes as JSON, Markdown or a page."""
    if form == "html":
        pytest.importorskip("jinja2", reason="needs the extra 'report'")
    status, out, _ = bench(capsys, "--format", form)

    assert status == 0
    assert out.lower().startswith(begin)


def test_outputs_are_written_in_the_form_of_their_names(capsys):
    """Several files at once, each by its suffix; the JSON is that of --format json."""
    _, out, _ = bench(
        capsys, "--output", "r.json", "--output", "r.md", "--output", "r.txt", "--format", "json"
    )

    assert Path("r.json").read_text() == out
    assert Path("r.md").read_text().startswith("#")
    assert Path("r.txt").read_text().startswith("bare fails in ")


def test_same_seed_gives_the_same_bytes(capsys):
    """A scripted run leaves the same file each time."""
    for name in ("a.json", "b.json"):
        bench(capsys, "--sample", "5", "--seed", "3", "--output", name)

    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()
    assert len(json.loads(Path("a.json").read_text())["calls"]) == 5


def test_dry_run_asks_nothing(capsys):
    """The plan and the estimate go to stdout. No call is made, and no file is written."""
    Path("m.jsonl").write_text('{"raise": "RuntimeError: asked"}\n')
    status, out, err = bench(capsys, "--dry-run", "--journal", "j", model="scripted:m.jsonl")

    assert (status, err) == (0, "")
    assert "8 calls. Calls to make: 8" in out
    assert not Path("j").exists()


def test_prices_tell_what_it_may_cost(capsys):
    """With prices the estimate has dollars, and a budget in dollars ends the run."""
    Path("prices.json").write_text(json.dumps({"m": {"p_in": 1e4, "p_cached": 1e4, "p_out": 1e4}}))
    rows = [{"when": "", "reply": '{"a": 1}', "usage": {"input_tokens": 50, "output_tokens": 50}}]
    Path("m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    status, out, err = bench(
        capsys, "--prices", "prices.json", "--max-cost", "2.5", "--concurrency", "1", model="scripted:m.jsonl"
    )

    assert status == 0
    assert " reply tokens, $" in err
    assert "the budget of $2.5 is used up" in out
    assert "5 of 8 planned calls were not made" in out


def test_prices_are_looked_up_by_a_models_own_name(capsys):
    """A model that is called otherwise here has the price that the table has for it."""
    Path("prices.json").write_text(json.dumps({"m": {"p_in": 1, "p_cached": 1, "p_out": 1}}))
    status, _, err = bench(capsys, "--prices", "prices.json", model=f"mine={script('m.jsonl')}")

    assert status == 0
    assert " reply tokens, $" in err


@pytest.mark.parametrize("asked", [("--output", "page.html"), ("--format", "html")])
def test_page_without_its_extra_is_refused_before_anything_is_asked(capsys, monkeypatch, asked):
    """What cannot be written is told before calls are paid for."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    status, out, err = bench(capsys, "--journal", "j", *asked)

    assert (status, out) == (2, "")
    assert "schema-guard[report]" in err
    assert not Path("j").exists()


def test_several_models_are_variants(capsys):
    """Models are compared side by side, under names of the user's own where they need one."""
    good, bad = script("m.jsonl"), script("other.jsonl", wrong=range(9))
    status, out, _ = run(
        capsys,
        "run",
        "suite.jsonl",
        "--model",
        good,
        "--model",
        f"bad={bad}",
        "--strategy",
        "bare",
        "--format",
        "json",
    )

    assert status == 0
    assert [variant["name"] for variant in json.loads(out)["variants"]] == ["m bare", "bad bare"]


def test_models_of_one_name_are_refused(capsys):
    """The message says how to name them apart."""
    status, _, err = run(
        capsys, "run", "suite.jsonl", "--model", script("m.jsonl"), "--model", "scripted:m.jsonl"
    )

    assert status == 2
    assert "two models have the name 'm'. Rename one of them, as in --model second=scripted:m.jsonl" in err


def test_count_of_tasks_covers_a_variant_with_lost_calls(capsys):
    """If half the calls of a variant are lost, the first sentence does not claim eight tasks for each variant."""
    rows = [{"when": f"a is {n}.", "raise": "TimeoutError: too slow"} for n in range(1, 5)]
    rows += [{"when": "a is 8.", "reply": "no JSON"}, {"when": "", "reply": '{"a": 1}'}]
    Path("half.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    status, out, _ = bench(capsys, "--model", "scripted:half.jsonl", "--concurrency", "1")

    assert status == 0
    assert "with 4 to 8 tasks each" in " ".join(out.split())


@pytest.mark.costly
def test_interrupted_run_says_how_to_go_on(folder):
    """Ctrl-C gives what was finished, exit status 2, and the words to go on with."""
    rows = [{"when": "", "reply": "{}", "delay_s": 0.2}]
    Path("slow.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    environment = {**os.environ, "PYTHONPATH": str(Path(schema_guard.__file__).parents[1])}
    arguments = (
        "suite.jsonl",
        "--model",
        "scripted:slow.jsonl",
        "--concurrency",
        "1",
        "--journal",
        "j",
    )
    process = subprocess.Popen(  # our own words
        [sys.executable, "-m", "schema_guard", "bench", "run", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    while not Path("j").exists() or Path("j").read_text().count("\n") < 3:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 2
    assert "interrupted" in out
    assert err.splitlines()[-1] == "schema-guard: interrupted. To continue, add --journal j --resume"


def test_resumed_run_ends_as_an_uninterrupted_one(capsys):
    """A journal that lost its end is gone on with: the same file, and only what is missing is asked."""
    model = script("m.jsonl", wrong=(2, 5))
    bench(capsys, "--output", "whole.json", "--journal", "j", model=model)
    lines = Path("j").read_text().splitlines(keepends=True)
    Path("j").write_text("".join(lines[:6]) + lines[6][:20])
    status, _, err = bench(capsys, "--output", "again.json", "--journal", "j", "--resume", model=model)

    assert status == 0
    assert Path("again.json").read_bytes() == Path("whole.json").read_bytes()
    assert "8 calls. Calls to make: 8" not in err
    resumed = Path("j").read_text().splitlines(keepends=True)
    assert resumed[:6] == lines[:6]
    assert len(resumed) == len(lines)


def test_attempts_are_recorded(capsys):
    """What was asked is in the store that is named, for `report`."""
    bench(capsys, "--store", "sqlite:///records.db", model=script("m.jsonl", wrong=(1,)))
    main(["report", "--store", "sqlite:///records.db", "--format", "json"])
    result = json.loads(capsys.readouterr().out)["configurations"]

    assert [(one["schema"], one["calls"], one["attempts"]) for one in result] == [("suite", 8, 9)]


def test_model_that_does_not_answer_is_an_error_of_the_environment(capsys):
    """When no call was answered the exit status is 2, and the provider's words are told."""
    Path("m.jsonl").write_text('{"when": "", "raise": "TimeoutError: too \\u001b slow"}\n')
    status, out, err = bench(capsys, model="scripted:m.jsonl")

    assert status == 2
    assert err.splitlines()[-1] == r"schema-guard: no call returned a reply: TimeoutError: too \x1b slow"
    assert "\x1b" not in out


WRONG = [
    (["run", "builtni"], "suite 'builtni': the folder or file does not exist. Expected 'small', 'long', 'real', 'tools', a folder with a suite.json, or a file. Did you mean 'builtin'?"),
    (["run", "--model", "scripted:none"], "scripted:none: expected a JSON Lines file"),
    (["run", "--model", "lokal"], "--model 'lokal': expected one of local"),
    (["run", "suite.jsonl", "--model", "scripted:m.jsonl", "--strategy", "few_shots"], "--strategy 'few_shots'"),
    (["run", "suite.jsonl", "--model", "scripted:m.jsonl", "--strategy", ","], "--strategy []: expected at least one"),
    (["run", "suite.jsonl", "--max-attempts", "0"], "Invalid value for '--max-attempts': '0': expected a whole number of at least 1"),
    (["run", "suite.jsonl", "--model", "scripted:m.jsonl", "--sample", "few"], "'few': expected a number of tasks such as 48"),
    (["run", "suite.jsonl", "--field", "input"], "--field 'input': expected NAME=COLUMN, such as input=text"),
    (["run", "suite.jsonl", "--resume"], "--resume needs --journal FILE, which names the file to continue"),
    (["run", "suite.jsonl", "--output", "no/such/file.json"], "--output no/such/file.json: the folder 'no/such' does not exist"),
    (["run", "suite.jsonl", "--output", "r.pdf"], "--output: expected a name that ends in .json, .html, .md, .txt, got '.pdf'"),
    (["run", "suite.jsonl", "--model", "scripted:m.jsonl", "--executor", "rey"], "--executor 'rey': expected local, ray, or ray://HOST:PORT. Did you mean 'ray'?"),
    (["run", "suite.jsonl", "--model", "scripted:m.jsonl", "--journal", "suite.jsonl"], "the file already exists"),
    (["run", "suite.jsonl", "--model", "scripted:m.jsonl", "--journal", "suite.jsonl", "--resume"], "expected a journal that this version of schema-guard wrote"),
    (["run", "suite.jsonl", "--model", "scripted:m.jsonl", "--max-cost", "1"], "--max-cost needs --prices SOURCE"),
    (["compare", "none.json", "none.json"], "none.json: expected a result of `schema-guard bench run`, but reading it failed"),
    (["compare", "suite.jsonl", "suite.jsonl"], "suite.jsonl: "),
    (["compare", "none.json"], "none.json: expected a result of `schema-guard bench run`, but reading it failed"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_usage_is_told_in_a_sentence(capsys, arguments, message):
    """What cannot be done exits with 2 and says why on stderr; nothing goes to stdout, nothing is asked."""
    script("m.jsonl")
    status, out, err = run(capsys, *arguments)

    assert (status, out) == (2, "")
    lines = [line for line in err.splitlines() if line.startswith("schema-guard: ")]
    assert [message in line for line in lines] == [True], err


def test_everything_that_is_wrong_with_a_suite_is_told(capsys):
    """A suite that is not right exits with 2, every problem has its line, and nothing is asked."""
    Path("bad.jsonl").write_text(
        '{"id": "a", "input": "x", "gold": {"a": "x"}, "schema": {"properties": {"a": {"type": "integer"}}}}\n'
        '{"id": "a", "input": "x", "gold": {}, "schema": {}, "match": {"/a": "txt"}}\n'
        "{broken\n"
    )
    status, out, err = run(capsys, "run", "bad.jsonl", "--model", "scripted:none")

    assert (status, out) == (2, "")
    assert [line.split(": ")[0] for line in err.splitlines()[1:]] == [
        "  bad.jsonl:1",
        "  bad.jsonl:2",
        "  bad.jsonl:2",
        "  bad.jsonl:3",
    ]


@pytest.fixture
def results(capsys):
    """Two results: of a good model, and of one that always fails."""
    bench(capsys, "--output", "good.json", model=script("m.jsonl"))
    bench(capsys, "--output", "bad.json", model=script("m.jsonl", wrong=range(9)))
    return "good.json", "bad.json"


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_compare_tells_what_has_changed(capsys, results, form):
    """Common tasks, the difference and the tasks that changed, in every format."""
    status, out, _ = run(capsys, "compare", *results, "--format", form)

    assert status == 0
    assert "t1" in out
    if form == "json":
        json.loads(out)


def test_gate_fails_on_a_proved_drop_only(capsys, results):
    """Exit 1 with the reason first when the drop is proved; what is not proved passes, unless a proof is asked for."""
    good, bad = results
    drop = ("compare", good, bad, "--gate", "--max-drop")
    some, missed, _ = run(capsys, *drop, "0.02")
    many, text, _ = run(capsys, *drop, "0.2")
    proof, _, _ = run(capsys, *drop, "0.2", "--require-proof")

    assert (some, many, proof) == (1, 0, 1)
    assert missed.startswith("gate missed: the share of valid replies of bare dropped by at least ")
    assert " ".join(text.split()).startswith(
        "gate passed: no rate is proved to have dropped by more than 20 percentage points. But the share of valid"
    )


def test_compares_variants_of_two_names(capsys, results):
    """A=B pairs variants with different names."""
    run(
        capsys,
        "run",
        "suite.jsonl",
        "--model",
        "scripted:m.jsonl",
        "--strategy",
        "system_prompt",
        "--output",
        "other.json",
    )
    status, out, _ = run(capsys, "compare", "good.json", "other.json", "--variant", "bare=system_prompt")

    assert status == 0
    assert "system_prompt" in out


@pytest.mark.slow
def test_ray_gives_the_result_of_a_local_run(capsys, folder):
    """`--executor ray` leaves the same file as this process alone, and stdout is the result's."""
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    model = script(folder / "m.jsonl", wrong=(2, 5))
    bench(capsys, "--output", "local.json", model=model)
    status, out, _ = bench(
        capsys, "--executor", "ray", "--output", "ray.json", "--journal", "j", "--format", "json", model=model
    )

    assert status == 0
    assert Path("ray.json").read_bytes() == Path("local.json").read_bytes()
    assert json.loads(out) == json.loads(Path("ray.json").read_text())
    assert Path("j").read_text().count("\n") == 1 + 8 + 2


@needs("rows")
def test_what_cannot_be_done_leaves_no_journal(capsys, monkeypatch):
    """A journal is begun when everything is known to be right."""
    monkeypatch.setitem(sys.modules, "ray", None)
    status, _, err = bench(capsys, "--executor", "ray", "--journal", "j")

    assert status == 2
    assert "schema-guard[ray]" in err
    assert not Path("j").exists()


def test_file_that_is_no_journal_is_left_alone(capsys):
    """Going on with a file of something else touches nothing of it."""
    Path("notes").write_text("my notes, one line")
    status, _, err = bench(capsys, "--journal", "notes", "--resume")

    assert status == 2
    assert "expected a journal that this version of schema-guard wrote" in err
    assert Path("notes").read_text() == "my notes, one line"


def test_compare_of_one_result_shows_it(capsys, results):
    """The output for a single file is the result of its run."""
    _, shown, _ = bench(capsys, model=script("m.jsonl"))

    assert run(capsys, "compare", "good.json")[1] == shown


def test_compare_names_the_better_result(capsys, folder):
    """`bench compare` calls the result with the valid replies better when two results differ in forty tasks."""
    task = {"instruction": "Give a.", "gold": {"a": 1}, "schema": SCHEMA}
    rows = [json.dumps({"id": f"t{n}", "input": f"a is {n}.", **task}) for n in range(40)]
    (folder / "suite.jsonl").write_text("\n".join(rows))
    for name, reply in (("good", '{"a": 1}'), ("bad", "no JSON")):
        (folder / f"{name}.jsonl").write_text((json.dumps({"reply": reply}) + "\n") * 120)
        bench(capsys, "--output", f"{name}.json", model=f"scripted:{name}.jsonl")
    table = {}
    for pair in (("good", "bad"), ("bad", "good")):
        _, out, _ = run(capsys, "compare", *(f"{name}.json" for name in pair), "--format", "markdown")
        table[pair] = [line.strip("| ").split(" | ") for line in out.splitlines() if line.startswith("|")]

    better = {pair: {row[-1].strip() for row in rows if "valid" in row[0]} for pair, rows in table.items()}
    assert better == {("good", "bad"): {"A"}, ("bad", "good"): {"B"}}
