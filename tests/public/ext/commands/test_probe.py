"""The command `probe`, by its arguments, its output and its exit status."""

import json

import pytest

from schema_guard.testing import serve
from tests.enforcing_model import EnforcingModel
from tests.public.commands.command_lines import published, run

PUBLISHED = published("probe.schema.json")
PRICES = {"m": {"p_in": 1.0, "p_cached": 1.0, "p_out": 10.0, "as_of": "2026-11-26"}}


@pytest.fixture
def enforcing():
    with serve(EnforcingModel()) as server:
        yield server


def test_a_server_that_enforces_is_good(capsys, enforcing):
    """The verdict with its bound; exit status 0."""
    status, out, _ = run(capsys, "schema", "probe", "--model", f"{enforcing.openai_url}#m", "--yes")

    assert status == 0
    assert out.splitlines()[0] == (
        "m (provider openai): enforced, because every reply has values that only the schema requires; 3 of 3 replies match"
    )
    assert "at least 36% of requests match, with 95% confidence" in out


def test_what_came_instead_is_told(capsys):
    """A server that ignores schemas is exit status 1, with what came."""
    with serve(EnforcingModel(holds=0)) as server:
        status, out, _ = run(capsys, "schema", "probe", "--model", f"{server.openai_url}#m", "--yes")

    assert status == 1
    assert '    enum: the reply violates it: {"answer": "yellow"}' in out.splitlines()


def test_nothing_is_sent_that_nobody_agreed_to(capsys, enforcing):
    """Without a terminal and without --yes the number is told, and nothing is sent; exit status 2."""
    status, out, err = run(capsys, "schema", "probe", "--model", f"{enforcing.openai_url}#m")

    assert (status, out, enforcing.requests) == (2, "", [])
    assert "4 requests not sent, because no terminal is available to ask for confirmation. Add --yes" in err


@pytest.mark.costly
def test_the_cost_is_told_before(capsys, enforcing, tmp_path):
    """By a table of prices; a model that it does not know costs what is not known."""
    (tmp_path / "prices.json").write_text(json.dumps(PRICES))
    priced = ("--prices", "prices.json", "--yes")

    _, _, known = run(capsys, "schema", "probe", "--model", f"{enforcing.openai_url}#m", *priced)
    _, _, unknown = run(capsys, "schema", "probe", "--model", f"{enforcing.openai_url}#other", *priced)

    assert "m: at most 4 requests, about" in known
    assert "at most $0.08" in known
    assert "the cost is unknown, because this model has no prices" in unknown


@pytest.mark.costly
def test_the_json_has_the_form_that_is_published(capsys, enforcing):
    """What `--format json` prints is valid for the schema that comes with the package, and names no address."""
    model = f"{enforcing.openai_url}#m"
    _, out, _ = run(capsys, "schema", "probe", "--model", model, "--yes", "--seed", "1", "--format", "json")

    assert PUBLISHED.violations(json.loads(out)) == []
    assert "127.0.0.1" not in out


def test_a_server_that_does_not_answer_has_no_verdict(capsys):
    """A key that is refused is exit status 2, with the server's words."""
    with serve(["{}"], faults="http_401") as server:
        status, out, _ = run(capsys, "schema", "probe", "--model", f"{server.openai_url}#m", "--yes")

    assert status == 2
    assert "unknown, because no reply can be validated" in out


def test_a_target_without_schemas_is_told_before_anything_is_sent(capsys, monkeypatch):
    """What takes no schema cannot enforce one."""
    monkeypatch.setenv("DEEPSEEK_API_KEY", "k")
    status, _, err = run(capsys, "schema", "probe", "--model", "deepseek:m", "--yes")

    assert status == 2
    assert "provider 'deepseek' does not support the strategy 'strict_schema'" in err


@pytest.mark.costly
def test_a_rejected_schema_is_reported_with_the_message_of_the_server(capsys, tmp_path):
    """The schema is sent once; exit status 1."""
    document = {
        "type": "object",
        "properties": {"a": {"type": "string", "not": {"const": "x"}}},
        "required": ["a"],
    }
    (tmp_path / "own.json").write_text(json.dumps(document))
    with serve(EnforcingModel(refuses=["not"])) as server:
        status, out, _ = run(
            capsys, "schema", "probe", "--model", f"{server.openai_url}#m", "--yes", "--schema", "own.json"
        )

    assert status == 1
    assert "the schema: rejected by the server: " in out
    assert "'not' is not permitted" in out


def test_a_file_that_cannot_be_made_is_told_before_anything_is_asked(capsys):
    """No request is sent, and paid for, whose result has no place."""
    asked = []
    with serve(lambda request: asked.append(request) or "{}") as server:
        wanted = ("--yes", "--output", "nowhere/rules.json")
        status, _, err = run(capsys, "schema", "probe", "--model", f"{server.openai_url}#m", *wanted)

    assert (status, asked) == (2, [])
    assert err.endswith(
        "--output nowhere/rules.json: the folder 'nowhere' does not exist. Create it, or name another file\n"
    )


@pytest.mark.costly
def test_the_result_is_written_for_its_owner_and_read_by_lint(capsys, tmp_path, monkeypatch):
    """The file has no key and no address, and `lint --rules` goes by it."""
    monkeypatch.setenv("SCHEMA_GUARD_MODEL_KEY", "sk-secret")
    document = {
        "type": "object",
        "properties": {"a": {"type": "integer", "multipleOf": 7}},
        "required": ["a"],
    }
    (tmp_path / "own.json").write_text(json.dumps({**document, "additionalProperties": False}))
    with serve(
        EnforcingModel(ignores=["multipleOf"], refuses=["contains", "pattern", "if", "oneOf"])
    ) as server:
        wanted = ("--keywords", "--output", "rules.json")
        _, out, _ = run(capsys, "schema", "probe", "--model", f"{server.openai_url}#m", "--yes", *wanted)
    text = (tmp_path / "rules.json").read_text()
    _, linted, _ = run(capsys, "schema", "lint", "own.json", "--rules", "rules.json")

    assert "    multipleOf: ignored, but enforced according to the known rules: " in out
    assert PUBLISHED.violations(json.loads(text)) == []
    assert not any(part in text for part in ("sk-secret", "127.0.0.1"))
    assert (tmp_path / "rules.json").stat().st_mode & 0o777 == 0o600
    assert linted.startswith(
        "own.json:1: error: at /properties/a: openai does not enforce multipleOf (probed on "
    )
