"""The example of the telemetry chapter runs."""

import runpy
from pathlib import Path

import pytest

import schema_guard
from schema_guard.ext import telemetry
from schema_guard.records import recorder


def test_the_example_of_the_chapter_runs(monkeypatch, tmp_path):
    """The chapter's first block tells OpenTelemetry's global providers of its call."""
    pytest.importorskip(
        "opentelemetry.sdk", reason="needs opentelemetry-sdk: pip install 'schema-guard[otel]'"
    )
    chapter = Path(schema_guard.__file__).parent / "docs" / "telemetry.md"
    example = chapter.read_text(encoding="utf-8").partition("```py\n")[2].partition("```")[0]
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "none")
    (tmp_path / "shop.py").write_text(example, encoding="utf-8")

    runpy.run_path(str(tmp_path / "shop.py"))

    assert telemetry.flush(5.0) == 0
    assert list(recorder.follower.counters.read()["calls"].values()) == [1]
