"""A guard that uses the files of an improved prompt."""

import logging

import pytest

from schema_guard import InvalidArgument, Params, Schema, guard
from schema_guard.ext.improve.prompt_file import read_prompt, write_prompt
from schema_guard.models.scripted import ScriptedModel
from schema_guard.prompting import Example

TOTAL = Schema.of(
    {"title": "Total", "type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
)
TEXTS = ["Plain.", "With a border:\n---\nand more\n", "\n\nSpace around \r\n and tabs\t\n\n", "é  \n---"]


def written(folder, layout="text", instructions=TEXTS[0], examples=(), schema=TOTAL):
    return write_prompt(
        folder,
        strategy="system_prompt",
        layout=layout,
        schema_fingerprint=schema.fingerprint,
        instructions=instructions,
        examples=examples,
    )


def guarded(path, function, **settings):
    return guard(TOTAL, params=Params(prompt_file=path), store=None, **settings)(function)


@pytest.mark.parametrize("text", TEXTS)
def test_reads_the_text_that_was_written(tmp_path, text):
    """Borders, line breaks, and spaces in the text survive."""
    assert read_prompt(written(tmp_path, instructions=text)).instructions == text


def test_sends_the_text_and_the_examples_of_the_file(tmp_path):
    """One text has the instructions, each example, and the task."""
    examples = [Example({"total": 1}, "one euro"), Example({"total": 2})]
    model = ScriptedModel({"": '{"total": 3}'})

    guarded(written(tmp_path, examples=examples), model)("three")

    assert model.asked[0].prompt == (
        'Plain.\n\nExample:\none euro\n{"total": 1}\n\nExample:\n{"total": 2}\n\nthree'
    )


def test_the_layout_of_the_file_is_that_of_the_prompts(tmp_path):
    """A prompt that was measured as turns is sent as turns, also by a function."""
    sent = []

    def ask(prompt):
        sent.append(prompt)
        return '{"total": 3}'

    guarded(written(tmp_path, "turns", examples=[Example({"total": 1}, "one euro")]), ask)("three")

    assert sent == [
        [
            {"role": "system", "content": "Plain."},
            {"role": "user", "content": "one euro"},
            {"role": "assistant", "content": '{"total": 1}'},
            {"role": "user", "content": "three"},
        ]
    ]


def test_a_prompt_file_is_a_configuration_of_its_own(tmp_path):
    """Records have the digest of the prompt, and another version of the function."""

    def ask(prompt):
        return '{"total": 3}'

    path = written(tmp_path)
    before = guard(TOTAL, store=None)(ask).outcome("three").call
    after = guarded(path, ask).outcome("three").call

    assert f'"improved_prompt":"{read_prompt(path).digest}"' in after.settings
    assert "improved_prompt" not in before.settings
    assert after.version != before.version


def test_warns_about_an_edited_prompt(tmp_path, caplog):
    """An edited prompt is used, but nobody measured it."""
    path = written(tmp_path)
    path.write_text(path.read_text() + "More.\n")

    with caplog.at_level(logging.WARNING, "schema_guard"):
        assert read_prompt(path).instructions == "Plain.\nMore."

    assert "were edited after `schema-guard improve` measured them" in caplog.text


def ask_text(prompt: str) -> str:
    return '{"total": 3}'


def ask_with_instructions(prompt, instructions=""):
    return '{"total": 3}'


OTHER = Schema.of({"type": "object", "properties": {"total": {"type": "string"}}})


@pytest.mark.parametrize(
    ("file", "function", "settings", "message"),
    [
        ({"layout": "turns"}, ask_text, {}, "the parameter 'prompt' takes only a str"),
        (
            {},
            ask_with_instructions,
            {},
            "measured with the message layout 'text', but the function uses 'instructions'",
        ),
        ({"schema": OTHER}, ask_text, {}, f"the prompt file is for the schema {OTHER.fingerprint}"),
        ({}, ask_text, {"strategy": "few_shot"}, "Pass strategy='system_prompt'"),
        ({"examples": [Example({"total": "1"})]}, ask_text, {}, "is not valid at /total: expected number"),
    ],
)
def test_refuses_a_prompt_that_does_not_fit_the_function(tmp_path, file, function, settings, message):
    """The error comes at decoration, before a call."""
    path = written(tmp_path, **file)

    with pytest.raises(InvalidArgument) as caught:
        guarded(path, function, **settings)

    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", "# My prompt\n", "---\nstrategy: system_prompt\n---\nText\n"])
def test_refuses_a_file_that_improve_did_not_write(tmp_path, text):
    """The error names the file and what it must begin with."""
    path = tmp_path / "prompt.md"
    path.write_text(text)

    with pytest.raises(InvalidArgument, match=r"expected a prompt\.md that `schema-guard improve` wrote"):
        Params(prompt_file=path)


@pytest.mark.parametrize("line", ["{", '{"input": "x"}', "3"])
def test_refuses_broken_examples(tmp_path, line):
    """The error names the line."""
    path = written(tmp_path)
    (tmp_path / "examples.jsonl").write_text(f'{{"input": null, "output": {{"total": 1}}}}\n{line}\n')

    with pytest.raises(InvalidArgument, match=r"examples\.jsonl, line 2: expected"):
        Params(prompt_file=path)
