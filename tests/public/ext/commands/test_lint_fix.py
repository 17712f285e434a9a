"""`lint --fix`: the schema to send, and what is lost on the way, as files."""

import json
from pathlib import Path

import pytest

from schema_guard import adapt, lint
from tests.public.commands.command_lines import SCHEMA, file, run
from tests.public.ext.commands.test_lint import PUBLISHED

LOOSE = {
    "type": "object",
    "properties": {"a": {"type": "array", "items": {"type": "string"}, "uniqueItems": True}},
}


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "llguidance", "vllm", "llamacpp-gbnf"])
def test_what_is_written_is_what_adapt_gives_and_is_clean(capsys, provider):
    """The schema to send has no error of its provider. The report lists the losses and their places. SCHEMA stays unchanged."""
    name = file("loose.schema.json", json.dumps(LOOSE))
    run(capsys, "schema", "lint", name, "--provider", provider, "--fix", "sent/here")

    made = adapt(LOOSE, provider)
    sent = json.loads(Path(f"sent/here/loose.{provider}.json").read_text())
    report = json.loads(Path(f"sent/here/loose.{provider}.report.json").read_text())
    assert sent == made.schema
    assert [one for one in lint(sent, provider) if one.severity == "error"] == []
    assert report["sent"] == made.fingerprint
    assert [(one["location"], one["keyword"], one["line"]) for one in report["relaxed"]] == [
        (one.location, one.keyword, 1) for one in made.relaxed
    ]
    assert json.loads(Path(name).read_text()) == LOOSE


def test_it_is_told_what_was_written(capsys):
    """A line for each schema and provider says where it is and how much was lost; the exit status is that of SCHEMA."""
    name = file("loose.schema.json", json.dumps(LOOSE))
    status, out, _ = run(capsys, "schema", "lint", name, "s.json", "--provider", "openai", "--fix", "sent")

    assert status == 1
    form = "; `adapt(...).restore` converts values back to the form of your schema"
    assert out.splitlines()[-2:] == [
        f"openai: sent/loose.openai.json: 1 relaxed, 1 narrowed, 0 dropped; report: sent/loose.openai.report.json{form}",
        "openai: sent/s.openai.json: 0 relaxed, 0 narrowed, 0 dropped; report: sent/s.openai.report.json",
    ]


def test_json_names_the_files(capsys):
    """The JSON has the files of each schema, and is as published."""
    _, out, _ = run(
        capsys, "schema", "lint", "s.json", "--provider", "openai,azure", "--fix", "sent", "--format", "json"
    )

    document = json.loads(out)
    assert PUBLISHED.violations(document) == []
    assert [one["fix"] for one in document["linted"]] == [
        {"schema": f"sent/s.{provider}.json", "report": f"sent/s.{provider}.report.json"}
        for provider in ("openai", "azure")
    ]


def test_where_nothing_can_be_sent_no_schema_is_left(capsys):
    """A schema that no value fits has a report alone; one of an earlier run is gone."""
    file("none.json", "false")
    Path("sent").mkdir()
    file("sent/none.openai.json", "{}")
    status, out, _ = run(capsys, "schema", "lint", "none.json", "--provider", "openai", "--fix", "sent")

    assert status == 1
    assert out.splitlines()[-1] == (
        "openai: nothing can be sent: no value is valid; report: sent/none.openai.report.json"
    )
    assert [path.name for path in Path("sent").iterdir()] == ["none.openai.report.json"]


def test_two_schemas_that_would_be_one_file_are_refused(capsys):
    """Nothing is written over what was just written."""
    Path("a").mkdir()
    file("a/b.json", json.dumps(SCHEMA))
    file("a.b.json", json.dumps(SCHEMA))

    assert run(capsys, "schema", "lint", "a/b.json", "a.b.json", "--provider", "openai", "--fix", "sent") == (
        2,
        "",
        "schema-guard: --fix: a/b.json and a.b.json have the same output file a.b.openai.json. Run the command once for each, with different folders\n",
    )


def test_a_folder_that_cannot_be_made_is_told(capsys):
    """A file in the place of the folder is exit status 2 with the reason."""
    assert run(capsys, "schema", "lint", "s.json", "--provider", "openai", "--fix", "s.json") == (
        2,
        "",
        "schema-guard: --fix s.json: writing to this folder failed: File exists. Name another folder\n",
    )
