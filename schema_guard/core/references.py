"""Where the references of a schema lead, and that none of them leads out or round in a circle.

Rules:
1. Nothing here recurses: a schema may be chained so as to exhaust the stack.
2. Only schema positions are read as schemas: data under `enum`, `const`, `default` and `examples` is data.
3. Every reference must reach a place inside the document, a metaschema, or a resource the caller handed in.
4. A chain of references that comes back to itself without a step into the instance never ends: refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin

from schema_guard.core.document import DRAFTS
from schema_guard.core.pointer import escape, pointer, unescape
from schema_guard.errors import InvalidSchema, clip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A chain of in-place references; each link costs an engine one stack frame.
MAX_CHAIN = 256

# In these drafts "$ref" switches its siblings off.
_REF_ALONE = {uri for uri in DRAFTS if "draft-0" in uri}

_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_SINGLES = (
    "items", "additionalItems", "additionalProperties", "unevaluatedItems", "unevaluatedProperties",
    "contains", "not", "if", "then", "else", "propertyNames", "contentSchema",
)  # fmt: skip
_IN_PLACE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class Subschema(NamedTuple):
    """A schema position inside a document."""

    schema: Any
    location: str
    base: str


def subschemas(document: Any, base: str, dialect: str) -> Iterator[Subschema]:
    """Give every schema position of *document*, outermost first, with the base URI that holds there."""
    id_keyword = "id" if "draft-04" in dialect else "$id"
    stack = [Subschema(document, "", base)]
    while stack:
        schema, location, base = stack.pop()
        if not isinstance(schema, dict):
            if isinstance(schema, bool):
                yield Subschema(schema, location, base)
            continue
        identifier = schema.get(id_keyword)
        if isinstance(identifier, str) and not (dialect in _REF_ALONE and "$ref" in schema):
            base = _resolve(base, identifier)
        yield Subschema(schema, location, base)
        stack += [Subschema(child, location + step, base) for step, child in _children(schema)]


def _children(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:  # noqa: C901 - one loop a kind of keyword
    for keyword in _MAPS:
        members = schema.get(keyword)
        if isinstance(members, dict):
            for key, child in members.items():
                yield f"/{escape(keyword)}/{escape(key)}", child
    for keyword in _LISTS:
        members = schema.get(keyword)
        if isinstance(members, list):
            for index, child in enumerate(members):
                yield f"/{keyword}/{index}", child
    for keyword in _SINGLES:
        child = schema.get(keyword)
        if isinstance(child, (dict, bool)):
            yield f"/{keyword}", child


class References:
    """Where the references of a document and its resources lead.

    Attributes:
        places: Resource URI, or URI with an anchor -> the schema there.
    """

    def __init__(self, document: Any, dialect: str, resources: Mapping[str, Any]) -> None:
        self.dialect = dialect
        self.places: dict[str, Any] = {}
        self.dynamic: dict[str, list[Any]] = {}
        self._bases: dict[int, str] = {}
        self.own: list[Subschema] = []
        for uri, other in resources.items():
            self._index(other, uri)
        self.own = self._index(document, "")

    def _index(self, document: Any, uri: str) -> list[Subschema]:
        self.places.setdefault(urldefrag(uri).url, document)
        found = list(subschemas(document, uri, self.dialect))
        for schema, _, base in found:
            if not isinstance(schema, dict):
                continue
            self._bases[id(schema)] = base
            url, fragment = urldefrag(base)
            if ("$id" in schema or "id" in schema) and not fragment:
                self.places[url] = schema
            elif fragment:
                # Drafts 4 to 7 name an anchor by "$id": "#name".
                self.places[f"{url}#{fragment}"] = schema
            for keyword in ("$anchor", "$dynamicAnchor"):
                anchor = schema.get(keyword)
                if isinstance(anchor, str):
                    self.places[f"{url}#{anchor}"] = schema
                    if keyword == "$dynamicAnchor":
                        self.dynamic.setdefault(anchor, []).append(schema)
        return found

    def target_uri(self, schema: dict[str, Any], reference: str) -> str:
        """Give the absolute URI of a reference that stands in *schema*."""
        return _resolve(self._bases.get(id(schema), ""), reference)

    def lookup(self, schema: dict[str, Any], reference: str) -> Any:
        """Give the schema that a reference leads to; None when it leads out of what is known."""
        url, fragment = urldefrag(self.target_uri(schema, reference))
        if fragment and not fragment.startswith("/"):
            return self.places.get(f"{url}#{fragment}")
        place = self.places.get(url)
        for token in unquote(fragment).split("/")[1:]:
            place = _step(place, unescape(token))
        return place

    def in_place(self, schema: Any) -> list[Any]:
        """Give the schemas that apply to the same instance as *schema* does."""
        if not isinstance(schema, dict):
            return []
        found: list[Any] = []
        for keyword in _REFERENCES:
            reference = schema.get(keyword)
            if isinstance(reference, str):
                found.append(self.lookup(schema, reference))
                found += (
                    self.dynamic.get(reference.rpartition("#")[2], ()) if keyword == "$dynamicRef" else ()
                )
        if self.dialect in _REF_ALONE and "$ref" in schema:
            return found
        for keyword in _IN_PLACE:
            members = schema.get(keyword)
            if isinstance(members, list):
                found += members
            elif isinstance(members, dict):
                found += members.values() if keyword.startswith("dependen") else [members]
        return found


def _resolve(base: str, reference: str) -> str:
    # urljoin knows no "urn:" and drops its base; a fragment stays in its own document whatever the scheme.
    return urldefrag(base).url + reference if reference.startswith("#") else urljoin(base, reference)


def _step(place: Any, token: str) -> Any:
    if isinstance(place, dict):
        return place.get(token)
    if isinstance(place, list) and token.isdecimal() and len(token) < 10 and int(token) < len(place):  # noqa: PLR2004
        return place[int(token)]
    return None


def check_references(references: References) -> None:
    """Refuse references that lead out of the document or go round in a circle.

    Raises:
        InvalidSchema: `remote_ref` or `ref_cycle`, at the reference.
    """
    for schema, location, _ in references.own:
        if not isinstance(schema, dict):
            continue
        for keyword in _REFERENCES:
            reference = schema.get(keyword)
            if isinstance(reference, str):
                _check_local(references, schema, reference, f"{location}/{keyword}")
    _check_cycles(references)


def first_unresolved(references: References) -> str | None:
    """Give the location of the first reference that leads to nothing inside its document; None if there is none."""
    for schema, location, _ in references.own:
        if isinstance(schema, dict):
            for keyword in _REFERENCES:
                reference = schema.get(keyword)
                if isinstance(reference, str) and references.lookup(schema, reference) is None:
                    return f"{location}/{keyword}"
    return None


def _check_local(references: References, schema: dict[str, Any], reference: str, location: str) -> None:
    url = urldefrag(references.target_uri(schema, reference)).url
    if url in references.places or "json-schema.org/draft" in url:
        return
    raise InvalidSchema(
        f"{clip(repr(reference))} at {pointer(location)} leads out of the schema, and nothing is ever fetched: "
        "put the document under $defs, or hand it in as resources={uri: document}",
        code="remote_ref",
        location=location,
    )


def _check_cycles(references: References) -> None:
    """Walk the in-place graph depth first; a schema met again on its own path is a cycle."""
    done: set[int] = set()
    for start, location, _ in references.own:
        if not isinstance(start, dict) or id(start) in done:
            continue
        path: list[tuple[int, Iterator[Any]]] = [(id(start), iter(references.in_place(start)))]
        on_path = {id(start)}
        while path:
            node, rest = path[-1]
            child = next((c for c in rest if isinstance(c, dict) and id(c) not in done), None)
            if child is None:
                path.pop()
                on_path.discard(node)
                done.add(node)
            elif id(child) in on_path:
                raise InvalidSchema(
                    f"the references from {pointer(location)} come back to themselves without a step into the "
                    "instance, so validation would never end: break the circle",
                    code="ref_cycle",
                    location=location,
                )
            elif len(path) > MAX_CHAIN:
                raise InvalidSchema(
                    f"more than {MAX_CHAIN} schemas apply in a chain at {pointer(location)}: inline some of them",
                    code="too_deep",
                    location=location,
                )
            else:
                path.append((id(child), iter(references.in_place(child))))
                on_path.add(id(child))
