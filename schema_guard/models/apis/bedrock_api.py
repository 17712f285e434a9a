# SPDX-License-Identifier: Apache-2.0
"""A model behind Amazon Bedrock's Converse, through `boto3`, which has no asynchronous calls.

Rules:
1. With a key of Bedrock's the request carries that key alone; without one AWS's own credentials sign it, and they sign
   for Bedrock's own address alone: a server that is named by its URL gets no signature, and no token of a session.
2. Parts of a message stand under the name of their kind there, and the system's text apart from the turns.
"""

from __future__ import annotations

import contextlib
import logging
import os
from asyncio import to_thread
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.models.endpoint import NO_KEY
from schema_guard.models.hosted import HostedModel
from schema_guard.models.interface import messages
from schema_guard.models.providers import REGIONS
from schema_guard.providers.fields import field
from schema_guard.text import hide_secret

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from schema_guard.models.endpoint import Endpoint
    from schema_guard.models.interface import PromptLike

__all__ = ["BedrockModel"]

_SYSTEMS: Final = ("system", "developer")
# Whose parts boto3 takes by name, and none that is None.
_CONFIGS: Final = ("inferenceConfig", "additionalModelRequestFields")
# Signatures are made for a region; an address of one's own has its region elsewhere.
_REGION: Final = "us-east-1"
_LACKS: Final = (
    "boto3 has no asynchronous calls: guard the model itself, in a thread of its own where one is wanted"
)


class BedrockModel(HostedModel):
    """A model behind Bedrock's Converse.

    Attributes:
        lacks: The asynchronous methods of `Model`, which boto3 has not.
    """

    ours = ("messages", "modelId")
    lacks: Final[Mapping[str, str]] = {"acall": _LACKS, "astream": _LACKS}

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        provider: str = "bedrock",
        options: Mapping[str, Any] | None = None,
        signs: bool = False,
    ) -> None:
        """Make a model; see `HostedModel`.

        Args:
            name: As Converse takes it in `modelId`: an id, or an inference profile.
            endpoint: Where requests go.
            provider: Whose arguments it takes.
            options: Arguments of every request.
            signs: Whether AWS's own credentials sign requests that have no key.
        """
        super().__init__(name, endpoint, provider=provider, options=options)
        self._signs = signs and endpoint.key == NO_KEY
        self._filter = _Keyless(endpoint.key)

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Say that there is no such call."""
        raise self._lacking()

    async def areply(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Ask once in a thread, without blocking the event loop."""
        return await to_thread(self, prompt, options=options)

    async def astream(
        self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[Any, None]:
        """Say that there is no such call."""
        raise self._lacking()
        yield  # it is a generator all the same

    def arguments(self, prompt: PromptLike, options: dict[str, Any], *, is_stream: bool) -> dict[str, Any]:
        """Give the arguments of `converse` and `converse_stream`."""
        turns = messages(prompt)
        systems = [part for turn in turns if turn.get("role") in _SYSTEMS for part in _parts(turn)]
        return {
            "modelId": self.name,
            **{name: _without_nones(part) if name in _CONFIGS else part for name, part in options.items()},
            "messages": [
                {"role": turn.get("role"), "content": _parts(turn)}
                for turn in turns
                if turn.get("role") not in _SYSTEMS
            ],
            "system": [*(options.get("system") or ()), *systems] or None,
        }

    def ask(self, client: Any, arguments: dict[str, Any]) -> Any:
        """Send a request and give its reply."""
        return client.converse(**arguments)

    def chunks(self, client: Any, arguments: dict[str, Any]) -> Generator[Any, None, None]:
        """Give the SDK's events."""
        with contextlib.closing(client.converse_stream(**arguments)["stream"]) as events:
            yield from events

    async def achunks(self, client: Any, arguments: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """Say that there is no such call."""
        raise self._lacking()
        yield

    def connected(self, *, is_async: bool) -> Any:
        """Give a client that is asked with the key, with a signature, or with neither."""
        sdk, endpoint = self.sdk(), self.endpoint
        config = import_module("botocore.config").Config(
            connect_timeout=endpoint.timeout_s,
            read_timeout=endpoint.timeout_s,
            retries={"total_max_attempts": 1 + endpoint.max_retries, "mode": "standard"},
            signature_version=None if self._signs else import_module("botocore").UNSIGNED,
        )
        region = next((value for name in REGIONS if (value := os.environ.get(name))), _REGION)
        client = sdk.session.Session().client(
            "bedrock-runtime", region_name=region, endpoint_url=endpoint.base_url, config=config
        )
        if endpoint.key != NO_KEY:
            client.meta.events.register("before-send.bedrock-runtime", self._add_key)
            # It tells its log what came, and a server may say the key.
            logging.getLogger("botocore.parsers").addFilter(self._filter)
        return client

    def _add_key(self, request: Any, **_: Any) -> None:
        request.headers["Authorization"] = f"Bearer {self.endpoint.key}"

    def disconnect(self, client: Any) -> None:
        """Close a client."""
        client.close()
        logging.getLogger("botocore.parsers").removeFilter(self._filter)

    async def adisconnect(self, client: Any) -> None:
        """Close a client."""
        self.disconnect(client)

    def sdk(self) -> Any:
        """Import the package: half a second that others need not pay."""
        try:
            return import_module("boto3")
        except ImportError as error:
            raise missing_extra(f"model {self.name!r}", "boto3", "bedrock") from error

    def _lacking(self) -> InvalidArgument:
        return InvalidArgument(f"model {self.name!r}: {_LACKS}")


class _Keyless(logging.Filter):
    """Takes a key out of what is logged."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without the key."""
        message = record.getMessage()
        if self._key in message:
            record.msg, record.args = hide_secret(message, self._key), ()
        return True


def _without_nones(config: Any) -> Any:
    if not isinstance(config, Mapping):
        return config
    return {name: part for name, part in config.items() if part is not None} or None


def _parts(turn: Mapping[str, Any]) -> list[Any]:
    """Give a turn's content as parts; those of OpenAI's form that hold a text are one there too."""
    content = turn.get("content")
    if isinstance(content, str):
        return [{"text": content}]
    if not isinstance(content, list | tuple) or not content:
        raise InvalidArgument("prompt: expected a text or a list of parts as the content of a message")
    return [{"text": part["text"]} if field(part, "type") == "text" else part for part in content]
