# SPDX-License-Identifier: Apache-2.0
"""The reader of a function's results and exceptions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from schema_guard.received import replies
from schema_guard.text import clip
from schema_guard.values import Failure, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.received.parsed_values import TypedValues
    from schema_guard.schema import Schema


class Receiver:
    """Reads the results and the exceptions of one guarded function.

    It stores the model name of the last reply. A call that raised counts for this model. So the results and the
    exceptions of a function belong to one configuration.
    """

    __slots__ = ("_expected", "_is_observed", "_model", "_returned", "_schema", "_typed_values")

    def __init__(
        self,
        schema: Schema[Any] | None = None,
        expected: tuple[type[BaseException], ...] = (),
        *,
        is_observed: bool = False,
    ) -> None:
        """Create a receiver.

        Args:
            schema: The schema of valid replies. None reads only texts and the replies of providers.
            expected: The exceptions of `ignore=`, which are not failures.
            is_observed: Whether every exception of the function reaches its caller.
        """
        self._schema = schema
        self._expected = expected
        self._is_observed = is_observed
        self._model = ""
        self._typed_values: TypedValues | None = None
        self._returned: Callable[[object], Reply] | None = None

    def read(self, result: object) -> Reply:
        """Read a result of the function. Never raises."""
        if self._schema is None or isinstance(result, str | bytes | bytearray):
            return replies.read(result)
        if self._returned is None:
            # Imported lazily because texts, the usual reply, don't need it.
            from schema_guard.received.return_values import read_result

            self._returned = partial(read_result, own=self._typed_values_of(self._schema))
        reply = self._returned(result)
        if reply.model is not None:
            self._model = reply.model
        return reply

    def _typed_values_of(self, schema: Schema[Any]) -> TypedValues:
        if self._typed_values is None:
            from schema_guard.received.parsed_values import TypedValues  # as in read()

            self._typed_values = TypedValues(schema)
        return self._typed_values

    def grown(self, reply: Reply, value: object) -> Reply:
        """Return a stream's reply. If its chunks were growing values, the last one is the value. Never raises.

        Args:
            reply: The other facts about the stream.
            value: Its last chunk.
        """
        if self._schema is None:
            return reply
        from schema_guard.received.return_values import grown  # few streams have growing values

        return grown(reply, value, self._typed_values_of(self._schema))

    def streamed(self, model: str | None) -> None:
        """Store the model that a chunk of a stream names, even if the stream does not end."""
        if model is not None and self._schema is not None:
            self._model = model

    def raised(self, error: BaseException) -> Reply:
        """Read an exception of the function. Never raises."""
        from schema_guard.received.exceptions import read_exception  # most calls raise nothing

        if self._expected and isinstance(error, self._expected):
            name = clip(type(error).__name__)
            failure = Failure("transport", "expected", f"{name} was raised, as expected")
            reply = Reply(failure=failure, exception=name)
        else:
            reply = read_exception(error, self._schema, is_observed=self._is_observed)
        return reply._replace(call_model=self._model)


ANYBODYS: Final = Receiver()
"""A receiver without a schema."""
