"""The command `lint`, by its arguments, its output and its exit status."""

import json
from io import BytesIO, TextIOWrapper

import pytest

from tests.public.commands.command_lines import file, published, run
from tests.public.ext.commands.sarif import SARIF

OPEN = (
    '{\n  "type": "object",\n  "properties": {\n    "n": {"type": "integer"}\n  },\n  "required": ["n"]\n}\n'
)
MODELS = """
from typing import TypedDict

from pydantic import BaseModel


class Line(BaseModel):
    qty: int


class Invoice(BaseModel):
    lines: list[Line]


class Plain(TypedDict):
    qty: int


COUNTS = dict[str, int]
"""
PROVIDER_OPTIONS = [
    "openai", "openai-legacy", "anthropic", "gemini", "gemini-openapi", "llguidance", "xgrammar", "outlines-core", "vllm",
    "llamacpp-gbnf", "deepseek", "groq", "mistral", "cohere", "bedrock", "sglang",
]  # fmt: skip
# Other names of the same tables of rules.
ALIASES = [
    "azure", "llamacpp", "llamacpp-llguidance", "lmstudio", "ollama", "openai-responses", "openai-tuned", "openrouter",
    "outlines", "outlines-api", "sglang-llguidance", "sglang-outlines", "vllm-guidance", "vllm-outlines", "vllm-xgrammar",
]  # fmt: skip
DECISIONS = [f"{host}decisions" for host in ("", "litellm-", "local-", "openai-")]
PUBLISHED = published("lint.schema.json")


def test_a_fault_is_told_with_its_line_what_happens_and_what_to_do(capsys):
    """A finding has a line that editors can follow, then the advice; exit status 1."""
    result = run(capsys, "schema", "lint", file("open.json", OPEN), "--provider", "openai")

    assert result == (
        1,
        (
            'open.json:1: error: at (root): openai requires "additionalProperties": false, so other keys cannot occur '
            "[openai-open-object]\n"
            '    add "additionalProperties": false\n'
            "openai: 1 schema, 1 error, 0 warnings\n"
            "    for every schema: keys come in the order of the schema's properties\n"
        ),
        "",
    )


def test_a_clean_schema_is_good(capsys):
    """Where nothing is known to go wrong the exit status is 0; annotations are told in one line."""
    document = {"type": "object", "title": "a", "properties": {}, "additionalProperties": False}
    status, out, _ = run(
        capsys, "schema", "lint", file("s.json", json.dumps(document)), "--provider", "openai"
    )

    assert (status, out.splitlines()[1]) == (
        0,
        "    keywords that are not listed, because they do not restrict values: title",
    )


def test_what_is_only_likely_is_no_error(capsys):
    """Warnings alone leave the exit status at 0."""
    status, out, _ = run(capsys, "schema", "lint", file("open.json", OPEN), "--provider", "openrouter")

    assert status == 0
    assert out.startswith(
        'open.json:1: warning: at (root): openrouter requires "additionalProperties": false'
    )


def test_several_schemas_and_providers(capsys, folder):
    """Files, patterns of them and lists of providers may be mixed; each is asked once."""
    (folder / "in").mkdir()
    file("in/a.json", OPEN)
    status, out, _ = run(
        capsys, "schema", "lint", "s.json", "in/*.json", "**/a.json", "--provider", "openai,azure", "--provider", "openai",
        "--format", "json",
    )  # fmt: skip

    text = json.loads(out)["linted"]
    assert status == 1
    assert [(one["file"], one["provider"], one["rules"], len(one["findings"])) for one in text] == [
        ("s.json", "openai", "openai", 0),
        ("s.json", "azure", "openai-legacy", 0),
        ("in/a.json", "openai", "openai", 1),
        ("in/a.json", "azure", "openai-legacy", 1),
    ]


def test_all_providers(capsys):
    """`all` is each table of rules."""
    _, out, _ = run(capsys, "schema", "lint", "s.json", "--provider", "all", "--format", "json")

    assert [one["provider"] for one in json.loads(out)["linted"]] == PROVIDER_OPTIONS


def test_targets_of_the_environment(capsys, monkeypatch):
    """The environment can name providers if the command line names none."""
    monkeypatch.setenv("SCHEMA_GUARD_LINT_PROVIDER", "openai,gemini")
    _, out, _ = run(capsys, "schema", "lint", "s.json", "--format", "json")

    assert [one["provider"] for one in json.loads(out)["linted"]] == ["openai", "gemini"]


def test_standard_input(capsys, monkeypatch):
    """`-` is standard input: its lines are told, and it has no file."""
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b'\xef\xbb\xbf{\n"not": {}}')))
    status, out, _ = run(capsys, "schema", "lint", "-", "--provider", "llguidance")

    assert (status, out.splitlines()[0]) == (
        1,
        "-:2: error: at (root): llguidance rejects the keyword 'not' [llguidance:not]",
    )


@pytest.mark.parametrize(
    ("model", "lines"),
    [("Invoice", {"": 11, "/$defs/Line": 7}), ("Plain", {}), ("COUNTS", {"": None})],
)
def test_a_type_is_told_with_the_line_of_its_class(capsys, monkeypatch, model, lines):
    """A finding in a Pydantic model stands at its class, or at the class of the definition."""
    monkeypatch.syspath_prepend(".")
    file(f"lint_{model}.py", MODELS)
    _, out, _ = run(
        capsys, "schema", "lint", f"lint_{model}:{model}", "--provider", "openai", "--format", "json"
    )

    (text,) = json.loads(out)["linted"]
    errors = [one for one in text["findings"] if one["severity"] == "error"]
    assert text["file"] == (None if model == "COUNTS" else f"lint_{model}.py")
    assert {one["location"]: one["line"] for one in errors} == lines


BAD = {
    "no file": (("nope.json",), "nope.json: the file does not exist. Expected a file, a glob pattern, '-', or module:Model"),
    "no match": (("no*.json",), "no*.json: no file matches this pattern. Check the pattern"),
    "a folder": (("suite",), "suite: this is a folder. Name its files, such as 'suite/**/*.json'"),
    "yaml": (("a.yaml",), "a.yaml: this is a YAML file. Convert the schema to JSON"),
    "no json": (("bad.json",), "bad.json: expected JSON, but reading it failed: Expecting value: line 2 column 1 (char 6)"),
    "no schema": (
        ("type.json",),
        "type.json: schema is invalid at /type: expected one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string', got string 'text'",
    ),
    "no module": (
        ("nowhere:A",),
        "nowhere:A: expected a file, or module:Model, but importing it failed: No module named 'nowhere'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_told_and_the_rest_is_looked_at(capsys, folder, suite, arguments, message):
    """Exit status 2 with the reason on stderr; what can be read is told all the same."""
    file("a.yaml", "type: object")
    file("bad.json", '{"a":\n')
    file("type.json", '{"type": "text"}')
    status, out, err = run(capsys, "schema", "lint", "s.json", *arguments, "--provider", "openai")

    assert (status, err) == (2, f"schema-guard: {message}\n")
    assert out.startswith("openai: 1 schema, 0 errors")


USAGE = {
    "no schema": (("--provider", "openai"), "SCHEMA is missing. Pass a JSON file or module:Model"),
    "no provider": (("s.json",), f"--provider is missing: expected one of {', '.join(PROVIDER_OPTIONS)}, or an alias of one of them"),
    "unknown": (
        ("s.json", "--provider", "openai,antropic"),
        f"--provider 'antropic': expected one of {', '.join(sorted(PROVIDER_OPTIONS + ALIASES + DECISIONS))}. Did you mean 'anthropic'?",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), USAGE.values(), ids=USAGE)
def test_usage(capsys, arguments, message):
    """What is missing or unknown is told with what is expected, and exit status 2."""
    assert run(capsys, "schema", "lint", *arguments) == (2, "", f"schema-guard: {message}\n")


def test_json_is_as_published(capsys):
    """What comes out is valid for the schema that comes with the package."""
    file("open.json", OPEN)
    _, out, _ = run(capsys, "schema", "lint", "open.json", "s.json", "--provider", "all", "--format", "json")

    assert PUBLISHED.violations(json.loads(out)) == []


def test_sarif_is_as_the_standard_asks(capsys):
    """The log is valid for what SARIF 2.1.0 says of the objects in it, and each result names its rule by its index."""
    file("a b.json", OPEN)
    _, out, _ = run(
        capsys, "schema", "lint", "a b.json", "--provider", "openai,azure,gemini", "--format", "sarif"
    )

    log = json.loads(out)
    assert SARIF.violations(log) == []
    (text,) = log["runs"]
    rules = text["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in text["results"]] == [
        result["ruleId"] for result in text["results"]
    ]
    assert [rule["id"] for rule in rules] == ["openai-open-object", "azure/openai-legacy-open-object"]
    assert text["results"][0]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20b.json"},
        "region": {"startLine": 1},
    }


def test_sarif_of_nothing(capsys):
    """Annotations are no faults; a run without one has an empty list of results, which closes what a host had open."""
    document = {"type": "object", "title": "a", "properties": {}, "additionalProperties": False}
    status, out, _ = run(
        capsys,
        "schema",
        "lint",
        file("s.json", json.dumps(document)),
        "--provider",
        "openai",
        "--format",
        "sarif",
    )

    assert (status, json.loads(out)["runs"][0]["results"]) == (0, [])


def test_names_of_a_stranger_are_shown_escaped(capsys):
    """A key of the schema that holds control characters reaches no terminal as it is."""
    evil = {"type": "object", "properties": {"\x1b[2J": {"not": {}}}}
    status, out, _ = run(
        capsys, "schema", "lint", file("e.json", json.dumps(evil)), "--provider", "llguidance"
    )

    assert status == 1
    assert "\\x1b[2J" in out


def test_decision_models_have_the_fields_that_stay_text(capsys):
    """A required field that can't be asked is rejected, an optional one is left out."""
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "boolean"}},
        "required": ["a", "b"],
    }
    file("ticket.json", json.dumps(schema))
    status, out, _ = run(capsys, "schema", "lint", "ticket.json", "--provider", "decisions")

    assert status == 1
    assert (
        "at /properties/a: decisions can't answer this field, because the schema lists no options for the string"
        in out
    )
    assert "ask a text model for it, or list its values in an enum" in out
