import copy
import datetime as dt
import json

import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.ext.fitting.linting import lint
from schema_guard.ext.fitting.rules.rule import ANNOTATIONS, KEYWORDS
from schema_guard.ext.fitting.rules.tables import DECISIONS, RULES, RULES_OF, UNSURE, rules_of
from schema_guard.providers.options import PROVIDER_OPTIONS
from tests.ext.fitting.rules.uses import NOT_CLOSED, USES, closed, opened

# "deepseek" takes all there is.
TABLES = [table for table in RULES.values() if table.name != "deepseek"]
TAKEN = [
    (table, keyword) for table in TABLES for keyword in sorted(table.takes) if keyword != "additionalItems"
]


def use_of(table, keyword):
    """Give a use of a keyword; objects of some cannot say that they are closed."""
    return opened(USES[keyword]) if table.name in NOT_CLOSED else USES[keyword]


@pytest.mark.parametrize(("table", "keyword"), TAKEN, ids=lambda part: getattr(part, "name", part))
def test_a_keyword_that_is_taken_has_no_finding(table, keyword):
    """A plain use of a keyword that a provider takes has no finding."""
    assert lint(use_of(table, keyword), table.name) == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_keyword_that_is_not_taken_is_told(table):
    """A keyword that stands in no table is told with the effect of the others, at its place; an error where that is known."""
    schema = copy.deepcopy(use_of(table, "type"))
    schema["properties"]["held"]["not"] = {"const": "x"}

    results = [finding for finding in lint(schema, table.name) if finding.keyword == "not"]

    rule = next((one for one in table.rules if one.keyword == "not"), table)
    severity = "error" if rule.confidence == "high" else "warning"
    assert [(one.severity, one.effect, one.location) for one in results] == [
        (severity, table.others, "/properties/held")
    ]


@pytest.mark.parametrize("table", RULES.values(), ids=lambda table: table.name)
def test_every_rule_says_where_it_is_known_from(table):
    """Each rule has its table's name, evidence and a day."""
    assert table.takes <= KEYWORDS | ANNOTATIONS
    assert table.always
    assert table.evidence
    for rule in table.rules:
        assert rule.name.startswith(f"{table.name}-")
        assert rule.evidence
        assert dt.date.fromisoformat(rule.verified_on) <= dt.date(2026, 11, 30)


@pytest.mark.parametrize("name", RULES_OF)
def test_a_provider_goes_by_its_table(name):
    """A provider that has no table of its own has the rules of the one it goes by."""
    rules = [[one.rule for one in lint({"type": "array"}, provider)] for provider in (name, RULES_OF[name])]

    assert rules[0] == rules[1]


def test_every_target_of_arguments_names_its_rules():
    """Whatever a guard may be told to ask has a table."""
    assert PROVIDER_OPTIONS.keys() <= RULES.keys() | RULES_OF.keys() | DECISIONS.keys()


@pytest.mark.parametrize("name", sorted(UNSURE))
def test_what_hands_on_to_many_models_is_warned_of(name):
    """Behind a gateway nothing is known for sure: all findings are warnings of low confidence."""
    findings = lint({"type": "array"}, name)

    assert {(one.severity, one.confidence) for one in findings} == {("warning", "low")}


def test_what_holds_for_every_schema_is_no_finding():
    """A provider that enforces nothing has one remark, and no findings."""
    assert lint({"type": "array", "uniqueItems": True, "title": "a"}, "deepseek") == []
    assert rules_of("deepseek").always


def test_a_target_that_is_unknown_is_told_with_those_that_are():
    """An unknown provider is InvalidArgument, with the names."""
    with pytest.raises(InvalidArgument, match="Did you mean 'openai'"):
        lint({}, "opena")


def test_a_schema_is_left_as_it_is():
    """The document is read, never changed."""
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/b", "title": "A"}}, "$defs": {"b": {}}}
    before = copy.deepcopy(schema)

    for name in RULES:
        lint(schema, name)

    assert schema == before


CASES = {
    "root": ({"type": "array", "items": {"type": "string"}}, "openai", "openai-root", ""),
    "optional": ({**closed({"a": {"type": "string"}}), "required": []}, "openai", "openai-optional", ""),
    "open": ({"type": "object", "properties": {}}, "anthropic", "anthropic-open-object", ""),
    "recursion": (
        closed({"a": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}),
        "anthropic",
        "anthropic-recursion",
        "/properties/a/anyOf/0",
    ),
    "items": (closed({"a": {"type": "array"}}), "openai", "openai-items", "/properties/a"),
    "all of": (
        closed({"a": {"allOf": [{"type": "string"}, {"minLength": 1}]}}),
        "vllm",
        "vllm-all-of",
        "/properties/a",
    ),
    "overlap": (
        closed({"a": {"oneOf": [{"type": "number"}, {"type": "integer"}]}}),
        "llguidance",
        "llguidance-one-of",
        "/properties/a",
    ),
    "unanchored": (
        closed({"a": {"type": "string", "pattern": "ab"}}),
        "xgrammar",
        "xgrammar-unanchored",
        "/properties/a",
    ),
}


@pytest.mark.parametrize(("schema", "provider", "rule", "location"), CASES.values(), ids=CASES)
def test_a_broken_rule_is_told_at_its_place(schema, provider, rule, location):
    """A schema that breaks one rule has a finding of that rule, where it is broken."""
    assert [(one.rule, one.location) for one in lint(schema, provider)] == [(rule, location)]


def test_a_format_that_may_be_ignored_is_a_warning():
    """What is only likely is a warning of low confidence."""
    (result,) = lint(closed({"a": {"type": "string", "format": "email"}}), "gemini")

    assert (result.severity, result.confidence) == ("warning", "low")


def test_an_annotation_is_told_as_information():
    """An annotation that is not a part of the accepted form is no error."""
    (result,) = lint(closed({"a": {"type": "string", "title": "A"}}), "openai")

    assert (result.severity, result.keyword) == ("info", "title")


@pytest.mark.parametrize("keyword", sorted(RULES["llguidance"].takes))
def test_llguidance_compiles_what_it_takes(keyword):
    """The engine compiles a plain use of every keyword that its table takes, without a warning."""
    engine = pytest.importorskip("llguidance", reason="llguidance is not installed")
    text = "%llguidance {}\nstart: %json " + json.dumps(USES[keyword])

    assert engine.LLMatcher.validate_grammar_with_warnings(text) == (False, [])


@pytest.mark.parametrize("keyword", sorted(KEYWORDS - RULES["llguidance"].takes - {"if", "then", "else"}))
def test_llguidance_refuses_what_it_does_not_take(keyword):
    """The engine refuses a keyword that its table does not take."""
    engine = pytest.importorskip("llguidance", reason="llguidance is not installed")
    text = "%llguidance {}\nstart: %json " + json.dumps({keyword: {}})

    is_error, _ = engine.LLMatcher.validate_grammar_with_warnings(text)

    assert is_error


@pytest.mark.parametrize("keyword", sorted(RULES["outlines-core"].takes))
def test_outlines_core_compiles_what_it_takes(keyword):
    """The engine writes an expression for a plain use of every keyword that its table takes."""
    engine = pytest.importorskip("outlines_core.json_schema", reason="outlines-core is not installed")

    assert engine.build_regex_from_schema(json.dumps(USES[keyword]))
