"""Laws of the rates over an engine's schemas, and the pages that show them."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.engine_checks import (
    Checked,
    Engine,
    EngineLimits,
    EnginesResult,
    document_of,
    engines_as_json,
)
from benchmarks.engine_checks.result import Reason, Times, result_of, times_of
from schema_guard.report.as_markdown import as_markdown
from schema_guard.report.as_text import as_text
from schema_guard.report.words import bounded
from schema_guard.stats import Rate
from tests.report.written import left_out

ENGINE = Engine("fake", "json", "no-such-distribution", "x:y", settings="as it is")
RATES = ("compiled", "supported", "unsound", "narrowed", "coverage", "soundness", "any_order")


def engines_as_text(result):
    return as_text(document_of(result))


def engines_as_markdown(result):
    return as_markdown(document_of(result))


def checked(state="judged", *, name="s", reason=None, valid=(1, 1), invalid=(0, 1), **fields):
    """A schema with (accepted, n) of its valid and invalid instances."""
    settings = {
        "compile_s": 0.002 if state == "judged" else None,
        "gave_up": 0,
        "reordered": 0,
        "reordered_accepted": 0,
        "mask_s": (),
    } | fields
    return Checked(name, state, reason, valid=valid[1], valid_accepted=valid[0], invalid=invalid[1],
                   invalid_accepted=invalid[0], **settings)  # fmt: skip


@st.composite
def some_checked(draw):
    """A schema as a run can give it."""
    state = draw(st.sampled_from(["judged", "refused", "timeout", "memory", "crashed"]))
    valid, invalid = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    if state != "judged":
        compile_s = draw(st.none() | st.floats(0, 9)) if state != "refused" else None
        return checked(state, valid=(0, valid), invalid=(0, invalid), reason="x", compile_s=compile_s)
    accepted, wrongly = draw(st.integers(0, valid)), draw(st.integers(0, invalid))
    return checked(
        valid=(accepted, valid),
        invalid=(wrongly, invalid),
        compile_s=draw(st.floats(0, 9)),
        gave_up=draw(st.integers(0, valid + invalid - accepted - wrongly)),
        reordered=accepted,
        reordered_accepted=draw(st.integers(0, accepted)),
    )


@pytest.mark.costly
@given(st.lists(some_checked(), max_size=8))
def test_states_add_up(rows):
    """Judged, refused, too slow, too large and crashed schemas are all there are."""
    results = result_of(ENGINE, rows)

    judged = sum(each.state == "judged" for each in rows)
    assert judged + results.refused + results.timeouts + results.memory + results.crashed == len(rows)


@given(st.lists(some_checked(), max_size=8))
def test_supported_schema_is_neither_unsound_nor_narrowed(rows):
    """A schema is supported, or something is told against it, or it has no instances."""
    for each in rows:
        against = each.state != "judged" or each.is_over_constrained or each.is_under_constrained
        assert each.is_supported == (not against and each.valid + each.invalid > 0)


@given(st.lists(some_checked(), max_size=8))
def test_supported_is_at_most_compiled_and_covered(rows):
    """What is supported was compiled, and all of its valid instances are covered."""
    results = result_of(ENGINE, rows)

    assert results.supported.count <= results.compiled.count
    assert sum(each.is_supported and each.valid > 0 for each in rows) <= results.coverage.count + 1e-9


@given(st.lists(some_checked(), max_size=8))
def test_rates_are_fractions_within_their_bounds_or_no_data(rows):
    """Every rate has n and bounds; without data it is None."""
    results = result_of(ENGINE, rows)

    for rate in (getattr(results, name) for name in RATES):
        assert rate.rate is None if rate.n == 0 else 0 <= rate.lower <= rate.rate <= rate.upper <= 1


@given(st.lists(some_checked(), min_size=1, max_size=8), st.randoms())
def test_order_of_schemas_changes_no_figure(rows, random):
    """The rates are those of a set of schemas."""
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, other = result_of(ENGINE, rows), result_of(ENGINE, shuffled)

    assert one.reasons == other.reasons
    assert all(getattr(one, name).count == pytest.approx(getattr(other, name).count) for name in RATES)


def test_schema_counts_once_whatever_its_instances():
    """A schema with many instances weighs as much as one with few."""
    results = result_of(ENGINE, [checked(valid=(1, 1)), checked(valid=(0, 9))])

    assert results.coverage == Rate.of(1, 2)


def test_schema_that_is_not_compiled_covers_nothing_and_says_nothing_of_soundness():
    """Refusing costs coverage, and is no unsoundness."""
    results = result_of(ENGINE, [checked("refused", valid=(0, 1))])

    assert (results.coverage, results.soundness, results.unsound) == (
        Rate.of(0, 1),
        Rate.of(0, 0),
        Rate.of(0, 0),
    )


def test_schema_without_instances_is_compiled_but_not_supported():
    """Without instances there is nothing to support."""
    results = result_of(ENGINE, [checked(valid=(0, 0), invalid=(0, 0))])

    assert (results.compiled, results.supported) == (Rate.of(1, 1), Rate.of(0, 0))


def test_schema_that_timed_out_after_compiling_counts_as_compiled():
    """Compiling came to its end; the judging did not."""
    results = result_of(ENGINE, [checked("timeout", compile_s=1.0)])

    assert (results.compiled, results.timeouts, results.supported) == (Rate.of(1, 1), 1, Rate.of(0, 1))


def test_reasons_for_one_cause_are_counted_together():
    """Pieces of schemas, places and numbers do not tell reasons apart."""
    reasons = ['at #/a/1: no {"x": 1}', 'at #/b: no {"y": {}}', "other"]
    results = result_of(ENGINE, [checked("refused", reason=reason) for reason in reasons])

    assert results.reasons == (Reason("refused", "at … no …", 2), Reason("refused", "other", 1))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=50))
def test_times_are_of_the_times(seconds):
    """Median, p95 and largest are among the times, in that order."""
    results = times_of(seconds)

    assert {results.p50, results.p95, results.largest} <= set(seconds)
    assert results.p50 <= results.p95 <= results.largest == max(seconds)


def test_percentiles_are_the_smallest_that_reach_the_share():
    """Of 1 to 100 the median is 50 and the p95 95."""
    assert times_of(range(100, 0, -1)) == Times(100, 50, 95, 100)


@pytest.fixture
def result():
    """Two engines: one with every kind of outcome, one that is not installed."""
    rows = [
        checked(name="good", mask_s=(1e-5, 3e-5), reordered=1),
        checked(name="unsound", invalid=(1, 2)),
        checked(name="narrow", valid=(0, 1), gave_up=1),
        checked("refused", name="no", reason='Unimplemented keys: ["not"]', valid=(0, 1)),
        checked("timeout", name="slow", reason="took too long to compile the schema", valid=(0, 1)),
    ]
    return EnginesResult(
        suite="small",
        suite_fingerprint="0123456789abcdef",
        schemas=5,
        valid=5,
        invalid=6,
        vocabulary="257 tokens of single bytes",
        limits=EngineLimits(schema_s=20.0, memory_bytes=2**32),
        engines=(
            result_of(ENGINE, rows),
            result_of(ENGINE, (), not_measured="x is not installed: pip install 'schema-guard[engines]'"),
        ),
    )


def shares(*counts):
    """The words of some rates on a page."""
    return [word for count in counts for word in bounded(Rate.of(*count)).split()]


def test_text_shows_rates_ends_times_and_what_is_missing(result):
    """Each table has one row for each engine that was measured; the other is told with its command."""
    shown = engines_as_text(result).split("\n")

    assert shown[:4] == [
        "engines on suite small (0123456789abcdef)",
        "suite        5 schemas with 5 valid and 6 invalid instances",
        "vocabulary   257 tokens of single bytes",
        "limits       at most 20 CPU s and 4 GiB for a schema",
    ]
    assert [line.split() for line in shown if line.startswith(("  fake", "  - fake,"))] == [
        ["fake", "5", *shares((3, 5)), "5", *shares((1, 5))],
        ["fake", "3", *shares((1, 3)), "3", *shares((1, 3))],
        ["fake", *shares((2, 5), (2.5, 3), (0, 1))],
        ["fake", "1", "1", "0", "0", "1"],
        ["fake", "2.00", "/", "2.00", "/", "2.00", "2", "10.0", "/", "30.0", "/", "30.0"],
        ["-", "fake,", "1", "refused:", "Unimplemented", "keys:", '["not"]'],
        ["-", "fake,", "1", "timeout:", "took", "too", "long", "to", "compile", "the", "schema"],
    ]
    assert "  - fake was not measured: x is not installed: pip install 'schema-guard[engines]'" in shown


def test_every_writer_shows_all_of_it(result):
    """Text, Markdown and page leave nothing of a result out."""
    assert left_out(document_of(result)) == []


def test_text_fits_a_terminal(result):
    """No line is wider than 110 columns."""
    assert max(map(len, engines_as_text(result).split("\n"))) <= 110


def test_text_has_no_tables_when_nothing_was_measured(result):
    """Without a measured engine only the reasons are told."""
    shown = engines_as_text(replace(result, engines=result.engines[1:])).split("\n")

    assert "Schemas" not in shown
    assert [line for line in shown if "was not measured" in line] != []


def test_markdown_has_the_tables_of_the_text(result):
    """Titles, and as many cells in each row as in its header."""
    blocks = engines_as_markdown(result).split("\n\n")
    tables = [block.split("\n") for block in blocks if block.startswith("|")]

    assert len(tables) == 5
    assert all(len({row.count(" | ") for row in rows}) == 1 for rows in tables)


def test_json_is_plain_and_has_masks_in_short(result):
    """JSON has the fields, None as null, and of each schema's masks four figures."""
    plain = json.loads(json.dumps(engines_as_json(result)))
    good = plain["engines"][0]["checked"][0]

    assert good["mask_s"] == {"n": 2, "p50": 1e-05, "p95": 3e-05, "largest": 3e-05}
    assert plain["engines"][1]["supported"] == {
        "count": 0,
        "n": 0,
        "rate": None,
        "lower": None,
        "upper": None,
    }


def test_stranger_s_text_reaches_no_terminal_unescaped(result):
    """Reasons are an engine's words about a schema of somebody's."""
    rows = [checked("refused", reason="\x1b[2J", valid=(0, 1))]
    shown = engines_as_text(
        EnginesResult("s\x1b", "0", 1, 1, 1, "t", EngineLimits(), (result_of(ENGINE, rows),))
    )

    assert "\x1b" not in shown
