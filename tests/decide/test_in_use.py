"""Which configurations are in use, by the order of arrival."""

from hypothesis import given
from hypothesis import strategies as st

from schema_guard.decide.in_use import LEAST_ABSENCE, absences, before, calls_in_use, main_of

ORDERS = st.lists(st.sampled_from("abc"), min_size=1, max_size=200)


def gaps_of(order, name):
    """Return the absences of a configuration, the present one last."""
    places = [place for place, one in enumerate(order) if one == name]
    return [after - place - 1 for place, after in zip(places, [*places[1:], len(order)], strict=True)]


@given(ORDERS)
def test_absences_are_counted_call_by_call(order):
    """The present absence follows the last own call, and the longest lies between two own calls."""
    found = absences([], order)

    assert found.keys() == set(order)
    for name, absence in found.items():
        *earlier, now = gaps_of(order, name)
        assert absence[:2] == (now, max(earlier, default=0))


@given(ORDERS)
def test_one_configuration_is_always_in_use_and_main(order):
    """The configuration of the last call is not gone, and what is gone is not the main one."""
    found = absences([], order)

    assert not found[order[-1]].is_gone
    assert not found[main_of(calls_in_use([], order, found, 1_000), found, {})].is_gone


@given(ORDERS, st.sampled_from("abc"))
def test_what_is_gone_returns_with_its_next_call(order, name):
    """A configuration is in use as soon as a call of its own arrives."""
    assert not absences([], [*order, name])[name].is_gone


@given(ORDERS, st.integers(1, 50))
def test_what_is_absent_for_twice_as_long_as_ever_is_gone(order, more):
    """Further calls of others make a configuration gone at 10 calls, or at twice its longest absence, and not before."""
    found = absences([], order)["a"] if "a" in order else None
    if found is None:
        return

    later = absences([], [*order, *["z"] * more])["a"]

    assert later.is_gone == (found.absent + more >= max(LEAST_ABSENCE, 2 * found.longest_absence))


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(1, 20)), max_size=8), ORDERS)
def test_hours_never_lengthen_an_absence(hours, order):
    """Calls that are known by the hour give an absence that one order of these calls has at least."""
    single = [name for hour in hours for name, count in hour.items() for _ in range(count)]
    exact, known = absences([], [*single, *order]), absences(hours, order)

    assert known.keys() == exact.keys()
    assert all(known[name].absent <= exact[name].absent for name in known)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(1, 20)), max_size=8), st.data())
def test_hours_and_single_calls_hold_each_call_once(hours, data):
    """The calls that are known one by one are deleted from the latest hours."""
    total = {name: sum(hour.get(name, 0) for hour in hours) for name in "abc"}
    calls = [name for name, n in total.items() for _ in range(data.draw(st.integers(0, n)))]

    rest = before(hours, calls)

    for name, n in total.items():
        assert sum(hour.get(name, 0) for hour in rest) + calls.count(name) == n


def test_a_configuration_of_the_night_is_in_use_by_day():
    """Of 100 calls a day, 30 come at night: the day's 70 calls are no longer absence than those of the day before."""
    order = (["day"] * 70 + ["night"] * 30) * 5 + ["day"] * 69

    found = absences([], order)

    assert not found["night"].is_gone
    assert main_of(calls_in_use([], order, found, 1_000), found, {}) == "day"


def test_the_main_configuration_has_the_most_calls_since_another_left():
    """After a switch from a to b, the ten per cent of the canary c do not make it the main one."""
    order = (["a"] * 9 + ["c"]) * 500 + (["b"] * 9 + ["c"]) * 3

    found = absences([], order)
    assert main_of(calls_in_use([], order, found, 1_000), found, {}) == "b"
