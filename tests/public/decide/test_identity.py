"""Stories about identity: a schema is known by its content, and a trial counts for the function that it names."""

import json
import random
import re

import pytest

from schema_guard import Schema, guard, open_store
from tests.needs import needs
from tests.public.clock import stopped_clock
from tests.public.commands.printed import outcomes_of
from tests.public.decide.production import GOOD, SHAPE, TICKET, Production

# The same content under another title.
RENAMED = {**TICKET, "title": "case"}


@pytest.fixture
def keeping(tmp_path):
    """A production whose store keeps texts."""
    with stopped_clock() as clock, open_store(f"{tmp_path}/records.db?payload=redacted") as store:
        yield Production(store, clock, tmp_path)


def printed_next(production):
    """Return the first command that `decide` prints as the next step."""
    text = production.run("decide", "--format", "json")[1]
    return re.search(r"schema-guard [^#]*", json.loads(text)["next_step"])[0].strip()


def trial(production, schema, rate=0):
    """Measure few_shot for the function, with a schema that is called otherwise."""
    production.calls(600, rate, name="playbook:1:few_shot:shop.extract", schema=schema)


def test_two_titles_of_one_content_are_one_schema(production):
    """The title changes after 1,000 calls: all calls count, and the verdict is about one schema."""
    production.calls(1_000, 200)
    production.calls(1_000, 200, schema=RENAMED)

    result = production.verdict()

    assert result.figures["calls"] == 2_000
    assert result.figures["schemas_of_function"] == 1
    assert result.figures["schema"] == "case"


def test_a_trial_of_a_file_counts_for_the_function(production):
    """Production fails 5%. A trial with another title for the schema never fails."""
    production.calls(2_000, 20)
    trial(production, RENAMED)

    result = production.verdict()

    assert (result.verdict, result.exit_code) == ("PROMPTING_ENOUGH", 1)
    assert "few_shot" in result.figures["switch_to"]


def test_a_trial_of_another_content_does_not_count(production):
    """Production fails 5%. A later trial of a looser schema with the same title never fails."""
    production.calls(2_000, 20)
    trial(production, {"title": "ticket", "type": "object"})

    result = production.verdict()

    assert list(result.figures["rates"]) == ["system_prompt"]
    assert result.figures["schema_fingerprint"] == Schema.of(TICKET).fingerprint
    assert result.exit_code == 1


def test_two_functions_of_two_titles_keep_their_trials(production):
    """Two functions have one content under two titles. The trial of one is no evidence for the other."""
    production.calls(2_000, 20)
    production.calls(2_000, 20, name="shop.sort", schema=RENAMED)
    trial(production, RENAMED)

    assert len(production.verdict(function="shop.extract").figures["rates"]) == 2
    assert len(production.verdict(function="shop.sort").figures["rates"]) == 1


@needs("playbook")
def test_the_printed_trial_counts_and_is_not_printed_again(keeping):
    """`decide` prints a trial, the trial runs as printed, and `decide` then prints another step."""
    keeping.calls(1_500, 25)
    before = printed_next(keeping)

    ((status, text),) = outcomes_of([before], keeping.folder, GOOD).values()
    after = printed_next(keeping)

    assert before.startswith(
        "schema-guard bench run --playbook --function shop.extract --first-step strict_schema"
    )
    assert (status, "VERDICT" in text) == (1, True)
    assert "keep it" not in text
    assert after != before
    assert "--first-step strict_schema" not in after


@needs("playbook")
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_the_printed_trial_counts_among_noise(keeping, seed):
    """The same with random failures, repeated inputs, two versions, two titles, and another function of the content."""
    draw = random.Random(seed)
    for version, schema in (("v1", TICKET), ("v2", RENAMED)):
        replies = [SHAPE if draw.random() < 0.04 else GOOD for _ in range(1_200)]
        asked = iter(replies)
        function = guard(
            schema, name="shop.extract", store=keeping.store, max_attempts=1, on_failure="return",
            about=about(version),
        )(lambda prompt, asked=asked: next(asked))  # fmt: skip
        for _ in replies:
            function(f"ticket {draw.randrange(900)}")
            keeping.clock.now += draw.expovariate(1 / 60)
    keeping.calls(300, 0, name="shop.sort")
    which = ["--function", "shop.extract"]
    before = json.loads(keeping.run("decide", *which, "--format", "json")[1])["next_step"]

    ((status, _),) = outcomes_of([before], keeping.folder, GOOD).values()
    after = json.loads(keeping.run("decide", *which, "--format", "json")[1])

    assert "bench run --playbook" in before
    assert status in (0, 1)
    assert after["next_step"] != before
    assert any(one["status"] == "tested" and one["rung"] == "strict_schema" for one in after["ladder"])


def about(version):
    from schema_guard import About

    return About(version=version, model="m1")


@needs("playbook")
def test_the_playbook_and_decide_give_one_verdict(keeping):
    """The verdict that ends the playbook is the verdict that `decide` gives afterwards."""
    keeping.calls(1_500, 25)
    command = printed_next(keeping)

    ((status, text),) = outcomes_of([f"{command} --format json"], keeping.folder, GOOD).values()
    of_playbook = json.JSONDecoder().raw_decode(text)[0]["verdict"]
    of_decide = json.loads(keeping.run("decide", "--format", "json")[1])

    assert status == of_decide["exit_code"]
    assert [of_playbook[key] for key in ("verdict", "why", "switch_to", "next_step")] == [
        of_decide[key] for key in ("verdict", "why", "switch_to", "next_step")
    ]


def test_the_command_line_wins_over_a_file_and_the_head_says_so(production):
    """The store has a target, a file has another one, and the option a third one: each source is named."""
    production.calls(500, 50)
    file = production.folder / "with.json"
    file.write_text(json.dumps({"config": {"target": 0.03, "latency_p95_s": 9}}))

    def head(*options):
        return " ".join(production.run("decide", *options)[1].split())

    default = head()
    option = head("--max-failure-rate", "5%", "--with", file)
    of_file, stored = head("--with", file), head()

    assert "at most 1% of the calls fail (default)" in default
    assert f"(--max-failure-rate), and 95% of the calls take at most 9 s ({file})" in option
    assert f"at most 3% of the calls fail, and 95% of the calls take at most 9 s ({file})" in of_file
    assert re.search(r"at most 5% of the calls fail \(stored on 2\d{3}-\d\d-\d\d\)", stored)


@needs("loopback")
def test_a_benchmark_says_which_results_will_not_count(production):
    """A suite has a schema of the function's content, and another one. The plan names the other one before a call."""
    production.calls(50, 0)
    folder = production.folder
    rows = [
        {"id": f"{name}-{number}", "input": f"text {number}", "gold": {"team": "a"}, "schema": schema}
        for number, (name, schema) in enumerate(
            [("same", RENAMED), ("other", {"title": "other", "type": "object"})] * 2
        )
    ]
    (folder / "suite.jsonl").write_text("\n".join(map(json.dumps, rows)))
    line = (
        f"schema-guard bench run {folder}/suite.jsonl --model openai:m1 --strategy system_prompt --function shop.extract "
        f"--dry-run --store {production.store.url}"
    )

    ((status, text),) = outcomes_of([line], folder, GOOD).values()

    other = Schema.of({"title": "other", "type": "object"}).fingerprint
    assert status == 0
    assert f"({other}) do not count for shop.extract" in text
    assert f"({Schema.of(TICKET).fingerprint}) will not count" not in text


class APITimeoutError(Exception):
    """An error of a provider, by its name."""


def test_a_trial_is_not_kept_if_no_call_of_the_function_has_a_reply(production):
    """Two calls of the function raised. The trial passes, and the verdict is to switch to it."""
    production.calls(2, 0, raises=APITimeoutError("slow"))
    trial(production, TICKET)

    text = production.run("decide", "--format", "json")[1]
    head = " ".join(production.run("decide")[1].split())

    assert "keep it" not in head
    assert json.loads(text)["verdict"] == "PROMPTING_ENOUGH", head
    assert "few_shot" in json.loads(text)["switch_to"]
    production.calls(20, 0)  # after the switch: the printed `watch` needs calls with a reply
