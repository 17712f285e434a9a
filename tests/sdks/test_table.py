"""The table of SDKs in the documentation is what comes out, with the SDKs that are installed here."""

import pytest

from tests.sdks.table import CHAPTER, cases, installed, rows_of, versions_of, written
from tests.sdks.trial import cell_of

TEXT = CHAPTER.read_text(encoding="utf-8")
ROWS = rows_of(TEXT)
CASES = cases()
SDKS = list(dict.fromkeys(case.sdk for case in CASES))


def trial(case):
    """Give a case as a parameter, which is skipped where its SDK is not installed."""
    absent = pytest.mark.skipif(installed(case.sdk) is None, reason=f"{case.sdk} is not installed here")
    return pytest.param(case, marks=absent, id=case.id)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # what SDKs warn of among themselves
@pytest.mark.parametrize("case", [trial(case) for case in CASES])
def test_a_cell_is_what_comes_out(case):
    """The value, the tokens, the finish reason and the model of a call are known as the table says."""
    assert cell_of(case) == ROWS[case.sdk, case.returns][case.how]


def test_the_table_has_the_cases_and_no_others():
    """Every case has a cell, every cell a case, and no two cases are one."""
    cells = [(*row, how) for row, of in ROWS.items() for how in of]

    assert sorted(cells) == sorted((case.sdk, case.returns, case.how) for case in CASES)


def test_the_table_names_the_version_of_every_package():
    """What was tried is named with its version and the day."""
    assert list(versions_of(TEXT)) == SDKS


def test_a_chapter_is_written_as_it_is_read():
    """Writing what was read changes nothing."""
    assert written(TEXT, ROWS, versions_of(TEXT)) == TEXT
