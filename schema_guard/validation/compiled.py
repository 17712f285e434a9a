# SPDX-License-Identifier: Apache-2.0
"""Compile a schema for an engine, and estimate the cost of instances.

Rules:
1. A compiled schema is ready for validation. Its references, cycles, chains, and regular expressions were checked.
2. The steps for an instance are estimated and compared with the limit before an engine reads the instance.
"""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidSchema
from schema_guard.interruptions import is_interruption, value_or
from schema_guard.locks import cached_property
from schema_guard.pointer import join, pointer
from schema_guard.text import clip
from schema_guard.validation import fast_engine as engines
from schema_guard.validation.cost_estimate import CostEstimate, copied_bytes
from schema_guard.validation.document import dialect_of
from schema_guard.validation.measure import UNLIMITED, ValueSize, measured
from schema_guard.validation.patterns import MAX_STATES_EACH, tightened
from schema_guard.validation.references import References

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schema_guard.validation.fast_engine import FastValidator
    from schema_guard.validation.reference_engine import ReferenceValidator
    from schema_guard.values import Violation

# An engine lists all errors, and each takes 14 us and a copy of a value. Above these limits, `ErrorSearch` runs.
_ERRORS_TO_LIST, _COPIED_TO_LIST = 20_000, 90_000_000
_MOST_COUNTED = 40_000
# Real chains are below 10; 1,200 links in a thread of 512 KB leave most of its stack.
_PLAIN_CHAIN = 11


class InstanceCost(NamedTuple):
    """The most work that an engine may have to do.

    Attributes:
        steps: Steps to decide whether the instance is valid.
        errors: Broken keywords that it may list, including those of a union's arms.
        copied: Bytes of the values in these errors.
    """

    steps: float
    errors: float
    copied: float


class Compiled:
    """A schema that can be validated against.

    Attributes:
        engine: The validator.
        plain: Steps that no instance within the limits exceeds. Infinite if that depends on the instance, or if the
            engine may need more stack than a small thread has.
        references: The references of the schema, with their targets.
        formats: Whether `format` is asserted.
        conditions: The conditions that check a reply while it is streamed. None before the first one.
    """

    def __init__(
        self,
        references: References,
        engine: FastValidator | ReferenceValidator,
        work: CostEstimate,
        formats: bool,
    ) -> None:
        self.engine = engine
        self.is_valid = engine.is_valid
        self.references = references
        self._work = work
        self.formats = formats
        self.conditions: Any = None
        self._flat: dict[bool, dict[Any, Any]] = {True: {}, False: {}}
        usual = work.bound is not None and engine.factor == 1 and work.chain <= _PLAIN_CHAIN
        self.plain = inf if work.unique or not usual or work.bound is None else float(work.bound)

    @cached_property
    def closed_levels(self) -> int | None:
        """Levels of nesting that a closed schema allows. None for an open one."""
        from schema_guard.validation.closed_form import closed_levels  # loading a schema does not need it

        return closed_levels(self.references)

    def work(self, instance: Any, size: ValueSize, enough: int, enough_bytes: float = inf) -> InstanceCost:
        """Return the steps for validation, in steps of the fast engine, and the errors that the engine may list.

        They are estimated. If the estimate exceeds *enough* steps or *enough_bytes* of errors, they are counted.
        """
        values, texts, copied = self._work.steps(size)
        factor = self.engine.factor
        steps = errors = float(values)
        is_enough = factor * (values + texts) <= enough and copied <= enough_bytes
        if not is_enough and size.nodes <= _MOST_COUNTED:
            from schema_guard.validation.instance_cost import count  # few replies need it

            counted = count(self.references, self.references.document, instance)
            if counted is not None:
                steps, errors = min(steps, counted[0]), min(errors, counted[1])
                copied = min(copied, errors * copied_bytes(size.nodes, size.chars))
        return InstanceCost(factor * (steps + texts), errors, copied)

    def accepts(self, instance: Any, size: ValueSize, max_steps: int) -> bool:
        """Return whether an instance is valid, or False if validation would take too many steps."""
        return self.work(instance, size, max_steps).steps <= max_steps and self._decided(instance, size)

    def _decided(self, instance: Any, size: ValueSize) -> bool:
        try:
            return bool(engines.with_stack(self._links(size), self.is_valid, instance, explains=False))
        except RecursionError:
            return False

    def violations(
        self, instance: Any, size: ValueSize, max_steps: int, *, is_refused: bool = False
    ) -> list[Violation]:
        """Return the violations of an instance, or `too_costly` if validation takes more than *max_steps* steps.

        *is_refused*: whether the instance is known to be invalid, unless validation takes more steps.
        """
        from schema_guard.validation.violations import UNTOLD, too_costly  # only failures need it

        enough = min(_ERRORS_TO_LIST, max_steps)
        steps, errors, copied = self.work(instance, size, enough, _COPIED_TO_LIST)
        if steps <= max_steps and _is_listed(errors, copied, self._links(size)):
            return self._violations_of(self.engine.errors, instance, size)
        if steps <= max_steps and not is_refused and self._decided(instance, size):
            return []
        broken = self._walk(instance, steps <= max_steps)
        if broken:
            return self._tell(broken)
        if steps > max_steps:
            return [too_costly(int(steps), max_steps)]
        return [UNTOLD] if self._work.unions else self._violations_of(self.engine.first, instance, size)

    def violations_in(self, instance: Any, text: str, max_steps: int) -> list[Violation]:
        """Return the violations of a JSON value that isn't valid, as `violations` does.

        Args:
            instance: Within the limits.
            text: A text that contains the JSON text of the value, or an empty text if the JSON text isn't known.
            max_steps: As in `violations`.
        """
        if text and self.plain <= max_steps:
            # One of these precedes each value except the first. Counting them costs less than reading the value.
            nodes = 1 + sum(map(text.count, ":,["))
            depth = int(min(nodes, self._work.reach)) or 1
            copied = self._work.copied(depth, nodes, len(text))
            links = depth * self._work.chain
            is_short = links <= engines.LINKS_TO_EXPLAIN and _is_listed(
                self._work.errors(nodes), copied, links
            )
            violations = self._tell(self.engine.errors(instance)) if is_short else []
            if violations:
                return violations
        size: Any = measured(instance, UNLIMITED)
        return self.violations(instance, size, max_steps, is_refused=True)

    @cached_property
    def _tell(self) -> Callable[[Sequence[Any]], list[Violation]]:
        """The function that converts errors to violations. It is cached, because each further import takes 0.6 us."""
        from schema_guard.validation.violations import violations

        return partial(violations, known={})

    def _walk(self, instance: Any, affordable: bool) -> list[Any]:
        from schema_guard.validation.error_search import ErrorSearch  # only large failures need it

        walk = ErrorSearch(self.references, self._alone, self._flat[affordable], all_keywords=affordable)
        return walk.errors(self.references.document, instance)

    def _violations_of(
        self, errors_of: Callable[[Any], list[Any]], instance: Any, size: ValueSize
    ) -> list[Violation]:
        from schema_guard.validation.violations import too_costly

        try:
            errors = engines.with_stack(self._links(size), errors_of, instance, explains=True)
        except RecursionError:
            # The reference engine, which is written in Python, reached Python's recursion limit.
            return [too_costly(int(self.work(instance, size, 0).steps), 0)]
        return self._tell(errors)

    def _links(self, size: ValueSize) -> int:
        # Python's frames are larger than those of the fast engine.
        return size.depth * self._work.chain * (1 if self.engine.factor == 1 else 20)

    def _alone(self, keywords: dict[str, Any]) -> Any:
        """Compile keywords that check a single value. None if there are none, or if the fast engine rejects them."""
        if not keywords:
            return None
        return value_or(None, engines.fast, keywords, self.references.dialect, formats=self.formats)


def _is_listed(errors: float, copied: float, links: float) -> bool:
    """Return whether an engine may list so many errors with *copied* bytes of values and *links* keywords a path."""
    return errors <= _ERRORS_TO_LIST and copied + 50 * links * errors <= _COPIED_TO_LIST


def compiled(document: Any, dialect: str, *, formats: bool, resources: Mapping[str, Any]) -> Compiled:
    """Compile a schema.

    Raises:
        InvalidSchema: The schema cannot be used. The error has a code and a location.
    """
    if isinstance(document, dict) and str(document.get("$schema", dialect)).rstrip("#") != dialect:
        # The caller's own dialect is based on a known one. The engines know only the latter.
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
            "the schema has too many subschemas with 'unevaluatedProperties' or 'unevaluatedItems', which "
            "schema_guard must compile and evaluate again. Remove some of these keywords",
            code="too_costly",
        )
    if references.crossings(engines.MAX_CROSSINGS) >= engines.MAX_CROSSINGS:
        return Compiled(references, _reference(references, formats), work, formats)
    is_large = any(each.size > MAX_STATES_EACH for each in patterns.values())
    return Compiled(references, _fast(references, is_large, formats), work, formats)


def _fast(references: References, is_large: bool, formats: bool) -> FastValidator:
    """Compile with the fast engine. *is_large*: whether a regular expression is too large to expand its repetitions."""
    import jsonschema_rs  # `import schema_guard` loads no third-party module

    own = references.document, references.reached
    document, resources = engines.rewritten(references) if is_large else own
    try:
        validator = engines.fast(document, references.dialect, formats=formats, resources=resources)
    except jsonschema_rs.ValidationError as error:
        raise invalid(error, references) from error
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        if is_interruption(error):
            raise
        raise _unresolved(references, str(error)) from error
    return engines.FastValidator(validator)


def _reference(references: References, formats: bool) -> ReferenceValidator:
    """Compile with the reference engine."""
    import jsonschema_rs

    from schema_guard.validation.reference_engine import reference  # rare

    dialect = references.dialect
    for pattern, location in engines.patterns(references):
        try:
            engines.fast({"pattern": pattern}, dialect, formats=formats)
        except jsonschema_rs.ValidationError as error:
            raise _no_expression(pattern, location) from error
    metaschema = engines.fast({"$ref": f"{dialect}#"}, dialect, formats=False)
    for document in (references.document, *references.reached.values()):
        for broken in metaschema.iter_errors(document):
            raise invalid(broken, references)
    if references.unresolved() is not None:
        raise _unresolved(references, "")
    return reference(references.document, dialect, formats=formats, resources=references.reached)


def _no_expression(pattern: str, location: str) -> InvalidSchema:
    return InvalidSchema(
        f"the schema is invalid at {pointer(clip(location))}: expected a regular expression, got {clip(repr(pattern))}",
        location=location,
    )


def _unresolved(references: References, why: str) -> InvalidSchema:
    location = references.unresolved()
    if location is None:
        return InvalidSchema(f"schema cannot be used: {clip(why, 200)}")
    return InvalidSchema(f"the reference at {pointer(clip(location))} leads nowhere", location=location)


def invalid(error: Any, references: References) -> InvalidSchema:
    """Return the `InvalidSchema` for an error of a metaschema or of the engine's compiler."""
    from schema_guard.validation.violations import meant_errors, violations

    if error.kind.name == "$ref":
        return _unresolved(references, error.message)
    place = join([step if isinstance(step, int) else tightened(step) for step in error.instance_path])
    if error.kind.name == "format" and error.kind.as_dict()["format"] == "regex":
        return _no_expression(tightened(error.instance), place)
    if error.kind.name in ("anyOf", "oneOf"):
        error = (meant_errors(error) or [error])[0]
    violation = violations([error])[0]
    return InvalidSchema(
        f"schema is invalid at {pointer(clip(place))}: expected {violation.expected}, got {violation.actual}",
        location=place,
    )
