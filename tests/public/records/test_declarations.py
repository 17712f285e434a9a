"""Declarations about a schema: each is stored with its date and never overwritten."""

import time

import pytest

from schema_guard import InvalidArgument, open_store
from tests.public.records.outcomes import outcome

FINGERPRINT = "f" * 16


@pytest.fixture
def clock(monkeypatch):
    """A clock whose time is set by the test."""
    now = [1_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def test_the_latest_declaration_of_a_step_holds(store, clock):
    """Of two declarations about one step the one made last is given, also when the clock went back."""
    store.declare_step(FINGERPRINT, "larger_model", "declined", "too dear")
    store.declare_step(FINGERPRINT, "json_mode", "not_applicable", "the provider has none")
    clock[0] = 500.0
    store.declare_step(FINGERPRINT, "larger_model", "not_applicable", "there is none")
    store.declare_step("e" * 16, "few_shot", "declined", "of another schema")

    results = [(one.step, one.status, one.reason, one.at) for one in store.declared_steps(FINGERPRINT)]
    assert results == [
        ("json_mode", "not_applicable", "the provider has none", 1_000.0),
        ("larger_model", "not_applicable", "there is none", 500.0),
    ]


def test_targets_are_a_history(store, clock):
    """Every target that was set is given with its date, in the order of setting."""
    store.set_target(FINGERPRINT, 0.01)
    clock[0] = 2_000.0
    store.set_target(FINGERPRINT, 0.05)
    store.set_target("e" * 16, 0.5)

    results = [(one.at, one.target, one.function) for one in store.targets(FINGERPRINT)]
    assert results == [(1_000.0, 0.01, None), (2_000.0, 0.05, None)]


def test_a_declaration_can_be_a_functions_own(store):
    """What names a function holds for that one alone, and of a step what was stored last holds."""
    for function in ("app.one", "app.other"):
        store.record(outcome(function=function))
    store.declare_step(FINGERPRINT, "few_shot", "declined", "first", function="app.one")
    store.declare_step(FINGERPRINT, "few_shot", "declined", "then", function="app.one")
    store.declare_step(FINGERPRINT, "few_shot", "not_applicable", "theirs", function="app.other")
    store.set_target(FINGERPRINT, 0.01, function="app.one")

    assert [one.reason for one in store.declared_steps(FINGERPRINT, function="app.one")] == ["then"]
    assert [one.reason for one in store.declared_steps(FINGERPRINT)] == ["then", "theirs"]
    assert [one.target for one in store.targets(FINGERPRINT, function="app.one")] == [0.01]
    assert store.targets(FINGERPRINT, function="app.other") == []
    assert store.targets(FINGERPRINT)[0].function == "app.one"


def test_a_declaration_without_function_holds_for_the_only_one(store):
    """It holds for whichever function a schema has, and for none once it has several."""
    store.declare_step(FINGERPRINT, "few_shot", "declined", "why")
    store.set_target(FINGERPRINT, 0.01)
    before = (store.declared_steps(FINGERPRINT, function="a.f"), store.targets(FINGERPRINT, function="a.f"))
    store.record(outcome(function="a.f"))
    store.record(outcome(function="b.f", schema_fingerprint="e" * 16))
    store.flush()
    only = (store.declared_steps(FINGERPRINT, function="a.f"), store.targets(FINGERPRINT, function="a.f"))
    store.record(outcome(function="b.f"))
    store.flush()

    assert [len(result) for result in (*before, *only)] == [1, 1, 1, 1]
    assert store.declared_steps(FINGERPRINT, function="a.f") == []
    assert store.targets(FINGERPRINT, function="b.f") == []
    assert [one.reason for one in store.declared_steps(FINGERPRINT)] == ["why"]


@pytest.mark.parametrize("function", ["", " "])
def test_a_blank_function_is_refused(store, function):
    """A declaration names a function or none."""
    with pytest.raises(InvalidArgument, match="expected a string that is not blank"):
        store.set_target(FINGERPRINT, 0.01, function=function)


def test_nothing_is_declared_in_an_empty_store(store):
    """A store without declarations gives none."""
    assert (store.declared_steps(FINGERPRINT), store.targets(FINGERPRINT)) == ([], [])


def test_declarations_outlive_the_store(tmp_path):
    """What was declared is there when the file is opened again."""
    url = f"sqlite:///{tmp_path / 'records.db'}"
    with open_store(url) as store:
        store.declare_step(FINGERPRINT, "few_shot", "declined", "no examples\x00")
        store.set_target(FINGERPRINT, 0.02)
    with open_store(url) as store:
        assert [step.reason for step in store.declared_steps(FINGERPRINT)] == ["no examples\\u0000"]
        assert [result.target for result in store.targets(FINGERPRINT)] == [0.02]


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        (
            (FINGERPRINT, "few_shot", "declind", "why"),
            "status='declind': expected 'not_applicable' or 'declined'. Did you mean 'declined'?",
        ),
        ((FINGERPRINT, "few_shot", "declined", " \n"), r"reason=' \n': expected a string that is not blank"),
        ((FINGERPRINT, "few_shot", "declined", None), "reason=None: expected a string that is not blank"),
        ((FINGERPRINT, "", "declined", "why"), "step='': expected a string that is not blank"),
        (("", "few_shot", "declined", "why"), "schema_fingerprint='': expected a string that is not blank"),
    ],
)
def test_a_declaration_without_reason_is_refused(store, declaration, message):
    """A status that is none and a text that says nothing are refused, and nothing is stored."""
    with pytest.raises(InvalidArgument) as error:
        store.declare_step(*declaration)

    assert str(error.value) == message
    assert store.declared_steps(FINGERPRINT) == []


@pytest.mark.parametrize("target", [0, 1, -0.1, 5, float("nan"), float("inf"), True, "0.01", None])
def test_a_target_is_a_rate(store, target):
    """A target outside of (0, 1), or that is no number, is refused."""
    with pytest.raises(InvalidArgument) as error:
        store.set_target(FINGERPRINT, target)

    assert str(error.value) == (f"target={target!r}: expected a rate of failed calls in (0, 1), such as 0.01")


def test_a_target_needs_a_schema(store):
    """A blank fingerprint is refused."""
    with pytest.raises(InvalidArgument, match="schema_fingerprint='': expected a string that is not blank"):
        store.set_target("", 0.01)
