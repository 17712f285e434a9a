"""The benchmark's run: what is asked, in which order, and what is recorded of it."""

import json

import pytest

from schema_guard.bench.runner import most_output_tokens, run
from schema_guard.bench.scoring import unanswered
from schema_guard.bench.suite import load_suite
from schema_guard.core.values import Message
from schema_guard.errors import InvalidArgument
from schema_guard.models.scripted import ScriptedModel
from schema_guard.records import open_store

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


def small_suite(folder, names=("first", "second")):
    """A suite of two schemas with two tasks to score and one to show each; golds count from 1."""
    folder.mkdir()
    suite = {"format": 1, "name": "small", "description": "d", "licence": "MIT", "schemas": list(names)}
    (folder / "suite.json").write_text(json.dumps(suite))
    for name in names:
        inside = folder / name
        inside.mkdir()
        tasks = [
            {"id": f"{name}-{n}", "input": f"{name} {n}", "gold": {"n": n}, "split": "dev" if n == 3 else "test",
             "difficulty": "easy"}
            for n in (1, 2, 3)
        ]  # fmt: skip
        rows = [
            {"valid": True, "data": {"n": 1}},
            {"valid": False, "data": {}, "location": "", "keyword": "required"},
        ]
        (inside / "schema.json").write_text(json.dumps(SCHEMA))
        (inside / "meta.json").write_text(json.dumps({"description": "d", "instruction": "Give n."}))
        (inside / "tasks.jsonl").write_text("\n".join(map(json.dumps, tasks)))
        (inside / "instances.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return load_suite(folder)


@pytest.fixture
def suite(tmp_path):
    return small_suite(tmp_path / "suite")


@pytest.fixture
def store():
    with open_store("sqlite://", durability="sync") as opened:
        yield opened


class Listening(ScriptedModel):
    """A scripted model that keeps what it was sent."""

    def __init__(self, replies):
        super().__init__(replies)
        self.heard = []

    async def acall(self, prompt, *, options=None):
        self.heard.append((prompt, options))
        return await super().acall(prompt, options=options)


RIGHT = ['{"n": 1}', '{"n": 2}'] * 2


def test_every_test_task_is_run_under_every_strategy(suite, store):
    """Each strategy of a schema has the same tasks, in order; tasks for examples are not scored."""
    finished = run(suite, ScriptedModel(RIGHT * 2), ["bare", "few_shot"], store=store, concurrency=1)

    assert [(s.schema, s.strategy, s.task) for s in finished.scored] == [
        (schema, strategy, f"{schema}-{n}")
        for schema in ("first", "second")
        for strategy in ("bare", "few_shot")
        for n in (1, 2)
    ]
    assert all(s.content.exact for s in finished.scored)
    assert (finished.suite, finished.model, finished.max_attempts) == ("small", "scripted", 2)
    assert finished.suite_fingerprint == suite.fingerprint
    assert finished.strategies == ("bare", "few_shot")


def test_every_attempt_is_recorded_once(suite, store):
    """The rows of the store are the attempts of the run, under the run's name."""
    replies = ["no", '{"n": 1}', '{"n": 2}', "no", "no", '{"n": 2}']
    finished = run(suite, ScriptedModel(replies), ["bare"], store=store, concurrency=1)

    rows = list(store.attempts(function=finished.id))
    assert [(row["call_id"], row["number"], row["kind"]) for row in rows] == [
        (s.outcome.call.id, a.number, a.failure and a.failure.kind)
        for s in finished.scored
        for a in s.outcome.attempts
    ]
    assert len(rows) == len(replies)


def test_two_runs_in_one_store_stand_apart(suite, store):
    """Each run has a name of its own."""
    names = [run(suite, ScriptedModel(RIGHT), ["bare"], store=store).id for _ in range(2)]

    assert len(set(names)) == 2
    assert all(name.startswith("bench:") for name in names)
    assert [len(list(store.attempts(function=name))) for name in names] == [4, 4]


def test_format_and_content_are_apart(suite, store):
    """A valid wrong answer has no failure and is not right; an invalid one is not right at any leaf."""
    replies = ['{"n": 7}', "no", '{"n": 1}', '{"n": 2}']
    finished = run(suite, ScriptedModel(replies), ["bare"], store=store, max_attempts=1, concurrency=1)

    assert [(s.outcome.ok, s.content.exact) for s in finished.scored] == [
        (True, False),
        (False, False),
        (True, True),
        (True, True),
    ]
    assert finished.scored[1].content == unanswered({"n": 2})


def test_prompt_is_the_tasks_text_and_few_shot_shows_the_dev_tasks(suite, store):
    """A task is one user message; few-shot shows the tasks that are not scored as turns before it."""
    model = Listening(RIGHT)
    run(suite, model, ["few_shot"], store=store, concurrency=1)

    system, *rest = model.heard[0][0]
    assert system["role"] == "system"
    assert rest == [
        {"role": "user", "content": "Give n.\n\nfirst 3"},
        {"role": "assistant", "content": '{"n": 3}'},
        {"role": "user", "content": "Give n.\n\nfirst 1"},
    ]


def test_every_attempt_has_the_tasks_output_limit(suite, store):
    """The output limit is the task's own, on every attempt."""
    model = Listening(["no", *RIGHT[:1], *RIGHT[1:]])
    run(suite, model, ["bare"], store=store, concurrency=1)

    limits = {value for _, options in model.heard for key, value in options.items() if "tokens" in key}
    assert limits == {suite.schemas[0].tasks[0].output_tokens}
    assert len(model.heard) == 5


def test_escalation_reaches_its_last_strategy(suite, store):
    """An escalation has as many attempts as strategies, whatever the number of attempts."""
    replies = ["no", "no", '{"n": 1}', *RIGHT[1:]]
    names = ["bare>system_prompt>few_shot"]
    finished = run(suite, ScriptedModel(replies), names, store=store, max_attempts=1, concurrency=1)

    assert [a.strategy for a in finished.scored[0].outcome.attempts] == ["bare", "system_prompt", "few_shot"]
    assert finished.scored[0].content.exact


@pytest.mark.parametrize(
    ("strategies", "max_attempts", "attempts"),
    [(["bare"], 1, 1), (["bare", "few_shot"], 2, 4), (["bare>few_shot>bare"], 2, 3)],
)
def test_most_output_tokens_counts_every_possible_attempt(suite, strategies, max_attempts, attempts):
    """The bound is the tasks' limits times the attempts that each strategy can make."""
    assert most_output_tokens(suite, strategies, max_attempts=max_attempts) == attempts * suite.output_tokens(
        "test"
    )


def test_calls_are_told_as_they_finish(suite, store):
    """Each finished call is told once."""
    told = []
    finished = run(suite, ScriptedModel(RIGHT), ["bare"], store=store, concurrency=3, on_call=told.append)

    assert sorted(s.task for s in told) == sorted(s.task for s in finished.scored)


def test_concurrency_is_a_bound(suite, store):
    """At most so many calls are under way at once, and the order of results is that of the tasks."""
    under_way, most = 0, 0

    class Counting(ScriptedModel):
        async def acall(self, prompt, *, options=None):
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            try:
                return await super().acall(prompt, options=options)
            finally:
                under_way -= 1

    replies = [{"reply": reply, "delay_s": 0.01} for reply in RIGHT]
    finished = run(suite, Counting(replies), ["bare"], store=store, concurrency=2)

    assert most == 2
    assert [s.task for s in finished.scored] == ["first-1", "first-2", "second-1", "second-2"]


def test_reply_without_choices_is_transport(suite, store):
    """A call whose reply is no reply of a model is recorded, is not right, and does not end the run."""
    replies = ["<!DOCTYPE html><html></html>", *RIGHT[1:]]
    finished = run(suite, ScriptedModel(replies), ["bare"], store=store, concurrency=1)

    assert finished.scored[0].outcome.failure.kind == "transport"
    assert [s.content.exact for s in finished.scored] == [False, True, True, True]
    assert len(list(store.attempts(function=finished.id))) == 4


WRONG = [
    (["bar"], {}, "strategy='bar': expected one of"),
    ([], {}, "strategies=[]: expected one or more, each once"),
    (["bare", "bare"], {}, "strategies=['bare', 'bare']: expected one or more, each once"),
    (["bare"], {"max_attempts": 0}, "max_attempts=0, concurrency=4: expected ints >= 1"),
    (["bare"], {"concurrency": 0}, "max_attempts=2, concurrency=0: expected ints >= 1"),
]


@pytest.mark.parametrize(("strategies", "arguments", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_arguments_are_refused_before_a_call(suite, strategies, arguments, message):
    """What cannot be run is an error before the model is asked anything."""
    model = Listening([])

    with pytest.raises(InvalidArgument) as caught:
        run(suite, model, strategies, store=None, **arguments)

    assert str(caught.value).startswith(message)
    assert model.heard == []


def test_run_needs_no_store(suite):
    """Without a store nothing is recorded and everything is scored."""
    assert len(run(suite, ScriptedModel(RIGHT), ["bare"], store=None).scored) == 4


def test_messages_are_plain_dicts(suite, store):
    """A model is sent dicts, not the library's own values."""
    model = Listening(RIGHT)
    run(suite, model, ["bare"], store=store)

    assert all(
        type(message) is dict and not isinstance(message, Message)
        for prompt, _ in model.heard
        for message in prompt
    )
