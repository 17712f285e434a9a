# SPDX-License-Identifier: Apache-2.0
"""The fast engine, jsonschema-rs, and the safeguards that every engine needs.

Rules:
1. Nothing is fetched. An engine gets every document from schema_guard.
2. Regular expressions run in linear time or within a limit. Their repetitions are not expanded beyond a size.
3. An engine that may need more stack than the smallest thread has runs in a thread with a large stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidSchema
from schema_guard.interruptions import value_or
from schema_guard.locks import fork_safe_lock
from schema_guard.pointer import escape, pointer
from schema_guard.text import clip
from schema_guard.validation.cost_estimate import BACKTRACK_LIMIT
from schema_guard.validation.document import DRAFTS
from schema_guard.validation.patterns import MAX_STATES_EACH, coded, loosened, traits
from schema_guard.validation.references import References

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from schema_guard.validation.patterns import Traits

# Paths of references from resource to resource. 1,700 of them compile in 64 ms. Beyond, the time grows steeply.
MAX_CROSSINGS = 1_000
# Schemas that are compiled once more under "unevaluated...". 8,000 of them compile in 0.5 s.
MAX_UNEVALUATED = 8_000
# Total states of all expressions: 0.3 s and 70 MB.
MAX_STATES = 1_000_000
# In a thread of 512 KB, iter_errors crashes beyond 300 nested unions, and is_valid beyond 3,600 nested schemas.
LINKS_TO_EXPLAIN = 120
_LINKS_TO_DECIDE = 1_200
_STACK_BYTES = 128 * 1024 * 1024

_stack_lock = fork_safe_lock()


class FastValidator:
    """jsonschema-rs.

    Attributes:
        name: Name of the package.
        factor: Time for a step, as a multiple of the fast engine's.
        is_valid: The engine's own function, which is the only call in the usual case.
    """

    name = "jsonschema-rs"
    factor = 1

    def __init__(self, validator: Any) -> None:
        self._validator = validator
        self.is_valid: Callable[[Any], bool] = validator.is_valid

    def errors(self, instance: Any) -> list[Any]:
        """Return the engine's errors."""
        return list(self._validator.iter_errors(instance))

    def first(self, instance: Any) -> list[Any]:
        """Return the engine's first error."""
        try:
            self._validator.validate(instance)
        except ValueError as error:
            # An error of the engine has an instance path. Other errors are not violations.
            if not hasattr(error, "instance_path"):
                raise
            return [error]
        return []


def with_stack(links: int, function: Callable[..., Any], *arguments: Any, explains: bool) -> Any:
    """Call a function, in a thread with a large stack if *links* nested schemas may need more than a small one.

    Only used pages of the stack take memory.
    """
    if links <= (LINKS_TO_EXPLAIN if explains else _LINKS_TO_DECIDE):
        return function(*arguments)
    result: list[Any] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            result.append(function(*arguments))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            raised.append(error)

    import threading  # only schemas of long chains need it

    with _stack_lock:
        before = threading.stack_size(_STACK_BYTES)
        try:
            thread = threading.Thread(target=run, name="schema_guard stack", daemon=True)
            thread.start()
        finally:
            threading.stack_size(before)
    thread.join()
    if raised:
        raise raised[0]
    return result[0]


def patterns(references: References) -> Iterator[tuple[str, str]]:
    """Yield every regular expression of a schema and its resources, with its location."""
    for schema, location in references.positions:
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"], f"{location}/pattern"
        members = schema.get("patternProperties")
        for pattern in members if isinstance(members, dict) else ():
            yield pattern, f"{location}/patternProperties/{escape(pattern)}"


def check_patterns(references: References) -> dict[str, Traits]:
    """Return the traits of each regular expression.

    Raises:
        InvalidSchema: `too_costly`, if they are too large in total.
    """
    by_pattern: dict[str, Traits] = {}
    total = 0
    for pattern, location in patterns(references):
        each = by_pattern.get(pattern)
        if each is None:
            each = by_pattern[pattern] = traits(pattern)
        total += each.size if each.size <= MAX_STATES_EACH else len(pattern)
        if total > MAX_STATES:
            raise InvalidSchema(
                f"the regular expressions of the schema up to {pointer(clip(location))} have more than {MAX_STATES:,} states in total. Lower the counts of their repetitions",
                code="too_costly",
                location=location,
            )
    return by_pattern


def rewritten(references: References) -> tuple[Any, dict[str, Any]]:
    """Return a schema and its resources with regular expressions in the syntax of the fast engine.

    Expressions that are too large are counted. Data that looks like a schema stays as it is.
    """
    dialects = {id(schema): references.dialect for schema, _ in references.positions}
    others = {uri: _rewritten(other, dialects) for uri, other in references.reached.items()}
    return _rewritten(references.document, dialects), others


def _rewritten(value: Any, dialects: dict[int, str]) -> Any:
    if isinstance(value, list):
        return [_rewritten(item, dialects) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {key: _rewritten(item, dialects) for key, item in value.items()}
    if (dialect := dialects.get(id(value))) and isinstance(value.get("pattern"), str):
        changed["pattern"] = _regex(value["pattern"], dialect)
    if dialect and isinstance(value.get("patternProperties"), dict):
        below = changed["patternProperties"]
        changed["patternProperties"] = {_regex(key, dialect): below[key] for key in below}
    return changed


def _regex(pattern: str, dialect: str) -> str:
    # An expression that the engine accepts is left as it is, so that its meaning stays the same.
    if coded(pattern) != pattern and not value_or(None, _compiled, {"pattern": pattern}, dialect, False):
        pattern = coded(pattern)
    return loosened(pattern) if traits(pattern).size > MAX_STATES_EACH else pattern


def fast(document: Any, dialect: str, *, formats: bool, resources: Mapping[str, Any] | None = None) -> Any:
    """Compile a schema with jsonschema-rs. Errors of jsonschema-rs are raised unchanged."""
    import jsonschema_rs  # `import schema_guard` loads no third-party module

    try:
        return _compiled(document, dialect, formats, resources)
    except jsonschema_rs.ValidationError:
        # The fault can be an expression that only ECMA 262 accepts. The second error names a fault of the schema.
        document, resources = rewritten(References(document, dialect, resources or {}))
    return _compiled(document, dialect, formats, resources)


def _compiled(document: Any, dialect: str, formats: bool, resources: Mapping[str, Any] | None = None) -> Any:
    import jsonschema_rs

    options: dict[str, Any] = {
        "offline": True,
        "validate_formats": formats,
        "pattern_options": jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACK_LIMIT),
    }
    if resources:
        # The engine's name for a document without "$id", and the base of its relative references.
        absolute = [
            (uri if ":" in uri else f"json-schema:///{uri}", other) for uri, other in resources.items()
        ]
        draft = getattr(jsonschema_rs, DRAFTS[dialect].removesuffix("Validator"))
        options["registry"] = jsonschema_rs.Registry(absolute, draft=draft)
    return getattr(jsonschema_rs, DRAFTS[dialect])(document, **options)
