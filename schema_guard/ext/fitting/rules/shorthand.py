# SPDX-License-Identifier: Apache-2.0
"""The notation for a table's rules, one line each, and the facts that several tables share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from schema_guard.ext.fitting.rules import conditions as when
from schema_guard.ext.fitting.rules.limits import Above
from schema_guard.ext.fitting.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schema_guard.ext.fitting.rules.rule import Confidence, Effect, Site

NUMBERS = frozenset({"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"})
SIZES = frozenset({"maxItems", "maxLength", "minItems", "minLength"})
OBJECTS = frozenset({"additionalProperties", "properties", "required"})
CORE = OBJECTS | {"anyOf", "const", "enum", "items", "type"}
FORMATS = ("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid")
SHORT_FORMATS = ("date", "date-time", "time", "uuid")
# Facts about every grammar that is generated from a schema.
GRAMMAR_ALWAYS = (
    "keys come only in the order of the schema's properties",
    "an integer has no fraction, so 1.0 can't occur",
    "an object with free keys can have the same key twice",
)

Fact: TypeAlias = "tuple[str, str, str, Callable[[Site], bool] | None]"
"""The end of a rule's name, the keyword, the message, and the condition (None: always)."""

OPEN: Final[Fact] = (
    "open-object",
    "additionalProperties",
    'requires "additionalProperties": false, so other keys cannot occur',
    when.is_open,
)
ROOT: Final[Fact] = (
    "root", "type", "requires an object at the root, without anyOf", when.root_is_no_object
)  # fmt: skip
ALL_REQUIRED: Final[Fact] = (
    "optional", "required", 'requires every property to be in "required"', when.has_optional
)  # fmt: skip
UNLISTED: Final[Fact] = (
    "required", "required",
    'does not enforce required keys that are not in "properties"', when.requires_unlisted
)  # fmt: skip
RECURSION: Final[Fact] = ("recursion", "$ref", "rejects recursive schemas", when.recursive)
OUTSIDE: Final[Fact] = (
    "ref", "$ref", "rejects references to other documents", when.refers_outside
)  # fmt: skip
OUTSIDE_TAKEN: Final[Fact] = (
    "ref", "$ref", "accepts any JSON for a reference to another document", when.refers_outside
)  # fmt: skip
ESCAPES: Final[Fact] = ("pointer", "$ref", "rejects references with escapes", when.refers_by_escapes)
ANCHOR: Final[Fact] = ("anchor", "$ref", "rejects references to anchors", when.refers_by_name)
PATTERN: Final[Fact] = (
    "pattern",
    "pattern",
    "rejects patterns with look-around, back references, or word boundaries",
    when.is_beyond_automata,
)
UNANCHORED: Final[Fact] = (
    "unanchored", "pattern", "matches a pattern against the whole text", when.is_unanchored
)  # fmt: skip
MIN_ITEMS: Final[Fact] = ("min-items", "minItems", "rejects minItems above 1", when.more_than("minItems", 1))
TUPLE_ITEMS: Final[Fact] = ("tuple-items", "items", 'rejects a list of schemas in "items"', when.lists_items)
LOOSE_TUPLE: Final[Fact] = (
    "tuple", "prefixItems", "returns exactly as many items as prefixItems has", when.is_loose_tuple
)  # fmt: skip
OVERLAP: Final[Fact] = (
    "one-of", "oneOf", "treats oneOf as anyOf, so a value of several branches passes", when.is_overlapping
)  # fmt: skip


def siblings() -> Iterable[Fact]:
    """Yield the facts about keywords whose siblings are not enforced."""
    for keyword in ("$ref", "anyOf", "oneOf", "const", "enum"):
        condition = (when.loses_beside if keyword in ("const", "enum") else when.beside)(keyword)
        yield f"{keyword}-sibling", keyword, f"does not enforce the keywords beside {keyword}", condition


def lengths(message: str) -> Iterable[Fact]:
    """Yield the facts about lengths beside a format or a pattern. The message has the keyword as `{}`."""
    for keyword in ("format", "pattern"):
        condition = when.with_any(keyword, "maxLength", "minLength")
        yield f"{keyword}-length", keyword, message.format(keyword), condition


def formats(
    known: tuple[str, ...], *, of_any: bool = False, message: str = "rejects formats other than {}"
) -> Fact:
    """Return the fact that other formats are not accepted. With *of_any*, it also applies to schemas without strings."""
    return "format", "format", message.format(", ".join(known)), when.format_beyond(known, of_any=of_any)


def anywhere(message: str, *keywords: str) -> Iterable[Fact]:
    """Yield unconditional facts about keywords. The message has the keyword, in quotes, as `{}`."""
    return ((keyword, keyword, message.format(f"the keyword '{keyword}'"), None) for keyword in keywords)


def few(optional: int, unions: int) -> Iterable[Fact]:
    """Yield the facts about the number of optional properties, and of properties with several types."""
    yield (
        "optional",
        "required",
        f"accepts at most {optional} optional properties",
        Above("optional", optional),
    )
    yield (
        "unions",
        "anyOf",
        f"accepts at most {unions} properties with several types",
        Above("unions", unions),
    )


class Sourced:
    """The name and the evidence of a table. It builds the table's rules."""

    def __init__(self, name: str, evidence: str, verified_on: str, confidence: Confidence = "high") -> None:
        self._name = name
        self._known = {"evidence": evidence, "verified_on": verified_on, "confidence": confidence}

    def rejects(self, *fact: Any, **more: Any) -> Rule:
        """Return the rule that the schema is refused. The arguments are those of a `Fact`, then fields of `Rule`."""
        return self._rule("rejected", *fact, **more)

    def ignores(self, *fact: Any, **more: Any) -> Rule:
        """Return the rule that the keyword is not enforced."""
        return self._rule("ignored", *fact, **more)

    def narrows(self, *fact: Any, **more: Any) -> Rule:
        """Return the rule that right answers are impossible."""
        return self._rule("narrowed", *fact, **more)

    def rejects_all(self, facts: Iterable[Fact]) -> tuple[Rule, ...]:
        """Return the rule that the schema is refused, for each fact."""
        return tuple(self.rejects(*fact) for fact in facts)

    def ignores_all(self, facts: Iterable[Fact]) -> tuple[Rule, ...]:
        """Return the rule that the keyword is not enforced, for each fact."""
        return tuple(self.ignores(*fact) for fact in facts)

    def _rule(
        self,
        effect: Effect,
        part: str,
        keyword: str,
        message: str,
        applies: Callable[[Site], bool] | None = None,
        **more: Any,
    ) -> Rule:
        return Rule(
            name=f"{self._name}-{part}",
            keyword=keyword,
            effect=effect,
            message=message,
            applies=applies,
            **{**self._known, **more},
        )
