# SPDX-License-Identifier: Apache-2.0
"""Convert the errors of a validation engine to `Violation`s with expected and actual values, most relevant first.

Rules:
1. One broken keyword is one violation. Instead of a union, the violations of the meant arm are listed (`meant_errors`).
   The union itself is listed if several arms are equally close, or match.
2. A value takes at most 80 characters of a text.
3. Shallow violations come before deep ones, and plain keywords before unions, as in jsonschema's `best_match`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from schema_guard.pointer import join, pointer
from schema_guard.text import clip
from schema_guard.validation.keywords import LISTS, MAPS, UNIONS, VALUE_KEYWORDS
from schema_guard.validation.patterns import tightened
from schema_guard.values import Failure, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from schema_guard.values import FailureKind

# Nobody reads more, and reporting 200,000 wrong items of a reply would take seconds.
MAX_VIOLATIONS = 50

# Keyword of an undecided violation, because a limit on steps was reached.
TOO_COSTLY = "too_costly"
# Levels of nested unions. Real ones have three.
_MAX_NESTED = 12
_MOST_FORMS = 4
# Replies break the same few keywords again and again, and rendering an expectation takes 0.5 us.
_MOST_KNOWN = 1_024
_Key: TypeAlias = "tuple[str, tuple[str | int, ...]]"
Known: TypeAlias = "dict[_Key, tuple[str, str, str]]"
"""Kind and path of a broken keyword -> its pointer, its name, and its requirement."""
# Keywords whose next path segment is a name or an index and not a keyword.
_CONTAINERS = LISTS | MAPS


class Kind(NamedTuple):
    """The name of a broken keyword, and its fields."""

    name: str
    fields: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of the keyword, under the names that jsonschema-rs uses."""
        return self.fields


class BrokenKeyword(NamedTuple):
    """A broken keyword, in the shape of jsonschema-rs' errors."""

    kind: Kind
    instance: Any
    instance_path: list[str | int]
    evaluation_path: list[str | int]


class _OfAllArms(BrokenKeyword):
    """A broken keyword that lists the expectations of all arms of a union, which depend on the instance."""

    __slots__ = ()


# Keyword -> name of its value in jsonschema-rs. Default: "limit".
_FIELD_NAMES = {
    "enum": "options", "const": "expected_value", "multipleOf": "multiple_of", "pattern": "pattern", "format": "format",
    "additionalProperties": "unexpected", "unevaluatedProperties": "unexpected",
}  # fmt: skip


def fields_of(keyword: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a keyword of a schema, under the names that jsonschema-rs uses."""
    value = schema[keyword]
    if keyword == "type":
        return {"types": value if isinstance(value, list) else [value]}
    return {_FIELD_NAMES.get(keyword, "limit"): value}


# For a value that is known to be invalid.
UNTOLD = Violation(
    "",
    "",
    TOO_COSTLY,
    "a valid value, and to say what is wrong with this one takes too many steps",
    "another one",
)


def too_costly(steps: int, max_steps: int) -> Violation:
    """Return the violation of an instance that would take too many steps to validate."""
    return Violation(
        "",
        "",
        TOO_COSTLY,
        f"a value that takes at most {max_steps} steps to validate",
        f"about {steps} steps",
    )


def violations(
    errors: Sequence[Any], known: Known | None = None, arms: _Arms | None = None
) -> list[Violation]:
    """Return the violations of an engine's errors, most relevant first, at most `MAX_VIOLATIONS`.

    Args:
        errors: Errors of jsonschema-rs, or `BrokenKeyword`s.
        known: Cache of the expectations of the schema's keywords. New ones are added. Default: no cache.
        arms: Finds the closest arms of unions. Default: a new finder.
    """
    if known is None:
        known = {}
    arms = arms or _Arms()
    if len(errors) > 1:
        # The engine returns errors in the order of the instance. This many include the most relevant ones.
        errors = sorted(errors[: 4 * MAX_VIOLATIONS], key=_rank)
    entries: list[Violation] = []
    before, asked = None, ("", "", "")
    for error in errors[:MAX_VIOLATIONS]:
        if error.kind.name in UNIONS and (meant := meant_errors(error, arms)) is not None:
            entries += violations(meant, known, arms)
            continue
        broken = error.kind.name, error.evaluation_path
        # Most of many errors are of one keyword in the items of one array. Reuse saves 5 us of 28 for sixteen of them.
        if broken != before or broken[0] in _OF_INSTANCE or type(error) is _OfAllArms:
            before, asked = broken, _expectation(error, *broken, known)
        location, keyword, expected = asked
        actual = _with_names(error) if broken[0] in _EXTRA else describe(error.instance)
        entries.append(Violation(join(error.instance_path), location, keyword, expected, actual))
    return entries[:MAX_VIOLATIONS]


def failure_of(violations: Sequence[Violation]) -> Failure:
    """Return the failure for violations, named by the most relevant one."""
    first = violations[0]
    kind: FailureKind = "value" if first.keyword in VALUE_KEYWORDS else "structure"
    if first.keyword == TOO_COSTLY:
        kind = "syntax"
    message = f"at {pointer(first.instance_location)}: expected {first.expected}, got {first.actual}"
    return Failure(kind, first.keyword, message, tuple(violations))


def _rank(error: Any) -> tuple[int, bool]:
    return len(error.instance_path), error.kind.name in UNIONS


def _expectation(error: Any, name: str, path: list[str | int], known: Known) -> tuple[str, str, str]:
    """Return the pointer of a broken keyword, its name, and its expectation."""
    key = name, tuple(path)
    if key in known and type(error) is not _OfAllArms:
        return known[key]
    # This is how jsonschema-rs reports that it gave up on a regular expression.
    if name == "pattern" and "pattern" not in error.kind.as_dict():
        return join(path), TOO_COSTLY, "a string that the pattern decides on in fewer steps"
    location, keyword = _place(key[1], name)
    if name in UNIONS:
        return location, keyword, _union(error)
    tell = _EXPECTED.get(name)
    expected = tell(error) if tell else f"what {keyword!r} asks for"
    if name == "required" and keyword != "required":
        expected += f", which {keyword!r} asks for here"
    if name not in _OF_INSTANCE and type(error) is not _OfAllArms and len(known) < _MOST_KNOWN:
        known[key] = location, keyword, expected
    return location, keyword, expected


# The expectations of these depend on the instance too. All others depend only on the schema.
_OF_INSTANCE = frozenset({"required", "propertyNames", "pattern", *UNIONS})
_EXTRA = ("additionalProperties", "unevaluatedProperties")


def _with_names(error: Any) -> str:
    return clip(f"object with {_names(_field(error, 'unexpected'), 4)}", 100)


# A schema has few places, and replies break the same ones again and again. Each takes 1.5 us.
@lru_cache(maxsize=1_024)
def _place(path: tuple[str | int, ...], kind: str) -> tuple[str, str]:
    """Return the pointer of a broken keyword, and its name."""
    path = tuple(tightened(step) if isinstance(step, str) else step for step in path)
    if kind == "propertyNames" and kind in path:
        path = path[: len(path) - path[::-1].index(kind)]
    return join(path), _keyword(path, kind)


def _keyword(path: Sequence[str | int], kind: str) -> str:
    """Return the broken keyword, which is the last step of the path that is not a name or an index."""
    if not path:
        return kind
    if len(path) > 1 and path[-2] in _CONTAINERS and (isinstance(path[-1], int) or kind == "falseSchema"):
        return str(path[-2])
    return str(path[-1])


def describe(value: Any) -> str:
    """Return the kind of a value, followed by the value itself if it is small, cut at 80 characters.

    >>> describe("twelve"), describe(True), describe([1, 2])
    ("string 'twelve'", 'boolean true', 'array of 2 items')
    """
    if isinstance(value, str):
        return f"string {clip(repr(value[:100]))}"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"boolean {str(value).lower()}"
    if isinstance(value, dict):
        return f"object with {_count(len(value), 'property', 'properties')}"
    if isinstance(value, (list, tuple)):
        return f"array of {_count(len(value), 'item', 'items')}"
    return f"number {clip(_number(value))}"


def _number(value: float) -> str:
    # Writing an int takes quadratic time, and fails beyond 4,300 digits. 270 bits make the 80 digits that are shown.
    if isinstance(value, int) and value.bit_length() > 270:
        return f"of {value.bit_length()} bits"
    return repr(value)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _show(value: Any) -> str:
    """Return a value of the schema as text: a scalar as it is, another value by its kind."""
    return (
        clip(repr(value[:100]))
        if isinstance(value, str)
        else describe(value).removeprefix("number ").removeprefix("boolean ")
    )


def _names(names: Iterable[Any], size: int = 8) -> str:
    names = list(names)
    text = ", ".join(_show(name) for name in names[:size])
    return text + (f" and {len(names) - size} more" if len(names) > size else "")


def _field(error: Any, name: str) -> Any:
    return error.kind.as_dict()[name]


def _types(error: Any) -> str:
    return " or ".join(error.kind.as_dict()["types"])


def _union(error: Any) -> str:
    arms = error.kind.as_dict()["context"]
    matching = [f"form {number}" for number, errors in enumerate(arms, 1) if not errors]
    if matching:
        return f"exactly one of {len(arms)} forms to match, not {' and '.join(matching[:_MOST_FORMS])}"
    told = [_told_form(form, len(error.instance_path)) for form in _Arms().closest(error)[:_MOST_FORMS]]
    # Leaves out the values, because this text is also sent to the model.
    return clip(f"one of {len(arms)} forms; closest: {', or '.join(told)}", 300)


def _told_form(form: list[Any], depth: int) -> str:
    violation = violations(form[:1])[0]
    inside = join(form[0].instance_path[depth:]) if form else ""
    return f"{violation.expected} at {inside}" if inside else violation.expected


def meant_errors(error: Any, arms: _Arms | None = None) -> list[Any] | None:
    """Return the errors of the arm of a union that an instance was meant for.

    The result is None if several arms are equally close, or if an arm matches.
    The meant arm is the only one of the instance's type, or the one that its tag names, or the one with the fewest
    errors. A tag is a property with a `const` or an `enum`. If no arm has the type or the tag, one error lists the types or
    the tags of all arms.
    """
    forms = (arms or _Arms()).closest(error)
    return forms[0] if len(forms) == 1 else None


class _Arms:
    """Finds the closest arms. Shared errors are read once, because nested unions could double them many times."""

    def __init__(self) -> None:
        # Keeps the list alive, so that no other list gets its id.
        self._known: dict[int, tuple[Sequence[Any], list[Any]]] = {}

    def closest(self, error: Any, nested: int = 0) -> list[list[Any]]:
        """Return the errors of each closest arm of a union; empty if an arm matches."""
        arms = error.kind.as_dict()["context"]
        if not all(arms) or nested > _MAX_NESTED:
            return []
        depth = len(error.instance_path)
        forms = [(errors, self._without_unions(errors, nested + 1)) for errors in arms]
        of_type = [pair for pair in forms if not any(_is_about_type(e, depth) for e in pair[1])]
        if not of_type:
            about_type = [[e for e in form if _is_about_type(e, depth)] for _, form in forms]
            return [_merged(about_type, "type", "types")]
        tag = _wrong_tag([form for _, form in of_type], depth)
        if tag is not None:
            return [tag]
        distances = [distance(form, depth) for _, form in of_type]
        least = min(distances)
        closest = [pair for pair, distance in zip(of_type, distances, strict=True) if distance == least]
        # Arms that are wrong in the same way count as one.
        told = {repr([_identity(e) for e in form]): errors for errors, form in reversed(closest)}
        return list(told.values())[::-1]

    def _without_unions(self, errors: Sequence[Any], nested: int) -> list[Any]:
        """Return errors, with those of the closest arms in place of unions."""
        known = self._known.get(id(errors))
        if known is not None:
            return known[1]
        found: list[Any] = []
        for error in errors[: 4 * MAX_VIOLATIONS]:
            closest = self.closest(error, nested) if error.kind.name in UNIONS else []
            found += self._without_unions(closest[0], nested + 1) if closest else [error]
        self._known[id(errors)] = errors, found[: 4 * MAX_VIOLATIONS]
        return self._known[id(errors)][1]


def _identity(error: Any) -> tuple[Any, ...]:
    name = error.kind.name
    return name, error.instance_path, None if name in UNIONS else error.kind.as_dict()


def _is_about_type(error: Any, depth: int) -> bool:
    return error.kind.name in ("type", "falseSchema") and len(error.instance_path) == depth


def distance(form: Sequence[Any], depth: int) -> tuple[int, ...]:
    """Return the distance of an arm: wrong constants, wrong choices, all errors, unnamed keys, missing keys.

    A key that an arm does not name counts more than one that it misses.
    """
    tags = [e.kind.name for e in form if len(e.instance_path) <= depth + 1]
    extra = sum(len(_field(e, "unexpected")) - 1 for e in form if e.kind.name in _EXTRA)
    names = sum(e.kind.name in _EXTRA for e in form) + extra
    missing = sum(e.kind.name == "required" for e in form)
    return tags.count("const"), tags.count("enum"), len(form) + extra, names, missing


def _options(error: Any) -> list[Any]:
    fields = error.kind.as_dict()
    options = fields["options"] if error.kind.name == "enum" else [fields["expected_value"]]
    return list(options)


def _wrong_tag(forms: list[list[Any]], depth: int) -> list[Any] | None:
    """Return one error for a tag that no arm has, with the tags of all arms; None if the tag is not the fault."""
    if len(forms) < 2:
        return None
    tags = [
        {
            tuple(e.instance_path): e
            for e in form
            if e.kind.name in ("const", "enum") and len(e.instance_path) <= depth + 1
        }
        for form in forms
    ]
    for place in tags[0]:
        errors = [tag[place] for tag in tags if place in tag]
        if len(errors) == len(forms) and any(_options(e) != _options(errors[0]) for e in errors):
            return _merged([[e] for e in errors], "enum", "options")
    return None


def _merged(errors: list[list[Any]], kind: str, field: str) -> list[Any]:
    """Return one error that lists the expectations of all arms."""
    listed: dict[str, Any] = {}
    for error in (each[0] for each in errors if each):
        options = _options(error) if kind == "enum" else error.kind.as_dict().get("types", ())
        listed |= {repr(option): option for option in options}
    first = errors[0][0]
    return [
        _OfAllArms(
            Kind(kind, {field: list(listed.values())}),
            first.instance,
            first.instance_path,
            [*first.evaluation_path[:-1], kind],
        )
    ]


_EXPECTED: dict[str, Callable[[Any], str]] = {
    "type": _types,
    "enum": lambda e: f"one of {_names(_field(e, 'options'))}",
    "const": lambda e: _show(_field(e, "expected_value")),
    "required": lambda e: f"property {_show(_field(e, 'property'))}",
    "additionalProperties": lambda e: "no further properties",
    "unevaluatedProperties": lambda e: "no further properties",
    "unevaluatedItems": lambda e: "no further items",
    "additionalItems": lambda e: f"at most {_field(e, 'limit')} items",
    "falseSchema": lambda e: "nothing here",
    "propertyNames": lambda e: f"every property name to be {violations([_field(e, 'error')])[0].expected}",
    "minimum": lambda e: f"a number >= {_show(_field(e, 'limit'))}",
    "maximum": lambda e: f"a number <= {_show(_field(e, 'limit'))}",
    "exclusiveMinimum": lambda e: f"a number > {_show(_field(e, 'limit'))}",
    "exclusiveMaximum": lambda e: f"a number < {_show(_field(e, 'limit'))}",
    "multipleOf": lambda e: f"a multiple of {_show(_field(e, 'multiple_of'))}",
    "minLength": lambda e: f"a string of at least {_count(_field(e, 'limit'), 'character', 'characters')}",
    "maxLength": lambda e: f"a string of at most {_count(_field(e, 'limit'), 'character', 'characters')}",
    "pattern": lambda e: f"a string that matches {_show(tightened(_field(e, 'pattern')))}",
    "format": lambda e: f"a string in format {_show(_field(e, 'format'))}",
    "minItems": lambda e: f"at least {_count(_field(e, 'limit'), 'item', 'items')}",
    "maxItems": lambda e: f"at most {_count(_field(e, 'limit'), 'item', 'items')}",
    "minProperties": lambda e: f"at least {_count(_field(e, 'limit'), 'property', 'properties')}",
    "maxProperties": lambda e: f"at most {_count(_field(e, 'limit'), 'property', 'properties')}",
    "uniqueItems": lambda e: "items that all differ",
    "contains": lambda e: "the right number of matching items",
    "not": lambda e: "a value that does not match 'not'",
}
