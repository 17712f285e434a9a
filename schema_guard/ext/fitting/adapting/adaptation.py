# SPDX-License-Identifier: Apache-2.0
"""The strongest form of the user's schema that a provider or engine accepts.

Rules:
1. The user's schema is never changed, and every reply is validated against it.
2. A schema that the provider accepts is sent unchanged.
3. A sent schema has no error of `lint`. If that is impossible, nothing is sent, and the result has the reason.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidSchema
from schema_guard.ext.fitting.adapting import unions
from schema_guard.ext.fitting.adapting.acceptance import Acceptance
from schema_guard.ext.fitting.adapting.builder import Builder, TooLargeToAdapt
from schema_guard.ext.fitting.adapting.final_changes import begin_apart, hoist, within_unions
from schema_guard.ext.fitting.adapting.forms import SAME, VALUE, WrappedForm, simplified, with_definitions
from schema_guard.ext.fitting.adapting.plain.plain_schema import plain_of
from schema_guard.ext.fitting.adapting.result import Adapted, SchemaChange
from schema_guard.ext.fitting.linting import findings_of
from schema_guard.ext.fitting.probed_rules import sent_table_of
from schema_guard.ext.fitting.rules.rule import ANNOTATIONS, KEYWORDS, STRUCTURE, Site
from schema_guard.ext.fitting.rules.tables import DECISIONS
from schema_guard.extensions import load
from schema_guard.pointer import split
from schema_guard.schema import Schema, fingerprint
from schema_guard.validation.document import DEFAULT_DIALECT, check_size
from schema_guard.validation.references import subschemas

if TYPE_CHECKING:
    from schema_guard.ext.fitting.adapting.builder import BuiltSchema
    from schema_guard.ext.fitting.linting import Finding
    from schema_guard.ext.fitting.probed_rules import RulesLike
    from schema_guard.ext.fitting.rules.rule import Rules

# Levels of recursion to expand if the provider accepts none. The first one that isn't too large is used.
_UNROLLED = (2, 1, 0)
_ROUNDS = 20


def adapt(schema: Any, provider: str, *, rules: RulesLike | None = None) -> Adapted:
    """Return a schema in the strictest form that a provider accepts.

    The result can also convert values between this form and the form of your schema. The result also lists the keywords
    that this form drops, narrows, or relaxes.

    Args:
        schema: A JSON Schema, a `Schema`, or a type that `guard` accepts.
        provider: Name of a provider or engine.
        rules: File that `schema-guard schema probe --output` wrote, with the rules of your server. Default: the
            built-in rules for the provider.

    Raises:
        InvalidArgument: The provider is unknown, or the rules belong to another provider.
        InvalidSchema: The schema can't be loaded.

    >>> made = adapt({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}, "openai")
    >>> made.schema["properties"], made.schema["required"]
    ({'a': {'type': ['string', 'null']}}, ['a'])
    >>> made.restore({"a": None}), made.pre_image({})
    ({}, {'a': None})
    """
    table = sent_table_of(provider, rules)
    if provider in DECISIONS:
        asked: Adapted = load("profile:decisions").asked(schema, provider)
        return asked
    return _adapted(Schema.of(schema), table, provider)


def adapt_arguments(schema: Schema[Any], provider: str, rules: Rules | None) -> Adapted:
    """Return the same as `adapt` for the arguments of a tool, which need an object at the root."""
    return _adapted(schema, replace(sent_table_of(provider, rules), requires_object=True), provider)


def _adapted(loaded: Schema[Any], table: Rules, provider: str) -> Adapted:
    findings = _findings_as_it_is(loaded, table)
    if findings is not None:
        relaxed, narrowed = _likely(loaded.document, findings)
        return Adapted(loaded.document, provider, loaded.fingerprint, relaxed, narrowed, [])
    reason = ""
    for unrolled in _UNROLLED:
        builder = Builder(plain_of(loaded), table, unions.flat, formats=loaded.formats, unrolled=unrolled)
        try:
            built = builder.build()
        except TooLargeToAdapt as error:
            reason = str(error)
            if not builder.recurs:
                break
        else:
            return (
                _nothing(provider, "no value is valid")
                if built is None
                else _finished(builder, built, provider)
            )
    return _nothing(provider, reason)


def _findings_as_it_is(loaded: Schema[Any], table: Rules) -> list[Finding] | None:
    """Return the warnings about a document that is sent unchanged. None for any other document.

    The provider accepts all of it, and reads it as the user does.
    """
    document = loaded.document
    if not isinstance(document, dict) or (table.requires_object and document.get("type") != "object"):
        return None
    findings: list[Finding] = []
    for finding in findings_of(document, table):
        if finding.severity != "warning" or finding.effect == "rejected":
            return None
        findings.append(finding)
    own = plain_of(loaded)
    read = own if loaded.dialect == DEFAULT_DIALECT else plain_of(loaded, DEFAULT_DIALECT)
    if own.root != read.root or own.definitions != read.definitions or own.dropped or own.lost or read.lost:
        return None
    if loaded._resources:  # noqa: SLF001 - documents that the provider does not have
        return None
    return None if table.drops_annotations and _has_more(document, table) else findings


def _has_more(document: Any, table: Rules) -> bool:
    """Return whether a document has unknown keywords. `nullable` is known if the table uses it instead of null."""
    known = KEYWORDS | ANNOTATIONS | STRUCTURE | (set() if Acceptance(table).nulls else {"nullable"})
    return any(
        isinstance(place.schema, dict) and not place.schema.keys() <= known
        for place in subschemas(document, "", "")
    )


def _likely(
    document: Any, findings: list[Finding], places: dict[int, str] | None = None
) -> tuple[list[SchemaChange], list[SchemaChange]]:
    """Return the keywords that a provider probably ignores, and those that it probably narrows, by the warnings.

    Args:
        document: The schema to send.
        findings: The findings for it.
        places: Locations in the user's schema, by the `id` of a part. Default: both schemas are the same.
    """
    relaxed: list[SchemaChange] = []
    narrowed: list[SchemaChange] = []
    for finding in findings:
        if finding.severity == "warning":
            change = SchemaChange(
                finding.location if places is None else places.get(id(_at(document, finding.location)), ""),
                finding.keyword,
                _value_at(document, finding),
                f"the provider probably {finding.message}",
            )
            # A part that may be refused is sent anyway, so it is neither narrowed nor relaxed.
            if finding.effect != "rejected":
                (narrowed if finding.effect == "narrowed" else relaxed).append(change)
    return relaxed, narrowed


def _value_at(document: Any, finding: Finding) -> Any:
    place = _at(document, finding.location)
    return place.get(finding.keyword) if isinstance(place, dict) else place


def _at(document: Any, location: str) -> Any:
    for token in split(location):
        document = document[int(token)] if isinstance(document, list) else document[token]
    return document


def _finished(builder: Builder, built: BuiltSchema, provider: str) -> Adapted:
    """Return a built schema in its sent form: an object if required, with its definitions, and without an error."""
    root, form = built
    if not _may_be_root(builder, root):
        root = _wrapped(builder, root)
        form = WrappedForm(form)
    hoist(root, builder.definitions, builder.accepted)
    document = with_definitions(root, builder.definitions)
    begin_apart(document, builder.table)
    within_unions(builder, document)
    places = {id(schema): location for schema, location in builder.written}
    failed, findings = _cleaned(builder, document, places)
    if failed is not None:
        return _nothing(provider, failed)
    try:
        # Replies are validated against the user's schema, so this one is never compiled.
        check_size(document)
    except InvalidSchema as error:
        return _nothing(provider, f"the adapted schema can't be loaded: {error}")
    relaxed, narrowed = _likely(document, findings, places)
    return Adapted(
        json.loads(json.dumps(document)),
        provider,
        fingerprint(document),
        _unique([*builder.relaxed, *relaxed]),
        _unique([*builder.narrowed, *narrowed]),
        _unique(builder.dropped),
        simplified(form, builder.forms),
    )


def _wrapped(builder: Builder, root: dict[str, Any]) -> dict[str, Any]:
    """Return an object around a schema, closed if the provider accepts that."""
    around = {"type": "object", "properties": {VALUE: root}, "required": [VALUE]}
    closed = {**around, "additionalProperties": False}
    if builder.accepted.is_clean(closed):
        return closed
    builder.relaxed.append(
        SchemaChange("", "additionalProperties", False, "the object around it can't be closed there")
    )
    return around


def _may_be_root(builder: Builder, root: dict[str, Any]) -> bool:
    if builder.table.requires_object and root.get("type") != "object":
        return False
    site = Site(root, "", root)
    return not any(rule.name.endswith("-root") and rule.is_broken(site) for rule in builder.table.rules)


def _cleaned(
    builder: Builder, document: dict[str, Any], places: dict[int, str]
) -> tuple[str | None, list[Finding]]:
    """Remove parts with errors, and list them. Return the reason if an error is left, and the last findings."""
    findings: list[Finding] = []
    for _ in range(_ROUNDS):
        findings = list(findings_of(document, builder.table))
        errors = [finding for finding in findings if finding.severity == "error"]
        if not errors:
            return None, findings
        removed = False
        for finding in errors:
            node = _at(document, finding.location)
            if isinstance(node, dict) and finding.keyword in node and finding.keyword not in _NEEDED:
                value = node.pop(finding.keyword)
                location = places.get(id(node), "")
                builder.relaxed.append(
                    SchemaChange(location, finding.keyword, value, f"the provider {finding.message}")
                )
                removed = True
        if not removed:
            finding = errors[0]
            place = finding.location or "(root)"
            return (
                f"{finding.keyword} at {place} of the adapted schema: the provider {finding.message}",
                findings,
            )
    return "the rejected part can't be removed", findings


# Without these, a schema has another meaning instead of a weaker one.
_NEEDED = frozenset({"additionalProperties", "items", "properties", "required"})


def _unique(changes: list[SchemaChange]) -> list[SchemaChange]:
    """Return each change once, outermost first."""
    met: dict[tuple[str, str, str], SchemaChange] = {}
    for change in changes:
        met.setdefault((change.location, change.keyword, change.reason), change)
    return sorted(met.values(), key=lambda item: (item.location.count("/"), item.location, item.keyword))


def _nothing(provider: str, reason: str) -> Adapted:
    change = SchemaChange("", "", None, f"nothing can be sent: {reason}")
    return Adapted(None, provider, None, [change], [], [], SAME)
