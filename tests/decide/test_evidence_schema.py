"""The published schema of evidence: readable, the same words as the code, and a judge that decide agrees with."""

import json
from pathlib import Path

import pytest

from schema_guard.decide import decide, evidence_schema
from schema_guard.decide.evidence import reading
from schema_guard.decide.evidence.model_availability import Feasibility
from schema_guard.decide.evidence.money import CallCost, Three, TrialCost
from schema_guard.decide.evidence.values import KINDS, CallSeconds, Config, SentSettings
from schema_guard.decide.playbook import BARE, OTHER, STEPS
from tests.public.decide.test_bad_evidence import good

DOCUMENT = evidence_schema().document
DEFINED = DOCUMENT["$defs"]


def test_schema_is_the_file_that_is_published():
    """What the function gives stands beside the module, in the wheel."""
    file = Path(reading.__file__).with_name("evidence.schema.json")

    assert json.loads(file.read_text(encoding="utf-8")) == DOCUMENT
    assert (evidence_schema().name, evidence_schema().engine) == ("evidence", "jsonschema-rs")


def test_scenarios_keep_to_the_schema(corpora):
    """Every worked scenario is valid evidence, to the other engine as well."""
    file = json.loads((corpora / "decision_scenarios.json").read_text(encoding="utf-8"))
    documents = [scenario["input"] for scenario in file["scenarios"]]

    assert [evidence_schema().violations(document) for document in documents] == [[]] * len(documents)
    assert all(evidence_schema().reference().is_valid(document) for document in documents)


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        (DEFINED["config"], Config.__dataclass_fields__),
        (DEFINED["call_cost"], CallCost.__dataclass_fields__),
        (DEFINED["feasibility"], Feasibility.__dataclass_fields__),
        (DEFINED["latency"], CallSeconds.__dataclass_fields__),
        (DEFINED["economics"]["properties"]["tuned"]["properties"]["residual"], Three._fields),
        (DEFINED["strategy"]["properties"]["failure_kinds"], KINDS),
        (DEFINED["strategy"]["properties"]["sent"], SentSettings._fields),
        (DEFINED["strategy"]["properties"]["trial"], TrialCost._fields),
    ],
    ids=["config", "call_cost", "feasibility", "latency", "residual", "kinds", "sent", "trial"],
)
def test_keys_are_the_fields_of_the_values(schema, names):
    """A key of the format is a field of the value that it becomes."""
    assert list(schema["properties"]) == list(names)


def test_steps_are_those_of_the_ladder():
    """A strategy stands on a step or is bare; a claim is of a step."""
    assert DEFINED["rung"]["enum"] == list(STEPS)
    assert DEFINED["strategy"]["properties"]["rung"]["enum"] == [BARE, *STEPS, OTHER]


def objects(schema):
    """Every subschema of an object that says which keys there are."""
    if isinstance(schema, dict):
        if "properties" in schema and "type" in schema:
            yield schema
        for member in schema.values():
            yield from objects(member)
    elif isinstance(schema, list):
        for member in schema:
            yield from objects(member)


def required(schema):
    """Return the keys that an object, or one of its forms, must have."""
    forms = [schema, *schema.get("anyOf", [])]
    return {name for form in forms for name in form.get("required", [])}


def resolved(schema):
    return {**DEFINED[schema["$ref"].rpartition("/")[2]], **schema} if "$ref" in schema else schema


def test_optional_keys_may_be_null_and_required_ones_may_not():
    """Null stands for a key that is left out, wherever one may be."""
    wrong = [
        name
        for schema in objects(DOCUMENT)
        for name, member in schema["properties"].items()
        if ("null" in resolved(member).get("type", [])) == (name in required(schema))
    ]

    assert wrong == []


def test_every_key_is_described():
    """A fault at any key ends with what belongs there."""
    wrong = [
        name
        for schema in objects(DOCUMENT)
        for name, member in schema["properties"].items()
        if "description" not in resolved(member)
    ]

    assert sorted(set(wrong)) == sorted(KINDS)


def test_null_is_a_key_that_is_left_out():
    """Evidence with nulls gives the verdict of evidence without those keys."""
    counts = {"id": "a", "rung": "bare", "n": 400, "k_final": 2}
    kinds = {"syntax": 2, "value": None}
    full = {
        "strategies": [{**counts, "failure_kinds": kinds, "clusters": None}],
        "pilot": None,
    }
    full |= {"config": {"target": None, "alpha": 0.1}, "economics": None, "ladder": None, "schemas": None}

    bare = {"strategies": [{**counts, "failure_kinds": {"syntax": 2}}], "config": {"alpha": 0.1}}

    assert decide(full).as_dict() == decide(bare).as_dict()


def test_what_decide_takes_keeps_to_the_schema():
    """Evidence with every key is valid as it stands."""
    assert evidence_schema().violations(good()) == []
