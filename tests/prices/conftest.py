"""What the tests of prices share."""

import json

import pytest


@pytest.fixture
def table(tmp_path):
    """Write a table and give its path."""

    def write(content):
        path = tmp_path / "prices.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write
