"""Laws of routers: they hold for every input, every way of failing, and all four shapes of a function."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import GuardFailed, Message, open_store
from schema_guard.ext.tuning.routing.policy import bucket_of, routing_key
from schema_guard.stats import clopper_pearson
from tests.public.ext.calls.routing.routers import SHAPES, Branches, outcome_of, streamed, value_of

tasks = st.lists(st.text("abcdefgh", min_size=1, max_size=4), min_size=1, max_size=5)
shares = st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0])


def failing(seed, tuned=0.4, prompt=0.3):
    """Let each branch fail on inputs of its own, the same at each call."""

    def fails(branch, task):
        digest = sha256(f"{seed} {branch} {task}".encode()).digest()
        return int.from_bytes(digest[:4]) / 2**32 < (tuned if branch == "tuned" else prompt)

    return fails


def answered(branches, router, way, tasks):
    """What came of each call: a value, or the name of what was raised; and whom it asked."""
    given = []
    for task in tasks:
        try:
            given.append(way(router, task))
        except GuardFailed as error:
            given.append(type(error).__name__)
    return given, branches.asked


@given(tasks, shares, st.integers(0, 99))
def test_one_input_always_has_one_branch(tasks, share, seed):
    """However often and in whatever order an input comes, it goes to the branch that it went to first."""
    branches = Branches(fails=failing(seed))
    router = branches.router(share=share, fallback=False)

    answered(branches, router, value_of, [*tasks, *reversed(tasks)])

    assert len(set(branches.asked)) == len(set(tasks))


@given(tasks, shares, st.integers(0, 99), st.booleans())
def test_all_shapes_and_ways_take_the_same_steps(tasks, share, seed, fallback):
    """`def`, `async def` and their streams, called, asked for outcomes or streamed, ask the same and give the same."""
    seen = []
    for shape in SHAPES:
        for way in (value_of, lambda *call: outcome_of(*call).value, lambda *call: streamed(*call)[-1]):
            branches = Branches(shape, failing(seed))
            given, asked = answered(branches, branches.router(share=share, fallback=fallback), way, tasks)
            # `outcome` raises nothing: None is what it has for a value.
            seen.append(([None if one == "GuardFailed" else one for one in given], asked))

    assert all(one == seen[0] for one in seen)


@given(tasks, st.sampled_from([0.0, 0.2, 0.5]), st.integers(0, 99), st.sampled_from(["def", "async def"]))
def test_a_shadow_never_changes_an_answer(tasks, share, seed, shape):
    """With shadows and without, each call gives the same, and the answers come from the same branches."""
    seen = []
    for shadow in (0.0, 1.0):
        branches = Branches(shape, failing(seed))
        outcomes = [outcome_of(branches.router(share=share, shadow=shadow), task) for task in tasks]
        seen.append([(one.ok, one.value, one.call.function, one.call.settings) for one in outcomes])

    assert seen[0] == seen[1]


@given(tasks, shares, st.integers(0, 99))
def test_a_fallback_loses_no_call(tasks, share, seed):
    """A call is failed only where the prompt failed on it, and then says so."""
    fails = failing(seed)
    branches = Branches(fails=fails)
    router = branches.router(share=share)

    given, _ = answered(branches, router, value_of, tasks)

    for task, value in zip(tasks, given, strict=True):
        tuned_first = ("tuned", task) in branches.asked
        lost = fails("prompt", task) and (not tuned_first or fails("tuned", task))
        assert (value == "GuardFailed") is lost


@given(st.sampled_from([0.02, 0.1, 0.3, 0.7]), st.integers(0, 1000))
def test_the_share_is_kept_among_many_inputs(share, seed):
    """Of 2,000 inputs that differ the tuned branch has its share, within what a fair draw gives in 9,999 of 10,000."""
    k = sum(bucket_of(f"f{seed}", f"input {number}", b"key").branch < share for number in range(2000))

    assert (
        clopper_pearson(k, 2000, confidence=0.9999).lower
        <= share
        <= clopper_pearson(k, 2000, confidence=0.9999).upper
    )


@given(st.sampled_from([0.2, 0.5, 0.8]), st.sampled_from([0.2, 0.5, 0.8]))
def test_shadows_are_their_share_of_what_the_prompt_answers(share, shadow):
    """Which input has a shadow says nothing of its branch: of 400 inputs as many as two fair draws give in 9,999 of 10,000."""
    branches = Branches()
    router = branches.router(share=share, shadow=shadow)
    for number in range(400):
        router(f"input {number}")
        router.flush()

    counts = router.counts()
    for k, n, expected in ((counts.tuned, 400, share), (counts.shadows, counts.prompt, shadow)):
        result = clopper_pearson(k, n, confidence=0.9999)
        assert result.lower <= expected <= result.upper


@pytest.mark.parametrize(
    "task",
    ["a text", (Message("user", "a"), Message("assistant", "b"))],
    ids=["text", "messages"],
)
def test_a_bucket_is_that_of_the_key(task, tmp_path, monkeypatch):
    """One key draws one bucket, in every process and for texts and messages; another store draws another."""
    monkeypatch.delenv("SCHEMA_GUARD_HASH_KEY", raising=False)
    with open_store(str(tmp_path / "a.db")) as store, open_store(str(tmp_path / "b.db")) as other:

        def drawn(name, recorder):
            return bucket_of(name, task, routing_key(name, recorder))

        first = drawn("f", store)

        assert drawn("f", store) == first
        assert drawn("f", other) != first
        assert drawn("g", store) != first
        monkeypatch.setenv("SCHEMA_GUARD_HASH_KEY", "one for all")
        assert drawn("f", store) == drawn("f", other)


def test_many_tasks_at_once_take_their_own_branches():
    """Calls that run side by side do not mix: each gives what it gives alone."""
    fails = failing(7)
    alone = Branches("async def", fails)
    names = [f"input {number}" for number in range(60)]
    expected = [outcome_of(alone.router(share=0.5), name).value for name in names]
    branches = Branches("async def", fails)
    router = branches.router(share=0.5, shadow=0.5)

    async def together():
        outcomes = await asyncio.gather(*(router.outcome(name) for name in names))
        assert await router.aflush() == 0
        return outcomes

    assert [one.value for one in asyncio.run(together())] == expected
