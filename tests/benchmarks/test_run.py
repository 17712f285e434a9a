"""Engines are run in processes of their own: what they say is counted, and what they do there harms nobody."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.engine_checks import ENGINES, Engine, EngineLimits, Progress, engines_of, run_engines
from benchmarks.engine_checks.suite import EngineSchema, EngineSuite, Instance
from schema_guard import InvalidArgument, Schema
from tests.benchmarks.engine_fakes import COMPILE_S

FAKE = Engine("fake", "json", "pytest", "engine_fakes:load", extra=None)
LIMITS = EngineLimits(schema_s=30.0, masks=4)

VALID, INVALID = {"a": 1, "b": 2}, {"a": "x", "b": 2}
INSTANCES = (Instance(valid=True, data=VALID), Instance(valid=False, data=INVALID))


@pytest.fixture(autouse=True)
def _fakes_are_found(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)


def entry(fake=None, *, instances=INSTANCES, name=None):
    document = {"properties": {"a": {"type": "integer"}, "b": {}}, "x-fake": fake}
    name = name or fake or "honest"
    return EngineSchema(name, Schema.of(document, name=name), tuple(instances))


def run(*entries, engine=FAKE, limits=LIMITS, **settings):
    """What the fake makes of some schemas, one after another."""
    suite = EngineSuite("fakes", "0123456789abcdef", entries)
    (result,) = run_engines(suite, [engine], limits=limits, **settings).engines
    return result


def states(found):
    return [(each.schema, each.state) for each in found.checked]


def judged(fake=None, **settings):
    """What the fake makes of one schema."""
    (result,) = run(entry(fake, **settings)).checked
    return result


def test_schema_that_accepts_the_valid_and_rejects_the_invalid_is_supported():
    """An engine that does what the schema says is counted with all of its figures."""
    result = judged()

    assert (result.state, result.reason, result.compile_s) == ("judged", None, COMPILE_S)
    assert (result.valid, result.valid_accepted, result.invalid, result.invalid_accepted) == (1, 1, 1, 0)
    assert (result.is_supported, result.is_over_constrained, result.is_under_constrained) == (
        True,
        False,
        False,
    )


def test_accepting_an_invalid_instance_is_under_constraint():
    """An engine that accepts everything is unsound, not narrowed, and supports nothing."""
    result = judged("accept everything")

    assert (result.is_supported, result.is_over_constrained, result.is_under_constrained) == (
        False,
        False,
        True,
    )


def test_rejecting_a_valid_instance_is_over_constraint():
    """An engine that accepts nothing is narrowed, not unsound, and supports nothing."""
    result = judged("accept nothing")

    assert (result.is_supported, result.is_over_constrained, result.is_under_constrained) == (
        False,
        True,
        False,
    )


@pytest.mark.costly
def test_giving_up_is_neither_accepting_nor_rejecting():
    """Instances on which an engine ends at a limit of its own are counted apart, with its words."""
    result = judged("give up")

    assert (result.gave_up, result.valid_accepted, result.invalid_accepted) == (2, 0, 0)
    assert (result.is_supported, result.reason) == (False, "too many states")


@pytest.mark.costly
def test_rejecting_the_invalid_by_giving_up_is_no_support():
    """A schema with invalid instances alone is not supported by an engine that gives up on each."""
    result = judged("give up", instances=INSTANCES[1:])

    assert result.is_supported is False


@pytest.mark.costly
@pytest.mark.parametrize("fake", ["compact", "blanks"])
def test_instance_is_accepted_in_either_writing(fake):
    """An engine may insist on blanks between tokens or on none."""
    assert judged(fake).is_supported


@pytest.mark.costly
def test_key_order_of_the_schema_is_tried_when_the_instance_has_another():
    """An engine that insists on the schema's order of keys accepts a value that is written in another."""
    result = judged("fixed order", instances=[Instance(valid=True, data={"b": 2, "a": 1})])

    assert result.valid_accepted == 1


@pytest.mark.costly
@pytest.mark.parametrize(("fake", "accepted"), [(None, 1), ("fixed order", 0)])
def test_reversed_keys_are_counted_of_accepted_valid_instances(fake, accepted):
    """Whether an engine takes the keys in another order is a figure of its own."""
    result = judged(fake)

    assert (result.reordered, result.reordered_accepted) == (1, accepted)


@pytest.mark.costly
def test_instance_with_one_key_has_no_other_order():
    """Where there is nothing to reorder, nothing is counted."""
    result = judged(instances=[Instance(valid=True, data={"a": 1})])

    assert result.reordered == 0


@pytest.mark.costly
@pytest.mark.parametrize(
    ("fake", "reason"), [("refuse", "there is no way"), ("raise", "KeyError: 'x'")], ids=["refuse", "raise"]
)
def test_refusal_is_told_in_the_first_line_that_says_something(fake, reason):
    """An engine that says no has refused, whatever it raises."""
    result = judged(fake)

    assert (result.state, result.reason, result.compile_s) == ("refused", reason, None)


@pytest.mark.costly
def test_masks_are_timed_up_to_the_limit():
    """As many masks as asked for are timed along the valid instances."""
    assert len(judged().mask_s) == LIMITS.masks


@pytest.mark.costly
def test_no_masks_are_timed_when_none_are_asked_for():
    """Zero masks leave the acceptance as it is."""
    (result,) = run(entry(), limits=replace(LIMITS, masks=0)).checked

    assert (result.mask_s, result.is_supported) == ((), True)


@pytest.mark.costly
def test_what_an_engine_prints_is_no_answer():
    """Text on stdout does not disturb the answers."""
    assert judged("print").is_supported


@pytest.mark.parametrize(
    ("fake", "compile_s", "reason"),
    [
        ("hang", None, "took too long to compile the schema"),
        pytest.param("compute", None, "took too long to compile the schema", marks=pytest.mark.slow),
        pytest.param(
            "hang judging", COMPILE_S, "took too long to judge the instances", marks=pytest.mark.slow
        ),
    ],
)
def test_engine_that_hangs_is_ended_and_the_next_schema_is_asked(fake, compile_s, reason):
    """A hang costs its own schema alone."""
    result = run(entry(fake), entry(), limits=replace(LIMITS, schema_s=0.5))

    assert states(result) == [(fake, "timeout"), ("honest", "judged")]
    assert (result.checked[0].reason, result.checked[0].compile_s) == (reason, compile_s)


def test_engine_that_dies_is_told_with_its_last_words():
    """A death costs its own schema alone, and what the process said last is the reason."""
    result = run(entry("die"), entry())

    assert states(result) == [("die", "crashed"), ("honest", "judged")]
    assert result.checked[0].reason == "ended (status 3) when asked to compile the schema: my last words"


@pytest.mark.costly
def test_engine_that_is_killed_is_told_with_the_signal():
    """A signal is named."""
    result = judged("die judging")

    assert result.reason == "ended (SIGKILL) when asked to judge the instances: no words"


@pytest.mark.costly
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is watched by /proc")
def test_engine_that_grows_too_large_is_ended():
    """Too much memory costs its own schema alone."""
    result = run(entry("eat"), entry(), limits=replace(LIMITS, memory_bytes=300 * 2**20))

    assert states(result) == [("eat", "memory"), ("honest", "judged")]


@pytest.mark.costly
def test_death_counts_only_when_a_fresh_process_dies_too():
    """What earlier schemas have left behind is not held against a later one."""
    result = run(entry(name="first"), entry("die when used"))

    assert states(result) == [("first", "judged"), ("die when used", "judged")]


@pytest.mark.costly
def test_engine_that_cannot_be_loaded_is_not_measured():
    """Without its engine a process gives the reason, and there are no rates."""
    result = run(entry(), engine=replace(FAKE, loader="engine_fakes:load_nothing"))

    assert result.not_measured == "ended (status 1) when asked to start: OSError: no such library"
    assert (result.checked, result.supported.rate, result.coverage.rate) == ((), None, None)


def test_engine_that_is_not_installed_is_not_measured_and_the_command_is_told():
    """A missing package is no rate of 0."""
    result = run(entry(), engine=replace(FAKE, package="no_such_package", extra="engines"))

    assert result.not_measured == "no_such_package is not installed: pip install 'schema-guard[engines]'"
    assert result.supported.n == 0


def test_engine_that_needs_a_model_is_not_measured_without():
    """Single bytes are no model."""
    result = run(entry(), engine=replace(FAKE, needs_model=True))

    assert result.not_measured == "it needs the GGUF file of a model"


@pytest.mark.costly
def test_schemas_are_told_in_the_order_of_the_suite():
    """Progress names engine, number, count and what came of it."""
    messages = []
    result = run(entry(name="first"), entry("refuse"), on_schema=messages.append)

    assert messages == [Progress("fake", number, 2, result.checked[number - 1]) for number in (1, 2)]


def test_result_counts_the_suite():
    """The result says what it is about."""
    suite = EngineSuite("fakes", "0123456789abcdef", (entry(name="a"), entry(name="b")))
    result = run_engines(suite, [], limits=LIMITS)

    assert (result.suite, result.suite_fingerprint, result.schemas) == ("fakes", "0123456789abcdef", 2)
    assert (result.valid, result.invalid, result.vocabulary) == (2, 2, "257 tokens of single bytes")


@given(st.lists(st.sampled_from(ENGINES), unique=True, min_size=1))
def test_engines_are_given_in_the_order_of_their_names(engines):
    """The order asked for is the order of the result."""
    assert engines_of([engine.name for engine in engines]) == tuple(engines)


def test_all_engines_are_given_without_names():
    """None means all."""
    assert engines_of(None) == ENGINES


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["xgramar"], "engine 'xgramar' is unknown. Did you mean 'xgrammar'? (known: llguidance, xgrammar, "),
        ([], "names=[]: expected at least one name"),
        (["llguidance", "llguidance"], "names=['llguidance', 'llguidance']: expected each name once"),
        ("llguidance", "names='llguidance': expected a list of names of engines, got one text"),
    ],
)
def test_names_that_cannot_be_used_are_refused(names, message):
    """A wrong name is told with the nearest one."""
    with pytest.raises(InvalidArgument) as caught:
        engines_of(names)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["schema_s", "memory_bytes", "start_s"])
def test_limits_are_positive(name):
    """A limit of nothing is refused."""
    with pytest.raises(InvalidArgument, match=f"^{name}=0: expected a number above 0$"):
        EngineLimits(**{name: 0})


@pytest.mark.parametrize("name", ["schema_s", "memory_bytes", "start_s"])
def test_limits_are_finite(name):
    """What hangs would never be ended."""
    with pytest.raises(InvalidArgument, match=f"^{name}=inf: expected a finite number: "):
        EngineLimits(**{name: math.inf})


def test_masks_are_a_count():
    """Fewer than none are refused."""
    with pytest.raises(InvalidArgument, match=r"^masks=-1: expected an int >= 0$"):
        EngineLimits(masks=-1)
