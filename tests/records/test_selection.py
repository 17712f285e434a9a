"""Which configurations are meant by a name, and what is said of one that is not there."""

import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.records import open_store
from schema_guard.records.selection import rows_of
from tests.decide.records import DAY, record


@pytest.fixture(scope="module")
def store():
    """Calls of three functions under two schemas, in two segments."""
    with open_store("sqlite://") as opened:
        record(opened, 1, 0, function="shop.mail.extract")
        record(opened, 1, 0, function="shop.scan.extract", segment="eu", started_at=DAY)
        record(opened, 1, 0, function="triage", schema_name="Ticket", schema_fingerprint="a" * 16)
        yield opened


def functions(store, **asked):
    """Whose rows are given."""
    return [row.function for row in rows_of(store, **asked)]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["shop.mail.extract", "shop.scan.extract", "triage"]),
        ({"schema": "Ticket"}, ["triage"]),
        ({"schema": "a" * 16}, ["triage"]),
        ({"function": "triage"}, ["triage"]),
        ({"function": "scan.extract"}, ["shop.scan.extract"]),
        ({"function": "extract", "segment": "eu"}, None),
        ({"segment": "eu"}, ["shop.scan.extract"]),
        ({"segment": "(no segment)"}, ["shop.mail.extract", "triage"]),
        ({"schema": "Invoice", "since": DAY / 2}, ["shop.scan.extract"]),
        ({"function": "triage", "since": DAY}, []),
    ],
)
def test_names_choose(store, asked, found):
    """A function goes by an end of its name; a name without calls since some day is a name."""
    if found is None:
        with pytest.raises(InvalidArgument):
            functions(store, **asked)
    else:
        assert functions(store, **asked) == found


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"schema": "Tikcet"}, "no schema 'Tikcet' is recorded in sqlite://. Did you mean 'Ticket'"),
        ({"function": "triag"}, "no function 'triag' .* Did you mean 'triage'"),
        ({"function": "extrac"}, "Did you mean 'shop.mail.extract' or 'shop.scan.extract'"),
        ({"function": "scn.extract"}, "Did you mean 'shop.scan.extract'"),
        ({"function": "tract"}, "no function 'tract'"),
        ({"function": "zzz"}, "Expected one of shop.mail.extract, shop.scan.extract, triage"),
        (
            {"function": "extract"},
            "2 names have this ending: shop.mail.extract, shop.scan.extract. Write more of the name",
        ),
        ({"segment": "us"}, "no segment 'us' .* Expected one of"),
        ({"schema": "Ticket", "function": "extract"}, "no function 'extract' .* Expected triage"),
    ],
)
def test_what_is_not_there_is_an_error_with_what_is_near(store, asked, told):
    """A name that nothing has is an error, and so is an end that several have."""
    with pytest.raises(InvalidArgument, match=told):
        rows_of(store, **asked)


def test_the_whole_name_goes_first():
    """A name that is the end of another one can be asked for."""
    with open_store("sqlite://") as store:
        record(store, 1, 0, function="extract")
        record(store, 1, 0, function="shop.extract")

        assert functions(store, function="extract") == ["extract"]


def test_a_trial_goes_by_its_whole_name():
    """The function at the end of a playbook run's name is no other function of that end."""
    with open_store("sqlite://") as store:
        record(store, 1, 0, function="playbook:1:few_shot:shop.extract")
        record(store, 1, 0, function="shop.extract")

        assert functions(store, function="extract") == ["shop.extract"]
        assert functions(store, function="playbook:1:few_shot:shop.extract") == [
            "playbook:1:few_shot:shop.extract"
        ]


def test_an_empty_store_has_no_names():
    """A name in an empty store is an error as well."""
    with open_store("sqlite://") as store, pytest.raises(InvalidArgument, match="which has no calls"):
        rows_of(store, function="extract")


def test_names_are_those_of_all_configurations(store):
    """Names are found without counts, and are those that the counts have."""
    known = {
        (row.schema_name, row.schema_fingerprint, row.function, row.segment) for row in store.configurations()
    }

    assert store.names() == known


def test_only_what_is_asked_for_is_counted(store, monkeypatch):
    """A function is found by its name before anything is counted."""
    asked = []
    counts = store.configurations
    monkeypatch.setattr(store, "configurations", lambda **names: asked.append(names) or counts(**names))

    assert functions(store, function="scan.extract") == ["shop.scan.extract"]
    assert [names["function"] for names in asked] == ["shop.scan.extract"]
