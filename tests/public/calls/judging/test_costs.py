"""CPU time and memory of `judge` for schemas and replies that are made to be slow."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import schema_guard

_MOST_S, _MOST_MB = 1.0, 150
# Each case is judged in a child of its own, so that its peak of memory is its own.
_SCRIPT = """
import json, os, re, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from schema_guard import InvalidSchema, Schema, judge
from tests.public.calls.judging.test_costs import CASES
def peak_mb():
    return int(re.search(r"VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1]) / 1024
def judged(document, text):
    try:
        schema = Schema.of(document)
    except InvalidSchema as error:
        return error.code
    result = judge(text, schema)
    return "ok" if result.ok else result.failure.code
judged({"type": "object"}, "[]")
for name in json.loads(sys.argv[2]):
    document, text = CASES[name]
    if os.fork():
        os.wait()
        continue
    idle_mb, started = peak_mb(), time.process_time()
    code = judged(document, text)
    print(json.dumps([name, code, time.process_time() - started, peak_mb() - idle_mb]), flush=True)
    os._exit(0)
"""


def keys(count, value="1"):
    return "{" + ",".join(f'"k{at}":{value}' for at in range(count)) + "}"


def array(count, item):
    return "[" + ",".join([item] * count) + "]"


def objects(count, kind="string", **more):
    return [{"type": "object", "properties": {f"k{at}": {"type": kind}}, **more} for at in range(count)]


def doubled(keyword, levels, end):
    definitions = {f"d{at}": {keyword: [{"$ref": f"#/$defs/d{at + 1}"}] * 2} for at in range(levels)}
    return {"$defs": {**definitions, f"d{levels}": end}, "$ref": "#/$defs/d0"}


_ORDER = {
    "type": "object",
    "properties": {f"p{at}": {"type": "string"} for at in range(10)},
    "required": ["p0"],
}
# A schema for each keyword whose arms apply to one value, then the reply.
ARMS = {
    "objects": (lambda kind: {kind: objects(2_000)}, keys(30_000)),
    "few keys": (lambda kind: {kind: objects(2_000)}, keys(3_000)),
    "valid objects": (lambda kind: {kind: objects(2_000, "integer")}, keys(30_000)),
    "required": (lambda kind: {kind: objects(2_000, required=["z"])}, keys(30_000)),
    "unevaluatedProperties": (lambda kind: {kind: objects(2_000, "integer"), "unevaluatedProperties": False}, keys(30_000)),
    "additionalProperties": (lambda kind: {kind: objects(2_000, additionalProperties=False)}, keys(30_000)),
    "additional schemas": (lambda kind: {kind: objects(2_000, additionalProperties={"type": "string"})}, keys(3_000)),
    "patternProperties": (lambda kind: {kind: [{"patternProperties": {f"^k{at}$": {"type": "string"}}} for at in range(2_000)]}, keys(300)),
    "propertyNames": (lambda kind: {kind: [{"propertyNames": {"maxLength": 2}}] * 200}, keys(30_000)),
    "dependentSchemas": (lambda kind: {kind: [{"dependentSchemas": {f"k{at}": {"required": ["z"]} for at in range(50)}}] * 50}, keys(3_000)),
    "dependentRequired": (lambda kind: {kind: [{"dependentRequired": {f"k{at}": ["y", "z"] for at in range(50)}}] * 50}, keys(3_000)),
    "contains": (lambda kind: {kind: [{"contains": {"const": at + 9}} for at in range(500)]}, array(5_000, "1")),
    "uniqueItems": (lambda kind: {kind: [{"uniqueItems": True}] * 500}, json.dumps(list(range(5_000)))),
    "enum of objects": (lambda kind: {kind: [{"enum": [{"a": at} for at in range(50)]}] * 100}, keys(3_000)),
    "types": (lambda kind: {kind: [{"type": "string"}] * 20_000}, keys(30_000)),
    "references": (lambda kind: {"$defs": {"order": _ORDER}, kind: [{"$ref": "#/$defs/order"}] * 2_000}, keys(30_000)),
    "chains of references": (lambda kind: doubled(kind, 12, _ORDER), keys(30_000)),
    "arms in arms": (lambda kind: {kind: [{kind: objects(40, required=["z"])}] * 40}, keys(30_000)),
    "items": (lambda kind: {"items": {kind: objects(200, required=["z"])}}, array(10_000, '{"k1":1}')),
    "large items": (lambda kind: {"items": {kind: objects(20, required=["z"])}}, array(20, keys(3_000))),
    "texts": (lambda kind: {"items": {kind: [{"pattern": f"^a{at}b"} for at in range(100)]}}, array(5_000, '"' + "a" * 100 + '"')),
    "a long text": (lambda kind: {kind: [{"maxLength": 5}] * 300}, '"' + "\u00e9" * 2_000_000 + '"'),
    "not": (lambda kind: {kind: [{"not": {"required": ["k1"]}}] * 2_000}, keys(30_000)),
    "if": (lambda kind: {kind: [{"if": {"required": ["k1"]}, "then": {"required": ["z"]}}] * 2_000}, keys(30_000)),
    "tags": (lambda kind: {"items": {kind: [{"properties": {"t": {"const": f"t{at}"}}, "required": ["t"]} for at in range(500)]}}, array(1_000, '{"t":"no"}')),
}  # fmt: skip
OTHERS = {
    "an enum of numbers": ({"items": {"enum": [at + 0.5 for at in range(10_000)]}}, array(100_000, "9999.5")),
    "an enum of many kinds": ({"items": {"enum": [*map(str, range(10_000)), 1.5]}}, array(100_000, '"9999"')),
    "an enum of large integers": ({"items": {"enum": [10**399 + at for at in range(300)]}}, array(10_000, str(10**399))),
    "names beside others": ({"items": {"dependentRequired": {f"p{at}": ["z"] for at in range(5_000)}}}, array(50_000, '{"a":1}')),
    "limits with decimals": ({"items": {"allOf": [{"minimum": 1.5}] * 50}}, array(190_000, "2.5")),
    "multiples": ({"items": {"allOf": [{"multipleOf": 0.01}] * 100}}, array(100_000, "10.01")),
    "large integers that differ": ({"uniqueItems": True}, json.dumps([10**399 + at for at in range(20_000)])),
    "integers of 21 digits that differ": ({"uniqueItems": True}, json.dumps([10**21 + at for at in range(2_000)])),
    "limits of large integers": ({"allOf": [{"items": {"minimum": 1}}] * 30}, json.dumps([10**399 + at for at in range(20_000)])),
    "limits of large decimals": ({"items": {"allOf": [{"minimum": 1}] * 20}}, array(190_000, "1.5e300")),
    "patterns of names": ({"patternProperties": {f"^k{at}": {"type": "string"} for at in range(200)}}, keys(30_000)),
    "many required": ({"items": {"required": [f"r{at}" for at in range(1_000)]}}, array(1_000, "{}")),
    "wrong objects": ({"items": _ORDER}, array(20_000, '{"p1":1,"p2":1,"p3":1}')),
    "a deep tree": ({"$defs": {"n": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/n"}}, {"type": "string"}]}}, "$ref": "#/$defs/n"}, "[" * 90 + array(100_000, '"a"')[:-1] + ",1]" + "]" * 90),
    "metaschemas": ({"items": {"$ref": "https://json-schema.org/draft/2020-12/schema"}}, array(3_000, '{"type":"obj"}')),
}  # fmt: skip
CASES = {
    **{f"{name} in {kind}": (document(kind), text) for name, (document, text) in ARMS.items() for kind in ("oneOf", "anyOf", "allOf")},
    **OTHERS,
}  # fmt: skip
GROUPS = {name: [each for each in CASES if each.startswith(f"{name} in ")] for name in ARMS} | {
    "others": [*OTHERS]
}


@pytest.mark.costly
@pytest.mark.parametrize("group", GROUPS)
def test_hostile_reply_is_judged_within_a_second(group):
    """A schema and reply within the limits take at most 1 s of CPU and 150 MB, valid or not."""
    root = Path(schema_guard.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_SCRIPT), str(root), json.dumps(GROUPS[group])],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    results = list(map(json.loads, done.stdout.splitlines()))

    assert [name for name, *_ in results] == GROUPS[group], done.stderr
    assert [each for each in results if each[2] > _MOST_S or each[3] > _MOST_MB] == []
