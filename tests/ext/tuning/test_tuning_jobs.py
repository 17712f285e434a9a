"""Stories about a tuning job: the store of the training set knows it, and `decide` takes it as proof of an active tuner."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from schema_guard import open_store
from schema_guard.ext.tuning.commands import run
from schema_guard.testing import serve_tuning
from tests.needs import needs
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.decide.production import Production

BASE = "small"
pytestmark = needs("tuning", "loopback")


@pytest.fixture
def story(tmp_path, monkeypatch):
    """A training set of a function whose texts are stored."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setattr(run, "Following", partial(run.Following, first_s=0.0, wait=lambda seconds: None))
    with stopped_clock() as clock, open_store(f"{tmp_path}/records.db?payload=redacted") as store:
        story = Production(store, clock, tmp_path)
        story.calls(150, 0)
        status, out, _ = story.run(
            "tune", "prepare", "--function", "shop.extract", "--output", tmp_path / "set", "--accept-unchecked",
            "--base", BASE,
        )  # fmt: skip
        assert status == 0, out
        yield story


def tune(story, *more):
    """Begin the job, and follow it to its end."""
    with serve_tuning() as server:
        arguments = (
            "--backend", "openai", "--url", server.openai_url, "--base", BASE, "--yes",
        )  # fmt: skip
        status, _, err = command("tune", "run", story.folder / "set", *arguments, *more)
        assert status == 0, err
        return err


def is_active(story, after_days=0):
    """Return whether the account is known to be an active tuner, and the notes."""
    day = datetime.fromtimestamp(story.now, UTC).date() + timedelta(after_days)
    (story.folder / "with.json").write_text(json.dumps({"day": day.isoformat()}))
    text = story.run("decide", "--with", story.folder / "with.json", "--format", "json")[1]
    verdict = json.loads(text)
    return verdict["counted"]["feasibility"]["active_tuner"], " ".join(verdict["notes"])


def test_a_job_makes_an_active_tuner_for_60_days(story):
    """Before the job nothing is known. A job that is run again is stored once."""
    assert is_active(story)[0] is None

    tune(story)
    assert command("tune", "run", story.folder / "set")[0] == 0

    known, notes = is_active(story)
    assert known is True
    assert notes.count("the store has a tuning job (openai small ftjob-") == 1
    assert (is_active(story, 59)[0], is_active(story, 60)[0]) == (True, None)


def test_a_merged_store_has_the_jobs(story, tmp_path):
    """An export and its import carry them."""
    tune(story)
    story.run("store", "export", "-o", tmp_path / "all.jsonl")
    other = f"sqlite:///{tmp_path}/other.db"
    assert command("store", "import", tmp_path / "all.jsonl", "--store", other)[0] == 0

    story.store.close()
    with open_store(other) as store:
        story.store = store
        assert is_active(story)[0] is True


def test_a_store_that_is_gone_is_reported(story, tmp_path):
    """The job runs, and a note says what `decide` does not know."""
    story.store.close()
    (tmp_path / "records.db").rename(tmp_path / "moved.db")

    words = tune(story)

    assert "the store has no record of the job:" in words
    assert not (tmp_path / "records.db").exists()
