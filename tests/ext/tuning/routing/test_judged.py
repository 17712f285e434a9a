"""Facts about what `report` and `decide` say of a routed function: the same records, one call of the user's one call."""

from __future__ import annotations

import json

import pytest

from schema_guard import About, Evidence, Router, guard, open_store, tags
from schema_guard.decide import decide
from schema_guard.decide.case import Case
from schema_guard.decide.evidence.reading import read_evidence
from schema_guard.decide.recorded.from_store import gather
from schema_guard.report.as_text import as_text
from schema_guard.report.figures import report_on
from schema_guard.report.pools import added, answered_again, pooled
from schema_guard.report.store_document import document_of
from tests.public.ext.calls.routing.routers import TOTAL, Branches

CALLS = 1_200


def fails(branch, task):
    """The tuned model fails each 20th input, the prompt each 400th, which is one of these."""
    return int(task) % (20 if branch == "tuned" else 400) == 0


@pytest.fixture(scope="module")
def played():
    """What was recorded, and what callers met, of a function that is routed with all its primary calls."""
    with open_store("sqlite://") as store:
        router = Branches(fails=fails, store=store).router(primary=Evidence(segments=["invoices"]))
        failed = 0
        for number in range(CALLS):
            with tags(segment="letters" if number % 6 == 1 else "invoices"):
                failed += not router.outcome(str(number)).ok
            if number % 400 == 0:
                store.flush(10)
        store.flush(10)
        yield store, failed, router.counts()


def test_a_report_counts_each_call_of_the_users_once(played):
    """What the prompt answered in the tuned model's place is valid after a retry, and the rate is what callers met."""
    store, failed, counts = played
    report = report_on(store)
    (group,), text = report.groups, as_text(document_of(report))

    assert (group.calls, group.failed.count) == (CALLS, failed)
    assert (group.answered_again, group.fixed_by_retry.count) == (counts.fallbacks, counts.fallbacks - failed)
    assert (
        f"extract: in {counts.fallbacks} calls, the tuned model gave no valid reply, and the prompt" in text
    )


def test_the_tuned_model_with_the_prompt_behind_it_is_what_is_judged(played):
    """A model that fails 6 % of its calls, nearly all of which the prompt answers, is no failure; the verdict says so."""
    store, failed, counts = played
    evidence = gather(store, extra={"config": {"target": 0.02}}).evidence
    verdict = decide(evidence)

    used = evidence["strategies"][0]
    assert (used["id"], used["n"], used["k_final"]) == ("bare, else system_prompt", counts.tuned, failed)
    assert used["attempts"] == [[counts.tuned, counts.fallbacks], [counts.fallbacks, failed]]
    assert (verdict.verdict, verdict.figures["stage"], verdict.exit_code()) == (
        "FINE_TUNE_JUSTIFIED",
        "in_service",
        0,
    )


def test_the_prompts_own_rate_leaves_out_what_it_was_given_for_being_hard(played):
    """Its calls are those that it was asked first."""
    store, _, counts = played
    prompt = gather(store).evidence["strategies"][1]

    assert (prompt["n"], prompt["k_final"]) == (counts.prompt, 0)


def test_without_the_tuned_models_calls_the_prompts_stand_for_themselves(played):
    """A pool of the prompt's configurations alone has all of its calls, also those in the tuned model's place."""
    store, failed, counts = played
    (pool,) = pooled([one for one in store.configurations() if not one.tuned], by=("function",)).values()
    total = added(pool)

    assert answered_again(pool) == ()
    assert (total.calls, total.failed) == (counts.prompt + counts.fallbacks, failed)


def test_shadows_are_the_pilot_of_the_function_and_no_traffic():
    """They join the tuned model's own calls, pair with the prompt's, and nothing of them is wrong in production."""
    with open_store("sqlite://") as store:
        router = Branches(
            fails=lambda branch, task: branch == "tuned" and task[-1] == "5", store=store
        ).router(share=0.2, shadow=0.5)
        for number in range(598):
            router(str(number))
        router.flush(10)
        store.flush(10)
        evidence = gather(store).evidence
        (segment,) = report_on(store, by="segment").groups

        (strategy,), pilot, counts = evidence["strategies"], evidence["pilot"], router.counts()

    assert (strategy["n"], strategy["traffic_share"]) == (
        counts.prompt,
        pytest.approx(counts.prompt / 598, abs=0.02),
    )
    assert pilot["n"] == counts.tuned + counts.shadows
    assert segment.calls == counts.tuned + counts.prompt
    assert "traffic_share" not in pilot
    assert pilot["paired"]["c"] > 0


def test_a_server_that_was_down_leaves_no_trace_in_the_prompts_rate():
    """Where the tuned model gave no reply the prompt is asked as ever: its calls are one configuration."""
    with open_store("sqlite://") as store:
        down = Branches(
            fails=lambda branch, task: (
                ConnectionError() if branch == "tuned" and int(task) % 3 == 0 else False
            ),
            store=store,
        )
        router = down.router(share=0.5)
        for number in range(60):
            router(str(number))
        store.flush(10)
        evidence, counts = gather(store).evidence, router.counts()
        (group,) = report_on(store).groups

    prompt = next(one for one in evidence["strategies"] if not one.get("tuned"))
    assert counts.tuned_errors > 3
    assert prompt["n"] == counts.prompt + counts.tuned_errors
    assert (group.answered_again, group.fixed_by_retry.count) == (0, 0)


def money(prompt=1.0, tuned=2.0):
    """What a user gives of the money: prices of a million tokens."""
    return {
        "prompt_cost": {"p_in": prompt, "p_cached": prompt, "p_out": prompt},
        "tuned_cost": {"p_in": tuned, "p_cached": tuned, "p_out": tuned},
        "failure_cost": 0.0,
        "tuned": {"hazards": [0.0], "residual": {"opt": 0.0, "point": 0.0, "pess": 0.0}},
        "upfront": {"labels": 1},
        "hosting_per_month": 0,
        "refresh_per_month": 0,
    }


def taken_over(every, calls=900):
    """A store in which the prompt had the calls before, and a tuned model has them now, with the prompt behind it."""

    def reply(model, is_ok, sent):
        message = {"role": "assistant", "content": '{"by": "it"}' if is_ok else "no"}
        return {
            "id": "1", "object": "chat.completion", "created": 1, "model": model,
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": sent, "completion_tokens": 50, "total_tokens": sent + 50},
        }  # fmt: skip

    store = open_store("sqlite://")
    settings = {"store": store, "max_attempts": 1}

    @guard(TOTAL, strategy="bare", about=About(tuned=True, model="small"), **settings)
    def by_tuned(prompt):
        return reply("small", int(prompt.splitlines()[-1]) % every, 100)

    @guard(TOTAL, name="extract", about=About(model="large"), **settings)
    def by_prompt(prompt):
        return reply("large", True, 950)

    for number in range(600):
        by_prompt(str(10_000 + number))
    router = Router(tuned=by_tuned, prompt=by_prompt)
    for number in range(calls):
        router(str(number))
    store.flush(10)
    return store


@pytest.mark.parametrize("has_table", [False, True])
def test_a_tuned_model_costs_what_its_fallbacks_cost_too(tmp_path, has_table):
    """A call of it takes 150 tokens at 2, and half of the calls 1,000 more at 1: 0.0008 dollars, whoever names the prices."""
    table = tmp_path / "prices.json"
    table.write_text(
        json.dumps({
            "small": {"p_in": 2, "p_out": 2, "p_cached": 2},
            "large": {"p_in": 1, "p_out": 1, "p_cached": 1},
        })
    )  # fmt: skip
    with taken_over(every=2) as store:
        values = {"economics": money(), "calls_per_month": 1000}
        evidence = gather(store, extra=values, prices=str(table) if has_table else None).evidence
    # Seconds cost nothing here.
    case = Case(read_evidence(evidence))

    assert case.price(case.in_use) == pytest.approx(0.0008)
    assert case.cost.point.tuned_per_call == pytest.approx(0.0008)
    assert case.cost.point.prompt_per_call == pytest.approx(0.001)


def test_failures_in_bursts_that_the_prompt_all_answered_are_no_failures():
    """What the tuned model fails comes in a burst; of what callers met nothing does."""
    with open_store("sqlite://") as store:
        both = Branches(fails=lambda branch, task: branch == "tuned" and int(task) % 300 > 250, store=store)
        router = both.router()
        for number in range(1200):
            router(str(number))
        store.flush(10)
        (used,) = gather(store).evidence["strategies"]

    assert (used["id"], used["k_final"], "bursts" in used) == ("bare, else system_prompt", 0, False)


@pytest.mark.parametrize(
    ("bad", "of_ten", "verdict"),
    [("prompt", 7, "FINE_TUNE_JUSTIFIED"), ("tuned", 6, "PROMPTING_ENOUGH")],
)
def test_a_verdict_says_that_the_branches_were_asked_different_inputs(bad, of_ten, verdict):
    """The one fails half of its calls: what is said of the other is of the inputs that `primary` had chosen for it."""
    with open_store("sqlite://") as store:
        both = Branches(
            fails=lambda branch, task: branch == bad and (int(task) * 7919 % 10_007) % 2, store=store
        )
        router = both.router(primary=lambda prompt: int(prompt) % 10 < of_ten, fallback=False)
        for number in range(1500):
            router.outcome(str(number))
        store.flush(10)
        text = decide(gather(store).evidence)

    assert text.verdict == verdict
    assert "Each rate is valid only for its own inputs" in text.why


def test_a_tuned_model_that_costs_more_than_the_prompt_for_its_fallbacks_is_not_kept(tmp_path):
    """It takes 150 tokens at 6, and half of the calls the prompt's 1,000 at 1, where the prompt alone takes these once."""
    table = tmp_path / "prices.json"
    costs = {"small": 6, "large": 1}
    table.write_text(
        json.dumps({name: dict.fromkeys(("p_in", "p_cached", "p_out"), one) for name, one in costs.items()})
    )
    with taken_over(every=2) as store:
        values = {"economics": money(tuned=6), "calls_per_month": 1000}
        verdict = decide(gather(store, extra=values, prices=str(table)).evidence)

    assert (verdict.verdict, verdict.figures["switch_to"]) == ("USE_CHEAPER_MODEL", "system_prompt")
    assert "for $0.001 a call instead of $0.0014" in verdict.why
