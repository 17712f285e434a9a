# SPDX-License-Identifier: Apache-2.0
"""A server on loopback that answers as OpenAI, Anthropic, Gemini, Mistral, Cohere and Bedrock do, from a script, a function or a model.

For tests of code that talks to a provider through its own client: the requests, the events and the errors
are real, and so are the faults that a provider has now and then.

Rules: it listens on loopback only; what it does wrong is asked for by name (`FAULTS`) and by request, never
left to chance; keys that come in are not kept; it takes what the provider would take and refuses the rest as
the provider does, with status 400 or 404; its threads are daemons, so a server that is forgotten ends with
the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Self, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.ext.loopback.faults import CONNECT_REFUSED, FAULTS
from schema_guard.ext.loopback.http import Listener
from schema_guard.ext.loopback.model_call import FunctionModel
from schema_guard.ext.loopback.responder import Request, Responder
from schema_guard.models import Model
from schema_guard.models.scripted import ReplyLike, ScriptedModel
from schema_guard.text import clip

if TYPE_CHECKING:
    from schema_guard.ext.loopback.faults import Faults
    from schema_guard.models.scripted import Replies

__all__ = ["FAULTS", "Request", "ScriptedModel", "Server", "serve"]

_HOSTS = ("127.0.0.1", "localhost")
_LAST_PORT = 65_535

Answering: TypeAlias = "Model | Replies | Callable[[str], ReplyLike]"
"""What answers: a model, replies as `ScriptedModel` takes them, or a function of the prompt's text."""


def serve(
    answering: Answering,
    *,
    faults: Faults[Request] = None,
    refuses_schemas: bool = False,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Server:
    """Start a server that answers requests for replies, and give it; it listens when this returns.

    It answers `POST /v1/chat/completions` and `/v1/responses` (OpenAI), `POST /v1/messages` (Anthropic) and
    `POST /v1beta/models/MODEL:generateContent` (Gemini), `POST /mistral/v1/chat/completions` (Mistral), `POST /v2/chat`
    (Cohere) and `POST /model/MODEL/converse` (Bedrock), each whole and as a stream, and `GET /v1/models`. A
    request that forces a tool gets a call of that tool with the reply as its arguments, and so does any request
    when the reply's finish reason is `tool_call`. Tokens that the model does not count are taken for four
    characters each. What the provider would refuse is status 400: a role, an empty content, a call of a tool
    without its result. So is a script without a reply for the request; what the model raises is status 500, or
    an error event where the stream has begun.

    Args:
        answering: A model, as `connect` gives it; replies, as `ScriptedModel` takes them; or a function that
            takes the prompt's text and gives a reply. A model that takes the request's arguments as they are
            is given them in `extra_body`. A model is not closed with the server.
        faults: What goes wrong, by names of `FAULTS`: one name for every request, one or None for each in
            their order (none after the last), a mapping from the request's index, or a function that takes
            the `Request`. Only requests for replies count. A fault that comes instead of a reply uses up
            none of a script.
        refuses_schemas: Whether a schema that the provider would refuse is refused, with its status and in its
            words: in strict response formats and functions of OpenAI, in output formats and strict tools of
            Anthropic, in response schemas and functions of Gemini, in output formats of Mistral, Cohere and Bedrock. Limits that the provider has not published are
            not known here either.
        host: `"127.0.0.1"` or `"localhost"`.
        port: 0 takes a free one.

    Raises:
        InvalidArgument: The replies, a fault's name, the host or the port cannot be used.

    >>> with serve(["{}"]) as server:
    ...     server.openai_url == f"{server.url}/v1"
    True
    """
    if host not in _HOSTS:
        raise InvalidArgument(f"host={clip(repr(host))}: expected one of {', '.join(_HOSTS)}, loopback only")
    responder = Responder(_model(answering), faults, refuses_schemas=refuses_schemas)
    listener = Listener((_HOSTS[0], _port(port)), responder.respond)
    # A port that is bound refuses, and no other process can listen on it.
    if faults != CONNECT_REFUSED:
        listener.start()
    return Server(responder, listener)


def _port(port: object) -> int:
    if isinstance(port, int) and not isinstance(port, bool) and 0 <= port <= _LAST_PORT:
        return port
    raise InvalidArgument(
        f"port={clip(repr(port))}: expected an int from 0 to {_LAST_PORT}, 0 for a free one"
    )


def _model(answering: Answering) -> Model | FunctionModel:
    if isinstance(answering, Model):
        return answering
    if callable(answering):
        return FunctionModel(answering)
    return ScriptedModel(answering)


class Server:
    """A server that runs; made by `serve`. Close it, or use it in a `with` block."""

    def __init__(self, responder: Responder, listener: Listener) -> None:
        self._responder = responder
        self._listener = listener
        self._is_closed = False
        self._lock = threading.Lock()

    @property
    def requests(self) -> list[Request]:
        """What came, in order."""
        return self._responder.requests

    @property
    def url(self) -> str:
        """The address without a path: `"http://127.0.0.1:PORT"`."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    @property
    def openai_url(self) -> str:
        """What `openai.OpenAI` takes as `base_url`; with `"#NAME"` behind it, what `connect` takes."""
        return f"{self.url}/v1"

    @property
    def google_url(self) -> str:
        """What `google.genai.Client` takes as `base_url` in its `http_options`."""
        return self.url

    @property
    def anthropic_url(self) -> str:
        """What `anthropic.Anthropic` takes as `base_url`."""
        return self.url

    @property
    def mistral_url(self) -> str:
        """What `mistralai.client.Mistral` takes as `server_url`."""
        return f"{self.url}/mistral"

    @property
    def cohere_url(self) -> str:
        """What `cohere.ClientV2` takes as `base_url`."""
        return self.url

    @property
    def bedrock_url(self) -> str:
        """What `boto3.client("bedrock-runtime")` takes as `endpoint_url`."""
        return self.url

    def __repr__(self) -> str:
        return f"<Server {self.url}{' closed' if self._is_closed else ''}>"

    def close(self) -> None:
        """Close the port and end what is on its way; closing twice is no error."""
        with self._lock:
            already, self._is_closed = self._is_closed, True
        if not already:
            self._listener.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
