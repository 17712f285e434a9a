# SPDX-License-Identifier: Apache-2.0
"""A server on loopback that answers as OpenAI, Anthropic, and Gemini do, from a script, a function, or a model.

Use it to test code that calls a provider through the provider's own client. The requests, events, and errors are real,
and so are the faults that a provider has now and then.

Rules: The server listens on loopback only. You select faults by name (`FAULTS`) and by request, so nothing is left to
chance. The server doesn't store the keys that it receives. It accepts the requests that the provider would accept, and
refuses all others with status 400 or 404, as the provider does. Its threads are daemons, so a server that you don't
close ends with the process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeAlias

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
"""The source of answers: a model, replies as `ScriptedModel` takes them, or a function of the prompt's text."""


def serve(
    answering: Answering,
    *,
    faults: Faults[Request] = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Server:
    """Start a server that answers in the wire formats of providers. The server is listening when this function returns.

    The server answers the following requests with a complete response or a stream:

    - OpenAI: `POST /v1/chat/completions`, `POST /v1/responses`, and `POST /v1/decisions`
    - Anthropic: `POST /v1/messages`
    - Gemini: `POST /v1beta/models/MODEL:generateContent`

    `GET /v1/models` lists the model. If a request requires a tool call, or the reply has the finish reason `tool_call`,
    the server returns a tool call. The server uses the text of the reply as the arguments of this tool call. If the
    model doesn't count tokens, the server counts four characters as one token. The server returns status 400 for a
    request that the provider would refuse. For example, a request must not contain an unknown role, empty content, or a
    tool call without a result. The server also returns status 400 if a `ScriptedModel` has no reply for a request. If
    the model raises an exception, the server returns status 500.

    Args:
        answering: A model from `connect`, replies for `ScriptedModel`, or a function that takes the text of the prompt
            and returns a reply. If the model accepts the arguments of the request, the server passes these arguments to
            the model in the option `extra_body`. The server doesn't close the model.
        faults: Faults from `FAULTS`. Pass the name of one fault for all requests, or a list that contains a name or
            None for each request. You can also pass a dict with the indices of requests as keys, or a function that
            takes the `Request`. The list and the indices include only requests that ask for a reply. If a fault
            replaces the reply to a request, the server doesn't use one of the scripted replies for the request.
        host: Host of the server: `"127.0.0.1"` or `"localhost"`.
        port: Port of the server. Default: 0, which means a free port.

    Raises:
        InvalidArgument: The replies, the name of a fault, the host, or the port is invalid.

    >>> with serve(["{}"]) as server:
    ...     server.openai_url == f"{server.url}/v1"
    True
    """
    if host not in _HOSTS:
        raise InvalidArgument(
            f"host={clip(repr(host))}: expected one of {', '.join(_HOSTS)}, because the server accepts only loopback addresses"
        )
    responder = Responder(_model(answering), faults)
    listener = Listener((_HOSTS[0], _port(port)), responder.respond)
    # A port that is only bound refuses connections, and no other process can listen on it.
    if faults != CONNECT_REFUSED:
        listener.start()
    return Server(responder.requests, listener)


def _port(port: object) -> int:
    if isinstance(port, int) and not isinstance(port, bool) and 0 <= port <= _LAST_PORT:
        return port
    raise InvalidArgument(
        f"port={clip(repr(port))}: expected an int from 0 to {_LAST_PORT}. Use 0 for a free port"
    )


def _model(answering: Answering) -> Model | FunctionModel:
    if isinstance(answering, Model):
        return answering
    if callable(answering):
        return FunctionModel(answering)
    return ScriptedModel(answering)


class Server:
    """A running server that `serve` started. Call `close` after use, or use the server in a `with` block.

    Attributes:
        requests: All requests that the server has received so far, in order. Each item is a `Request`.
    """

    def __init__(self, requests: list[Any], listener: Listener) -> None:
        self.requests = requests
        self._listener = listener

    @property
    def url(self) -> str:
        """The address of the server, without a path: `"http://127.0.0.1:PORT"`."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    @property
    def openai_url(self) -> str:
        """The `base_url` for `openai.OpenAI`. For `connect`, append `"#NAME"` to this URL."""
        return f"{self.url}/v1"

    @property
    def google_url(self) -> str:
        """The `base_url` for the `http_options` of `google.genai.Client`."""
        return self.url

    @property
    def anthropic_url(self) -> str:
        """The `base_url` for `anthropic.Anthropic`."""
        return self.url

    def __repr__(self) -> str:
        return f"<Server {self.url}{' closed' if self._listener.stopping.is_set() else ''}>"

    def close(self) -> None:
        """Close the port and end open requests. You can call this method more than once."""
        self._listener.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
