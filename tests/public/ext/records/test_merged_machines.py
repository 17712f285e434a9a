"""Stories of machines whose stores are merged: which models are in use, by the times of the calls."""

import json

import pytest

from tests.public.decide.production import DAY, GOOD, TICKET, two_machines

STRICTER = {**TICKET, "required": ["team", "code"]}
CODED = '{"team": "a", "code": "X"}'


@pytest.fixture
def machines(tmp_path):
    """Two machines with a clock and stores of their own. The first store is also the one into which stores are merged."""
    with two_machines(tmp_path) as both:
        yield both


def merge(into, *others):
    """Import the stores of other machines into the store of a machine."""
    for other in others:
        other.store.flush(60.0)
        status, _, err = into.run(
            "store", "import", other.folder / other.store.url.rsplit("/", 1)[1], "--unlinked"
        )
        assert status == 0, err


def uses(machine):
    """Return the use of each configuration in `decide`, and whether it is gone in `report`."""
    decided = json.loads(machine.run("decide", "--max-failure-rate", "1%", "--format", "json")[1])
    reported = json.loads(machine.run("report", "--by", "model", "--format", "json")[1])
    return (
        {name.split()[-1]: use["use"] for name, use in decided.get("uses", {}).items()},
        {group["model"]: group["is_gone"] for group in reported["groups"]},
    )


def test_models_of_the_same_hours_are_both_in_use(machines):
    """Each machine makes a call a minute, for two hours."""
    first, second = machines
    began = first.clock.now
    first.calls(120, 0, model="m1")
    first.clock.now = began + 30.0
    second.calls(120, 0, model="m2")

    merge(first, second)

    decided, reported = uses(first)
    assert sorted(decided.values()) == ["beside", "main"]
    assert reported == {"m1": False, "m2": False}


@pytest.mark.parametrize("later_s", [1_800.0, 7_200.0])
def test_a_store_that_was_copied_earlier_is_still_in_use(machines, later_s):
    """The copy of the first store lacks the last calls of its machine."""
    first, second = machines
    began = first.clock.now
    first.calls(2_000, 0, model="m1", after_s=10.0)
    first.clock.now = began + 5.0
    second.calls(2_000 + int(later_s // 10), 0, model="m2", after_s=10.0)

    merge(first, second)

    decided, reported = uses(first)
    assert sorted(decided.values()) == ["beside", "main"]
    assert reported == {"m1": False, "m2": False}


def test_calls_after_a_merge_leave_the_models_of_the_other_machine_in_use(machines):
    """Every night a machine imports the store of the other one. Its own calls of the morning do not end the other's model."""
    first, second = machines
    began = first.clock.now
    first.calls(200, 0, model="m1")
    first.clock.now = began + 30.0
    second.calls(200, 0, model="m2")
    merge(first, second)

    first.calls(300, 0, model="m1")

    assert uses(first)[1] == {"m1": False, "m2": False}


def test_a_model_of_an_old_store_is_gone(machines):
    """An archive is imported after the calls of today."""
    first, second = machines
    first.clock.now -= 5 * DAY
    second.calls(300, 0, model="m1")
    first.clock.now += 5 * DAY
    first.calls(300, 0, model="m2")

    merge(first, second)

    assert uses(first) == ({"m1": "gone", "m2": "main"}, {"m1": True, "m2": False})


def test_a_switch_in_an_imported_store_is_found(machines):
    """The store of production is imported elsewhere. It has a switch to another model."""
    first, second = machines
    second.calls(600, 0, model="m1")
    second.calls(100, 3, model="m2")

    merge(first, second)

    assert uses(first) == ({"m1": "gone", "m2": "main"}, {"m1": True, "m2": False})


def test_a_switch_after_a_merge_is_found_at_once(machines):
    """After the merge, a machine switches to a third model."""
    first, second = machines
    began = first.clock.now
    first.calls(120, 0, model="m1")
    first.clock.now = began + 30.0
    second.calls(120, 0, model="m1")
    merge(first, second)

    first.calls(10, 0, model="m3")

    assert uses(first) == ({"m1": "gone", "m3": "main"}, {"m1": True, "m3": False})


def test_clocks_are_not_wrong_because_of_a_merge(machines):
    """The calls of a second machine are stored after later calls of the first one."""
    first, second = machines
    began = first.clock.now
    first.calls(300, 0)
    first.clock.now = began + 30.0
    second.calls(300, 0)

    merge(first, second)

    assert "call before it" not in first.run("decide", "--max-failure-rate", "1%")[1]


def test_the_newest_schema_of_merged_stores_is_the_one_of_the_last_calls(machines):
    """The archive has the calls with the earlier contents of the schema."""
    first, second = machines
    first.clock.now -= 5 * DAY
    second.calls(300, 0, good=GOOD)
    first.clock.now += 5 * DAY
    first.calls(100, 0, schema=STRICTER, good=CODED)

    merge(first, second)

    document = json.loads(first.run("decide", "--max-failure-rate", "1%", "--format", "json")[1])
    assert (document["calls"], document["left_out"]) == (100, 300)


def test_failures_of_merged_stores_keep_their_hours(machines):
    """The earlier store has no failure. The later one fails every fourth call."""
    first, second = machines
    first.clock.now -= 5 * DAY
    second.calls(300, 0)
    first.clock.now += 5 * DAY
    first.calls(300, 4)

    merge(first, second)

    document = json.loads(first.run("decide", "--max-failure-rate", "1%", "--format", "json")[1])
    ((_, change),) = document["change"].items()
    assert change["direction"] == "rise"
    assert change["days"][0] == "2026-05-29"


def test_a_rise_after_a_merge_of_an_archive_has_the_day_of_the_change(machines):
    """The archive has older failed calls, and the merge stores them last. They are not the first calls since the rise."""
    first, second = machines
    first.clock.now -= 30 * DAY
    second.calls(100, 4)
    first.clock.now += 30 * DAY
    first.calls(1_000, 0)
    first.calls(100, 1)

    merge(first, second)

    document = json.loads(first.run("decide", "--max-failure-rate", "1%", "--format", "json")[1])
    ((_, change),) = document["change"].items()
    assert (change["direction"], change["days"][0]) == ("rise", "2026-05-29")
    assert change.get("first_failed") is None


def test_a_rise_before_a_merge_has_the_day_of_the_change(machines):
    """After the merge, calls of a wrong clock fail too. Their first call is not the first one since the rise."""
    first, second = machines
    second.calls(10, 0)
    first.calls(1_000, 0)
    first.calls(100, 1)
    merge(first, second)

    first.calls(20, 1)
    first.clock.now -= 2 * DAY
    first.calls(80, 1)

    document = json.loads(first.run("decide", "--max-failure-rate", "1%", "--format", "json")[1])
    ((_, change),) = document["change"].items()
    assert (change["since_k"], change["days"][0]) == (200, "2026-05-29")
    assert change.get("first_failed") is None
