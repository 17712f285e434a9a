"""The benchmark's run: what is asked, what is kept and recorded of it, and how it goes on."""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from schema_guard.bench.run.estimate import estimate
from schema_guard.bench.run.journal import Journal
from schema_guard.bench.run.plan import PlanSettings, plan_of, variants_of
from schema_guard.bench.run.runner import RunSettings, run
from schema_guard.errors import InvalidArgument
from schema_guard.records import open_store
from schema_guard.values import Message
from tests.bench.small_suites import Counting, small_suite
from tests.needs import needs


def planned(strategies=("bare",), suite=None, models=("m",), **settings):
    return plan_of(suite or small_suite(), variants_of(models, strategies), PlanSettings(**settings))


@pytest.fixture
def store():
    with open_store("sqlite://", durability="sync") as opened:
        yield opened


def test_every_task_is_asked_in_every_variant():
    """The calls come in the plan's order, and tasks for examples are not scored."""
    plan = planned(["bare", "few_shot"], epochs=2)
    finished = run(plan, {"m": Counting()})

    names = [variant.name for variant in plan.variants]
    assert [(names[s.variant], s.task, s.epoch) for s in finished.calls] == [
        cell.key for cell in plan.cells()
    ]
    assert {s.task for s in finished.calls} == {"first-1", "first-2", "second-1", "second-2"}
    assert all(s.right for s in finished.calls)
    assert (
        finished.setup.tasks,
        finished.setup.suite_tasks,
        finished.setup.epochs,
        finished.setup.stopped,
    ) == (4, 4, 2, ())


def test_every_attempt_is_recorded_once(store):
    """The rows of the store are the attempts of the run, under one name."""
    finished = run(planned(), {"m": Counting(lambda n, retry: "no" if n == 2 else None)}, store=store)

    rows = list(store.attempts())
    assert len(rows) == sum(s.attempts for s in finished.calls) == 6
    assert sorted((row["number"], row["kind"] or "valid") for row in rows) == (
        [(1, "syntax")] * 2 + [(1, "valid")] * 2 + [(2, "syntax")] * 2
    )
    assert len({row["function"] for row in rows}) == 1


def test_two_runs_in_one_store_stand_apart(store):
    """Each run has a name of its own, and the same inputs have the same hash."""
    for _ in range(2):
        run(planned(), {"m": Counting()}, store=store)

    rows = list(store.attempts())
    assert sorted(row["function"][:6] for row in rows) == ["bench:"] * 8
    assert len({row["input_hash"] for row in rows}) == 4


FORMATS = [
    (lambda n, retry: None, "clean", True),
    (lambda n, retry: f'Sure: {{"n": {n}}}', "unwrapped", True),
    (lambda n, retry: '{"n": 77}', "clean", False),
    (lambda n, retry: None if retry else "no", "fixed_by_retry", True),
    (lambda n, retry: "no", "failed", False),
    (lambda n, retry: "<!DOCTYPE html><html></html>", "lost", False),
    (lambda n, retry: ValueError("no network") if retry else "no", "failed", False),
    (lambda n, retry: ValueError("no network"), "lost", False),
]


@pytest.mark.parametrize(("wrong", "form", "is_right"), FORMATS, ids=range(len(FORMATS)))
def test_format_and_content_are_apart(wrong, form, is_right):
    """How a call went is one word, and whether its value is right another; without a value no leaf is right."""
    finished = run(planned(), {"m": Counting(wrong)})

    assert {s.format for s in finished.calls} == {form}
    assert {s.right for s in finished.calls} == {is_right}
    if form in ("failed", "lost"):
        assert (finished.calls[0].leaves_right, finished.calls[0].leaves) == (0, 1)


def test_what_a_provider_raises_is_told_and_recorded(store):
    """A lost call has the words of the exception, is recorded as transport, and does not end the run."""
    model = Counting(lambda n, retry: TimeoutError("too slow") if n == 1 else None)
    finished = run(planned(), {"m": model}, store=store)

    assert {(s.task, s.error) for s in finished.calls if s.is_lost} == {
        ("first-1", "TimeoutError: too slow"),
        ("second-1", "TimeoutError: too slow"),
    }
    assert sorted(row["kind"] or "" for row in store.attempts()) == ["", "", "transport", "transport"]


def test_model_that_only_raises_is_not_asked_any_more():
    """After twenty lost calls in a row the others of this model are left out, with the reason."""
    model = Counting(lambda n, retry: PermissionError("401 wrong key"))
    finished = run(planned(suite=small_suite(tasks=50)), {"m": model}, settings=RunSettings(concurrency=1))

    assert len(model.heard) == 20
    assert finished.setup.stopped == (
        "20 calls of m in a row were lost (last error: PermissionError: 401 wrong key)",
    )


def test_prompt_is_the_tasks_text_and_few_shot_shows_the_dev_tasks():
    """A task is one user message; few-shot shows the tasks that are not scored as turns before it."""
    model = Counting()
    run(planned(["few_shot"]), {"m": model}, settings=RunSettings(concurrency=1))
    sent = {turns[-1]["content"]: turns for turns, _ in model.heard}

    system, *rest = sent["Give n.\n\nfirst 1"]
    assert system["role"] == "system"
    assert rest == [
        {"role": "user", "content": "Give n.\n\nfirst 3"},
        {"role": "assistant", "content": '{"n": 3}'},
        {"role": "user", "content": "Give n.\n\nfirst 1"},
    ]
    assert all(type(turn) is dict and not isinstance(turn, Message) for turn in rest)


def test_every_attempt_has_the_tasks_output_limit():
    """The output limit is the task's own, on every attempt."""
    model = Counting(lambda n, retry: "no")
    plan = planned()
    run(plan, {"m": model})

    assert {value for _, options in model.heard for key, value in options.items() if "tokens" in key} == {64}
    assert len(model.heard) == 8


def test_escalation_reaches_its_last_strategy(store):
    """An escalation has as many attempts as strategies, whatever the number of attempts."""
    model = Counting(lambda n, retry: "no")
    run(planned(["bare>system_prompt>few_shot"], max_attempts=1), {"m": model}, store=store)

    assert [row["strategy"] for row in store.attempts()][:3] == ["bare", "system_prompt", "few_shot"]


def test_concurrency_is_a_bound_of_each_model():
    """At most so many calls of a model are under way at once."""
    under_way, most = 0, 0

    class Slow(Counting):
        async def acall(self, prompt, *, options=None):
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.005)
            under_way -= 1
            return await super().acall(prompt, options=options)

    run(planned(suite=small_suite(tasks=8)), {"m": Slow()}, settings=RunSettings(concurrency=3))

    assert most == 3


def test_rate_limit_spaces_the_requests(monkeypatch):
    """Requests of a model begin no closer together than its rate says."""
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    run(planned(), {"m": Counting()}, settings=RunSettings(calls_per_minute=60, concurrency=4))

    assert [round(seconds) for seconds in sorted(waited)] == [0, 1, 2, 3]


def test_calls_are_told_as_they_finish():
    """Each finished call is told once."""
    messages = []
    finished = run(planned(), {"m": Counting()}, on_call=messages.append)

    assert sorted(s.task for s in messages) == sorted(s.task for s in finished.calls)


def test_variants_of_several_models_are_asked_of_their_own():
    """Each model gets the calls of its variants."""
    models = {"a": Counting(), "b": Counting(lambda n, retry: "no")}
    finished = run(planned(models=("a", "b")), models)

    assert {(s.variant, s.format) for s in finished.calls} == {(0, "clean"), (1, "failed")}
    assert (len(models["a"].heard), len(models["b"].heard)) == (4, 8)


class Prices:
    """A cent a token that is sent, two for one that comes."""

    def cost(self, call):
        return 0.01 * call.sent + 0.02 * call.received


PRICED = {"prices": {"m": Prices()}, "concurrency": 1}


def test_cost_is_the_sum_over_the_attempts():
    """A call costs its tokens; without prices its cost is unknown."""
    model = Counting(lambda n, retry: None if retry else "no")
    priced = run(planned(), {"m": model}, settings=RunSettings(**PRICED))
    unpriced = run(planned(), {"m": Counting()})

    assert [s.cost for s in priced.calls] == pytest.approx([2 * 0.14] * 4)
    assert {s.cost for s in unpriced.calls} == {None}


BUDGETS = [
    ({"max_cost": 0.3}, 3, "the budget of $0.3 is used up"),
    ({"max_time_s": 1e-9}, 0, "the budget of 1e-09 seconds is used up"),
]


@pytest.mark.parametrize(("budget", "calls", "why"), BUDGETS, ids=["cost", "time"])
def test_no_call_is_begun_beyond_the_budget(budget, calls, why):
    """What was finished counts, and the result says why the rest is missing."""
    finished = run(planned(), {"m": Counting()}, settings=RunSettings(**budget, **PRICED))

    assert len(finished.calls) == calls
    assert finished.setup.stopped == (why,)


@pytest.mark.parametrize("budget", [{"max_cost": 0.3}], ids=["cost"])
def test_tokens_that_nobody_told_are_estimated_for_the_budget(budget):
    """A model that does not count its tokens cannot spend without end; its own figures stay unknown."""
    model = Counting(is_usage_known=False)
    plan = planned(suite=small_suite(tasks=50))
    finished = run(plan, {"m": model}, settings=RunSettings(**budget, **PRICED))

    assert 1 <= len(finished.calls) <= 5
    assert {(s.input_tokens, s.cost) for s in finished.calls} == {(None, None)}


def test_decided_variant_is_not_asked_any_more():
    """A variant ends when its rate is proved to be on one side of the target, others go on."""
    models = {
        "bad": Counting(lambda n, retry: "no"),
        "good": Counting(lambda n, retry: "no" if n % 3 == 0 else None),
    }
    plan = planned(models=("bad", "good"), suite=small_suite(tasks=100), max_attempts=1)
    finished = run(plan, models, settings=RunSettings(target=0.3, concurrency=1))

    counts = {name: sum(s.variant == at for s in finished.calls) for at, name in enumerate(models)}
    assert counts["bad"] < 20
    assert counts["good"] == 200
    assert (
        finished.setup.stopped[0]
        == f"bad bare after {counts['bad']} tasks, because its failure rate is above the target"
    )


def test_estimate_is_made_before_anything_is_asked():
    """Prompts, golds, limits and money of all calls, and nothing is asked."""
    model = Counting()
    plan = planned(max_attempts=3)
    expected = estimate(plan, {"m": model}, prices={"m": Prices()})

    assert (expected.calls, expected.most_output_tokens) == (4, 4 * 3 * 64)
    assert expected.input_tokens > 4 * 5
    assert expected.output_tokens == 4 * 3
    assert expected.cost == pytest.approx(0.01 * expected.input_tokens + 0.02 * 12)
    assert model.heard == []
    assert expected.as_text().endswith(f"${expected.cost:.2f} to ${expected.most_cost:.2f}")


def interrupted(plan, path, after, wrong=lambda n, retry: None):
    """Run until so many replies are there, then die; what is left of the journal."""

    class Dying(Counting):
        async def acall(self, prompt, *, options=None):
            if len(self.heard) == after:
                raise Died
            return await super().acall(prompt, options=options)

    class Died(BaseException):
        pass

    with Journal.begin(path, plan) as journal, pytest.raises(Died):
        run(plan, {"m": Dying(wrong)}, journal=journal, settings=RunSettings(concurrency=1))


def some_fail(n, retry):
    if n % 3 == 0:
        return "no"
    return "no" if n % 2 == 0 and not retry else None


@pytest.mark.parametrize("after", [0, 1, 2, 5, 11, 30])
def test_run_that_goes_on_ends_as_an_uninterrupted_one(tmp_path, after):
    """Wherever it died, between two attempts of a call too: the same result, and no reply is asked for twice."""
    plan = planned(suite=small_suite(tasks=10), strategies=["bare", "few_shot"])
    whole = Counting(some_fail)
    expected = run(plan, {"m": whole}, settings=RunSettings(concurrency=1))
    interrupted(plan, tmp_path / "j", after, some_fail)

    rest = Counting(some_fail)
    with Journal.resume(tmp_path / "j", plan) as journal:
        finished = run(plan, {"m": rest}, journal=journal, settings=RunSettings(concurrency=1))

    assert finished == expected
    assert len(rest.heard) == len(whole.heard) - after


def test_finished_run_asks_nothing(tmp_path):
    """A journal that has everything gives the result again."""
    plan = planned()
    with Journal.begin(tmp_path / "j", plan) as journal:
        expected = run(plan, {"m": Counting()}, journal=journal)
    model = Counting()
    with Journal.resume(tmp_path / "j", plan) as journal:
        assert estimate(plan, {"m": model}, journal).calls == 0
        finished = run(plan, {"m": model}, journal=journal)

    assert (finished, model.heard) == (expected, [])


def test_store_has_every_attempt_once_after_going_on(tmp_path, store):
    """Calls that were recorded before are not recorded again, those that were not are; ids and times stay."""
    plan = planned(suite=small_suite(tasks=5))
    with Journal.begin(tmp_path / "j", plan) as journal:
        run(plan, {"m": Counting(some_fail)}, journal=journal, store=store)
    recorded = list(store.attempts())
    with open_store("sqlite://", durability="sync") as other:
        for _ in range(2):
            with Journal.resume(tmp_path / "j", plan) as journal:
                run(plan, {"m": Counting(some_fail)}, journal=journal, store=other)
        again = list(other.attempts())

    ids = [(row["call_id"], row["number"], row["kind"]) for row in recorded]
    assert sorted((row["call_id"], row["number"], row["kind"]) for row in again) == sorted(ids)
    assert {row["call_id"]: row["started_at"] for row in again}.keys() == {row["call_id"] for row in recorded}


@pytest.mark.slow
def test_journal_of_a_large_run_is_recorded_whole(tmp_path, store):
    """A run that judges kept replies is faster than the writer, and drops nothing."""
    plan = planned(suite=small_suite(["only"], 11_000), max_attempts=1)
    with Journal.begin(tmp_path / "j", plan) as journal:
        run(plan, {"m": Counting()}, journal=journal)
    with (
        open_store(f"sqlite:///{tmp_path}/records.db") as queued,
        Journal.resume(tmp_path / "j", plan) as journal,
    ):
        run(plan, {"m": Counting()}, journal=journal, store=queued)
        queued.flush(30.0)

        assert queued.counts().stored == 11_000
        assert queued.counts().lost_records == {}


def test_garbage_collector_is_left_as_it_was():
    """A run makes it look less often, and puts its thresholds back, also when it fails."""
    before, during = gc.get_threshold(), []

    class Looking(Counting):
        async def acall(self, prompt, *, options=None):
            during.append(gc.get_threshold())
            raise InvalidArgument("stop")

    with pytest.raises(InvalidArgument, match="stop"):
        run(planned(), {"m": Looking()})

    assert during[0] > before
    assert gc.get_threshold() == before


def test_lost_call_is_asked_again(tmp_path):
    """What failed on its way is not kept: a run that goes on asks for it."""
    plan = planned()
    with Journal.begin(tmp_path / "j", plan) as journal:
        first = run(
            plan, {"m": Counting(lambda n, retry: OSError("gone") if n == 1 else None)}, journal=journal
        )
    model = Counting()
    with Journal.resume(tmp_path / "j", plan) as journal:
        second = run(plan, {"m": model}, journal=journal)

    assert sum(s.is_lost for s in first.calls) == len(model.heard) == 2
    assert {s.format for s in second.calls} == {"clean"}


def test_journal_of_other_prompts_is_refused(tmp_path, monkeypatch):
    """A reply is never taken for another prompt than it was given to."""
    plan = planned()
    with Journal.begin(tmp_path / "j", plan) as journal:
        run(plan, {"m": Counting()}, journal=journal)
    text = (tmp_path / "j").read_text()
    (tmp_path / "j").write_text(text.replace('"prompt":"', '"prompt":"0'))

    with (
        Journal.resume(tmp_path / "j", plan) as journal,
        pytest.raises(InvalidArgument, match="the recorded reply belongs to another prompt"),
    ):
        run(plan, {"m": Counting()}, journal=journal)


KILLED = """
import sys, time
sys.path.insert(0, {root!r})
from schema_guard.bench.run.journal import Journal
from schema_guard.bench.run.runner import RunSettings, run
from tests.bench.small_suites import Counting
from tests.bench.run.test_runner import planned, small_suite, some_fail

class Slow(Counting):
    async def acall(self, prompt, *, options=None):
        import asyncio
        await asyncio.sleep(0.004)
        return await super().acall(prompt, options=options)

plan = planned(suite=small_suite(tasks=100))
with Journal.begin({path!r}, plan) as journal:
    run(plan, {{"m": Slow(some_fail)}}, journal=journal, settings=RunSettings(concurrency=2))
"""


@pytest.mark.costly
def test_killed_process_goes_on(tmp_path):
    """After SIGKILL in the middle nothing that was kept is asked again, and the result is the whole one."""
    path = tmp_path / "j"
    root = str(Path(__file__).parents[3])
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED.format(root=root, path=str(path))]
    )  # our own script
    while not path.exists() or path.read_bytes().count(b"\n") < 60:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    plan = planned(suite=small_suite(tasks=100))
    rest, whole = Counting(some_fail), Counting(some_fail)
    with Journal.resume(path, plan) as journal:
        total = sum(map(len, journal.replies.values()))
        finished = run(plan, {"m": rest}, journal=journal)

    assert finished == run(plan, {"m": whole})
    assert total >= 59
    assert len(rest.heard) == len(whole.heard) - total


def test_interrupt_gives_what_was_finished(tmp_path):
    """Ctrl-C ends the run early; its result says so."""
    model = Counting()
    plan = planned(suite=small_suite(tasks=50))

    class Interrupting(Counting):
        async def acall(self, prompt, *, options=None):
            if len(self.heard) == 7:
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.sleep(30)
            return await super().acall(prompt, options=options)

    assert threading.current_thread() is threading.main_thread()
    model = Interrupting()
    finished = run(plan, {"m": model}, settings=RunSettings(concurrency=1))

    assert len(finished.calls) == 7
    assert finished.setup.stopped == ("interrupted",)


@needs("fitting")
def test_schema_that_a_strategy_cannot_ask_for_is_refused_before_a_call():
    """What cannot be asked for is an error before anything is spent."""
    model = Counting()
    model.provider = "openai"
    suite = small_suite(document={"not": {}})

    with pytest.raises(InvalidArgument, match="strict_schema"):
        run(planned(["bare", "strict_schema"], suite=suite), {"m": model})
    assert model.heard == []


@needs("fitting")
def test_variant_leaves_out_what_it_cannot_ask_for():
    """The other schemas of a suite are asked for, and the result says what was not."""
    model = Counting()
    model.provider = "openai"
    _, second = small_suite().schemas
    (refused,) = small_suite(["first"], document={"not": {}}).schemas
    suite = type(small_suite())("small", "0" * 16, (refused, second))
    finished = run(planned(["bare", "strict_schema"], suite=suite), {"m": model})

    assert {(s.variant, s.schema) for s in finished.calls} == {
        (0, "first"),
        (0, "second"),
        (1, "second"),
    }
    (words,) = finished.setup.stopped
    assert words.startswith(
        "schema_guard can't send 2 tasks of 1 schemas with variant strict_schema. The first fault is: "
    )


def test_result_of_a_script_has_no_times():
    """Replies that were written beforehand took no time that says anything."""
    finished = run(planned(), {"m": Counting()})

    assert finished.setup.started_at is None
    assert {s.elapsed_s for s in finished.calls} == {None}


def test_scored_calls_are_small():
    """Of texts only the beginnings of failed replies are kept."""
    finished = run(planned(), {"m": Counting(lambda n, retry: "no JSON " * 1000)})

    assert all(len(failed.reply) == 400 for failed in finished.failed)
    assert len(json.dumps(finished.failed)) < 8 * 900
