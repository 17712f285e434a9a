"""Candidates that a model writes with gepa. They need the same proof as the others."""

import asyncio
import json
import signal
import socket

import pytest

from schema_guard.errors import MissingExtra
from schema_guard.ext.improve import reflection
from schema_guard.ext.improve.prompt_file import read_prompt
from schema_guard.ext.improve.result import read_provenance
from schema_guard.ext.improve.run import improve
from schema_guard.ext.improve.values import ImproveSettings
from schema_guard.models.scripted import ScriptedModel
from tests.ext.improve.improve_models import WeakModel, task_of, text_of, texts

pytest.importorskip("gepa")

SETTINGS = ImproveSettings(concurrency=1)
# No candidate of the failure map has it.
NEEDED = "Never call an order urgent."


class Writer(ScriptedModel):
    """Writes the sentence that helps, or another one. It hears everything it is asked."""

    def __init__(self, sentence=NEEDED):
        super().__init__([], name="writer")
        self._sentence = sentence
        self.heard = []

    async def acall(self, prompt, *, options=None):
        self.heard.append(prompt)
        current = prompt.split("```")[1].strip()
        return f"I suggest:\n```\n{current}\n{self._sentence}\n```"


@pytest.fixture(autouse=True)
def no_sockets(monkeypatch):
    """Forbid connections."""

    def refuse(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_proves_a_sentence_that_a_model_wrote(tmp_path):
    """The winner is a written text, its added lines name the writer, and the calls stay within the limit."""
    result = improve(task_of(tmp_path, WeakModel(NEEDED), writer=Writer()), SETTINGS)

    assert result.is_proved
    assert NEEDED in read_prompt(result.path).instructions
    assert result.winner.name.startswith("gepa ")
    assert read_provenance(tmp_path)["winner"]["added"][0]["reason"].startswith("written by writer; ")
    assert result.calls <= SETTINGS.max_calls


def test_a_text_that_does_not_help_proves_nothing(tmp_path):
    """A writer without a good idea costs calls, and no more than its part of them."""
    writer = Writer("Do your best.")
    result = improve(task_of(tmp_path, WeakModel(None), writer=writer), SETTINGS)

    assert not result.is_proved
    assert writer.heard
    assert result.calls <= SETTINGS.max_calls


def test_the_writer_sees_failures_of_the_map_only(tmp_path):
    """It gets the messages of the failures, and no input of the race or the proof."""
    writer, model = Writer(), WeakModel(NEEDED)
    result = improve(task_of(tmp_path, model, writer=writer), SETTINGS)
    seen = "\n".join(writer.heard)
    shown = [text for text in texts(180) if text in seen]
    raced = [
        text
        for text in texts(180)
        if any(NEEDED in text_of(one) and text in text_of(one) for one in model.heard)
    ]

    assert "'urgent'" in seen
    assert "The reply is valid." in seen
    assert len(shown) <= result.parts[0]
    assert len(raced) > len(shown)


def test_the_same_command_continues_the_search(tmp_path):
    """A second run takes all replies from the journals, and has the same result."""
    first = improve(task_of(tmp_path, WeakModel(NEEDED), writer=Writer()), SETTINGS)
    writer, model = Writer(), WeakModel(NEEDED)
    again = improve(task_of(tmp_path, model, writer=writer), SETTINGS)

    assert (writer.heard, model.heard) == ([], [])
    assert (again.winner, again.proof, again.calls) == (first.winner, first.proof, first.calls)


def test_continues_after_a_kill_within_a_line(tmp_path):
    """The search requests only the reply that is cut off."""
    improve(task_of(tmp_path, WeakModel(NEEDED), writer=Writer("Do not guess.")), SETTINGS)
    file = tmp_path / "search" / "writer.jsonl"
    file.write_text(file.read_text()[:-5])
    writer = Writer("Do not guess.")
    improve(task_of(tmp_path, WeakModel(NEEDED), writer=writer), SETTINGS)

    assert len(writer.heard) == 1


def test_an_interrupted_writer_ends_the_run(tmp_path):
    """Ctrl-C while the model writes ends the search, and the next run continues it."""

    class Interrupted(Writer):
        async def acall(self, prompt, *, options=None):
            if self.heard:
                signal.raise_signal(signal.SIGINT)
                await asyncio.sleep(10)
            return await super().acall(prompt, options=options)

    result = improve(task_of(tmp_path, WeakModel(None), writer=Interrupted("Do your best.")), SETTINGS)
    lines = (tmp_path / "search" / "writer.jsonl").read_text().splitlines()

    assert result.ended == "interrupted"
    assert len([json.loads(line) for line in lines if line]) == 1


def test_names_the_extra_of_a_missing_package(monkeypatch):
    """The error has the command that installs it."""

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(reflection, "import_module", missing)

    with pytest.raises(
        MissingExtra, match=r"optimizer 'gepa' needs gepa. Run pip install 'schema-guard\[gepa\]'"
    ):
        reflection.sdk()
