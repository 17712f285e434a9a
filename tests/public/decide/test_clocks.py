"""Stories of clocks that are wrong: the order of arrival decides, and the head reports the clocks."""

import json
import random
import re
import shlex
from datetime import UTC, datetime

import pytest

from tests.public.commands.printed import commands_in
from tests.public.decide.production import DAY, ENUM, TICKET


def on_two_machines(production, n, rate, chance, *, ahead_s):
    """Make n calls on one machine or the other by chance. The second clock is ahead of the first."""
    for _ in range(n):
        shift = ahead_s if chance.random() < 0.5 else 0.0
        production.clock.now += shift
        production.calls(1, int(chance.random() < rate), ENUM, after_s=60.0 - shift)


def command_of(result):
    """Return the arguments of the command in the next step."""
    return shlex.split(commands_in(result.figures["next_step"])[-1])[1:]


def test_calls_later_than_now_are_counted(production):
    """The clock was two days ahead for 70 calls. Then somebody set it."""
    production.clock.now += 2 * DAY
    production.calls(70, 0)
    production.clock.now -= 2 * DAY + 70 * 60.0
    production.calls(600, 0)

    head = production.verdict().head

    assert "clocks 70 of the last 670 calls have a time in the future" in head
    assert "earlier than a call before them" not in head


@pytest.mark.parametrize("ahead_s", [-3 * 3_600.0, -10 * DAY])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_rise_begins_where_it_arrived(production, seed, ahead_s):
    """Two machines have clocks apart. From call 1,500 on, 12% of the calls on both fail."""
    chance = random.Random(seed)
    on_two_machines(production, 1_500, 0.003, chance, ahead_s=ahead_s)
    on_two_machines(production, 700, 0.12, chance, ahead_s=ahead_s)

    result = production.verdict()
    status, out, _ = production.run(*command_of(result)[:-2], "--format", "json")

    assert result.verdict == "FIND_WHAT_CHANGED"
    assert re.search(
        r"clocks 1,\d\d\d of the last 2,200 calls have a time over an hour earlier than the call before it",
        result.head,
    )
    later = json.loads(out)
    assert (status, later["verdict"]) == (1, "USE_CONSTRAINED_DECODING")
    assert later["calls"] == pytest.approx(700, abs=100)
    assert (
        later["rates"][result.figures["strategy"]]["k"]
        >= result.figures["change"][result.figures["strategy"]]["since_k"]
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_clocks_that_agree_within_an_hour_are_not_named(production, seed):
    """Two machines have clocks half an hour apart. The command has the day of the rise."""
    chance = random.Random(seed)
    on_two_machines(production, 1_200, 0.003, chance, ahead_s=-1_800.0)
    on_two_machines(production, 500, 0.12, chance, ahead_s=-1_800.0)

    result = production.verdict()

    assert " dated " not in result.head
    assert " --since 2026-05-2" in result.figures["next_step"]


def test_a_call_as_the_beginning_selects_by_the_order_of_arrival(production):
    """Ten calls of a late clock arrive before the named call. Twenty of an early clock arrive after it."""
    production.calls(10, 0)
    production.clock.now += 600.0
    production.calls(1, 1)
    call = list(production.store.attempts())[-1]["call_id"]
    production.clock.now -= 2 * DAY
    production.calls(20, 0)

    report = json.loads(production.run("report", "--since", call, "--format", "json")[1])

    assert [(group["calls"], group["failed"]["count"]) for group in report["groups"]] == [(21, 1)]


def test_after_a_deletion_a_call_as_the_beginning_selects_by_its_time(production):
    """The rows of a later call are deleted. Its counts have an hour, and no place in the order of arrival."""
    production.calls(10, 0, after_s=3_600.0)
    first, second = (attempt["call_id"] for attempt in list(production.store.attempts())[4:6])
    production.run("store", "delete", "--call", second, "--yes")

    report = json.loads(production.run("report", "--since", first, "--format", "json")[1])

    assert [group["calls"] for group in report["groups"]] == [6]


STRICTER = {**TICKET, "required": ["team", "code"]}
CODED = '{"team": "a", "code": "X"}'


@pytest.mark.parametrize("ahead_s", [5 * 3_600.0, 2 * DAY])
def test_the_newest_schema_is_the_one_that_arrived_last(production, ahead_s):
    """The old contents came from a machine whose clock is ahead. The new ones replaced it half an hour ago."""
    production.clock.now += ahead_s
    production.calls(600, 3, after_s=10.0)
    production.clock.now -= ahead_s
    production.calls(180, 0, after_s=10.0, schema=STRICTER, good=CODED)

    result = production.verdict()

    assert (result.figures["calls"], result.figures["left_out"]) == (180, 600)
    assert result.figures["breach"] == []


@pytest.mark.parametrize("seed", [3, 4])
def test_the_newest_schema_of_two_machines_is_the_one_that_arrived_last(production, seed):
    """Both contents are called by chance, while the new ones are rolled out to a machine with a late clock."""
    chance = random.Random(seed)
    on_two_machines(production, 300, 0.1, chance, ahead_s=-3 * 3_600.0)
    newer = 0
    for _ in range(400):
        if chance.random() < 0.4:
            production.calls(1, 1, after_s=60.0)
        else:
            newer += 1
            production.clock.now -= 3 * 3_600.0
            production.calls(1, 0, after_s=60.0 + 3 * 3_600.0, schema=STRICTER, good=CODED)
    production.clock.now -= 3 * 3_600.0
    production.calls(20, 0, after_s=60.0, schema=STRICTER, good=CODED)
    production.clock.now += 3 * 3_600.0

    result = production.verdict()

    assert (result.figures["calls"], result.figures["breach"]) == (20 + newer, [])


def test_until_a_time_the_newest_schema_is_the_one_of_then(production):
    """The new contents came later than the end of the time."""
    production.calls(100, 0)
    ends = production.now
    production.calls(100, 0, schema=STRICTER, good=CODED)

    document = json.loads(
        production.run(
            "decide", "--until", datetime.fromtimestamp(ends, UTC).isoformat(), "--format", "json"
        )[1]
    )

    assert (document["calls"], document["left_out"]) == (100, 0)
