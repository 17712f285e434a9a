"""CPU time and memory of each part of the library for schemas and replies that are made to be slow."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import schema_guard
from tests.ext.hostile_costs import WAYS, cases

ROOT = Path(schema_guard.__file__).parents[1]
_MOST_S, _MOST_MB = 1.0, 150


@pytest.mark.costly
@pytest.mark.parametrize("group", WAYS)
def test_hostile_schema_and_reply_cost_at_most_a_second(group):
    """Each schema and reply takes at most 1 s of CPU and 150 MB, or is refused before."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.ext.hostile_costs", group],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        cwd=ROOT,
    )
    results = list(map(json.loads, done.stdout.splitlines()))

    assert [name for name, *_ in results] == [name for name, *_ in cases(group)], done.stderr
    assert [each for each in results if each[2] > _MOST_S or each[3] > _MOST_MB] == []


def test_there_are_hundreds_of_cases():
    """Every part of the library is run with every schema, or with a part of them for each of its variants."""
    assert sum(len(cases(group)) for group in WAYS) >= 200
