"""The tables of SDKs in the documentation are what comes out, with the SDKs that are installed here."""

import pytest

from tests.public.ext.sdks.table import CHAPTER, VALID, VERSIONS, WRONG, cells_of, installed, sdks

TEXT = CHAPTER.read_text(encoding="utf-8")
SDKS = sdks()
PLACES = [cells_of(case) for sdk in SDKS for case in [*sdk.cases, *sdk.failures]]


def trial(place):
    """Give a case as a parameter, which is skipped where its SDK is not installed."""
    sdk = place.case.sdk
    absent = pytest.mark.skipif(installed(sdk) is None, reason=f"{sdk} is not installed here")
    return pytest.param(place, marks=absent, id=place.case.id)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # what SDKs warn of among themselves
@pytest.mark.parametrize("place", [trial(place) for place in PLACES])
def test_what_comes_of_a_call_is_what_the_table_says(place):
    """Value, tokens, finish reason and model of a valid reply; what is made of every other one."""
    text = place.table.rows_of(TEXT)[place.row]

    assert place.tried() == {column: text[column] for column in place.columns}


@pytest.mark.parametrize("table", [VALID, WRONG], ids=["valid", "wrong"])
def test_a_table_has_the_cases_and_no_others(table):
    """Every case has its cells, every cell a case, and no two cases are one."""
    cells = [(*row, column) for row, of in table.rows_of(TEXT).items() for column in of]

    cases = [(*place.row, column) for place in PLACES if place.table is table for column in place.columns]
    assert sorted(cells) == sorted(cases)


def test_the_version_of_every_package_is_named():
    """What was tried is named with its version and the day."""
    assert [sdk for (sdk,) in VERSIONS.rows_of(TEXT)] == [sdk.name for sdk in SDKS]


@pytest.mark.parametrize("table", [VALID, WRONG, VERSIONS], ids=["valid", "wrong", "versions"])
def test_a_table_is_written_as_it_is_read(table):
    """Writing what was read changes nothing."""
    assert table.written(TEXT, table.rows_of(TEXT)) == TEXT
