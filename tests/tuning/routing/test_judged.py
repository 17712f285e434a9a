"""Facts about what `report` and `decide` say of a routed function: the same records, one call of the user's one call."""

from __future__ import annotations

import pytest

from schema_guard import Evidence, open_store, tags
from schema_guard.decide import decide
from schema_guard.decide.recorded.gather import gather
from schema_guard.report.figures import report_on
from tests.tuning.routing.routers import Branches

CALLS = 1_200


def fails(branch, task):
    """The tuned model fails each 20th input, the prompt each 400th, which is one of these."""
    return int(task) % (20 if branch == "tuned" else 400) == 0


@pytest.fixture(scope="module")
def played():
    """What was recorded, and what callers met, of a function that is routed with all its primary calls."""
    with open_store("sqlite://") as store:
        router = Branches(fails=fails, store=store).router(primary=Evidence(segments=["invoices"]))
        unhandled = 0
        for number in range(CALLS):
            with tags(segment="letters" if number % 6 == 1 else "invoices"):
                unhandled += not router.outcome(str(number)).ok
            if number % 400 == 0:
                store.flush(10)
        store.flush(10)
        yield store, unhandled, router.counts()


def test_a_report_counts_each_call_of_the_users_once(played):
    """What the prompt answered in the tuned model's place is valid after a re-ask, and the rate is what callers met."""
    store, unhandled, counts = played
    (group,) = report_on(store).groups

    assert (group.calls, group.unhandled.count) == (CALLS, unhandled)
    assert (group.answered_again, group.reasked.count) == (counts.fallbacks, counts.fallbacks - unhandled)


def test_the_tuned_model_with_the_prompt_behind_it_is_what_is_judged(played):
    """A model that fails 6 % of its calls, nearly all of which the prompt answers, is no failure; the verdict says so."""
    store, unhandled, counts = played
    evidence = gather(store, given={"config": {"target": 0.02}}).evidence
    verdict = decide(evidence)

    used = evidence["strategies"][0]
    assert (used["id"], used["n"], used["k_final"]) == ("bare, else system_prompt", counts.tuned, unhandled)
    assert used["attempts"] == [[counts.tuned, counts.fallbacks], [counts.fallbacks, unhandled]]
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


def test_shadows_are_the_pilot_of_the_function_and_no_traffic():
    """They join the tuned model's own calls, pair with the prompt's, and nothing of them is wrong in production."""
    with open_store("sqlite://") as store:
        router = Branches(fails=fails, store=store).router(share=0.2, shadow=0.5)
        for number in range(600):
            router(str(number)) if number % 400 else None
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

    prompt = next(one for one in evidence["strategies"] if not one.get("tuned"))
    assert counts.tuned_errors > 3
    assert prompt["n"] == counts.prompt + counts.tuned_errors
