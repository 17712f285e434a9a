"""The causes that `decide` names when failures rise, and the size from which it names each."""

from datetime import UTC, datetime

import pytest

from schema_guard import tags
from tests.public.decide.production import DAY, GOOD, SHAPE, reply


def paid(text, tokens=100, model=None):
    return reply(text, tokens=(tokens, 5), model=model)


def rise(production, *, before, after):
    """Record 3,000 calls with few failures, then 600 with many. Return the named causes."""
    for blocks, every, parts in ((300, 100, before), (60, 4, after)):
        for block in range(blocks):
            for segment, calls, settings in parts:
                known = {"good": paid(GOOD), "bad": paid(SHAPE), **settings}
                bad = known.pop("bad")
                with tags(segment=segment):
                    production.calls(calls - 1, 0, **known)
                    production.calls(1, int(block % every == every - 1), bad, **known)
    result = production.verdict()
    assert result.verdict == "FIND_WHAT_CHANGED", result.why
    causes = result.why.partition("changed at that time: ")[2].partition("; the target")[0]
    return [cause for cause in causes.split(", ") if cause]


SAME = [(None, 10, {})]


@pytest.mark.parametrize(
    ("tokens", "causes"), [(105, []), (109, []), (120, ["prompts have 111 tokens instead of 100"])]
)
def test_prompts_are_named_if_more_than_a_tenth_longer(production, tokens, causes):
    """Prompts that are at most 10% longer are not a cause."""
    longer = {"good": paid(GOOD, tokens), "bad": paid(SHAPE, tokens)}

    assert rise(production, before=SAME, after=[(None, 10, longer)]) == causes


def test_a_new_snapshot_is_named(production):
    """A model snapshot that replies name for the first time is a cause."""
    may, june = (
        {"good": paid(GOOD, 100, name), "bad": paid(SHAPE, 100, name)}
        for name in ("m1-2026-05-01", "m1-2026-06-01")
    )

    assert rise(production, before=[(None, 10, may)], after=[(None, 10, june)]) == [
        "model snapshot m1-2026-06-01"
    ]


def test_a_new_version_is_named(production):
    """A new version of the guard is a cause."""
    assert rise(production, before=SAME, after=[(None, 10, {"version": "v2"})]) == ["version v2"]


@pytest.mark.parametrize(("eu", "named"), [(5, []), (8, ["eu", "us"])])
def test_a_shift_of_segments_is_named(production, eu, named):
    """Segments whose shares changed are named. Segments with stable shares are not."""
    causes = rise(
        production, before=[("eu", 5, {}), ("us", 5, {})], after=[("eu", eu, {}), ("us", 10 - eu, {})]
    )

    assert sorted(cause.split()[1] for cause in causes) == named


@pytest.mark.parametrize(("limit", "slow"), [(0.5, 100), (0.51, 0), (0.49, 100)])
def test_call_at_the_latency_limit_counts_as_slower(production, limit, slow):
    """Calls of half a second miss a limit of 0.5 s and meet a limit of 0.51 s."""
    production.takes_s = 0.5
    production.calls(100, 0)
    result = production.verdict(0.2, config={"latency_p95_s": limit})

    assert result.figures["rates"]["system_prompt"]["met"]["latency"]["k"] == slow


@pytest.mark.parametrize("every", [3, 5])
def test_the_printed_day_includes_the_calls_of_a_rise(production, every):
    """A rise takes days to notice. The printed command begins with the day on which the rise began."""
    production.calls(4_000, 0)
    began = datetime.fromtimestamp(production.now, UTC).date().isoformat()
    production.calls(120, every, SHAPE, after_s=DAY / 20)

    result = production.verdict()

    assert result.verdict == "FIND_WHAT_CHANGED"
    assert f"--since {began}" in result.figures["next_step"]
