# SPDX-License-Identifier: Apache-2.0
"""DSPy: its predictions, the outputs of its language models, and the replies that its adapters rejected.

No package is imported. The shape of each object identifies it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from schema_guard.pointer import join, pointer
from schema_guard.providers.fields import field, items, usage_of, words
from schema_guard.providers.model_output import Written
from schema_guard.providers.provider import RawReply
from schema_guard.received.pydantic_errors import refused_by
from schema_guard.received.replies import reply_of
from schema_guard.text import clip
from schema_guard.values import UNKNOWN_USAGE, Failure, ParsedValue, Reply, Usage, Violation

if TYPE_CHECKING:
    from schema_guard.received.parsed_values import TypedValues

ADDED: Final = frozenset({"reasoning", "rationale", "trajectory", "logprobs"})
"""Fields that modules of DSPy add to those of the signature."""
_OUTPUT: Final = frozenset({"text", "reasoning_content", "logprobs", "tool_calls", "citations"})
_FIELD: Final = re.compile(r"Failed to parse field (\w+)")
_MOST_TRIES: Final = 10


def returned(value: object, own: TypedValues) -> Reply | None:
    """Read a `dspy.Prediction`, or the list that a language model of DSPy returns. None for any other value."""
    if type(value) is list:
        return None if own.takes_lists() else _sole_output(value)
    return _prediction(value, own)


def _sole_output(outputs: list[Any]) -> Reply | None:
    if len(outputs) != 1:
        return None
    output = outputs[0]
    if isinstance(output, str):
        return Reply(output)
    if not isinstance(output, dict) or "text" not in output or not output.keys() <= _OUTPUT:
        return None
    text = output["text"]
    written = Written(
        text if isinstance(text, str) else "",
        items(output.get("tool_calls")),
        reasoned=words(output.get("reasoning_content")) is not None,
    )
    return reply_of(RawReply(written))


def _prediction(value: object, own: TypedValues) -> Reply | None:
    """Read a prediction. Its fields are the value, without those that modules add."""
    store = field(value, "_store")
    if type(store) is not dict or not callable(field(value, "get_lm_usage")):
        return None
    fields = {name: held for name, held in store.items() if name in own.names or name not in ADDED}
    usages = field(value, "get_lm_usage")()
    usage, model = _usage_of_models(usages)
    # The adapter may have retried. Those attempts are not in the prediction.
    known = Reply(usage=usage, model=model, unseen=True)
    if len(fields) == 1:
        (only,) = fields.values()
        if own.is_instance(only):
            return known._replace(parsed=ParsedValue(only, is_instance=True))
    return known._replace(parsed=ParsedValue(plain(fields)))


def _usage_of_models(usages: object) -> tuple[Usage, str | None]:
    if type(usages) is not dict or not usages:
        return UNKNOWN_USAGE, None
    model = next(iter(usages)) if len(usages) == 1 else None
    return Usage.total([usage_of(usage) for usage in usages.values()]), model_of(model)


def model_of(model: object) -> str | None:
    """Return the model's name in `"provider/name"`."""
    text = words(model)
    return None if text is None else text.partition("/")[2] or text


def plain(value: object) -> Any:
    """Return parsed fields as plain JSON data."""
    from pydantic_core import to_jsonable_python  # few functions return them

    return to_jsonable_python(value, serialize_unknown=True)


def is_parse_error(error: object) -> bool:
    """Return whether an exception is DSPy's `AdapterParseError`."""
    return (
        any(kind.__name__ == "AdapterParseError" for kind in type(error).__mro__)
        and field(field(error, "signature"), "output_fields") is not None
    )


def raised(error: BaseException) -> Reply | None:
    """Read an `AdapterParseError`, and the errors after which its adapter retried. None for any other exception."""
    if _is_of_parser(error):
        return Reply(failure=parse_failure(error))
    if not is_parse_error(error):
        return None
    tries: list[Reply] = []
    link: BaseException | None = error
    while link is not None and len(tries) < _MOST_TRIES:
        if is_parse_error(link):
            tries.append(Reply(words(field(link, "lm_response")), failure=parse_failure(link)))
        link = None if link.__suppress_context__ else link.__context__
    last, *before = tries
    return last._replace(tries=tuple(reversed(before)), is_final=bool(before))


def _is_of_parser(error: BaseException) -> bool:
    """Return whether an adapter of DSPy raised the error of a field unchanged, as versions before 3.4 do."""
    last, trace = "", error.__traceback__
    while isinstance(error, ValueError) and trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__"))
        last, trace = last if name.startswith("pydantic") else name, trace.tb_next
    return last.startswith("dspy.adapters.")


def parse_failure(error: object) -> Failure:
    """Return the failure of a reply that an adapter of DSPy rejected.

    Args:
        error: An `AdapterParseError`, or the `ValueError` of a field that older versions raise.
    """
    if not is_parse_error(error):
        return _field_failure(None, error)
    behind = field(error, "__cause__") or field(error, "__context__")
    if field(error, "__cause__") is not None and is_parse_error(behind):
        return parse_failure(behind)
    if not words(field(error, "lm_response")) or field(error, "lm_response") == "None":
        return Failure("syntax", "empty", "the reply is empty")
    named = _FIELD.search(str(error))
    if named is not None:
        return _field_failure(named[1], behind)
    wanted = list(field(field(error, "signature"), "output_fields"))
    parsed = field(error, "parsed_result")
    missing = [name for name in wanted if name not in parsed] if parsed else []
    if not missing:
        adapter = clip(str(field(error, "adapter_name")))
        code = "no_json" if "JSON" in adapter else "malformed"
        return Failure("syntax", code, f"{adapter} found no output field in the reply")
    violations = tuple(Violation("", "", "required", f"the field {name!r}", "object") for name in missing)
    return Failure("structure", "required", f"the reply lacks {', '.join(missing)}", violations)


def _field_failure(name: str | None, behind: object) -> Failure:
    """Return the failure of one field, which DSPy validates separately. *name* is None if it is not known."""
    place = [] if name is None else [name]
    errors = field(behind, "errors")
    if callable(errors):
        failure = refused_by([{**one, "loc": (*place, *one.get("loc", ()))} for one in errors()])
    else:
        # An enum is the only other type that DSPy reads itself.
        message = clip(str(behind), 200)
        violations = (Violation(join(place), "", "enum", message, "string"),)
        failure = Failure("value", "enum", f"at {pointer(join(place))}: {message}", violations)
    declared = join(["properties", name]) if name is not None else ""
    return failure._replace(
        violations=tuple(
            violation._replace(keyword_location=f"{declared}/{violation.keyword}")
            for violation in failure.violations
        )
    )
