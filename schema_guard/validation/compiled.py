# SPDX-License-Identifier: Apache-2.0
"""A schema made ready: the engine that takes it, and what an instance may cost.

Rules:
1. What comes out of here can be validated against: references, circles, chains and expressions were checked.
2. Before an engine sees an instance, the steps are estimated and compared with the limit.
"""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidSchema
from schema_guard.interruptions import is_interruption
from schema_guard.light.lazy import cached_property
from schema_guard.pointer import join, pointer
from schema_guard.text import clip
from schema_guard.validation import fast_engine as engines
from schema_guard.validation.cost_estimate import CostEstimate
from schema_guard.validation.document import DRAFTS, dialect_of
from schema_guard.validation.instance_cost import MAX_PAIRS, InstanceCost, count
from schema_guard.validation.levels import measure
from schema_guard.validation.patterns import MAX_STATES_EACH
from schema_guard.validation.references import References

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schema_guard.validation.closed_form import Closed
    from schema_guard.validation.fast_engine import Validator
    from schema_guard.validation.levels import Level
    from schema_guard.validation.patterns import Traits
    from schema_guard.values import Violation

# An engine's list of errors is complete, and costs 14 us and a copy of a value each: above this we walk.
_ERRORS_TO_LIST = 20_000
_COPIED_TO_LIST = 200_000_000
# Real chains are below 10; 1,200 links in a thread of 512 KB leave most of its stack.
_PLAIN_CHAIN = 11
# Deeper than any parser here goes.
_DEEPEST = 1_000


class Compiled:
    """A schema that can be validated against.

    Attributes:
        engine: What validates.
        plain: Steps that no instance within the limits exceeds; infinite when that depends on the instance, or
            when the engine may need more stack than a small thread has.
        resources: URI -> document, of the resources that the schema reaches.
        references: Where its references lead.
        formats: Whether `format` is asserted.
        conditions: What a reply that is still being written is held against; None before one was.
    """

    def __init__(self, references: References, engine: Validator, work: CostEstimate, formats: bool) -> None:
        self.engine = engine
        self.is_valid = engine.is_valid
        self.resources = references.reached
        self._document = references.document
        self.references = references
        self._work = work
        self.formats = formats
        self.conditions: Any = None
        self._flat: dict[bool, dict[int, Any]] = {True: {}, False: {}}
        self._closed: tuple[Closed | None] | None = None
        usual = work.bound is not None and engine.factor == 1 and work.chain <= _PLAIN_CHAIN
        self.plain = float(work.bound) if usual and work.bound is not None else inf

    @property
    def closed(self) -> Closed | None:
        """The closed form of the schema, made when it is asked for first; None where it has none that helps."""
        if self._closed is None:
            from schema_guard.validation.closed_form import closed  # what only loads needs none

            usual = self.plain < inf
            form = closed(self.references, self.is_valid, formats=self.formats) if usual else None
            self._closed = (form,)
        return self._closed[0]

    def work(self, instance: Any, levels: list[Level], enough: int) -> InstanceCost:
        """Give the steps that validation takes, in steps of the fast engine, and the errors it may list.

        That is an estimate, and where it exceeds *enough* it is counted.
        """
        values, texts = self._work.steps(levels)
        factor = self.engine.factor
        if factor * (values + texts) <= enough:
            return InstanceCost(factor * (values + texts), values)
        small = sum(level.nodes for level in levels) <= MAX_PAIRS
        counted = count(self.references, self._document, instance) if small else None
        if counted is None:
            return InstanceCost(factor * (values + texts), values)
        return InstanceCost(factor * (min(values, counted.steps) + texts), min(values, counted.errors))

    def accepts(self, instance: Any, levels: list[Level], max_steps: int) -> bool:
        """Say whether an instance is valid; False where that would take too many steps."""
        return self.work(instance, levels, max_steps).steps <= max_steps and self._decided(instance, levels)

    def _decided(self, instance: Any, levels: list[Level]) -> bool:
        try:
            return bool(engines.with_stack(self._links(levels), self.is_valid, instance, explains=False))
        except RecursionError:
            return False

    def violations(self, instance: Any, levels: list[Level], max_steps: int) -> list[Violation]:
        """Say what is wrong with an instance; `too_costly` where that cannot be said in so many steps."""
        from schema_guard.validation.violations import UNTOLD, too_costly  # only failures need it

        steps, errors = self.work(instance, levels, min(_ERRORS_TO_LIST, max_steps))
        # An error holds a copy of its value, and the path of keywords that led to it.
        copied = sum(16 * level.nodes + level.chars for level in levels) + 50 * self._links(levels)
        listed = errors <= _ERRORS_TO_LIST and errors * copied <= _COPIED_TO_LIST
        if steps <= max_steps and listed:
            return self._violations_of(self.engine.errors, instance, levels)
        if steps <= max_steps and self._decided(instance, levels):
            return []
        broken = self._walk(instance, steps <= max_steps)
        if broken:
            return self._tell(broken)
        if steps > max_steps:
            return [too_costly(int(steps), max_steps)]
        return [UNTOLD] if self._work.unions else self._violations_of(self.engine.first, instance, levels)

    def violations_in(self, instance: Any, text: str, max_steps: int) -> list[Violation]:
        """Say what `violations` says of a JSON value, known to be not valid, without a look at it if its text allows.

        Args:
            instance: Within the limits.
            text: What the value was parsed from, alone or among other things; empty when that is not known.
            max_steps: As in `violations`.
        """
        if (
            text
            and self.plain <= max_steps
            and (len(text) <= self._surely_listed or self._is_listed(_values_at_most(text), len(text)))
        ):
            violations = self._tell(self.engine.errors(instance))
            if violations:
                return violations
        return self.violations(instance, measure(instance, _DEEPEST, is_json=True), max_steps)

    @cached_property
    def _tell(self) -> Callable[[Sequence[Any]], list[Violation]]:
        """What makes violations of errors: only failures need it, and importing it again takes 0.6 us each time."""
        from schema_guard.validation.violations import violations

        return partial(violations, known={})

    @cached_property
    def _surely_listed(self) -> int:
        """Characters of a text that is too short to hold more errors than are listed: it needs no look at it."""
        listed, chars = 0, 128
        # A value takes a character, and another one between it and the next.
        while listed < _ERRORS_TO_LIST and self._is_listed(1 + chars // 2, chars):
            listed, chars = chars, 2 * chars
        return listed

    def _is_listed(self, nodes: int, chars: int) -> bool:
        """Say whether the list of all errors is small for any instance of so many values and characters."""
        errors, links = self._work.at_most(nodes), min(nodes, self._work.reach) * self._work.chain
        copied = 16 * nodes + chars + 50 * links
        return (
            links <= engines.LINKS_TO_EXPLAIN
            and errors <= _ERRORS_TO_LIST
            and errors * copied <= _COPIED_TO_LIST
        )

    def _walk(self, instance: Any, affordable: bool) -> list[Any]:
        from schema_guard.validation.error_search import ErrorSearch  # only large failures need it

        walk = ErrorSearch(self.references, self._alone, self._flat[affordable], all_patterns=affordable)
        return walk.errors(self._document, instance)

    def _violations_of(
        self, errors_of: Callable[[Any], list[Any]], instance: Any, levels: list[Level]
    ) -> list[Violation]:
        from schema_guard.validation.violations import too_costly

        try:
            errors = engines.with_stack(self._links(levels), errors_of, instance, explains=True)
        except RecursionError:
            # Python's own recursion limit, in the engine that is written in Python.
            return [too_costly(int(self.work(instance, levels, 0).steps), 0)]
        return self._tell(errors)

    def _links(self, levels: list[Level]) -> int:
        # Python's own frames are larger.
        return len(levels) * self._work.chain * (1 if self.engine.factor == 1 else 20)

    def _alone(self, keywords: dict[str, Any]) -> Any:
        """Compile keywords that look at one value; None when there are none, or the fast engine refuses them."""
        if not keywords:
            return None
        try:
            return engines.fast(keywords, self.references.dialect, formats=self.formats)
        except ValueError as error:
            if is_interruption(error):
                raise
            return None


def _values_at_most(text: str) -> int:
    # One of these stands before each value but the first.
    return 1 + text.count(":") + text.count(",") + text.count("[")


def compiled(document: Any, dialect: str, *, formats: bool, resources: Mapping[str, Any]) -> Compiled:
    """Make a schema ready.

    Raises:
        InvalidSchema: With code and location.
    """
    if isinstance(document, dict) and str(document.get("$schema", dialect)).rstrip("#") != dialect:
        # A dialect of the caller's own, made of a known one: the engines only know that.
        document = {**document, "$schema": dialect}
    references = References(document, dialect, resources)
    references.check()
    for uri, other in references.reached.items():
        if isinstance(other, dict) and "$schema" in other:
            dialect_of(other, None, what=f"resource {clip(uri)!r}: ")
    patterns = engines.check_patterns(references)
    work = CostEstimate(references, patterns)
    if work.unevaluated > engines.MAX_UNEVALUATED:
        raise InvalidSchema(
            "schema has too many schemas under 'unevaluatedProperties' or 'unevaluatedItems': each of them is "
            "compiled, and evaluated, once more: write them without",
            code="too_costly",
        )
    engine: Validator | None = None
    if references.crossings(engines.MAX_CROSSINGS) < engines.MAX_CROSSINGS:
        loosens = any(each.size > MAX_STATES_EACH for each in patterns.values())
        engine = _fast(references, loosens, formats)
    if engine is None:
        work, engine = _reference(references, patterns, work, formats)
    return Compiled(references, engine, work, formats)


def _fast(references: References, loosens: bool, formats: bool) -> Validator | None:
    """Compile with the fast engine; None when it refuses what the other one may take."""
    import jsonschema_rs  # `import schema_guard` loads no third-party module

    document, resources = references.document, dict(references.reached)
    if loosens:
        document = engines.loosen(document)
        resources = {uri: engines.loosen(other) for uri, other in resources.items()}
    try:
        validator = engines.fast(document, references.dialect, formats=formats, resources=resources)
    except jsonschema_rs.ValidationError as error:
        if error.kind.name == "format" and error.kind.as_dict()["format"] == "regex":
            return None
        raise invalid(error, references) from error
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        raise _unresolved(references, str(error)) from error
    return engines.FastValidator(validator)


def _reference(
    references: References, patterns: Mapping[str, Traits], work: CostEstimate, formats: bool
) -> tuple[CostEstimate, Validator]:
    """Compile with the reference engine, and estimate its work."""
    from schema_guard.validation.reference_engine import OnlyPython, check_python, reference  # rare

    only_python = OnlyPython(references.dialect)
    for pattern, location in engines.patterns(references):
        if patterns[pattern].size > MAX_STATES_EACH or only_python(pattern):
            check_python(pattern, location)
    _check_meta(references)
    if any(map(only_python, patterns)):
        work = CostEstimate(references, patterns, python=only_python)
    engine = reference(references.document, references.dialect, formats=formats, resources=references.reached)
    return work, engine


def _check_meta(references: References) -> None:
    """Hold a document that the fast engine did not compile against its metaschema; its expressions were checked."""
    import jsonschema_rs

    dialect = references.dialect
    kind = getattr(jsonschema_rs, DRAFTS[dialect])
    metaschema = kind({"$ref": f"{dialect}#"}, offline=True, validate_formats=False)
    error = next(iter(metaschema.iter_errors(references.document)), None)
    if error is not None:
        raise invalid(error, references)
    if references.unresolved() is not None:
        raise _unresolved(references, "")


def _unresolved(references: References, why: str) -> InvalidSchema:
    location = references.unresolved()
    if location is None:
        return InvalidSchema(f"schema cannot be used: {clip(why, 200)}")
    return InvalidSchema(f"the reference at {pointer(clip(location))} leads nowhere", location=location)


def invalid(error: Any, references: References) -> InvalidSchema:
    """Give the error for what a metaschema, or the engine's compiler, has against a schema."""
    from schema_guard.validation.violations import meant_errors, violations

    if error.kind.name == "$ref":
        return _unresolved(references, error.message)
    place = join(error.instance_path)
    if error.kind.name in ("anyOf", "oneOf"):
        error = (meant_errors(error) or [error])[0]
    violation = violations([error])[0]
    return InvalidSchema(
        f"schema is invalid at {pointer(clip(place))}: expected {violation.expected}, got {violation.actual}",
        location=place,
    )
