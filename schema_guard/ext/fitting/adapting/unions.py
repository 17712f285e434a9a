# SPDX-License-Identifier: Apache-2.0
"""The conversion of alternatives to `anyOf` of independent schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.ext.fitting.adapting import alternatives, arrays, objects, scalars
from schema_guard.ext.fitting.adapting.builder import BuiltSchema
from schema_guard.ext.fitting.adapting.plain.flat_schema import KINDS, FlatSchema, KeywordApart
from schema_guard.ext.fitting.adapting.plain.negation import choices_of, pairwise_apart
from schema_guard.ext.fitting.rules.conditions import are_all_disjoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.ext.fitting.adapting.builder import Builder

_MOST = 64
_MOST_COMPARED = 100
_MOST_LEFT_OUT = 8
_ALL: dict[str, list[Any]] = {"boolean": [True, False], "null": [None]}
_LEFTOVER = "cannot be enforced there"


class _Choice(NamedTuple):
    """A keyword with several alternatives."""

    keyword: KeywordApart
    branches: list[Any]


class _TooMany(Exception):
    """There are too many alternatives after this number of choices."""

    def __init__(self, choices: int) -> None:
        super().__init__(choices)
        self.choices = choices


def flat(builder: Builder, merged: FlatSchema) -> BuiltSchema | None:
    """Write the combination of several schemas."""
    if merged.is_impossible:
        return None
    _enumerate(merged)
    if merged.values is not None:
        return scalars.enumerated(builder, merged)
    if len(merged.unions) == 1 and not merged.is_typed and not merged.rest and not merged.spoken_of():
        return _bare(builder, merged.unions[0])
    arms = []
    for alternative in _alternatives(builder, merged):
        built = _single(builder, alternative)
        if built is not None:
            arms.append((built, list(alternative.nodes)))
    return alternatives.union(builder, arms)


def _enumerate(merged: FlatSchema) -> None:
    """Write booleans and null as values if a keyword in `rest` may exclude one of them."""
    if merged.values is None and merged.rest and merged.kinds <= _ALL.keys():
        merged.values = [value for kind in sorted(merged.kinds) for value in _ALL[kind]]


def _bare(builder: Builder, entry: KeywordApart) -> BuiltSchema | None:
    arms = []
    for branch in _branches(builder, entry):
        built = builder.emit((branch,))
        if built is not None:
            arms.append((built, [branch]))
    return alternatives.union(builder, arms)


def _branches(builder: Builder, entry: KeywordApart) -> list[Any]:
    """Return the branches of a union for `anyOf`."""
    branches: list[Any] = entry.value
    if entry.keyword != "oneOf" or len(branches) < 2:
        return branches
    document = builder.plain.document()
    if len(branches) <= _MOST_COMPARED and are_all_disjoint(document, branches):
        return branches
    apart = pairwise_apart(branches, builder.plain)
    if apart is not None:
        builder.note_origin(apart, entry.node, entry.keyword, entry.value)
        return apart
    builder.relax(
        entry.node, "oneOf", entry.value, "sent as anyOf, so a value of several branches is accepted"
    )
    return branches


def _alternatives(builder: Builder, merged: FlatSchema) -> list[FlatSchema]:
    """Return the alternatives for all combinations of choices. Excess choices are left out, and listed."""
    choices, stuck = _choices(builder, merged)
    too_many = len(choices) + 1
    for left_out in range(len(choices) + 1):
        first_choices = choices[: len(choices) - left_out] if left_out < _MOST_LEFT_OUT else []
        if len(first_choices) >= too_many:
            continue
        start = merged.copy()
        start.unions, start.rest = [], []
        try:
            alternatives = _flat_choices(builder, start, first_choices)
        except _TooMany as error:
            too_many = error.choices
            continue
        for alternative in alternatives:
            alternative.rest = [*stuck, *alternative.rest]
        for choice in choices[len(first_choices) :]:
            builder.relax(choice.keyword.node, choice.keyword.keyword, choice.keyword.value, _LEFTOVER)
        return alternatives
    return []


def _choices(builder: Builder, merged: FlatSchema) -> tuple[list[_Choice], list[KeywordApart]]:
    choices = [_Choice(entry, _branches(builder, entry)) for entry in merged.unions]
    stuck = []
    for entry in merged.rest:
        meant = choices_of(entry, builder.plain)
        if meant is None:
            stuck.append(entry)
        for parts in meant or ():
            builder.note_origin(parts, entry.node, entry.keyword, entry.value)
            choices.append(_Choice(entry, parts))
    return choices, stuck


def _flat_choices(builder: Builder, start: FlatSchema, choices: list[_Choice]) -> list[FlatSchema]:
    done = [start]
    for number, choice in enumerate(choices, start=1):
        done = _chosen(done, choice, number)
    settled: list[FlatSchema] = []
    for alternative in done:
        # A branch may have further choices.
        try:
            settled += (
                _settled(builder, alternative) if alternative.unions or alternative.rest else [alternative]
            )
        except _TooMany as error:
            raise _TooMany(len(choices)) from error
        if len(settled) > _MOST:
            raise _TooMany(len(choices))
    return settled


def _chosen(before: list[FlatSchema], choice: _Choice, number: int) -> list[FlatSchema]:
    alternatives: list[FlatSchema] = []
    for alternative in before:
        copies = [alternative.copy().absorb(branch) for branch in choice.branches]
        alternatives += [after for after in copies if not after.is_impossible]
        if len(alternatives) > _MOST:
            raise _TooMany(number)
    return alternatives


def _settled(builder: Builder, alternative: FlatSchema) -> list[FlatSchema]:
    more, stuck = _choices(builder, alternative)
    alternative.unions, alternative.rest = [], []
    alternatives = _flat_choices(builder, alternative, more)
    for settled in alternatives:
        settled.rest = [*stuck, *settled.rest]
    return alternatives


def _single(builder: Builder, merged: FlatSchema) -> BuiltSchema | None:
    """Write one alternative, with a schema for each remaining type."""
    _enumerate(merged)
    if merged.values is not None:
        return scalars.enumerated(builder, merged)
    spoken = merged.spoken_of()
    kinds = merged.kinds if merged.is_typed else frozenset(spoken)
    for entry in merged.rest:
        if entry.keyword not in ("pattern", "format") or "string" not in kinds:
            builder.relax(entry.node, entry.keyword, entry.value, _LEFTOVER)
    if not kinds:
        return builder.anything()
    if not merged.is_typed:
        names = " or ".join(kind + "s" for kind in spoken)
        builder.narrow(merged.nodes[0], "type", None, f"no type is named, so only {names} can occur")
    arms = []
    for kind in KINDS:
        built = _WRITERS[kind](builder, merged, kind) if kind in kinds else None
        if built is not None:
            arms.append((built, [*merged.nodes, {"type": kind}]))
    return alternatives.union(builder, arms)


_WRITERS: dict[str, Callable[[Builder, FlatSchema, str], BuiltSchema | None]] = {
    "object": objects.object_of,
    "array": arrays.array_of,
    "string": scalars.string_of,
    "number": scalars.number_of,
    "integer": scalars.number_of,
    "boolean": scalars.plain_of,
    "null": scalars.plain_of,
}
