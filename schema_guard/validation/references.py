# SPDX-License-Identifier: Apache-2.0
"""Resolve the references of a schema, and refuse references that lead outside.

Rules:
1. Nothing here recurses, because a chain of schemas could exhaust the stack.
2. Only schema positions are read as schemas. A value under `enum`, `const`, `default` and `examples` is data.
3. Every reference must reach a place in the document, a metaschema, or a resource that the caller passed.
4. A resource that no reference reaches has no effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidSchema
from schema_guard.pointer import escape, member, pointer, unescape
from schema_guard.text import clip
from schema_guard.validation.document import DRAFTS
from schema_guard.validation.keywords import LISTS, MAPS, REFERENCES, SINGLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# In these drafts, "$ref" disables its siblings.
REF_ALONE = frozenset(uri for uri in DRAFTS if "draft-0" in uri)

# A schema without these keywords has no name and no references.
_NAMED = frozenset({"$anchor", "$dynamicAnchor", "$id", "id", *REFERENCES})

# Metaschemas that every engine knows.
_METASCHEMAS = (
    *DRAFTS,
    "https://json-schema.org/draft/2019-09/meta/",
    "https://json-schema.org/draft/2020-12/meta/",
)


class Subschema(NamedTuple):
    """A schema position inside a document."""

    schema: Any
    location: str
    base: str


class Reference(NamedTuple):
    """A reference in a document.

    Attributes:
        document: URI of the document. `""` is the schema itself.
        location: JSON Pointer of the keyword in it.
        schema: The schema that has it.
        reference: Its text.
        url: Its target, without the fragment.
    """

    document: str
    location: str
    schema: dict[str, Any]
    reference: str
    url: str


def subschemas(document: Any, base: str, dialect: str) -> Iterator[Subschema]:
    """Yield every schema position of *document* with its base URI, outermost first."""
    stack = [Subschema(document, "", base)]
    while stack:
        place = stack.pop()
        schema, location, base = place
        if not isinstance(schema, dict):
            if isinstance(schema, bool):
                yield place
            continue
        identifier = identifier_of(schema, dialect) if "id" in schema or "$id" in schema else None
        if identifier is not None:
            base = resolve(base, identifier)
            place = Subschema(schema, location, base)
        yield place
        stack += [Subschema(child, location + step, base) for step, child in _children(schema)]


def identifier_of(schema: dict[str, Any], dialect: str) -> str | None:
    """Return the URI in a schema's identifier. None if there is none, or if a `$ref` beside it disables it."""
    identifier = schema.get("id" if "draft-04" in dialect else "$id")
    return (
        identifier
        if isinstance(identifier, str) and not (dialect in REF_ALONE and "$ref" in schema)
        else None
    )


def _children(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for keyword, value in schema.items():
        if isinstance(value, dict) and keyword in MAPS:
            for key, child in value.items():
                yield f"/{escape(keyword)}/{escape(key)}", child
        elif isinstance(value, list) and keyword in LISTS:
            for index, child in enumerate(value):
                yield f"/{keyword}/{index}", child
        elif isinstance(value, (dict, bool)) and keyword in SINGLES:
            yield f"/{keyword}", value


class References:
    """The targets of the references in a document and in the resources that it reaches.

    Attributes:
        document: The schema as JSON.
        own_positions: The schema positions of the document.
        positions: Every schema of the document and of the reached resources, with its location in its own document.
        places: Resource URI, or URI with an anchor -> its schema.
        dynamic: Name of a dynamic anchor -> the schemas that carry it.
        reached: URI -> document, of the resources that are reached.
    """

    def __init__(self, document: Any, dialect: str, resources: Mapping[str, Any]) -> None:
        self.document = document
        self.dialect = dialect
        self.places: dict[str, Any] = {}
        self.dynamic: dict[str, list[Any]] = {}
        self.reached: dict[str, Any] = {}
        self._bases: dict[int, str] = {}
        self._references: list[Reference] = []
        self._targets: dict[tuple[str, str], Any] = {}
        self.positions: list[tuple[dict[str, Any], str]] = []
        self._offered = dict(resources)
        self._inside: dict[str, str] | None = None
        self.own_positions: list[Subschema] = self._index(document, "")
        self._reach()

    def _index(self, document: Any, uri: str) -> list[Subschema]:
        self.places.setdefault(uri.partition("#")[0], document)
        schemas = list(subschemas(document, uri, self.dialect))
        self._add(schemas, uri)
        return schemas

    def _add(self, positions: Iterable[Subschema], uri: str, *, fragment: str = "") -> None:
        for schema, below, base in positions:
            if isinstance(schema, dict) and id(schema) not in self._bases:
                location = fragment + below
                self.positions.append((schema, location))
                self._bases[id(schema)] = base
                if _NAMED.isdisjoint(schema):
                    continue
                self._place(schema, base)
                self._references += _references(uri, location, schema, base)

    def _place(self, schema: dict[str, Any], base: str) -> None:
        url, _, fragment = base.partition("#")
        if identifier_of(schema, self.dialect) is not None:
            # Drafts 4 to 7 name an anchor by "$id": "#name". Inner schemas have the same base, but not that name.
            self.places[f"{url}#{fragment}" if fragment else url] = schema
        for keyword in ("$anchor", "$dynamicAnchor"):
            anchor = schema.get(keyword)
            if isinstance(anchor, str):
                self.places[f"{url}#{anchor}"] = schema
                if keyword == "$dynamicAnchor":
                    self.dynamic.setdefault(anchor, []).append(schema)

    def _reach(self) -> None:
        """Index the resources that references lead to, directly or through other resources."""
        at = 0
        while at < len(self._references):
            url = self._references[at].url
            at += 1
            if url not in self.places:
                uri = self._holder(url)
                if uri is not None and uri not in self.reached:
                    self.reached[uri] = self._offered[uri]
                    self._index(self._offered[uri], uri)
            if url in self.places:
                self.lookup(self._references[at - 1].schema, self._references[at - 1].reference)

    def _holder(self, url: str) -> str | None:
        """Return the URI of the resource that is, or contains, the schema of a URL. None if there is none."""
        if url in self._offered:
            return url
        if self._inside is None:
            self._inside = {}
            for uri, document in self._offered.items():
                for schema, _, base in subschemas(document, uri, self.dialect):
                    if isinstance(schema, dict) and identifier_of(schema, self.dialect) is not None:
                        self._inside.setdefault(base.partition("#")[0], uri)
        return self._inside.get(url)

    def base(self, schema: dict[str, Any]) -> str:
        """Return the URI of the resource that a schema position belongs to."""
        return self._bases.get(id(schema), "").partition("#")[0]

    def lookup(self, schema: dict[str, Any], reference: str) -> Any:
        """Return the target of a reference; None if no known document has it."""
        key = self._bases.get(id(schema), ""), reference
        if key not in self._targets:
            self._targets[key] = self._look_up(resolve(*key))
        return self._targets[key]

    def _look_up(self, uri: str) -> Any:
        url, _, fragment = uri.partition("#")
        if fragment and not fragment.startswith("/"):
            return self.places.get(f"{url}#{fragment}")
        place = self.places.get(url)
        for token in _unquoted(fragment).split("/")[1:]:
            place = member(place, unescape(token))
        if isinstance(place, dict) and id(place) not in self._bases:
            # A reference makes any place a schema position, such as "#/components/schemas/x".
            self._add(subschemas(place, url, self.dialect), url, fragment=fragment)
        return place

    def targets(self, schema: dict[str, Any]) -> Iterator[tuple[Any, list[Any]]]:
        """Yield the target of each reference in a schema, and the other possible targets of a dynamic reference."""
        for keyword in REFERENCES:
            reference = schema.get(keyword)
            if isinstance(reference, str):
                name = reference.rpartition("#")[2]
                yield (
                    self.lookup(schema, reference),
                    self.dynamic.get(name, []) if keyword == "$dynamicRef" else [],
                )

    def check(self) -> None:
        """Raise for a reference that leads outside the schema and its resources.

        Raises:
            InvalidSchema: `remote_ref`, at the reference.
        """
        for reference in self._references:
            if reference.url in self.places or reference.url.startswith(_METASCHEMAS):
                continue
            where = f" of resource {clip(reference.document)!r}" if reference.document else ""
            raise InvalidSchema(
                f"{clip(repr(reference.reference))} at {pointer(clip(reference.location))}{where} points outside the schema, and "
                "schema_guard downloads nothing. Put the document under $defs, or pass it as resources={uri: document}",
                code="remote_ref",
                location=reference.location,
            )

    def unresolved(self) -> str | None:
        """Return the location of the first reference without a target in its document; None if there is none."""
        for reference in self._references:
            if reference.url in self.places and self.lookup(reference.schema, reference.reference) is None:
                return reference.location
        return None

    def crossings(self, most: int) -> int:
        """Count the paths of references from resource to resource, up to *most*.

        jsonschema-rs 0.61 compiles a schema anew for each such path: 12 resources of 5 references take minutes.
        """
        leads: dict[str, list[str]] = {}
        for reference in self._references:
            here = self.base(reference.schema)
            if reference.url != here:
                leads.setdefault(here, []).append(reference.url)
        return _paths(leads, list(leads), most)


def _paths(leads: Mapping[str, list[str]], starts: list[str], most: int) -> int:
    """Count the paths in a graph that meet no node twice, up to *most*."""
    count = 0
    path = [("", iter(starts))]
    while path and count < most:
        target = next((url for url in path[-1][1] if url not in {node for node, _ in path[1:]}), None)
        if target is None:
            path.pop()
        else:
            count += 1
            path.append((target, iter(leads.get(target, ()))))
    return count


def _references(uri: str, location: str, schema: dict[str, Any], base: str) -> Iterable[Reference]:
    for keyword in REFERENCES:
        reference = schema.get(keyword)
        if isinstance(reference, str):
            url = resolve(base, reference).partition("#")[0]
            yield Reference(uri, f"{location}/{keyword}", schema, reference, url)


def resolve(base: str, reference: str) -> str:
    """Return a reference as an absolute URI, if its base is absolute."""
    # urljoin drops the base of a "urn:". A fragment stays in its own document, whatever the scheme.
    if reference.startswith("#"):
        return base.partition("#")[0] + reference
    from urllib.parse import urljoin  # most schemas refer to themselves only

    try:
        return urljoin(base, reference)
    except ValueError:
        # Not a URI, such as "http://[", so it leads nowhere.
        return reference.partition("#")[0]


def _unquoted(fragment: str) -> str:
    if "%" not in fragment:
        return fragment
    from urllib.parse import unquote

    return unquote(fragment)
