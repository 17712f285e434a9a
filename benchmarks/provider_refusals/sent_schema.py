"""A schema as a request sends it, and the rules of a provider about it.

Rules: a rule is there only if the provider is known to refuse; a limit that nobody has published is no rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from schema_guard.ext.loopback.wire import BadRequest
from schema_guard.pointer import split
from schema_guard.text import clip
from schema_guard.validation.references import subschemas

if TYPE_CHECKING:
    from schema_guard.validation.references import Subschema

__all__ = ["Fault", "SentPlace", "SentSchema", "WireRule", "at_places", "broken", "refuse", "steps", "types"]

_DEFINITIONS = (("$defs",), ("definitions",))


class SentPlace(NamedTuple):
    """A schema inside of one that is sent; the path has its keys and indexes, from the root."""

    schema: Any
    path: tuple[str, ...]

    @property
    def is_object(self) -> bool:
        """Whether it describes objects."""
        return isinstance(self.schema, dict) and (
            "object" in types(self.schema) or "properties" in self.schema
        )

    @property
    def is_defined(self) -> bool:
        """Whether it stands in a definition, where it is reached through a reference alone."""
        return self.path[:1] in _DEFINITIONS

    @property
    def is_property(self) -> bool:
        """Whether it is the schema of one property."""
        return self.path[-2:-1] == ("properties",) and self.path[-3:-2] != ("properties",)


@dataclass(frozen=True)
class SentSchema:
    """A schema that a request sends.

    Attributes:
        document: The schema.
        where: What of the request it is, as the provider's errors call it.
        more: What else the error says of its place.
        name: By which name it is sent, and where that name stands; empty where there is none.
    """

    document: Any
    where: str
    more: Mapping[str, Any] = field(default_factory=dict)
    name: tuple[str, str] = ("", "")

    @cached_property
    def places(self) -> list[SentPlace]:
        """Its schemas, the outermost first, in the order in which they are written."""
        places: list[Subschema] = list(subschemas(self.document, "", ""))
        places.sort(key=lambda place: place.location.count("/"), reverse=True)
        return [SentPlace(place.schema, tuple(split(place.location))) for place in reversed(places)]

    def target(self, reference: object) -> SentPlace | None:
        """Return what a reference leads to; None if it leads to nothing in the document."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        if reference == "#":
            return self.places[0]
        return self._by_path.get(tuple(split(reference[1:]))) if reference.startswith("#/") else None

    @cached_property
    def _by_path(self) -> dict[tuple[str, ...], SentPlace]:
        return {place.path: place for place in self.places}

    def circles(self, holds: Callable[[SentPlace], bool] = lambda _: True) -> Iterator[list[str]]:
        """Yield each way from a definition back to itself, by the names of definitions; the root is `#`.

        Args:
            holds: Whether a reference counts, by the place where it stands.
        """
        leads: dict[str, list[str]] = {}
        for place in self.places:
            if not isinstance(place.schema, dict) or not holds(place):
                continue
            target = self.target(place.schema.get("$ref"))
            if target is not None:
                leads.setdefault(_name(place.path), []).append(_name(target.path))
        for start in leads:
            yield from _paths_back(leads, start)


def _name(path: tuple[str, ...]) -> str:
    """Give the definition that a place stands in."""
    return path[1] if path[:1] in _DEFINITIONS else "#"


def _paths_back(leads: Mapping[str, list[str]], start: str) -> Iterator[list[str]]:
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop()
        for name in leads.get(way[-1], ()):
            if name == start:
                yield [*way, name]
                return
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])


Fault: TypeAlias = "tuple[SentSchema, str]"
"""The refused schema, and the error of the provider."""


@dataclass(frozen=True, slots=True)
class WireRule:
    """Something that a provider refuses.

    Attributes:
        name: Its name, the provider's first.
        messages: What is wrong with the schemas of a request.
        seen: Where these words were seen, in public; None where only the refusal is known and the words are ours.
    """

    name: str
    messages: Callable[[Sequence[SentSchema]], Iterator[Fault]]
    seen: str | None = None


def at_places(
    tell: Callable[[SentSchema, SentPlace], Iterator[str]],
) -> Callable[[Sequence[SentSchema]], Iterator[Fault]]:
    """Yield a rule's check of all schemas from its check of one place."""

    def said(sent: Sequence[SentSchema]) -> Iterator[Fault]:
        for schema in sent:
            for place in schema.places:
                if isinstance(place.schema, dict):
                    yield from ((schema, words) for words in tell(schema, place))

    return said


def broken(rules: Sequence[WireRule], sent: Sequence[SentSchema]) -> Iterator[tuple[WireRule, Fault]]:
    """Give the rules that are broken, in their order, each with what is said first of it."""
    for rule in rules:
        for fault in rule.messages(sent):
            yield rule, fault
            break


def refuse(rules: Sequence[WireRule], sent: Sequence[SentSchema]) -> None:
    """Raise the refusal of the first rule that is broken: a provider tells one error a request.

    Raises:
        BadRequest: One is, or something is no schema at all.
    """
    for schema in sent:
        _check_schema(schema)
    for _, (schema, words) in broken(rules, sent):
        raise BadRequest(words, **schema.more)


def _check_schema(sent: SentSchema) -> None:
    from jsonschema_rs import ReferencingError, ValidationError, meta

    try:
        meta.validate(sent.document)
    except (ValidationError, ReferencingError, ValueError) as error:
        message = getattr(error, "message", str(error))
        raise BadRequest(f"Invalid schema for {sent.where}: {clip(message)}", **sent.more) from error


def types(schema: Mapping[str, Any]) -> list[Any]:
    """Return the types that a schema names."""
    kind = schema.get("type", [])
    return kind if isinstance(kind, list) else [kind]


def steps(path: tuple[str, ...]) -> int:
    """Give how many schemas a place stands in; a definition is a beginning.

    >>> steps(("properties", "lines", "items", "anyOf", "0"))
    3
    """
    rest, count = list(path[2:] if path[:1] in _DEFINITIONS else path), 0
    while rest:
        del rest[: 1 if rest[0] in ("items", "additionalProperties") else 2]
        count += 1
    return count
