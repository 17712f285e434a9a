# SPDX-License-Identifier: Apache-2.0
"""What several alternatives become: `anyOf` of schemas that stand alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.ext.fitting.adapting import arrays, joining, objects, scalars
from schema_guard.ext.fitting.adapting.built import BuiltSchema
from schema_guard.ext.fitting.adapting.plain.flat import KINDS, FlatSchema, KeywordApart
from schema_guard.ext.fitting.adapting.plain.negating import (
    alternatives_of,
    dependencies,
    pairwise_apart,
)
from schema_guard.ext.fitting.rules.conditions import are_disjoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.ext.fitting.adapting.writer import SchemaWriter

__all__ = ["flat"]

_MOST = 64
_MOST_COMPARED = 100
_MOST_LEFT_OUT = 8
_ALL: dict[str, list[Any]] = {"boolean": [True, False], "null": [None]}
_LEFTOVER = "cannot be enforced there"


class _Choice(NamedTuple):
    """A keyword that means several alternatives."""

    kept: KeywordApart
    branches: list[Any]


class _TooMany(Exception):
    pass


def flat(builder: SchemaWriter, merged: FlatSchema) -> BuiltSchema | None:
    """Write what several schemas say together."""
    if merged.is_impossible:
        return None
    _enumerate(merged)
    if merged.values is not None:
        return scalars.enumerated(builder, merged)
    if len(merged.unions) == 1 and not merged.is_typed and not merged.rest and not merged.spoken_of():
        return _bare(builder, merged.unions[0])
    made = []
    for alternative in _alternatives(builder, merged):
        built = _single(builder, alternative)
        if built is not None:
            made.append((built, list(alternative.nodes)))
    return joining.union(builder, made)


def _enumerate(merged: FlatSchema) -> None:
    """Write booleans and null as values where a negation may take one of them out."""
    if merged.values is None and merged.rest and merged.kinds <= _ALL.keys():
        merged.values = [value for kind in sorted(merged.kinds) for value in _ALL[kind]]


def _bare(builder: SchemaWriter, kept: KeywordApart) -> BuiltSchema | None:
    made = []
    for branch in _branches(builder, kept):
        built = builder.emit((branch,))
        if built is not None:
            made.append((built, [branch]))
    return joining.union(builder, made)


def _branches(builder: SchemaWriter, kept: KeywordApart) -> list[Any]:
    """Give the branches of a union, as `anyOf` has them."""
    branches: list[Any] = kept.value
    if kept.keyword != "oneOf" or len(branches) < 2:
        return branches
    document = builder.plain.document()
    if len(branches) <= _MOST_COMPARED and all(
        are_disjoint(document, one, other)
        for place, one in enumerate(branches)
        for other in branches[place + 1 :]
    ):
        return branches
    apart = pairwise_apart(branches, builder.plain)
    if apart is not None:
        builder.made_from(apart, kept.node, kept.keyword, kept.value)
        return apart
    builder.relax(kept.node, "oneOf", kept.value, "sent as anyOf: a value of several branches passes")
    return branches


def _alternatives(builder: SchemaWriter, merged: FlatSchema) -> list[FlatSchema]:
    """Give what is left when every choice is made in every way; choices that are too many are left out, and listed."""
    choices, stuck = _choices(builder, merged)
    for left_out in range(len(choices) + 1):
        kept = choices[: len(choices) - left_out] if left_out < _MOST_LEFT_OUT else []
        start = merged.copy()
        start.unions, start.rest = [], []
        try:
            found = _made(builder, start, kept)
        except _TooMany:
            continue
        for alternative in found:
            alternative.rest = [*stuck, *alternative.rest]
        for choice in choices[len(kept) :]:
            builder.relax(choice.kept.node, choice.kept.keyword, choice.kept.value, _LEFTOVER)
        return found
    return []


def _choices(builder: SchemaWriter, merged: FlatSchema) -> tuple[list[_Choice], list[KeywordApart]]:
    choices = [_Choice(kept, _branches(builder, kept)) for kept in merged.unions]
    stuck = []
    for kept in merged.rest:
        several = dependencies(kept)
        branches = None if several is not None else alternatives_of(kept, builder.plain)
        for parts in several if several is not None else [branches] if branches is not None else []:
            builder.made_from(parts, kept.node, kept.keyword, kept.value)
            choices.append(_Choice(kept, parts))
        if several is None and branches is None:
            stuck.append(kept)
    return choices, stuck


def _made(builder: SchemaWriter, start: FlatSchema, choices: list[_Choice]) -> list[FlatSchema]:
    done = [start]
    for choice in choices:
        done = _chosen(done, choice)
    settled: list[FlatSchema] = []
    for alternative in done:
        # What a branch brings along may be a choice again.
        settled += _settled(builder, alternative) if alternative.unions or alternative.rest else [alternative]
        if len(settled) > _MOST:
            raise _TooMany
    return settled


def _chosen(before: list[FlatSchema], choice: _Choice) -> list[FlatSchema]:
    made: list[FlatSchema] = []
    for alternative in before:
        found = [alternative.copy().absorb(branch) for branch in choice.branches]
        made += [after for after in found if not after.is_impossible]
        if len(made) > _MOST:
            raise _TooMany
    return made


def _settled(builder: SchemaWriter, alternative: FlatSchema) -> list[FlatSchema]:
    more, stuck = _choices(builder, alternative)
    alternative.unions, alternative.rest = [], []
    found = _made(builder, alternative, more)
    for settled in found:
        settled.rest = [*stuck, *settled.rest]
    return found


def _single(builder: SchemaWriter, merged: FlatSchema) -> BuiltSchema | None:
    """Write one alternative: a schema for each type that is left."""
    _enumerate(merged)
    if merged.values is not None:
        return scalars.enumerated(builder, merged)
    spoken = merged.spoken_of()
    kinds = merged.kinds if merged.is_typed else frozenset(spoken)
    for kept in merged.rest:
        if kept.keyword not in ("pattern", "format") or "string" not in kinds:
            builder.relax(kept.node, kept.keyword, kept.value, _LEFTOVER)
    if not kinds:
        return builder.anything()
    if not merged.is_typed:
        names = " or ".join(kind + "s" for kind in spoken)
        builder.narrow(merged.nodes[0], "type", None, f"no type is named: only {names} can be given")
    made = []
    for kind in KINDS:
        built = _WRITERS[kind](builder, merged, kind) if kind in kinds else None
        if built is not None:
            made.append((built, [*merged.nodes, {"type": kind}]))
    return joining.union(builder, made)


_WRITERS: dict[str, Callable[[SchemaWriter, FlatSchema, str], BuiltSchema | None]] = {
    "object": objects.object_of,
    "array": arrays.array_of,
    "string": scalars.string_of,
    "number": scalars.number_of,
    "integer": scalars.number_of,
    "boolean": scalars.plain_of,
    "null": scalars.plain_of,
}
