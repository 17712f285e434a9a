"""A whole improvement: map, race, proof, and the files."""

import json
import shlex
from dataclasses import replace

import pytest

from schema_guard import InvalidArgument, Params, guard, open_store
from schema_guard.ext.improve.candidates import PoolExample
from schema_guard.ext.improve.failure_map import Gap, MapCall
from schema_guard.ext.improve.prompt_file import read_prompt
from schema_guard.ext.improve.result import (
    answer_of,
    diff_document,
    document_of,
    guard_line,
    read_provenance,
)
from schema_guard.ext.improve.run import improve
from schema_guard.ext.improve.values import CURRENT, ImproveSettings, PromptInUse
from schema_guard.prompting import Example
from schema_guard.schema import Schema
from tests.ext.improve.improve_models import ORDER, RIGHT, SENTENCE, WeakModel, task_of, text_of, texts

SETTINGS = ImproveSettings(concurrency=1)


def test_proves_the_sentence_that_the_model_needs(tmp_path):
    """The winner is the sentence, and its file is written."""
    result = improve(task_of(tmp_path, WeakModel()), SETTINGS)

    assert result.is_proved
    assert SENTENCE in read_prompt(result.path).instructions
    assert result.parts == (60, 60, 60)
    assert result.proof.better.lower > 0
    assert result.calls <= SETTINGS.max_calls


def test_the_printed_line_sends_the_measured_prompt(tmp_path):
    """Byte for byte, for each input of the proof."""
    model = WeakModel()
    result = improve(task_of(tmp_path, model), SETTINGS)
    measured = [prompt for prompt in model.heard if SENTENCE in text_of(prompt)]

    line = guard_line(result.path).replace(
        "guard(...", "guard(ORDER, store=None, max_attempts=1, on_failure='return'"
    )
    again = WeakModel()
    guarded = eval(line, {"guard": guard, "Params": Params, "ORDER": ORDER})(again)  # noqa: S307 - our own line
    for text in texts(180):
        guarded(text)

    sent = {json.dumps(prompt): None for prompt in again.heard}
    proof = measured[-result.proof.n :]
    assert len(proof) == 60
    assert {json.dumps(prompt) for prompt in proof} <= set(sent)


@pytest.mark.parametrize("layout", ["text", "turns", "user_turn", "instructions"])
def test_the_prompt_in_use_is_the_prompt_of_the_function(tmp_path, layout):
    """The race and the map send what a guard of this layout sends."""
    model = WeakModel(None)
    improve(task_of(tmp_path, model, prompt=PromptInUse(layout=layout, has_choice=False)), SETTINGS)
    first = model.heard[0]

    if layout == "text":
        assert isinstance(first, str)
    elif layout == "user_turn":
        assert [one["role"] for one in first] == ["user"]
    else:
        assert [one["role"] for one in first] == ["system", "user"]


def test_nothing_is_sent_with_fewer_than_60_inputs(tmp_path):
    """The result says how many are missing."""
    model = WeakModel()
    result = improve(task_of(tmp_path, model, 59), SETTINGS)

    assert answer_of(result) == "TOO_FEW_INPUTS"
    assert not model.heard


def test_nothing_to_improve_if_the_prompt_never_fails(tmp_path):
    """The map costs a third of the inputs, and no more."""
    model = WeakModel(wrong=RIGHT)
    result = improve(task_of(tmp_path, model), SETTINGS)

    assert answer_of(result) == "NOTHING_TO_IMPROVE"
    assert len(model.heard) == 60


def test_the_proof_uses_inputs_that_no_candidate_saw(tmp_path):
    """The thirds have no input in common, and only the proof uses the last one."""
    model = WeakModel()
    result = improve(task_of(tmp_path, model), SETTINGS)
    asked = [next(one for one in texts(180) if one in text_of(prompt)) for prompt in model.heard]
    proof = set(asked[-2 * result.proof.n :])

    assert len(proof) == 60
    assert not proof & set(asked[: -2 * result.proof.n])


def test_a_second_run_makes_no_call(tmp_path):
    """All replies come from the journals of the first run."""
    first = improve(task_of(tmp_path, WeakModel()), SETTINGS)
    again = WeakModel()
    second = improve(task_of(tmp_path, again), SETTINGS)

    assert not again.heard
    assert replace(second, at=first.at) == first


class Interrupted(WeakModel):
    def __init__(self, after):
        super().__init__()
        self._after = after

    async def acall(self, prompt, *, options=None):
        if len(self.heard) == self._after:
            raise KeyboardInterrupt
        return await super().acall(prompt, options=options)


def test_an_interrupted_run_continues(tmp_path):
    """With the same result as a run without an interrupt."""
    with pytest.raises(KeyboardInterrupt):
        improve(task_of(tmp_path / "a", Interrupted(200)), SETTINGS)
    resumed = WeakModel()
    result = improve(task_of(tmp_path / "a", resumed), SETTINGS)
    whole = improve(task_of(tmp_path / "b", WeakModel()), SETTINGS)

    assert len(resumed.heard) == whole.calls - 200
    assert result.proof == whole.proof
    assert result.runners == whole.runners


def test_a_journal_of_another_run_is_refused(tmp_path):
    """Other inputs need another folder."""
    improve(task_of(tmp_path, WeakModel(), 90), SETTINGS)

    with pytest.raises(InvalidArgument, match="the journal belongs to another run"):
        improve(task_of(tmp_path, WeakModel(), 120), SETTINGS)


def test_worse_values_are_not_proved(tmp_path):
    """A prompt that makes the format valid and the values wrong is no improvement."""
    model = WeakModel(helped_right={"priority": "low", "due": "2026-03-14"})
    result = improve(task_of(tmp_path, model, gold=RIGHT), SETTINGS)

    assert result.proof.better.lower > 0
    assert result.proof.values.upper < 0
    assert answer_of(result) == "NOT_PROVED"
    assert result.path is None


def test_values_are_measured_with_labels(tmp_path):
    """The proof counts right answers before and after."""
    proof = improve(task_of(tmp_path, WeakModel(), gold=RIGHT), SETTINGS).proof

    assert proof.right == (proof.n - proof.before, proof.n - proof.after)
    assert proof.values.lower > 0


def test_recorded_calls_replace_the_map(tmp_path):
    """No call is spent on what the store knows."""
    gap = Gap("/priority", "enum", "enum")
    recorded = {text: MapCall(text, (gap,) if at % 2 else ()) for at, text in enumerate(texts(180))}
    model = WeakModel()
    result = improve(task_of(tmp_path, model, recorded=recorded), SETTINGS)

    assert result.failures.calls == 60
    assert result.is_proved
    assert len(model.heard) == result.calls


def test_no_example_is_a_near_copy_of_a_raced_input(tmp_path):
    """An example that repeats an input of the race with other numbers is left out."""
    inputs = texts(180)
    pool = [PoolExample(text.replace(text.split()[0], "999", 1), RIGHT, "copied") for text in inputs]
    model = WeakModel(None)
    recorded = {text: MapCall(text, (Gap("/priority", "enum", "enum"),)) for text in inputs}
    improve(task_of(tmp_path, model, recorded=recorded, pool=tuple(pool)), SETTINGS)
    shown = read_prompt(next((tmp_path / "candidates").glob("*-examples")) / "prompt.md").examples
    raced = {one for one in inputs if any(one in text_of(prompt) for prompt in model.heard)}

    assert shown
    assert not any(one.task.split(" ", 1)[1] in text.split(" ", 1)[1] for one in shown for text in raced)


def test_the_examples_in_use_are_those_of_the_base(tmp_path):
    """A few-shot prompt is raced with the examples that it shows."""
    shown = (Example(RIGHT, "one order"),)
    model = WeakModel(None)
    improve(task_of(tmp_path, model, prompt=PromptInUse("few_shot", "turns", shown)), SETTINGS)

    assert [one["content"] for one in model.heard[0][1:3]] == ["one order", json.dumps(RIGHT)]


def test_only_the_proof_is_recorded(tmp_path):
    """The prompt in use and the winner, each with all inputs of the proof."""
    with open_store(f"sqlite:///{tmp_path}/calls.db") as store:
        result = improve(
            task_of(tmp_path, WeakModel(), function="read_order"), replace(SETTINGS, store=store)
        )
        rows = {row.settings: row.calls for row in store.configurations()}

    digest = read_prompt(result.path).digest
    assert sorted(rows.values()) == [60, 60]
    assert sum(digest in settings for settings in rows) == 1


def test_the_provenance_has_each_line_with_its_reason(tmp_path):
    """`--diff` reads it."""
    result = improve(task_of(tmp_path, WeakModel()), SETTINGS)
    document = read_provenance(tmp_path)
    (line,) = diff_document(document).sections[0].lines

    assert line.startswith(f"+ {SENTENCE}  # ")
    assert "calls failed at /priority (enum)" in line
    assert document["path"] == str(result.path)
    assert document["proof"]["n"] == 60


def test_no_candidate_that_fails_as_often_is_proved(tmp_path):
    """If no prompt helps a model, nothing is proved or written."""
    result = improve(task_of(tmp_path, WeakModel(None)), SETTINGS)

    assert not result.is_proved
    assert result.path is None
    assert not (tmp_path / "prompt.md").exists()
    assert result.runners[0].name == CURRENT


def test_the_budget_ends_the_race(tmp_path):
    """Map, race, and proof together stay below the limit."""
    model = WeakModel(None)
    result = improve(task_of(tmp_path, model), replace(SETTINGS, max_calls=200))

    assert result.calls == len(model.heard) <= 200
    assert result.parts[0] == result.parts[2] == 50


def test_a_provider_that_is_down_is_no_result(tmp_path):
    """The result has the reason."""

    class Down(WeakModel):
        async def acall(self, prompt, *, options=None):
            raise ConnectionError("refused")

    result = improve(task_of(tmp_path, Down()), SETTINGS)

    assert "in a row were lost" in result.ended
    assert answer_of(result) == "STOPPED"


def test_a_run_that_ends_in_the_proof_proves_nothing(tmp_path):
    """Only a whole proof counts: inputs on which the provider failed could differ from the others."""
    result = improve(task_of(tmp_path, WeakModel()), SETTINGS)
    ended = replace(result, ended="20 calls in a row were lost")

    assert result.proof.is_proved
    assert (ended.is_proved, answer_of(ended)) == (False, "STOPPED")


def test_the_bounds_name_their_confidence(tmp_path):
    """Another alpha is another confidence."""
    result = improve(task_of(tmp_path, WeakModel()), replace(SETTINGS, alpha=0.2))
    facts = {fact.label: fact.text for fact in document_of(result).facts}

    assert "with 80% confidence" in facts["better by"]


def test_the_printed_command_quotes_its_folder(tmp_path):
    """A folder with a space is one argument."""
    result = improve(task_of(tmp_path / "my prompts", WeakModel()), SETTINGS)
    facts = {fact.label: fact.text for fact in document_of(result).facts}

    assert shlex.split(facts["reasons"])[-1] == str(tmp_path / "my prompts")


def test_candidates_whose_names_look_alike_have_their_own_folders(tmp_path):
    """`/a_b` and `/a/b` differ in a character that no folder's name has."""
    schema = Schema.of(
        {
            "type": "object",
            "properties": {
                "a_b": {"type": "integer"},
                "a": {"type": "object", "properties": {"b": {"type": "string"}}},
            },
            "required": ["a_b", "a"],
        }
    )
    gaps = (Gap("/a_b", "type", "type"), Gap("/a/b", "type", "type"))
    inputs = texts(180)
    recorded = {text: MapCall(text, gaps) for text in inputs}
    improve(replace(task_of(tmp_path, WeakModel(None), recorded=recorded), schema=schema), SETTINGS)
    sentences = [file.read_text() for file in (tmp_path / "candidates").glob("*sentence*/prompt.md")]

    assert len(set(sentences)) == len(sentences) >= 2
