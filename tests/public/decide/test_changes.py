"""What changed when failures rose: each cause that `decide` can name, and the size from which it is named."""

import pytest

from schema_guard import tags
from tests.public.decide.town import GOOD, SHAPE, reply


def paid(text, tokens=100, model=None):
    return reply(text, tokens=(tokens, 5), model=model)


def rise(town, *, before, after):
    """Record 3,000 calls of which few fail, then 600 of which many do, and return the causes that are named."""
    for blocks, every, parts in ((300, 100, before), (60, 4, after)):
        for block in range(blocks):
            for segment, calls, settings in parts:
                known = {"good": paid(GOOD), "bad": paid(SHAPE), **settings}
                bad = known.pop("bad")
                with tags(segment=segment):
                    town.calls(calls - 1, 0, **known)
                    town.calls(1, int(block % every == every - 1), bad, **known)
    found = town.verdict()
    assert found.verdict == "FIND_WHAT_CHANGED", found.why
    causes = found.why.partition("what changed then: ")[2].partition("; the target")[0]
    return [cause for cause in causes.split(", ") if cause]


SAME = [(None, 10, {})]


@pytest.mark.parametrize(("tokens", "named"), [(105, 0), (109, 0), (120, 2)])
def test_longer_prompts_are_named_from_a_tenth(town, tokens, named):
    """A prompt that is less than a tenth longer has not changed; more than a tenth is named."""
    longer = {"good": paid(GOOD, tokens), "bad": paid(SHAPE, tokens)}
    causes = rise(town, before=SAME, after=[(None, 10, longer)])

    assert len(causes) == named
    assert [cause for cause in causes if cause.startswith("had")] == ["had 100"][: named // 2]


def test_a_new_snapshot_is_named(town):
    """The model's snapshot is the one that replies name."""
    may, june = (
        {"good": paid(GOOD, 100, name), "bad": paid(SHAPE, 100, name)}
        for name in ("m1-2026-05-01", "m1-2026-06-01")
    )

    assert rise(town, before=[(None, 10, may)], after=[(None, 10, june)]) == ["model snapshot m1-2026-06-01"]


def test_a_new_version_is_named(town):
    """The version is the guard's."""
    assert rise(town, before=SAME, after=[(None, 10, {"version": "v2"})]) == ["version v2"]


@pytest.mark.parametrize(("eu", "named"), [(5, []), (8, ["eu", "us"])])
def test_a_shift_of_segments_is_named(town, eu, named):
    """A part that stays as large is not named; one that grew is, with the part that shrank."""
    causes = rise(town, before=[("eu", 5, {}), ("us", 5, {})], after=[("eu", eu, {}), ("us", 10 - eu, {})])

    assert sorted(cause.split()[1] for cause in causes[::2]) == named


@pytest.mark.parametrize(("limit", "slow"), [(0.5, 100), (0.51, 0), (0.49, 100)])
def test_a_call_that_may_be_slower_counts_as_slower(town, limit, slow):
    """Calls of half a second miss a limit of half a second, and keep one that is a sixty-fourth longer."""
    town.takes_s = 0.5
    town.calls(100, 0)
    found = town.verdict(0.2, config={"latency_p95_s": limit})

    assert found.figures["rates"]["system_prompt"]["met"]["latency"]["k"] == slow
