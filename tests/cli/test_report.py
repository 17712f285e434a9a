"""The command `report`, by its arguments, its output and its exit status."""

import json

import pytest

from tests.cli.command_lines import run, script

RIGHT = ['{"a": 1}', '{"a": 2}']


def test_report_of_an_empty_store(capsys, folder):
    """A store that was never written has no data, is no error, and is not made by looking."""
    status, out, err = run(capsys, "report", "--store", "sqlite:///none.db")

    assert (status, err) == (0, "")
    assert out.startswith("no data: no guarded call is recorded in sqlite:")
    assert not (folder / "none.db").exists()


@pytest.mark.parametrize(
    ("since", "calls"), [("1h", 2), ("2020-01-01", 2), ("2100-01-01T00:00", 0), ("0m", 0)]
)
def test_report_since(capsys, folder, suite, since, calls):
    """A time is a date or so long ago."""
    store = "sqlite:///records.db"
    run(capsys, "bench", "suite", "--model", script(folder, *RIGHT), "--strategy", "bare", "--store", store)
    _, out, _ = run(capsys, "report", "--store", store, "--since", since, "--format", "json")

    assert sum(found["calls"] for found in json.loads(out)["configurations"]) == calls
