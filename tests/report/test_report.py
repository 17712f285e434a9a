"""Reports: figures from a store, as text and as JSON."""

import json
from dataclasses import fields
from math import nan
from pathlib import Path

import pytest

import schema_guard
from schema_guard.configuration.excluded_calls import ExcludedCalls
from schema_guard.errors import InvalidArgument
from schema_guard.records import open_store
from schema_guard.records.counts.configurations import FailureCount, ViolationCount
from schema_guard.report import Configuration, Report, as_json, report_on
from schema_guard.report.as_text import as_text as written
from schema_guard.report.figures import StoppedReplies
from schema_guard.report.store_document import document_of
from schema_guard.report.words import bounded
from schema_guard.stats import Rate
from schema_guard.values import UNKNOWN_USAGE, Attempt, Call, Failure, Outcome, Usage, Violation
from tests.decide.records import record
from tests.report.written import left_out

CALL = Call(
    id="", function="shop.extract", schema_name="invoice", schema_fingerprint="f" * 16, model="m1", provider=None,
    strategies="system_prompt", settings="{}", version="v1", segment=None, input_hash=None, parent_call_id=None,
    started_at=1_000.0,
)  # fmt: skip
TOTAL = Failure(
    "structure", "type", "...", (Violation("/total", "/properties/total/type", "type", "number", "null"),)
)
CUT = Failure("truncation", "max_tokens", "cut off")
BROKEN = Failure("transport", "call_raised", "TimeoutError was raised")


def as_text(report):
    return written(document_of(report))


def outcome(number, *failures, form="clean", usage=Usage(10, 5), **call):  # noqa: B008 - a frozen value
    """A call with these failed attempts, and a valid one at the end unless the last failure is `...`."""
    value = [*failures, None] if not failures or failures[-1] is not ... else failures[:-1]
    made = tuple(
        Attempt(n, "system_prompt", "p", "r", f, None if f else form, (), usage, None, "stop", 0.5 * n)
        for n, f in enumerate(value, 1)
    )
    last = made[-1].failure
    return Outcome(
        last is None, None, made, last, UNKNOWN_USAGE, None, 0.0, CALL._replace(id=f"{number:032x}", **call)
    )


OUTCOMES = [
    outcome(1),
    outcome(2, form="unwrapped"),
    outcome(3, TOTAL),
    outcome(4, TOTAL, CUT, ...),
    outcome(5, BROKEN, ..., usage=UNKNOWN_USAGE),
]


@pytest.fixture
def store():
    with open_store("sqlite://", durability="sync") as opened:
        yield opened


def recorded(store, *outcomes):
    for value in outcomes:
        store.record(value)
    return report_on(store)


def test_figures_of_a_store(store):
    """Every figure is a count of calls or attempts; transport is excluded."""
    (result,) = recorded(store, *OUTCOMES).configurations

    assert result == Configuration(
        schema="invoice",
        schema_fingerprint="f" * 16,
        function="shop.extract",
        model="m1",
        provider=None,
        strategies="system_prompt",
        settings="{}",
        version="v1",
        segment=None,
        varies=(),
        calls=4,
        clean=Rate.of(1, 4),
        parsed=0,
        valid_first_time=Rate.of(2, 4),
        fixed_by_retry=Rate.of(1, 4),
        repaired=Rate.of(0, 4),
        failed=Rate.of(1, 4),
        unseen=0,
        transport=1,
        excluded=(("call_raised", None, 1),),
        attempts=7,
        failures=(("structure", "type", 2), ("transport", "call_raised", 1), ("truncation", "max_tokens", 1)),
        violations=(("/total", "type", 2),),
        coerced=0,
        coercions=(),
        input_tokens=60,
        output_tokens=30,
        unknown_usage=1,
        reasoning_tokens=None,
        elapsed_s=4.5,
        elapsed_p50_s=pytest.approx(0.5, rel=1 / 64),
        elapsed_p95_s=pytest.approx(1.0, rel=1 / 64),
        last_call=1_000.0,
    )


def escalating(number, *attempts):
    """A call that asked m1 and then m2, with failures and tokens by attempt."""
    made = outcome(number, *[failure for failure, _ in attempts], model="m1>m2")
    usages = [Usage(tokens, 1) for _, tokens in attempts] + [Usage(0, 0)]
    named = ["m1", "m2", "m2"]
    return made._replace(
        attempts=tuple(
            one._replace(usage=usage, model=model)
            for one, usage, model in zip(made.attempts, usages, named, strict=False)
        )
    )


def test_each_attempt_of_an_escalation_belongs_to_its_model(store):
    """Attempts, failures and tokens are those of the model that was asked."""
    report = recorded(
        store, escalating(1), escalating(2, (TOTAL, 10)), escalating(3, (TOTAL, 10), (CUT, 500), (..., 0))
    )

    (result,) = report.groups
    assert result.models == (("m1", 3, 2, 20, 2), ("m2", 2, 1, 500, 1))
    assert "shop.extract: model m2: 2 attempts, 1 failed. Tokens: 500 input, 1" in as_text(report)


def test_models_are_not_shown_if_replies_contradict_them(store):
    """A function that retries inside asks its first model twice."""
    made = escalating(1, (TOTAL, 10))
    inside = made._replace(attempts=tuple(one._replace(model="m1") for one in made.attempts))

    assert recorded(store, inside).groups[0].models == ()


def test_text_of_a_report(store):
    """The text shows a table a schema and model, what failed and where, and what the bounds mean."""
    text = as_text(recorded(store, *OUTCOMES))

    assert text == (
        "shop.extract: 25% of calls since 1970-01-01 failed (1 of 4; at least 0.2% with 95% confidence)\n"
        "lost records  none\n"
        "bounds        [low, high]: each bound holds with 95% confidence, at any time. n: number of calls\n"
        "next          schema-guard decide --function shop.extract\n"
        "\n"
        "schema invoice (ffffffffffffffff)\n"
        "  function      n          clean  valid first time  fixed by retry         failed  excluded\n"
        "  shop.extract  4  25% [0.2, 86]     50% [3.8, 97]   25% [0.2, 86]  25% [0.2, 86]         1\n"
        "  - shop.extract: 7 attempts on m1 with system_prompt. Tokens: 60 input, 30 output (known for 6 attempts).\n"
        "    Duration: median 0.50 s, p95 1.01 s\n"
        "  - shop.extract: failed attempts by kind: structure (type) 2, transport (call_raised) 1, truncation\n"
        "    (max_tokens) 1\n"
        "  - shop.extract: schema violations by location: /total (type) 2\n"
        "  - shop.extract: excluded calls by cause: unknown 1 (call_raised 1)"
    )


def test_every_writer_shows_all_of_it(store):
    """Text, Markdown and page leave nothing of a report out."""
    assert left_out(document_of(recorded(store, *OUTCOMES))) == []


def test_excluded_calls_are_told_by_whose_fault_they_are(store):
    """Beside every rate stands how many calls are in none, whose fault that is and what was raised."""
    ways = [
        ("provider_error", "APITimeoutError", 3),
        ("call_raised", "KeyError", 2),
        ("expected", "OutOfStock", 1),
    ]
    made = [
        replace_exception(outcome(10 * index + number, Failure("transport", code, "..."), ...), exception)
        for index, (code, exception, calls) in enumerate(ways)
        for number in range(calls)
    ]
    report = recorded(store, outcome(99), *made)

    (result,) = report.groups
    assert as_json(result)["excluded"][0] == {
        "cause": "provider", "code": "provider_error", "exception": "APITimeoutError", "calls": 3,
    }  # fmt: skip
    assert (result.calls, result.transport) == (1, 6)
    assert (
        "excluded calls by cause: provider 3 (APITimeoutError 3), unknown 2 (KeyError 2), expected 1 (OutOfStock 1)"
        in " ".join(as_text(report).split())
    )
    assert left_out(document_of(report)) == []


@pytest.mark.parametrize(("unknown", "cell"), [(4, "4"), (5, "5 (5 unknown)")])
def test_row_shows_five_excluded_calls_of_unknown_cause(store, unknown, cell):
    """From five on, the row names them, and a line shows the rate if they are failures."""
    broken = Failure("transport", "call_raised", "...")
    made = [replace_exception(outcome(number, broken, ...), "KeyError") for number in range(unknown)]
    report = recorded(store, *[outcome(90 + number) for number in range(4)], outcome(99, TOTAL, ...), *made)

    text = " ".join(as_text(report).split())
    assert f"] {cell} - shop.extract: " in text
    line = (
        "5 of 10 calls raised KeyError, and the cause is unknown. If these are failures, 60% of calls failed"
    )
    assert (line in text) is (unknown == 5)


def replace_exception(given, exception):
    (attempt,) = given.attempts
    return given._replace(attempts=(attempt._replace(exception=exception),))


def test_calls_whose_tries_were_not_seen_are_in_the_failure_rate_alone(store):
    """If the retries of a library are not seen, a call counts only in the failure rate."""
    calls = [outcome(1), outcome(2, TOTAL, ...), outcome(3)]
    seen = [outcome(4), outcome(5)]
    unseen = [one._replace(attempts=(one.attempts[0]._replace(unseen=True),)) for one in calls]
    report = recorded(store, *seen, *unseen)

    (result,) = report.groups
    assert (result.failed, result.unseen) == (Rate.of(1, 5), 3)
    assert result.valid_first_time == result.clean == Rate.of(2, 2)
    assert result.fixed_by_retry == result.repaired == Rate.of(0, 2)
    assert "in 3 calls, a library inside your function may have retried" in as_text(report)


def test_rates_through_a_gateway_that_fixes_are_said_to_be_those_of_both(store):
    """Where replies may be fixed before they come, the rows say so, and those of a configuration without it do not."""
    gateway_repaired = '{"gateway_repaired":["response-healing"],"max_attempts":3}'
    text = as_text(recorded(store, outcome(1, settings=gateway_repaired), outcome(2)))

    assert " ".join(text.split()).count("replies may be repaired by response-healing before they come") == 1


def test_empty_store_has_no_data(store):
    """An empty store is no data, and no rate of 0."""
    report = report_on(store)

    assert report == Report("sqlite://", (), {})
    assert as_text(report) == "no data, because no guarded call is recorded in sqlite://\nlost records  none"


def test_calls_without_a_reply_give_no_rate(store):
    """Where every call failed on the wire the rates are no data and the calls are told."""
    text = as_text(recorded(store, OUTCOMES[-1]))

    assert "  shop.extract  0  no data           no data         no data  no data         1\n" in text
    assert "Tokens: unknown" in text
    assert "excluded calls by cause: unknown 1 (call_raised 1)" in text
    assert " 0% [" not in text


def test_json_has_the_names_of_the_fields(store):
    """The JSON of a report has the documented fields, rates as fractions, and survives a round trip."""
    report = recorded(store, *OUTCOMES)
    document = as_json(report)

    assert list(document) == [field.name for field in fields(Report)]
    (result,) = document["configurations"]
    # A configuration has `content` only if values were checked.
    assert list(result) == [field.name for field in fields(Configuration) if field.name != "content"]
    assert list(result["failed"]) == [field.name for field in fields(Rate)]
    assert result["failed"]["rate"] == 0.25
    assert result["failures"][0] == {"kind": "structure", "code": "type", "attempts": 2}
    assert json.loads(json.dumps(document)) == document


def test_the_chapter_explains_each_name_of_the_json():
    """Whoever reads the JSON finds what a name stands for, and in what it is counted."""
    kinds = [
        Report,
        Configuration,
        ExcludedCalls,
        Rate,
        FailureCount,
        ViolationCount,
        StoppedReplies,
    ]
    names = [
        name
        for kind in kinds
        for name in (kind._fields if hasattr(kind, "_fields") else [field.name for field in fields(kind)])
    ]
    text = (
        Path(schema_guard.__file__).with_name("docs").joinpath("report_json.md").read_text(encoding="utf-8")
    )

    assert [name for name in names if f"`{name}`" not in text] == []


def test_json_of_no_data_is_null():
    """What is unknown is null in JSON."""
    assert as_json(Rate.of(0, 0)) == {"count": 0, "n": 0, "rate": None, "lower": None, "upper": None}


def test_seconds_that_nobody_measured_are_no_zero(store):
    """Imported replies may have no times: their sum is unknown, as their median is."""
    untimed = outcome(1)
    attempts = tuple(attempt._replace(elapsed_s=nan) for attempt in untimed.attempts)
    (result,) = recorded(store, untimed._replace(attempts=attempts)).configurations

    assert (result.attempts, result.elapsed_s, result.elapsed_p50_s) == (1, None, None)


def test_text_and_json_show_one_number(store):
    """The percentages of the text are the fractions of the JSON."""
    report = recorded(store, *OUTCOMES)
    rate = as_json(report)["configurations"][0]["valid_first_time"]

    assert (rate["rate"], round(rate["lower"], 3), round(rate["upper"], 3)) == (0.5, 0.038, 0.962)
    assert "50% [3.8, 97]" in as_text(report)


def test_report_is_filtered(store):
    """A report can be of one schema, by name or fingerprint, of one function, and of calls from some time on."""
    outcomes = [
        outcome(1),
        outcome(2, schema_name="order", schema_fingerprint="e" * 16),
        outcome(3, function="other"),
        outcome(4, started_at=2_000.0),
    ]
    recorded(store, *outcomes)

    def calls(**which):
        return sum(result.calls for result in report_on(store, **which).configurations)

    assert (calls(), calls(schema="order"), calls(schema="e" * 16)) == (4, 1, 1)
    assert (calls(function="other"), calls(function="extract"), calls(since=1_500.0)) == (1, 3, 1)
    assert calls(function="other", since=1_500.0) == 0


def test_each_function_is_a_row(store):
    """The functions of a schema share a table, the worst first; schemas have their own."""
    report = recorded(
        store,
        *(outcome(number) for number in range(20)),
        *(outcome(number, TOTAL, ..., function="mail.extract") for number in range(20, 40)),
        outcome(40, schema_name="order", schema_fingerprint="e" * 16),
    )
    text = as_text(report)

    assert text.startswith(
        "1 of 2 functions has failed calls. The worst is mail.extract: 100% of calls since 1970-01-01 failed (20 of 20;"
    )
    assert [line.split()[0] for line in text.splitlines() if "  20  " in line] == [
        "mail.extract",
        "shop.extract",
    ]
    assert [(group.function, group.calls) for group in report.groups] == [
        ("mail.extract", 20), ("shop.extract", 20), ("shop.extract", 1),
    ]  # fmt: skip


def test_configurations_of_a_function_stand_under_it(store):
    """What is added up stands under its sum, by all that it differs in; what it has in common is in the sum."""
    report = recorded(
        store,
        outcome(1),
        outcome(2, TOTAL, ..., version="v2"),
        outcome(3, version="v2", settings='{"max_attempts":3}'),
        outcome(4, strategies="bare"),
    )
    (group,) = report.groups
    text = as_text(report)

    assert (group.calls, group.failed, group.model) == (4, Rate.of(1, 4), "m1")
    assert (group.varies, group.version) == (("strategies", "settings", "version"), None)
    assert [
        line.split("  ")[2] for line in text.splitlines() if line.startswith("    ") and "version" in line
    ] == [
        "bare (default settings, version v1)",
        "system_prompt (max_attempts=3, version v2)",
        "system_prompt (default settings, version v1)",
        "system_prompt (default settings, version v2)",
    ]
    assert "  - shop.extract system_prompt (default settings, version v1): 1 attempt on m1." in text


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("function", ["mail.extract", "shop.extract"]),
        ("segment", ["(no segment)", "eu"]),
        ("model", ["m1", "m2"]),
        ("version", ["mail.extract v1", "shop.extract v1", "shop.extract v2"]),
    ],
)
def test_calls_are_put_together_by_what_is_asked(store, by, names):
    """`by` is what a row is; its rates are those of all its calls."""
    for value in (
        outcome(1, segment="eu"),
        outcome(2, segment="eu", version="v2", model="m2"),
        outcome(3, TOTAL, ..., function="mail.extract"),
    ):
        store.record(value)
    report = report_on(store, by=by)
    text = as_text(report)

    assert {name for name in names if f"\n  {name} " in text} == set(names)
    for group in report.groups:
        members = report.members(group)
        assert group.failed == Rate.of(
            sum(one.failed.count for one in members), sum(one.calls for one in members)
        )
    assert sum(group.calls for group in report.groups) == 3


def test_a_grouping_that_is_none_is_an_error(store):
    """There are four groupings."""
    with pytest.raises(InvalidArgument, match="Did you mean 'version'"):
        report_on(store, by="versions")


def test_targets_are_told_apart(store):
    """Rows that differ in their provider only show it; none is shown as none."""
    text = as_text(recorded(store, outcome(1), outcome(2, provider="openai")))

    assert "system_prompt (provider none)" in text
    assert "system_prompt (provider openai)" in text


def test_repaired_calls_are_told_apart(store):
    """Valid after repair is shown apart from valid at once and after a retry."""
    text = as_text(recorded(store, outcome(1, form="repaired_lossy"), outcome(2)))

    assert f"  - shop.extract: repaired replies: 1, {bounded(Rate.of(1, 2))}" in text.splitlines()


def test_lost_records_are_told():
    """What could not be stored is told by reason."""
    text = as_text(Report("sqlite://", (), {"disk_full": 2, "closed": 1}))

    assert text.endswith("\nlost records  closed 1, disk_full 2 (attempts that could not be stored)")


def test_names_are_escaped_and_cut(store):
    """No name of a schema, model or check reaches a terminal unescaped, and none breaks a line."""
    evil = "\x1b]0;owned\x07\x9b31m\u202e\r\n"
    failure = Failure("semantic", evil, "...", (Violation("/a", "/a", evil, "", ""),))
    text = as_text(
        recorded(store, outcome(1, failure, schema_name=evil + "x" * 200, model=evil, strategies=evil))
    )

    assert all(line.isprintable() for line in text.split("\n"))
    assert r"\x1b]0;owned\x07\x9b31m\u202e\r\n" in text
    assert max(map(len, text.splitlines())) < 300


def test_many_failure_codes_are_cut(store):
    """Eight codes are told, the others counted."""
    failures = [Failure("semantic", f"check_{number}", "...") for number in range(10)]
    text = as_text(recorded(store, outcome(1, *failures)))

    assert "(check_7) 1 and 2 other codes" in " ".join(text.split())


def test_tokens_are_told_with_the_attempts_that_they_are_of(store):
    """Where some attempts did not tell their tokens, the sum says of how many it is."""
    store.record(outcome(1))
    store.record(outcome(2, usage=UNKNOWN_USAGE))

    assert "Tokens: 10 input, 5 output (known for 1 attempt)" in as_text(report_on(store))


def test_clean_says_of_how_many_replies_it_is(store):
    """Of a value that the function had parsed nobody knows whether the reply was nothing but JSON."""
    store.record(outcome(1))
    store.record(outcome(2, form="parsed"))
    report = report_on(store)

    assert (report.groups[0].clean.count, report.groups[0].clean.n) == (1, 1)
    assert (
        "in 1 call, the text of the valid reply is unknown, because your function parsed it. They have no data for clean"
        in " ".join(as_text(report).split())
    )


def test_a_failed_first_reply_without_text_is_not_clean(store):
    """Some frameworks remove the text of a reply that did not fit."""
    store.record(outcome(1))
    failed = outcome(2, Failure("syntax", "provider_rejected", "refused"), ...)
    store.record(failed._replace(attempts=(failed.attempts[0]._replace(reply=None),)))
    clean = report_on(store).groups[0].clean

    assert (clean.count, clean.n) == (1, 2)


def test_clean_has_no_rate_if_the_function_parsed_each_valid_reply(store):
    """The text of failed replies is known, and would make it 0%."""
    store.record(outcome(1, form="parsed"))
    store.record(outcome(2, TOTAL, ...))

    assert "parsed by your function" in as_text(report_on(store))


def test_imports_say_beside_every_rate_what_part_of_the_traffic_they_are():
    """A column that only stores with imports have; a group of both is of those of which a rate can be read."""
    with open_store("sqlite://") as store:
        record(store, 4, 1)
        text = as_text(report_on(store))
        shown = '{"imported":"mlflow","max_attempts":1,"observe":true,"traffic":"failures"}'
        record(store, 3, 3, settings=shown, first=4)
        report = report_on(store)

    assert "traffic" not in text
    lines = as_text(report).splitlines()
    assert [line.partition("  0  ")[2].strip() for line in lines if "  0  " in line] == [
        "as recorded",
        "FAILURES ONLY",
        "as recorded",
    ]
    assert (
        "imported from mlflow, failures only, which do not show the failure rate of your traffic"
        in " ".join(as_text(report).split())
    )
    assert (report.groups[0].calls, report.groups[0].failed.count, report.groups[0].traffic) == (4, 1, ())
    assert [one["traffic"] for one in as_json(report)["configurations"]] == [
        [{"part": "failures", "tool": "mlflow", "share": None}],
        [],
    ]


def test_report_and_configuration_have_a_short_repr(store):
    """A `repr` has at most 240 characters, whatever the number of configurations."""
    report = recorded(store, *[outcome(number, version=f"v{number}") for number in range(1, 20)])

    assert len(repr(report)) <= 240
    assert len(repr(report.configurations[0])) <= 240
