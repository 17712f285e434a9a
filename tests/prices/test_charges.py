"""Facts about what attempts cost while they are made."""

import json

import pytest

from schema_guard import About, InvalidArgument, MissingExtra, Usage, guard
from schema_guard.prices import charges
from schema_guard.prices.charges import Charges, charges_of
from tests.prices.test_costs import LITELLM, OWN

USAGE = Usage(1_000, 150, 800)
SMALL = (200 * 0.25 + 800 * 0.025 + 150 * 2) / 1e6
LARGE = (200 * 5 + 800 * 0.5 + 150 * 25) / 1e6
VALID, INVALID = "{}", "no"


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing of the environment, and nothing that is remembered of it."""
    monkeypatch.delenv("SCHEMA_GUARD_PRICES", raising=False)
    monkeypatch.setattr(charges, "_by_name", {})


def completion(text, model="small", usage=USAGE):
    """Give a completion of OpenAI's form."""
    texts = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input_tokens},
    }
    return {"object": "chat.completion", "model": model, "usage": texts, "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    ]}  # fmt: skip


def outcome(*replies, **about):
    """Return the outcome of a call that gets these replies."""
    value = iter(replies)
    settings = {"store": about.pop("store")} if "store" in about else {}
    return guard({"type": "object"}, about=About(**about), **settings)(lambda prompt: next(value)).outcome(
        "t"
    )


@pytest.mark.parametrize(
    ("models", "cost"),
    [
        (("small",), SMALL),
        (("large", "small"), LARGE),
        (("other", "small"), SMALL),
        (("small-2025-08-07",), SMALL),
        (("small-20250929",), SMALL),
        (("small@20250929",), SMALL),
        (("small-latest",), SMALL),
        (("smaller",), None),
        ((None, None), None),
        ((), None),
    ],
)
def test_an_attempt_costs_what_its_model_does(models, cost):
    """The first name that the table knows is the model's, a dated one without its date where it must be."""
    assert Charges(OWN).cost(USAGE, *models) == (None if cost is None else pytest.approx(cost))


@pytest.mark.parametrize("usage", [Usage(), Usage(1_000), Usage(None, 150), Usage(None, None, 800)])
def test_unknown_tokens_cost_nothing_that_is_known(usage):
    """Without its tokens an attempt's cost is None and never $0."""
    assert Charges(OWN).cost(usage, "small") is None


def test_unknown_cached_tokens_are_priced_as_fresh():
    """A provider that says nothing of a cache has none."""
    assert Charges(OWN).cost(Usage(1_000, 0), "small") == pytest.approx(1_000 * 0.25 / 1e6)


def test_an_unknown_model_is_said_once(caplog):
    """The table's name and the model's are said, once for a table."""
    prices = Charges(OWN)

    assert [prices.cost(USAGE, f"m{number}") for number in range(3)] == [None] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "prices 'prices=' have no model 'm0', so its cost is unknown"
    ]


def test_litellms_table_is_a_table(table):
    """The path of litellm's file does as well."""
    assert Charges(table(LITELLM)).cost(Usage(1_000, 10), "uncached") == pytest.approx(1_020 / 1e6)


def test_a_file_is_read_once_as_long_as_it_stays(table):
    """Many guards share what was read of one file; a changed file is read again."""
    path = table(OWN)
    first = charges_of(path)

    assert charges_of(str(path)) is first
    path.write_text(json.dumps({"small": OWN["large"]}))
    assert charges_of(path).cost(USAGE, "small") == pytest.approx(LARGE)


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ("nowhere.json", "prices 'nowhere.json': expected a JSON file, but reading it failed: "),
        (5, "prices=5: expected the path of a JSON file, 'genai-prices', or a dict from models to prices"),
        ({"small": 5}, "prices at /small: expected"),
        ({"small": {"p_in": -1, "p_cached": 0, "p_out": 0}}, "prices at /small/p_in: expected"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_at_decoration(prices, message):
    """What is wrong with prices= is said when the function is guarded."""
    with pytest.raises(InvalidArgument) as caught:
        guard({}, about=About(prices=prices))

    assert str(caught.value).startswith(message)


def test_a_package_that_is_missing_is_told_at_decoration(monkeypatch):
    """Who names genai-prices without having it is told how to get it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(MissingExtra, match="genai-prices"):
        guard({}, about=About(prices="genai-prices"))


def test_the_package_prices_what_it_knows():
    """The package prices a model that it knows, and of another one the cost is unknown."""
    pytest.importorskip("genai_prices")
    prices = Charges("genai-prices")

    assert prices.cost(Usage(1_000, 100), "gpt-4o") > 0
    assert prices.cost(Usage(1_000, 100), "nobody's model") is None


def test_an_outcome_costs_what_its_attempts_do():
    """Each attempt is priced by its own model, and the outcome costs the sum."""
    result = outcome(completion(INVALID, "small"), completion(VALID, "large"), prices=OWN)

    assert [attempt.cost for attempt in result.attempts] == [pytest.approx(SMALL), pytest.approx(LARGE)]
    assert result.cost == pytest.approx(SMALL + LARGE)


def test_an_unknown_attempt_makes_the_sum_unknown():
    """A sum that lacks a part is None."""
    result = outcome(completion(INVALID, "small"), VALID, prices=OWN)

    assert [attempt.cost for attempt in result.attempts] == [pytest.approx(SMALL), None]
    assert result.cost is None


def test_the_name_that_the_program_gives_is_looked_up_too():
    """Where the table does not know what the reply calls its model, the guard's own name for it counts."""
    assert outcome(completion(VALID, "deployment-7"), prices=OWN, model="large").cost == pytest.approx(LARGE)


def test_without_prices_a_cost_is_unknown():
    """No price is a default."""
    assert outcome(completion(VALID)).cost is None


def test_the_environment_may_name_the_table(monkeypatch, table):
    """SCHEMA_GUARD_PRICES is read at the call; prices= comes before it."""
    ask = guard({})(lambda prompt: completion(VALID))
    monkeypatch.setenv("SCHEMA_GUARD_PRICES", str(table(OWN)))

    assert ask.outcome("t").cost == pytest.approx(SMALL)
    assert outcome(completion(VALID), prices={"small": OWN["large"]}).cost == pytest.approx(LARGE)


@pytest.mark.parametrize("content", [None, "no JSON", "[]", '{"small": {"p_in": "free"}}'])
def test_a_table_of_the_environment_never_touches_the_call(monkeypatch, table, caplog, content):
    """A table that cannot be read leaves the cost unknown, and that is said once."""
    monkeypatch.setenv("SCHEMA_GUARD_PRICES", "/nowhere" if content is None else str(table(content)))

    results = [outcome(completion(VALID)) for _ in range(2)]

    assert [(one.ok, one.cost) for one in results] == [(True, None)] * 2
    assert len(caplog.records) == 1


def test_a_cost_is_recorded():
    """The row of an attempt has what it cost."""
    from schema_guard import open_store

    with open_store("sqlite://") as store:
        outcome(completion(VALID), prices=OWN, store=store)
        assert [row["cost"] for row in store.attempts()] == [pytest.approx(SMALL)]
