"""What a store knows of trials beside their counts: what was sent, what it took, what a tuned model was measured on."""

import json

import pytest

from schema_guard.decide.recorded.configurations import RecordedConfiguration
from schema_guard.decide.recorded.from_store import gather
from schema_guard.decide.recorded.router_calls import joined_pilots
from schema_guard.records import open_store
from schema_guard.values import UNKNOWN_USAGE, Usage
from tests.decide.records import DAY, record
from tests.public.decide.examples import economics

PLAYBOOK_RESULT = "playbook:1:system_prompt"


@pytest.fixture
def store():
    """A store in memory."""
    with open_store("sqlite://") as opened:
        yield opened


def only(gathered):
    """The one strategy of the evidence."""
    (result,) = gathered.evidence["strategies"]
    return result


def test_a_trial_tells_what_all_its_attempts_took(store):
    """Tokens and seconds of a trial are added up; without prices its dollars are not known."""
    record(store, 10, 4, usage=Usage(900, 50), elapsed_s=2.0, attempts=2, function=PLAYBOOK_RESULT)

    assert only(gather(store))["trial"] == {
        "input_tokens": 18_000,
        "output_tokens": 1_000,
        "seconds": 40,
    }


def test_dollars_of_a_trial_come_from_a_table(store, tmp_path):
    """With prices of the model a trial has dollars: cached tokens at their own price."""
    record(store, 10, 4, usage=Usage(900, 50, 300), function=PLAYBOOK_RESULT)
    table = tmp_path / "prices.json"
    table.write_text(json.dumps({"m1": {"p_in": 2.0, "p_cached": 1.0, "p_out": 8.0}}))

    result = only(gather(store, prices=str(table)))

    assert result["trial"]["dollars"] == pytest.approx(10 * (600 * 2 + 300 * 1 + 50 * 8) / 1e6)


def test_tokens_that_one_attempt_does_not_tell_are_not_known(store):
    """A sum without one of its parts is no sum."""
    record(store, 10, 4, usage=Usage(900, 50), function=PLAYBOOK_RESULT, flush=False)
    record(store, 1, 0, usage=UNKNOWN_USAGE, function=PLAYBOOK_RESULT, first=10)

    result = only(gather(store))["trial"]

    assert (result.get("input_tokens"), result["seconds"]) == (None, 11)


def test_calls_in_production_are_no_trial(store):
    """What the traffic costs is not what measuring cost."""
    record(store, 10, 4, usage=Usage(900, 50))

    assert "trial" not in only(gather(store))


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"temperature": 0.7, "top_p": 0.9, "seed": 1}, {"temperature": 0.7, "top_p": 0.9}),
        ({"seed": 1}, None),
    ],
    ids=["sampling", "none"],
)
def test_what_a_model_was_connected_with_was_sent(store, options, sent):
    """Temperature and top_p stand in the settings of a model that was connected with them."""
    record(store, 10, 4, settings=json.dumps({"max_attempts": 1, "options": options}))

    assert only(gather(store)).get("sent") == sent


def test_the_step_of_temperature_sends_0(store):
    """A playbook run's step of that name is asked at temperature 0, whatever the model is asked at otherwise."""
    record(store, 10, 4, function="playbook:1:temperature")

    assert only(gather(store))["sent"] == {"temperature": 0}


def test_known_answers_are_of_what_is_in_use(store):
    """Whether right values are asked for or not, they stand beside the format of the strategy in use."""
    record(store, 300, 4)

    result = only(gather(store, extra={"content": {"n": 200, "right": 170}}))

    assert result["right"] == {"n": 200, "k": 30}


def test_a_pilot_is_paired_with_the_prompt_whatever_output_limits_its_tasks_had(store):
    """A bench has an output limit of each task's own: its pairs are counted over all of them."""
    for first, tokens in ((0, 64), (10, 96)):
        asked = {"function": "bench:1", "settings": json.dumps({"limits": {"output_tokens": tokens}})}
        record(store, 10, 4, strategies="few_shot", first=first, **asked)
        record(store, 10, 1, tuned=True, strategies="bare", first=first, **asked)

    pilot = gather(store).evidence["pilot"]

    assert (pilot["n"], pilot["k_final"]) == (20, 2)
    assert pilot["paired"] == {"b": 6, "c": 0}


@pytest.mark.parametrize(
    "asked",
    [{"function": PLAYBOOK_RESULT}, {"settings": '{"max_attempts":1,"observe":true}'}],
    ids=["climbed", "observed"],
)
def test_a_tuned_model_is_no_prompt_however_it_is_asked(store, asked):
    """Neither a playbook run nor observing makes a tuned model a step of the playbook."""
    record(store, 100, 2, tuned=True, **asked)
    record(store, 100, 50, started_at=DAY)

    evidence = gather(store).evidence

    assert evidence["pilot"]["k_final"] == 2
    assert [result["k_final"] for result in evidence["strategies"]] == [50]


def test_what_a_tuned_model_takes_is_what_its_pilot_took(store):
    """Tokens of a call of the tuned model are those that are recorded of it, unless others are given."""
    record(store, 10, 4, usage=Usage(500, 80))
    record(store, 10, 1, tuned=True, usage=Usage(60, 70), first=10)
    value = economics() | {"prompt_cost": {"p_in": 1.0, "p_cached": 0.5, "p_out": 4.0}}

    costs = [
        gather(
            store,
            extra={
                "economics": {**value, "tuned_cost": {**prices, "p_in": 2.0, "p_cached": 1.0, "p_out": 8.0}}
            },
        ).evidence["economics"]["tuned_cost"]
        for prices in ({}, {"out": 50})
    ]

    assert [(cost["var"], cost["out"]) for cost in costs] == [(60, 70), (60, 50)]


def test_shadows_have_the_share_of_all_calls_that_they_join(store):
    """A tuned model ran as two configurations. Shadows alone have no share."""
    for function in ("shadow:route:tuned:f", "f"):
        record(store, 10, 0, function=function)
    rows = {row.function: (row,) for row in store.configurations()}
    shadow = RecordedConfiguration("shadow", "tuned", rows["shadow:route:tuned:f"])
    own = [
        RecordedConfiguration(name, "tuned", rows["f"], share=share)
        for name, share in (("a", 0.25), ("b", 0.5))
    ]

    assert [(one.id, one.n, one.share) for one in joined_pilots([*own, shadow], None, [])] == [
        ("shadow", 30, 0.75)
    ]
    assert [one.share for one in joined_pilots([shadow], None, [])] == [0.0]
