"""Evidence from a store: what stands for what, what is left out, and what a user adds."""

import json

import pytest

from schema_guard.decide import decide, evidence_schema
from schema_guard.decide.recorded import from_store as gathering
from schema_guard.errors import InvalidArgument
from schema_guard.records import open_store
from schema_guard.values import Usage
from tests.decide.records import DAY, record, record_excluded
from tests.public.decide.examples import economics


@pytest.fixture
def store():
    """A store in memory."""
    with open_store("sqlite://") as opened:
        yield opened


def gather(store, **asked):
    """Gather evidence, which keeps to the published schema whatever the records hold."""
    gathered = gathering.gather(store, **asked)
    assert evidence_schema().violations(gathered.evidence) == []
    return gathered


def strategies(gathered):
    """The strategies of the evidence, by id."""
    return {strategy["id"]: strategy for strategy in gathered.evidence["strategies"]}


def status(gathered, rung):
    """What the evidence claims of a step."""
    (result,) = [claim for claim in gathered.evidence["ladder"] if claim["rung"] == rung]
    return result


def test_counts_are_those_of_the_store(store):
    """Calls, failed ones, attempts and kinds are what was recorded."""
    record(store, 10, 3, kind="value", attempts=2)

    (result,) = strategies(gather(store)).values()

    assert result == {
        "id": "system_prompt",
        "rung": "system_prompt",
        "model": "m1",
        "n": 10,
        "k_final": 3,
        "failure_kinds": {"value": 3},
        "failure_codes": {"type": 3},
        "attempts": [[10, 10], [10, 3]],
        "traffic_share": 1.0,
        "arrival": {"absent": 0, "longest_absence": 0, "last_day": "1970-01-01"},
        "history": {"calls": 10, "outages": 0, "since_outage": 10},
    }


def test_evidence_is_taken_by_decide(store):
    """What is gathered decides as it stands."""
    record(store, 400, 0)

    assert decide(gather(store).evidence).verdict == "PROMPTING_ENOUGH"


@pytest.mark.parametrize(
    "change",
    [
        {"strategies": "few_shot"},
        {"settings": '{"max_attempts":2}'},
        {"provider": "openai"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_configurations_are_not_pooled(store, change):
    """Calls with another strategy, other settings, or another provider are a strategy with its own name."""
    record(store, 10, 1)
    record(store, 10, 2, **change)

    assert sorted(result["k_final"] for result in strategies(gather(store)).values()) == [1, 2]


def test_only_the_newest_version_counts(store):
    """Calls of an earlier version of the prompt are left out, and that is said."""
    record(store, 10, 5, version="v1")
    record(store, 20, 1, version="v2", started_at=DAY)

    gathered = gather(store)

    assert strategies(gathered)["system_prompt"]["n"] == 20
    assert gathered.evidence["notes"] == [
        "system_prompt: 10 calls of 1 earlier version of shop.extract are not counted; to count them, add `--also-version v1`"
    ]


def test_earlier_versions_are_taken_in_when_they_are_named(store):
    """Calls of a version that is named count with those of the newest; one that is not recorded is an error."""
    for version, day in (("v1", 0), ("v2", 1), ("v3", 2)):
        record(store, 10, 1, version=version, started_at=day * DAY)

    gathered = gather(store, also_versions=["v1"])

    assert strategies(gathered)["system_prompt"]["n"] == 20
    assert strategies(gathered)["system_prompt"]["k_final"] == 2
    assert gathered.evidence["notes"] == [
        "system_prompt: 10 calls of 1 earlier version of shop.extract are not counted; to count them, add `--also-version v2`"
    ]
    with pytest.raises(
        InvalidArgument,
        match=r"^version 'none': no recorded call has this version\. To list the versions, run `schema-guard report --by version`$",
    ):
        gather(store, also_versions=["none"])


def test_only_the_newest_schema_counts(store):
    """Calls under an earlier content of the schema are left out, and that is said."""
    record(store, 10, 5, schema_fingerprint="a" * 16)
    record(store, 20, 1, started_at=DAY)

    gathered = gather(store, schema="Invoice")

    assert strategies(gathered)["system_prompt"]["n"] == 20
    assert gathered.schema_fingerprint == "f" * 16
    assert "10 calls with earlier contents of the schema" in gathered.evidence["notes"][0]


def test_segments_are_one_strategy_and_parts_of_it(store):
    """Segments add up to their configuration, and stand beside it with their shares."""
    record(store, 30, 3, segment="mail")
    record(store, 10, 0, segment="scan")

    gathered = gather(store)

    assert strategies(gathered)["system_prompt"]["n"] == 40
    assert gathered.evidence["segments"] == [
        {"name": "mail", "share": 0.75, "n": 30, "k": 3},
        {"name": "scan", "share": 0.25, "n": 10, "k": 0},
    ]


def test_repeated_inputs_are_clusters(store):
    """Inputs that repeat stand with their calls and failures; in production the calls are judged, in a trial the inputs."""
    record(store, 40, 10, tasks=20)
    record(store, 40, 10, tasks=20, function="bench:1", started_at=DAY)

    result = strategies(gather(store))

    assert [one["clusters"] for one in result.values()] == [[[2, 0, 15], [2, 2, 5]]] * 2
    rates = decide(gather(store).evidence).as_dict()["rates"]
    assert [rates[name]["n"] for name in result] == [40, 20]


def test_an_input_that_failed_in_a_part_of_its_calls_counts_that_part(store):
    """One that failed once in two calls is half a failure of the inputs, and a verdict can be given on it."""
    record(store, 600, 1, tasks=400)

    result = gather(store).evidence

    assert result["strategies"][0]["inputs"] == {"n": 400, "k": 0.5}
    assert decide(result).verdict


def test_an_input_that_is_a_good_part_of_the_calls_is_named(store):
    """One that always fails and is a fifth of the traffic is found, with its calls; the others are what a new one meets."""
    record(store, 400, 2)
    record(store, 100, 100, tasks=1, first=900, started_at=400 * 60.0)

    (result,) = strategies(gather(store)).values()
    (row, *_) = [one for one in store.attempts() if one["kind"] and one["started_at"] >= 400 * 60.0]

    assert result["hot"] == [[row["input_hash"], 101, 100]]
    assert result["inputs"] == {"n": 399, "k": 2}


def steps_of(gathered):
    return [result["rung"] for _, result in sorted(strategies(gathered).items())]


@pytest.mark.parametrize(
    ("sizes", "rung"),
    [
        ([], "other_model"),
        (["m1", "other"], "larger_model"),
        (["other", "third", "m1-2026-08-06"], "smaller_model"),
        (["m1", "third"], "other_model"),
    ],
)
def test_another_model_is_larger_where_that_is_said(store, sizes, rung):
    """A model other than the one in use is larger, smaller, or just another one: nobody guesses it from its name."""
    record(store, 10, 5, model="other")
    record(store, 10, 5, started_at=DAY)

    gathered = gather(store, sizes=sizes)

    assert steps_of(gathered) == ["system_prompt", rung]
    assert ("the sizes of other and m1 are unknown" in str(gathered.evidence.get("notes"))) == (
        rung == "other_model"
    )
    assert decide(gathered.evidence).as_dict()["rates"].keys() == strategies(gathered).keys()


def test_the_dearer_model_is_the_larger_one(store, tmp_path):
    """A table of prices says which of two models is larger, where it knows both."""
    table = {
        name: {"p_in": price, "p_cached": price, "p_out": price} for name, price in (("m1", 1), ("big", 9))
    }
    (tmp_path / "prices.json").write_text(json.dumps(table))
    record(store, 10, 5, model="big")
    record(store, 10, 5, model="free")
    record(store, 10, 5, started_at=DAY)

    assert steps_of(gather(store, prices=str(tmp_path / "prices.json"))) == [
        "larger_model",
        "other_model",
        "system_prompt",
    ]


def test_a_snapshot_is_no_other_model(store):
    """Calls that were recorded under the dated name of a model stand on the step of their strategy."""
    record(store, 10, 5, model="m1-2026-08-06", strategies="few_shot")
    record(store, 10, 5, started_at=DAY)

    assert sorted(steps_of(gather(store))) == ["few_shot", "system_prompt"]


@pytest.mark.parametrize("sizes", [["a"], ["a", "a"], ["a", ""], ["a", "a-2026-08-06"]])
def test_sizes_name_two_models_or_more(store, sizes):
    """One model has no size, and none has two."""
    record(store, 10, 5)

    with pytest.raises(
        InvalidArgument, match=r"^sizes=.*: expected the names of at least two different models"
    ):
        gather(store, sizes=sizes)


@pytest.mark.parametrize("said", [{"model": "ft:m1:org::id"}, {"tuned": True}])
def test_what_says_that_it_is_tuned_is_the_pilot(store, said):
    """What says that it is tuned, by its name or by its guard, is no prompting strategy."""
    record(store, 10, 5, **said)
    record(store, 20, 5, started_at=DAY)

    gathered = gather(store)

    assert gathered.evidence["pilot"] == {
        "n": 10,
        "k_final": 5,
        "traffic_share": pytest.approx(1 / 3),
        "arrival": {"absent": 20, "longest_absence": 0, "last_day": "1970-01-01"},
        "paired": {"b": 0, "c": 3},
    }
    assert steps_of(gathered) == ["system_prompt"]


def test_observed_calls_are_bare(store):
    """What was only observed is data, and no step of the playbook."""
    record(store, 10, 5, strategies="bare", settings='{"max_attempts":1,"observe":true}')

    assert strategies(gather(store))["bare"]["rung"] == "bare"


def test_calls_that_a_recorder_saw_are_what_they_asked_by(store):
    """A recorder sees how the format was asked for: where that was strict, strict is the fix in use."""
    settings = '{"max_attempts":1,"observe":true,"recorder":"litellm"}'
    record(store, 10, 5, strategies="tool_call", settings=settings)

    (result,) = gather(store).evidence["strategies"]
    assert result["rung"] == "strict_schema"


def test_the_latest_call_is_the_current_configuration(store):
    """In production is what was called last, trials apart."""
    record(store, 10, 1)
    record(store, 10, 1, strategies="few_shot", started_at=DAY)
    record(store, 10, 1, strategies="json_mode", function="playbook:1:json_mode", started_at=2 * DAY)

    assert gather(store).evidence["current"] == "few_shot"


@pytest.mark.parametrize(
    ("settings", "rung"),
    [
        ('{"max_attempts":1,"repair":"lossless"}', "lenient_parse"),
        ('{"max_attempts":3}', "repair_retry"),
        ('{"limits":{"max_output_tokens":900},"max_attempts":1}', "raise_max_output_tokens"),
    ],
)
def test_settings_playbook_steps(store, settings, rung):
    """Repair, retries and a higher output limit are steps that were tested."""
    record(store, 10, 1, settings=settings)

    assert status(gather(store), rung) == {"rung": rung, "status": "tested"}


def test_what_was_not_recorded_is_untested(store):
    """A step without calls is untested."""
    record(store, 10, 1)

    assert status(gather(store), "few_shot")["status"] == "untested"


def test_no_truncation_rules_out_a_higher_limit(store):
    """Where no failure is a truncation, raising the output limit is not applicable, for that reason."""
    record(store, 10, 4)

    assert status(gather(store), "raise_max_output_tokens") == {
        "rung": "raise_max_output_tokens",
        "status": "not_applicable",
        "reason": "none of the 4 failed calls of system_prompt was cut off",
    }


def test_replies_that_ran_away_rule_out_a_higher_limit(store):
    """Where most cut-off replies ran away, raising the output limit is not applicable, and it is said why."""
    record(store, 10, 4, kind="truncation", code="runaway")

    assert status(gather(store), "raise_max_output_tokens") == {
        "rung": "raise_max_output_tokens",
        "status": "not_applicable",
        "reason": "only 0 of the 4 failed calls of system_prompt were too long; 4 repeated themselves or used all tokens for reasoning",
    }


def test_declared_steps_keep_reason_and_day(store):
    """What was declared in the store is claimed, with its day."""
    record(store, 10, 4)
    store.declare_step("f" * 16, "few_shot", "declined", "no room in the prompt")

    result = status(gather(store), "few_shot")

    assert result["status"] == "declined"
    assert result["reason"].startswith("no room in the prompt (20")


def test_the_last_target_is_asked_for_and_its_history_told(store):
    """The target is the last one that was set."""
    record(store, 10, 4)
    store.set_target("f" * 16, 0.01)
    store.set_target("f" * 16, 0.02)

    evidence = gather(store).evidence

    assert evidence["config"]["target"] == 0.02
    assert [target for _, target in evidence["target_history"]] == [0.01, 0.02]


def test_volume_is_that_of_a_month(store):
    """Calls a month are read off the calls that were no trials."""
    record(store, 101, 0, gap_s=DAY / 100)
    record(store, 500, 0, function="bench:1", gap_s=1.0)

    assert gather(store).evidence["calls_per_month"] == pytest.approx(100 * 365.25 / 12, rel=0.05)


def test_a_short_time_has_no_volume(store):
    """Less than an hour of calls says nothing of a month."""
    record(store, 50, 0, gap_s=60.0)

    assert "calls_per_month" not in gather(store).evidence


def test_trials_of_one_configuration_are_not_added_up(store):
    """A second trial asks the same inputs again: only the newest one counts."""
    record(store, 30, 3, function="bench:1", strategies="few_shot")
    record(store, 30, 4, function="bench:2", strategies="few_shot", started_at=DAY)

    assert strategies(gather(store))["few_shot"]["n"] == 30


def test_tasks_with_their_own_output_limits_are_one_trial(store):
    """A benchmark's limit of each task does not make configurations of its own."""
    for tokens in (64, 96):
        record(store, 5, 1, function="bench:1", settings=json.dumps({"limits": {"output_tokens": tokens}}))

    assert [result["n"] for result in strategies(gather(store)).values()] == [10]


def test_a_tuned_model_is_the_pilot(store):
    """Calls of the strategy `tuned` are a pilot's counts."""
    record(store, 20, 1, strategies="tuned", first=100)
    record(store, 100, 40)

    gathered = gather(store)

    pilot = gathered.evidence["pilot"]
    assert (pilot["n"], pilot["k_final"], pilot["traffic_share"]) == (20, 1, pytest.approx(1 / 6))
    assert list(strategies(gathered)) == ["system_prompt"]


def test_a_tuned_model_with_the_most_calls_is_in_service(store):
    """What has the largest part of the latest calls is what is in use, and no pilot."""
    record(store, 100, 4)
    record(store, 400, 1, tuned=True, model="ft", first=100)

    gathered = gather(store)

    assert "pilot" not in gathered.evidence
    assert [result.get("tuned") for result in strategies(gathered).values()] == [True, None]
    assert gathered.evidence["current"] == next(iter(strategies(gathered)))


def test_functions_and_schemas_are_problems_of_their_own(store):
    """Every function of every schema has evidence of its own, with what was declared of it alone."""
    record(store, 300, 90, schema_name="Ticket", schema_fingerprint="a" * 16)
    record(store, 300, 0)
    record(store, 100, 50, function="mail.extract")

    gathered = gathering.gather_each(store)

    assert [(one.function, one.schema, one.evidence["strategies"][0]["n"]) for one in gathered] == [
        ("mail.extract", "Invoice", 100),
        ("shop.extract", "Invoice", 300),
        ("shop.extract", "Ticket", 300),
    ]
    with pytest.raises(InvalidArgument, match=r"several .*: mail.extract \(Invoice\), shop.extract"):
        gather(store)


def test_two_schemas_of_one_name_are_not_versions_of_one(store):
    """Where two functions have different schemas of one title, each has its own newest content."""
    record(store, 10, 1, schema_fingerprint="a" * 16)
    record(store, 10, 2, function="mail.extract", started_at=DAY)

    assert [one.schema_fingerprint for one in gathering.gather_each(store)] == ["f" * 16, "a" * 16]


def test_a_trial_counts_for_the_function_that_it_names(store):
    """A playbook run for one of two functions is no evidence on the other."""
    record(store, 20, 5)
    record(store, 20, 5, function="mail.extract")
    record(store, 30, 0, function="playbook:1:few_shot:shop.extract", strategies="few_shot")

    assert list(strategies(gather(store, function="shop.extract"))) == ["system_prompt", "few_shot"]
    assert strategies(gather(store, function="shop.extract"))["few_shot"]["rung"] == "few_shot"
    assert list(strategies(gather(store, function="mail.extract"))) == ["system_prompt"]


def test_a_trial_without_a_function_counts_for_an_only_one(store):
    """Where a schema has several functions it is left out, and that is said, also when one of them is asked about."""
    record(store, 20, 5)
    record(store, 30, 0, function="playbook:1:few_shot", strategies="few_shot")
    assert list(strategies(gather(store))) == ["system_prompt", "few_shot"]

    record(store, 20, 5, function="mail.extract")

    gathered = gather(store, function="shop.extract")
    assert list(strategies(gathered)) == ["system_prompt"]
    assert (
        "30 calls of trials are not counted, because they name no function" in gathered.evidence["notes"][0]
    )


def test_what_is_given_is_about_one_function(store):
    """Costs of one function are not those of another; a target may be that of all."""
    record(store, 20, 5)
    record(store, 20, 5, function="mail.extract")

    with pytest.raises(InvalidArgument, match="calls_per_month: these facts apply to only one function"):
        gathering.gather_each(store, extra={"calls_per_month": 10})
    assert [
        one.evidence["config"]["target"]
        for one in gathering.gather_each(store, extra={"config": {"target": 0.3}})
    ] == [0.3, 0.3]


def test_a_segment_is_decided_on_alone(store):
    """With a segment only its calls count, beside trials."""
    record(store, 20, 5, segment="eu")
    record(store, 30, 0, segment="us")

    assert strategies(gather(store, segment="eu"))["system_prompt"]["n"] == 20


def test_excluded_calls_are_evidence(store):
    """Calls of a function without a judged reply stand beside its counts, those of a trial do not."""
    record(store, 150, 0)
    record_excluded(store, 150)
    record(store, 30, 0, function="playbook:1:few_shot", strategies="few_shot")
    record_excluded(store, 10, function="playbook:1:few_shot", strategies="few_shot")

    gathered = gather(store)

    result = strategies(gathered)
    assert result["system_prompt"]["excluded"] == [
        {"code": "call_raised", "exception": "KeyError", "calls": 150}
    ]
    assert "excluded" not in result["few_shot"]
    verdict = decide(gathered.evidence)
    assert (verdict.verdict, verdict.exit_code()) == ("NEED_MORE_DATA", 1)
    assert verdict.why.startswith("150 of 300 calls raised KeyError, which")


def test_a_function_all_of_whose_calls_raise_needs_an_explanation(store):
    """Without one judged reply there is evidence still: the calls that raised."""
    record_excluded(store, 20)

    verdict = decide(gather(store).evidence)

    assert (verdict.verdict, verdict.exit_code()) == ("NEED_MORE_DATA", 1)


def test_what_is_declared_holds_for_its_function(store):
    """A target and a step of one function are not those of another; trials are no other function."""
    record(store, 20, 5)
    record(store, 20, 0, function="playbook:1:few_shot", strategies="few_shot")
    store.set_target("f" * 16, 0.02)
    assert gather(store).evidence["config"] == {"target": 0.02}

    record(store, 20, 5, function="mail.extract")
    store.set_target("f" * 16, 0.3, function="mail.extract")
    store.declare_step("f" * 16, "json_mode", "declined", "no", function="mail.extract")

    shop, mail = gather(store, function="shop.extract"), gather(store, function="mail.extract")
    assert (shop.evidence["config"], mail.evidence["config"]) == ({}, {"target": 0.3})
    assert [status(one, "json_mode")["status"] for one in (shop, mail)] == ["untested", "declined"]


def test_attempts_are_not_told_where_a_library_asked_again(store):
    """Where tries were not seen, what retrying does is not known, and that is said."""
    record(store, 20, 5, unseen=True)

    gathered = gather(store)

    (result,) = strategies(gathered).values()
    assert (result["n"], result["k_final"], "attempts" in result) == (20, 5, False)
    assert "20 calls, a library inside the function retried" in gathered.evidence["notes"][0]


def test_nothing_since_then_is_no_unknown_name(store):
    """Where all calls are older the error says so."""
    record(store, 20, 5)

    with pytest.raises(InvalidArgument, match="no calls since 1970-04-11"):
        gather(store, since=100 * DAY)


def test_tokens_and_seconds_are_the_recorded_means(store):
    """What a prompt costs is filled in from the records; the tuned model is taken to need as much."""
    record(store, 10, 4, usage=Usage(900, 50, 300), elapsed_s=2.0)
    money = economics()
    prices = {"p_in": 1.0, "p_cached": 0.5, "p_out": 4.0}
    money |= {"prompt_cost": prices, "tuned_cost": prices}

    result = gather(store, extra={"economics": money, "calls_per_month": 1000}).evidence["economics"]

    assert result["prompt_cost"] == {
        "fixed": 300, "var": 600, "out": 50, "repair": 0, "hit": 1.0, "latency_s": 2.0, **prices,
    }  # fmt: skip
    assert result["tuned_cost"] == {**result["prompt_cost"], "hit": 0.0}


def test_prices_come_from_a_table(store, tmp_path):
    """Prices of the recorded model are looked up, and their source is told."""
    record(store, 10, 4, usage=Usage(900, 50))
    table = tmp_path / "prices.json"
    table.write_text(json.dumps({"m1": {"p_in": 2.0, "p_cached": 1.0, "p_out": 8.0}}))

    evidence = gather(
        store, extra={"economics": economics() | {"prompt_cost": {}}}, prices=str(table)
    ).evidence

    assert evidence["economics"]["prompt_cost"]["p_out"] == 8.0
    assert evidence["sources"][0]["name"] == str(table)
    assert evidence["sources"][0]["as_of"].startswith("an unknown day; the file was written on 20")


def test_days_of_prices_are_those_that_the_table_says(store, tmp_path):
    """A table's own day and page are the source's, whenever the file was written."""
    record(store, 10, 4, usage=Usage(900, 50))
    table = tmp_path / "prices.json"
    dated = {"as_of": "2024-05-13", "source": "https://example.com/pricing"}
    table.write_text(json.dumps({"m1": {"p_in": 2.0, "p_cached": 1.0, "p_out": 8.0, **dated}}))

    evidence = gather(
        store, extra={"economics": economics() | {"prompt_cost": {}}}, prices=str(table)
    ).evidence

    assert evidence["sources"] == [{"name": f"{table} (https://example.com/pricing)", "as_of": "2024-05-13"}]


def test_an_unknown_model_has_no_price(store, tmp_path):
    """A model that the table does not know is an error, never $0."""
    record(store, 10, 4, model="m1-mini")
    table = tmp_path / "prices.json"
    table.write_text(json.dumps({"m1": {"p_in": 2.0, "p_cached": 1.0, "p_out": 8.0}}))

    with pytest.raises(InvalidArgument, match="m1-mini"):
        gather(store, extra={"economics": economics()}, prices=str(table))


def test_a_snapshot_has_the_price_of_its_name(store, tmp_path):
    """A table that names the snapshot alone prices the model whose snapshot replied."""
    record(store, 10, 4, usage=Usage(900, 50), snapshot="m1-2026-08-06")
    table = tmp_path / "prices.json"
    table.write_text(json.dumps({"m1-2026-08-06": {"p_in": 2.0, "p_cached": 1.0, "p_out": 8.0}}))

    values = {"economics": economics() | {"prompt_cost": {}}}
    evidence = gather(store, extra=values, prices=str(table)).evidence

    assert evidence["economics"]["prompt_cost"]["p_out"] == 8.0


def test_several_models_have_no_one_price(store, tmp_path):
    """An escalation from model to model is priced by hand: each attempt had the price of its own."""
    record(store, 10, 4, model="m1>m2", usage=Usage(900, 50))
    table = tmp_path / "prices.json"
    table.write_text(json.dumps({"m1": {"p_in": 2.0, "p_cached": 1.0, "p_out": 8.0}}))

    with pytest.raises(InvalidArgument, match="the calls use several models with different prices"):
        gather(store, extra={"economics": economics()}, prices=str(table))


def test_latency_is_filled_in(store):
    """Beside a budget stand the recorded percentiles of a call."""
    record(store, 10, 4, elapsed_s=2.0, attempts=2)

    result = gather(store, extra={"latency": {"budget_s": 3.0}}).evidence["latency"]

    assert result["p50_s"] == pytest.approx(4.0, rel=0.02)


@pytest.mark.parametrize("key", ["strategies", "schemas", "pilot", "current"])
def test_counts_are_not_given_by_hand(store, key):
    """What the store counts cannot be handed in beside it."""
    record(store, 10, 4)

    with pytest.raises(InvalidArgument, match=key):
        gather(store, extra={key: []})


def test_an_empty_store_says_how_many_calls_it_takes(store):
    """Without a call there is no evidence; the error says how many could decide."""
    with pytest.raises(InvalidArgument, match="without failures, 377 calls can decide"):
        gather(store)


def test_an_unknown_schema_names_those_recorded(store):
    """A name without calls is an error that names what is near."""
    record(store, 10, 4)

    with pytest.raises(InvalidArgument, match="Did you mean 'Invoice'"):
        gather(store, schema="Invoce")


def test_a_window_is_counted_alone(store):
    """With `since` only the calls from then on count."""
    record(store, 10, 4)
    record(store, 7, 1, started_at=DAY)

    assert strategies(gather(store, since=DAY))["system_prompt"]["n"] == 7


def test_a_call_that_broke_off_has_no_known_kind(store):
    """A call with a transport failure after a validated reply is failed, and its kind is unknown."""
    record(store, 10, 4, kind="transport", attempts=2)

    (result,) = strategies(gather(store)).values()

    assert (result["k_final"], result["failure_kinds"]) == (4, {})


def test_steps_of_a_playbook_run_are_compared_on_their_inputs(store):
    """Two steps that were asked the same inputs stand with the inputs that only one of them got valid."""
    record(store, 30, 9, function="playbook:1:system_prompt")
    record(store, 20, 2, function="playbook:1:few_shot", strategies="few_shot", started_at=DAY)

    assert gather(store).evidence["comparisons"] == [
        {"before": "system_prompt", "after": "few_shot", "n": 20, "b": 4, "c": 0}
    ]


def test_steps_of_a_playbook_run_stand_apart(store):
    """Two steps that are asked alike are two strategies, each on the step that it was climbed as."""
    record(store, 30, 9, function="playbook:1:system_prompt")
    record(store, 30, 9, function="playbook:1:temperature", started_at=DAY)

    assert [result["rung"] for result in strategies(gather(store)).values()] == [
        "temperature",
        "system_prompt",
    ]


@pytest.mark.parametrize("size", [1, 7])
def test_evidence_does_not_depend_on_batches(store, size):
    """However many calls are written at once, the evidence is the same."""
    with open_store("sqlite://") as whole:
        for number in range(400):
            call = {"first": number, "tasks": 350, "started_at": 60.0 * number}
            record(store, 1, int(number % 7 == 0), flush=number % size == 0, **call)
            record(whole, 1, int(number % 7 == 0), flush=False, **call)

        assert gather(store).evidence == gather(whole).evidence


def test_unknown_tokens_are_asked_for(store):
    """Where no reply told its tokens, the error says which to give."""
    record(store, 10, 4)

    with pytest.raises(InvalidArgument, match=r"no reply reported its tokens.* var and out"):
        gather(store, extra={"economics": economics() | {"prompt_cost": {}}})


def test_costs_that_are_no_object_are_bad_evidence(store):
    """What is handed in is read as evidence is."""
    record(store, 10, 4)
    values = {"economics": economics() | {"prompt_cost": [1]}, "calls_per_month": 10}

    with pytest.raises(InvalidArgument, match="/economics/prompt_cost"):
        decide(gathering.gather(store, extra=values).evidence)


@pytest.mark.parametrize(("sent", "p_in"), [(200_000, 1.0), (500_000, 2.0)])
def test_the_mean_size_of_a_call_decides_its_price(store, tmp_path, sent, p_in):
    """Under a table with tiers, all calls have the price of a call of their mean size."""
    record(store, 1, 1, usage=Usage(100_000, 10))
    record(store, 1, 1, usage=Usage(sent, 10), started_at=300.0, first=1)
    table = tmp_path / "litellm.json"
    row = {
        "litellm_provider": "p", "input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6,
        "input_cost_per_token_above_200k_tokens": 2e-6, "output_cost_per_token_above_200k_tokens": 8e-6,
    }  # fmt: skip
    table.write_text(json.dumps({"m1": row}))

    evidence = gather(
        store, extra={"economics": economics() | {"prompt_cost": {}}}, prices=str(table)
    ).evidence

    result = evidence["economics"]["prompt_cost"]
    assert (result["p_in"], result["p_out"]) == pytest.approx((p_in, 4 * p_in))


def test_tokens_that_are_given_are_priced_too(store, tmp_path):
    """Where the tokens come from the user, the table still gives their price."""
    record(store, 10, 4)
    table = tmp_path / "prices.json"
    table.write_text(json.dumps({"m1": {"p_in": 2.0, "p_cached": 1.0, "p_out": 8.0}}))
    values = {"economics": economics() | {"prompt_cost": {"var": 500, "out": 80}}}

    assert gather(store, extra=values, prices=str(table)).evidence["economics"]["prompt_cost"]["p_in"] == 2.0


def test_a_pilot_is_paired_on_shared_inputs(store):
    """Inputs that prompt and tuned model both answered once are pairs: 4 only the tuned model got valid."""
    record(store, 10, 0, strategies="tuned")
    record(store, 10, 4, started_at=DAY)

    assert gather(store).evidence["pilot"]["paired"] == {"b": 4, "c": 0}


def test_a_pilots_segments_stand_beside_the_prompts(store):
    """Where both were called in segments, each segment has both counts."""
    for segment, failed in (("mail", 6), ("scan", 0)):
        record(store, 10, 0, strategies="tuned", segment=segment, first=100)
        record(store, 20, failed, segment=segment, started_at=DAY)

    evidence = gather(store).evidence

    assert evidence["pilot"]["segments"] == [
        {"name": "mail", "share": 0.5, "prompt_n": 20, "prompt_k": 6, "tuned_n": 10, "tuned_k": 0},
        {"name": "scan", "share": 0.5, "prompt_n": 20, "prompt_k": 0, "tuned_n": 10, "tuned_k": 0},
    ]
    assert decide(evidence).as_dict()["tuned"]["n"] == 20
