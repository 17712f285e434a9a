"""Schemas and instances made to hang, crash or fetch: each in the main thread and in one with a small stack."""

import functools
import json
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from schema_guard import InvalidArgument, InvalidSchema, Schema
from tests.thinned import thinned

_STACK_BYTES = 512 * 1024
_SECONDS = 1.0
# What only the machine adds when several test runs share it, or when each line is followed.
_SLACK = 15.0 if "coverage" in sys.modules else 3.0


def verdict(document, instance):
    """The code that comes out: of the schema's refusal, or the first violation's keyword, or "ok"."""
    try:
        schema = Schema.of(document)
    except InvalidSchema as error:
        return error.code
    violations = schema.violations(instance)
    assert schema.is_valid(instance) is (not violations)
    assert schema.accepts(instance) is (not violations)
    assert len(violations) <= 50
    assert all(len(violation.expected) + len(violation.actual) < 500 for violation in violations)
    return violations[0].keyword if violations else "ok"


def in_small_stack(function):
    """Call a function in a thread whose stack is half a mebibyte."""
    box = []
    before = threading.stack_size(_STACK_BYTES)
    try:
        thread = threading.Thread(target=lambda: box.append(function()))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return box[0]


def in_main(function):
    return function()


# What comes out in a small stack comes out in a large one.
threads = pytest.mark.parametrize(
    "run", [pytest.param(in_main, marks=pytest.mark.slow), in_small_stack], ids=["main thread", "small stack"]
)


def codes(case):
    found = case["code"] if isinstance(case["code"], list) else [case["code"]]
    # A union of arms of one type is explained by that type.
    return [*found, "type"] if "anyOf" in found else found


def hostile(corpora):
    cases = json.loads((corpora / "hostile_cases.json").read_text())["cases"]
    return [case for case in cases if case["kind"] == "schema"]


def evaluated(case):
    """Give the schema and the instance of a case; the corpus writes them as expressions."""
    return eval(case["expr"], {"json": json}), eval(case["instance_expr"])  # noqa: S307 - our own test data


@threads
def test_light_cases_come_out_as_the_corpus_says(corpora, run):
    """Every light hostile schema gives its code in both threads."""
    results = {}
    for case in hostile(corpora):
        if case["weight"] == "light":
            document, instance = evaluated(case)
            code = run(lambda document=document, instance=instance: verdict(document, instance))
            if code not in codes(case):
                results[case["id"]] = code

    assert results == {}


_HEAVY = """
import json, re, resource, sys, threading, time
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
sys.path.insert(0, sys.argv[1])
from test_hostile_schemas import evaluated, in_main, in_small_stack, verdict
case = json.loads(sys.argv[2])
pair = evaluated(case)
verdict({"type": "integer"}, "x")
def timed():
    start = time.process_time()
    return verdict(*pair), time.process_time() - start
code, seconds = (in_small_stack if sys.argv[3] == "small" else in_main)(timed)
# Not ru_maxrss: that of a child begins with its parent's.
peak_kb = re.search(r"VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1]
print(json.dumps([code, seconds, int(peak_kb) // 1024]))
"""


@pytest.mark.costly
@pytest.mark.parametrize("stack", [pytest.param("main", marks=pytest.mark.slow), "small"])
def test_heavy_cases_come_out_in_time_and_memory(corpora, stack, request):
    """Every heavy hostile schema gives its code below a second of CPU and 200 MB."""
    results = {}
    for case in hostile(corpora):
        if case["weight"] == "heavy":
            code, seconds, megabytes = heavy(case, stack, request.path.parent)
            if code not in codes(case) or seconds > _SECONDS or megabytes > 200:
                results[case["id"]] = code, seconds, megabytes

    assert results == {}


def heavy(case, stack, folder):
    done = subprocess.run(
        [sys.executable, "-c", _HEAVY, str(folder), json.dumps(case), stack],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def doubled(keyword, levels, **more):
    """Give a schema in which each definition refers to the next one twice."""
    definitions = {f"a{i}": {keyword: [{"$ref": f"#/$defs/a{i + 1}"}] * 2, **more} for i in range(levels)}
    return {"$defs": {**definitions, f"a{levels}": {"type": "integer"}}, "$ref": "#/$defs/a0"}


def chained(keyword, links):
    """Give a schema that refers to itself through *links* schemas for each level of an array."""
    definitions = {f"a{i}": {keyword: [{"$ref": f"#/$defs/a{i + 1}"}]} for i in range(links)}
    last = {"items": {"$ref": "#/$defs/a0"}, "type": "array"}
    return {"$defs": {**definitions, f"a{links}": last}, "$ref": "#/$defs/a0"}


def unevaluated(levels):
    definitions = {
        f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}], "unevaluatedProperties": False}
        for i in range(levels)
    }
    return {"$defs": {**definitions, f"a{levels}": {"properties": {"x": True}}}, "$ref": "#/$defs/a0"}


def woven(count):
    """Give a schema of resources that all refer to one another, so that jsonschema-rs would not end compiling it."""
    return {
        "$ref": "http://x/0",
        "$defs": {
            f"p{i}": {
                "$id": f"http://x/{i}",
                "properties": {f"a{k}": {"$ref": f"{(i + k) % count}"} for k in range(5)},
            }
            for i in range(count)
        },
    }


def nested(levels, value=1):
    return functools.reduce(lambda inner, _: [inner], range(levels), value)


_ANY_OF_100 = {"items": {"anyOf": [{"type": "string", "minLength": 2}] * 100}}
_BACKTRACKING = "^((?=a)a|(?=a)aa)+$"


@dataclass(frozen=True)
class Case:
    id: str
    document: Any = field(repr=False)  # it is 60 doublings deep: a report of a failure would never end
    instance: Any = field(repr=False)
    code: str


CASES = [
    Case("allOf doubled 20 times", doubled("allOf", 20), "x", "type"),
    Case("allOf doubled 20 times, valid", doubled("allOf", 20), 1, "ok"),
    Case("allOf doubled 60 times", doubled("allOf", 60), "x", "type"),
    Case("allOf doubled 60 times, valid", doubled("allOf", 60), 1, "too_costly"),
    Case("anyOf doubled 20 times", doubled("anyOf", 20), "x", "type"),
    Case("anyOf doubled 60 times", doubled("anyOf", 60), "x", "type"),
    Case("oneOf doubled 20 times", doubled("oneOf", 20), "x", "type"),
    Case("unevaluated in unevaluated", unevaluated(20), {"x": 1, "y": 2}, "too_costly"),
    Case("unevaluated compiled twice", doubled("allOf", 14, unevaluatedProperties=False), 1, "too_costly"),
    Case("items that all are wrong", {"items": {"type": "integer"}}, ["x"] * 200_000, "type"),
    Case("the last of many items", {"items": {"type": "integer"}}, [*range(199_999), "x"], "type"),
    Case("a hundred arms at every item", _ANY_OF_100, [1] * 20_000, "type"),
    Case("not at every item", {"items": {"not": {"type": "integer"}}}, [1] * 200_000, "not"),
    Case("thousands required", {"required": [f"p{i}" for i in range(5000)]}, dict.fromkeys(map(str, range(15_000))), "required"),
    Case("an enum of objects", {"items": {"enum": [{"a": i} for i in range(1000)]}}, [{"a": 999}] * 20_000, "too_costly"),
    Case("nested repetition", {"pattern": "^(a+)+$"}, "a" * 50_000 + "!", "pattern"),
    Case("many states at once", {"pattern": "[ab]*a[ab]{500}[cd]"}, "ab" * 200_000, "too_costly"),
    Case("backtracking without end", {"pattern": _BACKTRACKING}, "a" * 60 + "!", "too_costly"),
    Case("backtracking inside not", {"not": {"pattern": _BACKTRACKING}}, "a" * 60 + "!", "too_costly"),
    Case("backtracking at every item", {"items": {"pattern": _BACKTRACKING}}, ["a" * 60 + "!"] * 10_000, "too_costly"),
    Case("lookahead over a long text", {"pattern": "(?=.*b)c"}, "a" * 1_000_000, "too_costly"),
    Case("large bounds, valid", {"pattern": "^(a{1,1000}){1,1000}$"}, "a" * 3000, "ok"),
    Case("large bounds of a property", {"pattern": r"^\p{L}{1,1000}$"}, "é" * 900 + "!", "pattern"),
    Case("large expressions", {"allOf": [{"pattern": rf"\p{{L}}{{1,70}}{i}"} for i in range(500)]}, "x", "too_costly"),
    Case("resources woven together", woven(40), {"a1": {"a2": {}}}, "ok"),
    Case("a chain at every level", chained("allOf", 120), nested(95), "type"),
    Case("a chain of unions at every level", chained("anyOf", 120), nested(95), "too_costly"),
    Case("a chain too long", chained("allOf", 1000), 1, "too_deep"),
    Case("two ways at every level", {"allOf": [{"items": {"$ref": "#"}}] * 2, "type": "array"}, nested(95), "type"),
    Case("a wide allOf", {"allOf": [{"type": "string"}] * 20_000}, 1, "type"),
    Case("parentheses", {"pattern": "(" * 50_000 + ")" * 50_000}, "x", "invalid"),
    Case("a list of itself", {"allOf": functools.reduce(lambda x, _: [x, x], range(40), [])}, 1, "too_large"),
    Case("unique objects", {"uniqueItems": True}, [{"a": i} for i in range(20_000)], "ok"),
    Case("a tiny multipleOf", {"multipleOf": 1e-300}, 10**300, "ok"),
    Case("a long text", {"allOf": [{"maxLength": 5}] * 50}, "é" * 5_000_000, "maxLength"),
    Case("a long key", {"additionalProperties": False}, {"k" * 5_000_000: 1}, "additionalProperties"),
    Case("as deep as allowed", functools.reduce(lambda x, _: {"not": x}, range(62), {}), 1, "ok"),
]  # fmt: skip


@threads
@pytest.mark.parametrize("case", thinned(CASES, 3), ids=lambda case: case.id)
def test_nothing_hangs_or_crashes(case, run):
    """A schema or instance made to blow up comes out with its code, in seconds even on a busy machine."""

    def timed():
        start = time.thread_time()
        return verdict(case.document, case.instance), time.thread_time() - start

    code, seconds = run(timed)

    assert code == case.code
    assert seconds < _SLACK


@pytest.mark.costly
def test_memory_stays_flat():
    """Errors that the engine would list with gigabytes of copies cost less than 200 MB."""
    schema = Schema.of(_ANY_OF_100)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    violations = schema.violations([1] * 200_000)

    assert len(violations) == 50
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


@threads
def test_instance_deeper_than_the_limit_is_refused(run):
    """An instance nested a hundred thousand levels deep is an invalid argument, not a crash."""

    def told():
        with pytest.raises(InvalidArgument, match="nested at most 100 levels deep") as caught:
            Schema.of({}).violations(nested(100_000))
        return str(caught.value)

    assert "100" in run(told)
