"""Every exported line is what its host takes, as an independent validator sees it."""

import json

import pytest
from jsonschema import Draft202012Validator

from schema_guard import Schema
from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.export.hosts import HOSTS, host_of, refused_by
from schema_guard.ext.tuning.export.run import export_set
from schema_guard.ext.tuning.export.values import ExportSettings, GatheredRows, TrainingRow
from tests.ext.tuning.export.rows import TICKET
from tests.ext.tuning.export.test_splitting import different

TEXT = {"type": "string", "minLength": 1}


def message(*roles):
    properties = {"role": {"enum": list(roles)}, "content": TEXT}
    return {
        "type": "object",
        "properties": properties,
        "required": ["role", "content"],
        "additionalProperties": False,
    }


def closed(**properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


# As the vendors' pages say it, written apart from the code.
MESSAGES = closed(
    messages={
        "type": "array",
        "minItems": 2,
        "items": message("system", "user", "assistant"),
        "contains": message("assistant"),
    }
)
BEDROCK = {
    **closed(system=TEXT, messages={"type": "array", "minItems": 2, "items": message("user", "assistant"),
                                    "prefixItems": [message("user"), message("assistant")]}),
    "required": ["messages"],
}  # fmt: skip
SPELLINGS = {
    **dict.fromkeys(("messages", "openai", "azure", "together", "fireworks"), MESSAGES),
    "bedrock": BEDROCK,
    "prompt-completion": closed(prompt=TEXT, completion=TEXT),
}
SYSTEM = {"role": "system", "content": "Be brief. \u2028\u00e4"}


def answer_in(line, host):
    return line["completion"] if host == "prompt-completion" else line["messages"][-1]["content"]


def exported(folder, host, **more):
    with_system = [
        TrainingRow((SYSTEM, *one.messages), {"team": "shipping"}, "gold", one.origin)
        for one in different(60)[30:]
    ]
    rows = [*different(30, answer={"team": "billing"}), *with_system]
    settings = ExportSettings(host=host, min_examples=1, validation=0.2, test=0.2, **more)
    return export_set(GatheredRows(rows), Schema.of(TICKET), folder, settings)


@pytest.mark.parametrize("host", SPELLINGS)
def test_every_line_is_valid_for_host_and_schema(tmp_path, host):
    """In each file, under each spelling: the row for the host, the answer for the schema."""
    result = exported(tmp_path / "set", host)

    answers = Draft202012Validator(TICKET)
    for side, known in result.manifest["files"].items():
        content = (tmp_path / "set" / f"{side}.jsonl").read_bytes()
        assert content.startswith(b"\xef\xbb\xbf") == (host == "azure")
        lines = [json.loads(line) for line in content.decode("utf-8-sig").splitlines()]
        assert len(lines) == known["rows"] > 0
        for line in lines:
            Draft202012Validator(SPELLINGS[host]).validate(line)
            answers.validate(json.loads(answer_in(line, host)))


def test_unknown_host_names_the_nearest():
    """Before anything is read."""
    with pytest.raises(InvalidArgument, match="Did you mean 'fireworks'"):
        host_of("firework")
    assert [host_of(name).name for name in HOSTS] == list(HOSTS)


USER = {"role": "user", "content": "a"}


@pytest.mark.parametrize(
    ("host", "messages", "reason"),
    [
        ("openai", (USER, SYSTEM, USER), "a system message that is not the first"),
        ("together", (USER, USER), "user and assistant do not alternate"),
        ("openai", (USER, USER), None),
        ("prompt-completion", (SYSTEM, USER), "several messages"),
        ("messages", ({"role": "user", "content": "\ud800"},), "a text with a lone surrogate"),
        ("messages", ({"role": "user", "content": " "},), "an empty message"),
        ("bedrock", ({"role": "user", "content": "a1" * 60_000},), "longer than 32,000 tokens"),
    ],
)
def test_what_a_host_refuses_is_known_before_it_is_asked(host, messages, reason):
    """A row that would fail the whole upload is left out, with its reason."""
    result = refused_by(host_of(host), TrainingRow(messages, {}, "gold", "x"))

    assert result is None if reason is None else result.startswith(reason)


def test_the_host_asks_for_more_rows_than_the_user(tmp_path):
    """A set that its host would refuse is not written."""
    settings = ExportSettings(host="bedrock", min_examples=1)
    result = export_set(
        GatheredRows(different(30, answer={"team": "billing"})), Schema.of(TICKET), tmp_path / "s", settings
    )

    assert (result.is_written, result.needed) == (False, 32)
    assert not (tmp_path / "s").exists()
