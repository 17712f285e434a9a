# SPDX-License-Identifier: Apache-2.0
"""A decision model behind `POST /decisions`, OpenAI's or a compatible server's, through the `openai` package."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument, MissingExtra
from schema_guard.ext.decisions.hosts import HOSTS
from schema_guard.models.hosted import HostedModel
from schema_guard.models.interface import messages
from schema_guard.providers.fields import count, field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from schema_guard.models.endpoint import Endpoint
    from schema_guard.models.interface import PromptLike

NO_STREAM = "a decision model doesn't stream. Call the model"


def connected(
    name: str, endpoint: Endpoint, provider: str, options: Mapping[str, Any] | None
) -> DecisionModel:
    """Return the decision model of a provider."""
    return DecisionModel(name, endpoint, provider=provider, options=options)


class DecisionModel(HostedModel):
    """A decision model. It accepts only strategy `decision`.

    If there are more questions than the host accepts in one request, they are sent in several requests. All of them are
    one attempt.
    """

    ours = ("input",)
    package, client_class = "openai", "OpenAI"
    lacks: Mapping[str, str] = MappingProxyType({"stream": NO_STREAM, "astream": NO_STREAM})

    def sdk(self) -> Any:
        """Import the SDK.

        Raises:
            MissingExtra: It is not installed, or too old.
        """
        sdk = super().sdk()
        if not hasattr(sdk.OpenAI, "decisions"):
            raise MissingExtra(
                f"model {self.name!r} needs openai 3.57 or newer. Run pip install 'openai>=3.57'"
            )
        return sdk

    def arguments(self, prompt: PromptLike, options: dict[str, Any], *, is_stream: bool) -> dict[str, Any]:
        """Return the arguments of `create`."""
        if not options.get("questions"):
            raise InvalidArgument(
                f"model {self.name!r}: a decision model needs questions, but this call sends none. Use strategy='decision'"
            )
        return {
            "model": self.name,
            "input": prompt if isinstance(prompt, str) else messages(prompt),
            **options,
        }

    def resource(self, client: Any) -> Any:
        """Return the part of a client whose `create` makes a request."""
        return client.decisions

    def __call__(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Ask all questions and return the reply object of the SDK, or one reply for all parts."""
        arguments = self.request_arguments(prompt, options)
        with self.endpoint.keyless():
            client = self.client()
            return joined([self.ask(client, part) for part in parts(arguments, self.provider)])

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Ask all questions without blocking the event loop."""
        arguments = self.request_arguments(prompt, options)
        with self.endpoint.keyless():
            client = self.async_client()
            asked = [self.ask(client, part) for part in parts(arguments, self.provider)]
            return joined(await asyncio.gather(*asked))


def parts(arguments: dict[str, Any], provider: str) -> Iterator[dict[str, Any]]:
    """Yield the arguments of each request, with as many questions as the host accepts."""
    questions, most = arguments["questions"], HOSTS[provider].questions
    for start in range(0, len(questions), most):
        yield {**arguments, "questions": questions[start : start + most]}


def joined(replies: Sequence[Any]) -> Any:
    """Return one reply for all parts: the only one, or a dict with all answers and the sum of the tokens."""
    if len(replies) == 1:
        return replies[0]
    usages = [field(reply, "usage") for reply in replies]
    details = [field(usage, "input_tokens_details") for usage in usages]
    return {
        "answers": [answer for reply in replies for answer in field(reply, "answers") or ()],
        "model": field(replies[0], "model"),
        "usage": {
            "input_tokens": _sum([count(usage, "input_tokens") for usage in usages]),
            "output_tokens": _sum([count(usage, "output_tokens") for usage in usages]),
            "input_tokens_details": {"cached_tokens": _sum([count(one, "cached_tokens") for one in details])},
        },
    }


def _sum(counts: Sequence[int | None]) -> int | None:
    """Return the sum of counts, or None if one is unknown."""
    known = [one for one in counts if one is not None]
    return sum(known) if len(known) == len(counts) else None
