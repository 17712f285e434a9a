"""What a run has shown: format from the records, content from the golds."""

import json
from dataclasses import fields

import pytest

from schema_guard.bench.result import (
    BenchResult,
    StrategyResult,
    result_as_json,
    result_as_text,
    result_of,
)
from schema_guard.bench.runner import Run, Scored
from schema_guard.bench.scoring import score, unanswered
from schema_guard.core.values import UNKNOWN_USAGE, Attempt, Call, Failure, Outcome, Usage
from schema_guard.records import open_store
from schema_guard.report import Rate, report_on
from schema_guard.report.as_text import BOUNDS_NOTE

PROSE = Failure("syntax", "no_json", "...")
GOLD = {"a": 1, "b": 2}


def scored(number, strategy, *failures, value=None, schema="s", usage=Usage(10, 5)):  # noqa: B008 - a frozen value
    """A call with these failed attempts, then a valid one unless the value is None."""
    call = Call(
        f"{number:032x}",
        "bench:run",
        schema,
        "f" * 16,
        "m1",
        None,
        strategy,
        "{}",
        "v",
        None,
        None,
        None,
        1_000.0,
    )
    given = [*failures, None] if value is not None else failures
    made = tuple(
        Attempt(n, strategy, "p", "r", f, None if f else "exact", (), usage, None, "stop", 0.5)
        for n, f in enumerate(given, 1)
    )
    last = made[-1].failure
    outcome = Outcome(last is None, value, made, last, UNKNOWN_USAGE, None, 0.0, call)
    return Scored(schema, f"t{number}", strategy, outcome, unanswered(GOLD) if last else score(value, GOLD))


SCORED = (
    scored(1, "bare", value=GOLD),
    scored(2, "bare", PROSE, value={"a": 1, "b": 7}),
    scored(3, "bare", PROSE, PROSE, schema="t"),
    scored(4, "few_shot", value=GOLD),
    scored(5, "few_shot", value=GOLD),
    scored(6, "few_shot", value=GOLD, schema="t", usage=UNKNOWN_USAGE),
)


def result(*given, strategies=("bare", "few_shot"), suite="small", model="m1"):
    """The result of a run, through a store."""
    run = Run("bench:run", suite, "e" * 16, model, "2026-11-01T00:00:00+00:00", 2, strategies, given)
    with open_store("sqlite://", durability="sync") as store:
        for one in given:
            store.record(one.outcome)
        return result_of(run, report_on(store, function=run.id))


def test_format_and_content_are_counted_apart():
    """Rates of the format are the records', those of the content the scores'; tokens and seconds are sums."""
    found = result(*SCORED).strategies

    assert found == (
        StrategyResult(
            strategy="bare",
            exact=Rate.of(1, 3),
            first_pass=Rate.of(1, 3),
            reasked=Rate.of(1, 3),
            unhandled=Rate.of(1, 3),
            right=Rate.of(1, 3),
            leaf_share=0.5,
            failures=(("syntax", "no_json", 3),),
            attempts=5,
            input_tokens=50,
            output_tokens=25,
            elapsed_s=2.5,
        ),
        StrategyResult(
            strategy="few_shot",
            exact=Rate.of(3, 3),
            first_pass=Rate.of(3, 3),
            reasked=Rate.of(0, 3),
            unhandled=Rate.of(0, 3),
            right=Rate.of(3, 3),
            leaf_share=1.0,
            failures=(),
            attempts=3,
            input_tokens=20,
            output_tokens=10,
            elapsed_s=1.5,
        ),
    )


def test_unhandled_is_told_by_schema_and_strategy():
    """Calls without a valid value are counted a schema and strategy, in the order of the run."""
    found = result(*SCORED)

    assert found.schemas == ("s", "t")
    assert found.unhandled == {
        "s": {"bare": (0, 2), "few_shot": (0, 2)},
        "t": {"bare": (1, 1), "few_shot": (0, 1)},
    }


def test_records_and_attempts_agree():
    """The attempts of the configurations are those of the run."""
    found = result(*SCORED)
    made = sum(len(s.outcome.attempts) for s in SCORED)

    assert sum(configuration.attempts for configuration in found.configurations) == made
    assert sum(strategy.attempts for strategy in found.strategies) == made


def test_run_without_calls_has_no_data():
    """Without calls no rate exists, and the text says so."""
    found = result(strategies=("bare",))

    assert found.strategies[0].unhandled == Rate.of(0, 0)
    assert found.strategies[0].leaf_share is None
    assert "  bare      0  no data       no data         no data      no data\n" in result_as_text(found)


def test_text_of_a_result():
    """The text names suite, model and attempts, and shows format, content and schemas apart."""
    assert result_as_text(result(*SCORED)).split("\n") == [
        "suite small (eeeeeeeeeeeeeeee): 2 schemas, 3 tasks",
        "model m1, at most 2 attempts a call, 2026-11-01T00:00:00+00:00",
        "",
        "format",
        "  strategy  n              exact %         first pass %    after re-ask %       unhandled %",
        "  bare      3     33.3 [0.3, 93.7]     33.3 [0.3, 93.7]  33.3 [0.3, 93.7]  33.3 [0.3, 93.7]",
        "  few_shot  3  100.0 [29.0, 100.0]  100.0 [29.0, 100.0]   0.0 [0.0, 71.0]   0.0 [0.0, 71.0]",
        "  bare failed: syntax no_json 3",
        "",
        "content, and what it took",
        "  strategy       right answer %  leaves right %  attempts  tokens in/out  s an attempt",
        "  bare         33.3 [0.3, 93.7]            50.0         5          50/25          0.50",
        "  few_shot  100.0 [29.0, 100.0]           100.0         3          20/10          0.50",
        "",
        "calls without a valid value, by schema",
        "  schema  bare  few_shot",
        "  s        0/2       0/2",
        "  t        1/1       0/1",
        "",
        BOUNDS_NOTE,
    ]


def test_json_has_the_names_of_the_fields():
    """The JSON of a result has the documented fields, and survives a round trip."""
    document = result_as_json(result(*SCORED))

    assert list(document) == [field.name for field in fields(BenchResult)]
    assert list(document["strategies"][0]) == [field.name for field in fields(StrategyResult)]
    assert document["strategies"][0]["unhandled"]["count"] == 1
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize("where", ["suite", "model"])
def test_names_are_escaped(where):
    """No name of a suite or model reaches a terminal unescaped."""
    text = result_as_text(result(*SCORED, **{where: "\x1b[2J\x9b\r\nx"}))

    assert all(line.isprintable() for line in text.split("\n"))
    assert r"\x1b[2J\x9b\r\nx" in text
