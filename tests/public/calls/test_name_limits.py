"""Facts about how many segments and names of models the records of a function hold."""

import itertools
from collections import Counter

import pytest

from schema_guard import About, guard, tags
from tests.public.calls.functions import GOOD, TOTAL

MOST_SEGMENTS, MOST_MODELS = 200, 50
numbers = itertools.count()


def named(name):
    """Give a completion of a model of this name."""
    message = {"role": "assistant", "content": GOOD}
    return {"object": "chat.completion", "model": name, "choices": [
        {"index": 0, "finish_reason": "stop", "message": message}
    ]}  # fmt: skip


def asking(store, reply=named, **settings):
    """Guard a function that nobody else has called: the model in its reply is its task."""
    return guard(TOTAL, strategy="bare", store=store, name=f"f{next(numbers)}", **settings)(reply)


def counted(store, column):
    return Counter(row[column] for row in store.attempts())


def said(caplog):
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("reply", [named, lambda task: GOOD], ids=["a provider's", "a text"])
def test_segments_are_bounded(store, caplog, reply):
    """The first 200 segments of a function keep their names, all others are one; that is said once."""
    ask = asking(store, reply)
    for number in range(MOST_SEGMENTS + 25):
        with tags(segment=f"s{number}"):
            ask("m")
    with tags(segment="s3"):
        ask("m")

    result = counted(store, "segment")
    assert (len(result), result["others"], result["s3"], result["s199"]) == (MOST_SEGMENTS + 1, 25, 2, 1)
    assert len(said(caplog)) == 1
    assert (
        " has more than 200 segments. schema_guard records the calls of all further ones under 'others'"
        in said(caplog)[0]
    )


def test_names_of_models_are_bounded(store, caplog):
    """The first 50 names that replies say keep their names, all others are one."""
    ask = asking(store)
    for number in range(MOST_MODELS + 7):
        ask(f"m{number}")

    result = counted(store, "model")
    assert (len(result), result["others"], result["m0"]) == (MOST_MODELS + 1, 7, 1)
    assert " has more than 50 names of models in its replies" in said(caplog)[0]


def test_what_the_program_names_is_never_folded(store):
    """A segment and a model that are given at decoration keep their names behind any number of others."""
    name = f"f{next(numbers)}"
    for number in range(MOST_SEGMENTS + 9):
        about = About(version="1", segment=f"s{number}", model=f"m{number}")
        guard(TOTAL, strategy="bare", store=store, name=name, about=about)(named)("x")

    for column in ("segment", "model"):
        assert len(counted(store, column)) == MOST_SEGMENTS + 9
        assert "others" not in counted(store, column)


def test_the_caller_sees_the_names_as_they_are(store):
    """Only the records are folded."""
    ask = asking(store)
    for number in range(MOST_MODELS + 1):
        outcome = ask.outcome(f"m{number}")

    assert outcome.call.model == f"m{MOST_MODELS}"


@pytest.mark.parametrize("version", ["1", "2"])
def test_each_version_has_its_own_names(store, version):
    """What one version of a function was called with takes nothing from another one."""
    ask = guard(TOTAL, strategy="bare", store=store, name="of versions", about=About(version=version))(named)
    for number in range(MOST_MODELS):
        ask(f"{version}-{number}")

    assert "others" not in counted(store, "model")
