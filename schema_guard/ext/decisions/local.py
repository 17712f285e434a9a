# SPDX-License-Identifier: Apache-2.0
"""The local model as a decision model. It scores the options, and writes no text."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.ext.decisions.model import NO_STREAM
from schema_guard.ext.decisions.scoring import AskedBefore, decide
from schema_guard.ext.local.llama_server import connect_local
from schema_guard.models.interface import Closing, messages
from schema_guard.providers.options import capabilities
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.ext.decisions.scoring import LlamaRequest
    from schema_guard.models.interface import PromptLike

__all__ = ["LocalDecisionModel", "connected"]

DIVIDE = "divide_by_empty_text"


def connected(timeout_s: float, options: Mapping[str, Any] | None) -> LocalDecisionModel:
    """Return the local model as a decision model."""
    return LocalDecisionModel(timeout_s, options)


class LocalDecisionModel(Closing):
    """The local model as a decision model.

    The option `divide_by_empty_text` divides the probabilities by those that the model gives without a text. It takes
    at least nine more requests for each new question.
    """

    provider = "local-decisions"
    rules = None
    tuned = False
    lacks: Mapping[str, str] = MappingProxyType({"stream": NO_STREAM, "astream": NO_STREAM})

    def __init__(self, timeout_s: float, options: Mapping[str, Any] | None) -> None:
        """Start the server of the local model.

        Raises:
            InvalidArgument: An option is unknown.
        """
        self.options = dict(options or {})
        self.defaults = self.options
        for name, value in self.options.items():
            if name != DIVIDE or not isinstance(value, bool):
                raise InvalidArgument(
                    f"options[{clip(repr(name))}]={clip(repr(value))}: expected {DIVIDE!r}, with True or False"
                )
        self.capabilities = capabilities(self.provider)
        self._llama = connect_local(timeout_s=timeout_s)
        self.name = self._llama.name
        self._root = self._llama.endpoint.base_url.removesuffix("/v1")
        self._asked = AskedBefore()

    def __call__(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Return the answers to the questions in *options*."""
        flow, reply = self._flow(prompt, options), None
        client = self._llama.client()
        try:
            while True:
                reply = client.post(**self._request(flow.send(reply)))
        except StopIteration as end:
            return {**end.value, "model": self.name}

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Return the answers without blocking the event loop."""
        flow, reply = self._flow(prompt, options), None
        client = self._llama.async_client()
        while True:
            try:
                request = flow.send(reply)
            except StopIteration as end:
                return {**end.value, "model": self.name}
            reply = await client.post(**self._request(request))

    def stream(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Raise InvalidArgument, because answers arrive whole."""
        raise InvalidArgument(NO_STREAM)

    def astream(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Raise InvalidArgument, because answers arrive whole."""
        raise InvalidArgument(NO_STREAM)

    def close(self) -> None:
        """Stop the server if no other model uses it."""
        self._llama.close()

    async def aclose(self) -> None:
        """Close everything, including the connections of this event loop."""
        await self._llama.aclose()

    def _flow(self, prompt: PromptLike, options: Mapping[str, Any] | None) -> Any:
        given = {**self.options, **(options or {})}
        questions = given.get("questions")
        if not questions:
            raise InvalidArgument(
                "a decision model needs questions, but this call sends none. Use strategy='decision'"
            )
        text = prompt if isinstance(prompt, str) else messages(prompt)
        return decide(text, questions, self._asked, divide=given.get(DIVIDE) is True)

    def _request(self, request: LlamaRequest) -> dict[str, Any]:
        return {"path": f"{self._root}{request.path}", "body": request.body, "cast_to": object}
