# SPDX-License-Identifier: Apache-2.0
"""A model whose replies are cut off, and that does with a reply which is begun for it what servers do.

It stands behind `serve`, which hands it the request's own arguments, or by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.ext.loopback.wire import BadRequest
from schema_guard.models.interface import Closing, messages
from schema_guard.models.scripted import ScriptedModel
from schema_guard.providers.options import capabilities
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.models.interface import PromptLike

__all__ = ["ContinuingModel", "Served"]

Served: TypeAlias = Literal["llamacpp", "vllm", "sglang", "mistral", "deepseek", "openai", "anthropic"]
"""As whom it is served."""

_SERVED: Final = ("llamacpp", "vllm", "sglang", "mistral", "deepseek", "openai", "anthropic")
_CHARS_A_TOKEN: Final = 4
# Whose whole replies, and whose streams, hold the beginning again.
_REPEATING: Final = {"whole": frozenset({"llamacpp", "mistral"}), "stream": frozenset({"mistral"})}


class ContinuingModel(Closing):
    """A model that gives one text in pieces that are cut off, each from where the one before ends; see `Model`.

    What it goes on with is the last message, where it is the assistant's and bears what the server wants: vLLM and
    SGLang an argument of the request, Mistral and DeepSeek a mark, llama.cpp nothing. OpenAI begins anew, and Anthropic
    refuses. llama.cpp gives the beginning again in whole replies and not in streams, Mistral in both.

    Attributes:
        name: What records show.
        provider: Whose options it is given.
        capabilities: Names of the strategies that it takes.
    """

    is_timed = False
    goes_on = True

    def __init__(self, text: str, *, most_tokens: int, served: Served = "llamacpp") -> None:
        """Make a model.

        Args:
            text: The whole reply. What is begun otherwise is ended by a quote and a brace.
            most_tokens: Of one reply, >= 1; a token is four characters.
            served: As whom it is served.

        Raises:
            InvalidArgument: *served* is none of these, *text* no str, or *most_tokens* no number of tokens.
        """
        if not isinstance(text, str):
            raise InvalidArgument(f"text={clip(repr(text))}: expected a str, the whole reply")
        if type(most_tokens) is not int or most_tokens < 1:
            raise InvalidArgument(f"most_tokens={clip(repr(most_tokens))}: expected an int >= 1")
        if served not in _SERVED:
            raise InvalidArgument(
                f"served={clip(repr(served))}: expected one of {', '.join(_SERVED)}{did_you_mean(served, _SERVED)}"
            )
        self.name = "continuing"
        self.provider = served
        self.capabilities = capabilities(served)
        self._text, self._most, self._served = text, most_tokens, served

    def __call__(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Give the next piece, or raise what `serve` answers with status 400."""
        return self._reply("whole", prompt, options)(prompt)

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Give the next piece."""
        return self(prompt, options=options)

    def stream(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Give the next piece in chunks."""
        return self._reply("stream", prompt, options).stream(prompt)

    async def astream(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Give the next piece in chunks."""
        for chunk in self.stream(prompt, options=options):
            yield chunk

    def _reply(self, way: str, prompt: PromptLike, options: Mapping[str, Any] | None) -> ScriptedModel:
        begun = self._prefix_of(messages(prompt)[-1], options or {})
        rest = self._text[len(begun) :] if self._text.startswith(begun) else '"}'
        piece = rest[: self._most * _CHARS_A_TOKEN]
        text = begun + piece if self._served in _REPEATING[way] else piece
        usage = {"output_tokens": -(-len(piece) // _CHARS_A_TOKEN)}
        finish_reason = "stop" if piece == rest else "length"
        return ScriptedModel([{"reply": text, "finish_reason": finish_reason, "usage": usage}])

    def _prefix_of(self, last: Mapping[str, Any], options: Mapping[str, Any]) -> str:
        """Give what is gone on with; an empty text to begin anew."""
        if last["role"] != "assistant":
            return ""
        settings = {**options, **(options.get("extra_body") or {})}
        if self._served == "anthropic":
            raise BadRequest(
                "this model takes no beginning of a reply: the last message has to be the user's"
            )
        if self._served == "deepseek" and not last.get("prefix"):
            raise BadRequest("the last message has to be the user's, or the assistant's with prefix")
        if (
            self._served == "vllm"
            and settings.get("continue_final_message")
            and settings.get("add_generation_prompt", True)
        ):
            raise BadRequest("cannot set both add_generation_prompt and continue_final_message to True")
        is_marked = {
            "llamacpp": True,
            "openai": False,
            "vllm": settings.get("continue_final_message"),
            "sglang": settings.get("continue_final_message"),
        }.get(self._served, last.get("prefix"))
        return str(last["content"]) if is_marked else ""
