"""Results and pages of `schema-guard bench` on models with known replies."""

import json
from pathlib import Path

import pytest

from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.commands.desk import ITEM, lines
from tests.public.golden import expected, normalized, transcript, words_of

TASKS = 60
RIGHT, WRONG, VALUE, SHAPE = (
    json.dumps({"a": a, **unit})
    for a, unit in ((1, {"unit": "kg"}), (2, {"unit": "kg"}), (1, {"unit": "lb"}), (1, {}))
)
PRICES = {
    name: {"p_in": 100.0 * price, "p_cached": 10.0 * price, "p_out": 500.0 * price}
    for name, price in (("clean", 9), ("near", 5), ("wrong", 4), ("bad", 2), ("worse", 3.02))
}


def model(*, usage=(100, 20), after=None, **tasks_of):
    """Return a scripted model's rows. Each keyword gives the tasks that get its reply. The other tasks get RIGHT.

    Args:
        usage: Input and output tokens of each reply.
        after: Text in a prompt that makes the model give RIGHT, such as a part of a failed reply.
        tasks_of: Numbers of tasks for each reply of REPLIES.
    """
    rows = [] if after is None else [{"when": after, "reply": RIGHT, "finish_reason": "stop"}]
    for kind, tasks in tasks_of.items():
        rows += [{"when": f"task {n};", **REPLIES[kind]} for n in tasks]
    rows.append({"when": "", "reply": RIGHT, "finish_reason": "stop"})
    counts = {"input_tokens": usage[0], "output_tokens": usage[1], "cached_input_tokens": 40}
    return [row if "raise" in row else {**row, "usage": counts} for row in rows]


REPLIES = {
    "wrong": {"reply": WRONG, "finish_reason": "stop"},
    "value": {"reply": VALUE, "finish_reason": "stop"},
    "shape": {"reply": SHAPE, "finish_reason": "stop"},
    "prose": {"reply": "I do not know.", "finish_reason": "stop"},
    "cut": {"reply": '{"a": 1, "un', "finish_reason": "length"},
    "refused": {"reply": "", "finish_reason": "content_filter"},
    "raised": {"raise": "TimeoutError: too slow"},
}
MODELS = {
    "clean": model(usage=(100, 20)),
    "near": model(usage=(300, 30), value=range(2)),
    "wrong": model(usage=(80, 25), wrong=range(0, TASKS, 2)),
    "mixed": model(wrong=range(10, 40), value=range(10)),
    "some": model(value=range(6)),
    "bad": model(usage=(60, 70), value=range(20), shape=range(20, 35)),
    "worse": model(usage=(70, 60), prose=range(55)),
    "kinds": model(prose=range(5), cut=range(5, 9), value=range(9, 12), shape=range(12, 14), refused=[14]),
    "fixed": model(after="lb", value=range(12), shape=range(20, 23)),
    "half": model(raised=range(0, TASKS, 2), value=[1, 3]),
    "dead": model(raised=range(TASKS)),
    "odd": model(prose=range(0, TASKS, 3), wrong=range(1, TASKS, 3)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def suite(folder, monkeypatch):
    """Sixty tasks with one right answer, of two schemas, and all models."""
    monkeypatch.delenv("COLUMNS", raising=False)
    rows = [
        {
            "id": f"t{n}", "instruction": "Give item.", "input": f"task {n};", "gold": json.loads(RIGHT),
            "schema": ITEM if n % 3 else {**ITEM, "title": "other"},
        }
        for n in range(TASKS)
    ]  # fmt: skip
    lines(folder / "suite.jsonl", rows)
    for name, replies in MODELS.items():
        lines(folder / f"{name}.jsonl", replies)
    (folder / "prices.json").write_text(json.dumps(PRICES))
    return folder


def bench(names, options):
    """Run `bench` on these models. Return the arguments and the result."""
    models = [f"--model {name if '=' in name else f'scripted:{name}.jsonl'}" for name in names.split()]
    strategy = "" if "--strategy" in options else "--strategy bare"
    line = f"bench run suite.jsonl {' '.join(models)} {strategy} --sample all --concurrency 1 {options}"
    with stopped_clock():
        return line.split(), command(*line.split())


STORIES = {
    "one of two meets the target": ("clean bad", "--max-failure-rate 20%"),
    "two meet the target": ("clean wrong bad", "--max-failure-rate 20%"),
    "none of two meets the target": ("bad worse", "--max-failure-rate 5%"),
    "one misses the target": ("bad", "--max-failure-rate 5%"),
    "one meets the target": ("clean", "--max-failure-rate 20%"),
    "target undecided": ("some", "--max-failure-rate 8%"),
    "target undecided for good": ("some", "--max-failure-rate 10%"),
    "better than each other": ("clean bad worse", ""),
    "better than some": ("near bad clean", ""),
    "no difference": ("wrong clean", ""),
    "right more often": ("near wrong", ""),
    "right and valid more often": ("mixed near", ""),
    "kinds of failures": ("kinds", ""),
    "fixed by retry": ("fixed", ""),
    "no retry": ("fixed", "--max-attempts 1"),
    "some calls lost": ("half clean", ""),
    "all calls lost": ("dead", ""),
    "nothing left to try": ("odd", "--strategy bare,system_prompt,few_shot"),
    "other epochs": ("some bad", "--epochs 3"),
    "prices": ("clean near bad worse", "--prices prices.json"),
    "used up": ("clean bad", "--max-cost 8 --prices prices.json"),
    "many comparisons": ("clean near wrong bad worse odd", ""),
}


@pytest.mark.parametrize("name", STORIES)
def test_result_matches_the_recording(suite, name):
    """The result in words equals the recorded one."""
    text = normalized(transcript(*bench(*STORIES[name])), suite)

    assert text == expected(f"bench/{name.replace(' ', '_')}.txt", text)


@pytest.mark.parametrize("name", ["prices", "some calls lost", "many comparisons", "other epochs"])
def test_words_of_the_page_match_the_recording(suite, name):
    """The words of the page and of its drawings equal the recorded ones."""
    pytest.importorskip("jinja2", reason="needs the extra 'report'")
    models, options = STORIES[name]
    _, (_, out, _) = bench(models, f"{options} --format html")
    text = normalized(words_of(out), suite)

    assert text == expected(f"bench/{name.replace(' ', '_')}_page.txt", text)


@pytest.mark.parametrize(
    "name", ["kinds of failures", "some calls lost", "fixed by retry", "prices", "other epochs"]
)
def test_json_matches_the_recording(suite, name):
    """Each value of the JSON equals the recorded one. `--output` writes the same JSON."""
    models, options = STORIES[name]
    line, result = bench(models, f"{options} --format json --output r.json")
    text = normalized(transcript(line, result), suite)

    assert Path("r.json").read_text() == result[1]
    assert text == expected(f"bench/{name.replace(' ', '_')}_json.txt", text)


PAIRS = {
    "lost calls": ("half", "", "some", ""),
    "a fix": ("fixed", "--max-attempts 1", "fixed", ""),
    "epochs": ("some", "--epochs 3", "bad", "--epochs 2"),
    "strategies": ("odd", "--strategy bare,system_prompt", "near", "--strategy system_prompt,few_shot"),
    "equal results": ("near", "", "near", ""),
}


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
@pytest.mark.parametrize("name", PAIRS)
def test_comparison_and_gate_match_the_recording(suite, name, form):
    """The output of `bench compare`, with and without `--gate`, on two results equals the recorded text."""
    before, its_options, after, more = PAIRS[name]
    bench(f"m=scripted:{before}.jsonl", f"{its_options} --output before.json")
    bench(f"m=scripted:{after}.jsonl", f"{more} --output after.json")
    messages = [
        normalized(transcript(line.split(), command(*line.split())), suite)
        for line in (
            f"bench compare before.json after.json --format {form}",
            f"bench compare before.json after.json --gate --max-drop 0.1 --format {form}",
            f"bench compare before.json after.json --gate --require-proof --format {form}",
        )
    ]
    text = "\n".join(messages)

    assert text == expected(f"bench/pair_{name.replace(' ', '_')}_{form}.txt", text)


@pytest.mark.parametrize("line", ["bench compare r.json r.json", "bench compare r.json r.json --gate"])
@pytest.mark.parametrize("column", ["none", "none=bare", "bare=none"])
def test_compared_variant_must_exist(suite, line, column):
    """A variant that a result lacks ends with exit status 2 and no output."""
    bench("m=scripted:near.jsonl", "--output r.json")
    status, out, err = command(*line.split(), "--variant", column)

    assert (status, out) == (2, "")
    assert err.startswith("schema-guard: ")
    assert "'none'" in err
