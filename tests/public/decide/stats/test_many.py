"""Many schemas: which are flagged, and how their rates lean on one another."""

from math import exp, inf, log

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import betaln
from scipy.stats import beta

from schema_guard import InvalidArgument
from schema_guard.stats import Shrinkage, Shrunk, e_bh, e_value, jeffreys, shrink_rates

E_VALUES = st.lists(st.one_of(st.floats(0, 1e4), st.integers(0, 300), st.just(inf)), max_size=30)
DELTAS = st.floats(0.001, 0.999)
REFERENCE = [(400, 2), (50, 1), (8, 0), (600, 30), (200, 4), (3, 0)]


@st.composite
def schemas(draw, least=1):
    """Calls and failed calls of some schemas, up to 10^5 calls each."""
    sizes = draw(st.lists(st.floats(0, 5).map(lambda digits: int(10**digits)), min_size=least, max_size=12))
    rate = draw(st.floats(0.001, 0.5))
    return [(n, min(n, int(n * rate * draw(st.floats(0, 3))))) for n in sizes]


def log_likelihood(schemas, a, b):
    """The likelihood of the counts, by scipy, but for what does not depend on a and b."""
    return sum(betaln(k + a, n - k + b) - betaln(a, b) for n, k in schemas)


@given(E_VALUES, DELTAS)
def test_flags_are_those_of_the_definition(e_values, delta):
    """Flagged are the r largest, for the greatest r whose smallest is at least S / (r delta)."""
    flagged = e_bh(e_values, delta)

    ranked = sorted(e_values, reverse=True)
    fits = [r for r in range(1, len(ranked) + 1) if ranked[r - 1] >= len(ranked) / (r * delta)]
    assert len(flagged) == max(fits, default=0)
    assert sorted((e_values[index] for index in flagged), reverse=True) == ranked[: len(flagged)]


@given(E_VALUES, DELTAS, DELTAS)
def test_a_higher_delta_keeps_every_flag(e_values, one, other):
    """Who allows more false flags loses none."""
    strict, lenient = sorted((one, other))

    assert set(e_bh(e_values, strict)) <= set(e_bh(e_values, lenient))


@given(E_VALUES.filter(bool), DELTAS, st.data())
def test_more_evidence_keeps_every_flag(e_values, delta, data):
    """When one schema's evidence grows, no flag is lost."""
    grown = list(e_values)
    index = data.draw(st.integers(0, len(grown) - 1))
    grown[index] += data.draw(st.floats(0, 1e4))

    assert set(e_bh(e_values, delta)) <= set(e_bh(grown, delta))


@given(st.permutations(list(range(8))), st.lists(st.floats(0, 500), min_size=8, max_size=8), DELTAS)
def test_flags_do_not_depend_on_the_order(order, e_values, delta):
    """The same schemas are flagged in whatever order they are given."""
    shuffled = e_bh([e_values[index] for index in order], delta)

    assert sorted(order[index] for index in shuffled) == e_bh(e_values, delta)


@pytest.mark.parametrize(
    ("e_values", "flagged"),
    [((900, 60, 30, 8, 1), 3), ((30, 25, 20, 15, 1), 4), ((900, 12, 9, 8, 1), 1)],
)
def test_flags_give_the_reference_values(e_values, flagged):
    """So many of five schemas are flagged at a rate of 10 %."""
    assert e_bh(e_values) == list(range(flagged))


def test_single_schema_needs_one_over_delta():
    """One schema is flagged when its odds are 10:1."""
    assert e_bh([10]) == [0]
    assert e_bh([9.99]) == []


def test_nothing_flags_nothing():
    """Without schemas, and without evidence, nothing is flagged."""
    assert e_bh([]) == []
    assert e_bh([e_value(0, 0, 0.01, side="bad")] * 3) == []


@given(schemas())
def test_prior_is_the_likeliest(schemas):
    """No prior that scipy finds from there makes the counts likelier."""
    result = shrink_rates(schemas)
    assume(result.a < inf)
    ours = log_likelihood(schemas, result.a, result.b)

    def height(place):
        a, b = exp(place[0]), exp(place[1])
        return -log_likelihood(schemas, a, b) if 1 <= a + b <= 1e7 else inf

    theirs = minimize(height, [log(result.a), log(result.b)], method="Nelder-Mead")
    assert ours >= -theirs.fun - 1e-6 - 1e-12 * abs(ours)


@given(schemas())
def test_rates_are_drawn_towards_the_mean(schemas):
    """Each rate lies between the schema's own and the mean of all, and in its interval."""
    result = shrink_rates(schemas)

    for (n, k), schema in zip(schemas, result.rates, strict=True):
        low, high = sorted((k / n, result.mean))
        assert low * (1 - 1e-9) <= schema.rate <= high * (1 + 1e-9) or result.a == inf
        assert 0 <= schema.lower <= schema.rate <= schema.upper <= 1


@given(schemas())
def test_intervals_are_those_of_scipy(schemas):
    """The interval of a schema is made of the quantiles of its belief."""
    result = shrink_rates(schemas)
    assume(0.01 < result.a < inf)

    for (n, k), schema in zip(schemas, result.rates, strict=True):
        lower, upper = beta.ppf([0.025, 0.975], result.a + k, result.b + n - k)
        assert schema.lower == pytest.approx(min(lower, schema.rate), rel=1e-6, abs=1e-12)
        assert schema.upper == pytest.approx(max(upper, schema.rate), rel=1e-6)


@given(st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), st.integers(1, 5))
def test_equal_rates_are_one_rate(schema, size):
    """Schemas with the same counts have one rate, with the interval of all calls together."""
    result = shrink_rates([schema] * size)

    n, k = schema
    interval = jeffreys(k * size, n * size)
    expected = Shrunk(k / n, interval.lower, interval.upper)
    assert result == Shrinkage(inf, inf, k / n, (expected,) * size)


def test_shrinkage_gives_the_reference_values():
    """Prior, mean and rates are those of scipy's search."""
    result = shrink_rates(REFERENCE)

    assert (round(result.a, 4), round(result.b, 3), round(result.mean, 6)) == (1.8625, 76.304, 0.023827)
    rates = [round(schema.rate, 5) for schema in result.rates]
    assert rates == [0.00808, 0.02233, 0.02161, 0.04698, 0.02108, 0.02295]


def test_one_group_is_its_own_rate():
    """With one schema there is nothing to lean on."""
    assert shrink_rates([(100, 3)]).rates[0].rate == 0.03


def test_schema_without_calls_gets_what_the_others_share():
    """A schema that was never called has the mean of the others, and the interval of their spread."""
    result = shrink_rates([*REFERENCE, (0, 0)])

    assert result.rates[-1].rate == pytest.approx(result.mean)
    assert result.rates[:-1] == pytest.approx(shrink_rates(REFERENCE).rates)


def test_opposites_are_not_proof_that_nothing_is_between():
    """Of ten calls each, all failed and none: both rates stay inside (0, 1)."""
    result = shrink_rates([(10, 0), (10, 10)])

    assert result.a + result.b == pytest.approx(1)
    assert 0.04 < result.rates[0].rate < 0.05
    assert result.rates[0].upper > 0.2


@pytest.mark.parametrize("schemas", [[], [(0, 0)], [(0, 0), (0, 0)]])
def test_no_calls_have_no_rates(schemas):
    """Without calls there is nothing to lean on, and nothing to lean."""
    assert shrink_rates(schemas) is None


@pytest.mark.parametrize(
    "schemas",
    [
        [(10, 5e-324)],
        [(10**7, 10**5), (10**7, 10**5 + 1)],
        [(10**7, 1), (1, 1), (1, 0)],
        [(10**7, 10**7 - 1), (10**7, 10**7)],
        [(1, 0.5), (3, 2.25), (1000, 1e-9)],
    ],
)
def test_extremes_stay_in_order(schemas):
    """No counts within the limits overflow, underflow or leave the order of the bounds."""
    result = shrink_rates(schemas)

    assert all(0 <= one.lower <= one.rate <= one.upper <= 1 or one.rate == 0 for one in result.rates)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: e_bh([1, -1]), "e_values[1]=-1: expected a number >= 0, which gives the evidence as odds"),
        (
            lambda: e_bh([float("nan")]),
            "e_values[0]=nan: expected a number >= 0, which gives the evidence as odds",
        ),
        (lambda: e_bh([1], 0), "delta=0: expected a number above 0 and below 1"),
        (
            lambda: shrink_rates([(10, 1), 5]),
            "schemas[1]=5: expected a pair, the calls observed and those that failed",
        ),
        (
            lambda: shrink_rates([(1.5, 1)]),
            "schemas[0]: n=1.5: expected an int from 0 to 2**53, the calls observed",
        ),
        (
            lambda: shrink_rates([(10, 11)]),
            "schemas[0]: k=11: expected a number from 0 to n=10, the calls that failed",
        ),
    ],
)
def test_arguments_that_cannot_be(call, message):
    """An inconsistent argument is named with its value and with what was expected."""
    with pytest.raises(InvalidArgument) as caught:
        call()

    assert str(caught.value) == message
