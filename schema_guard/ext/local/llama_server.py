# SPDX-License-Identifier: Apache-2.0
"""The local model: llama.cpp's own HTTP server on loopback, which needs no key, no network, and no GPU.

It runs in a child process, which can always be killed, and whose output stays off the terminal. Inside this process,
it would hold the GIL during the second of loading. Stopping it while it answers a request would block permanently with
the GIL held, and an exit at that moment would end in a segmentation fault (xllamacpp 2026.10).
"""

from __future__ import annotations

import atexit
import http.client
import importlib.util
import json
import os
import secrets
import select
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from schema_guard.errors import InvalidArgument, SchemaGuardError, missing_extra
from schema_guard.ext.local.child import ChildProcess
from schema_guard.ext.local.gguf_file import ADAPTER_BASE, digest_of, metadata
from schema_guard.ext.local.weights import VARIABLE, local_weights, weights_digest, weights_name
from schema_guard.models.apis.openai_api import OpenAIModel
from schema_guard.models.endpoint import TIMEOUT_S, Endpoint, foreign_headers
from schema_guard.text import clip, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SLOTS = 4
"""Number of requests that are answered at once. Others wait."""
SLOT_TOKENS = 3072
"""Tokens of prompt and reply together in one request."""
# A longer reply repeats itself. The option max_tokens= overrides this limit.
OUTPUT_TOKENS = 1024

_SETTINGS = {
    "slots": SLOTS,
    "slot_tokens": SLOT_TOKENS,
    "output_tokens": OUTPUT_TOKENS,
    "threads": 1,
    # Cached prompts besides the slots: 24 KB per token, so about twenty schemas. llama.cpp's default is 8 GiB.
    "cache_mib": 512,
}

# The first bytes of a GGUF file.
_GGUF = b"GGUF"

# 1 s on a warm machine; the rest is for a cold disk under load.
START_TIMEOUT_S = 120.0


class LlamaServer:
    """A running server. `stop` ends it at once, including the current requests.

    Attributes:
        base_url: URL for an OpenAI-compatible client.
        api_key: Key without which requests are refused.
        model_name: Name of its weights.
    """

    def __init__(self, weights: Path, *, adapter: Path | None = None) -> None:
        """Start the server and wait until it answers.

        Args:
            weights: A GGUF file.
            adapter: A LoRA as a GGUF file, applied to every request; None for the weights as they are.

        Raises:
            SchemaGuardError: The server ended, or did not answer in time. The message has the output of llama.cpp.
        """
        self.model_name = weights_name(weights)
        self.api_key = secrets.token_hex(16)
        self._owner_pid = os.getpid()
        deadline = time.monotonic() + START_TIMEOUT_S
        settings = {**_SETTINGS, "path": str(weights), "name": self.model_name, "api_key": self.api_key}
        self._process = ChildProcess(
            Path(__file__).with_name("llama_process.py"),
            {**settings, "adapter": None if adapter is None else str(adapter)},
        )
        try:
            address = self._address(deadline)
            self._await_health(address, deadline)
        except BaseException:
            self.stop()
            raise
        self.base_url = f"{address}/v1"

    def is_alive(self) -> bool:
        """Return whether the process still runs, and is a child of this process."""
        return self._owner_pid == os.getpid() and self._process.status() is None

    def stop(self) -> None:
        """Kill the process and wait for its end. After a fork, only a call in the parent has an effect."""
        if self._owner_pid == os.getpid():
            self._process.kill()

    def _address(self, deadline: float) -> str:
        """Read the line with the address of the process."""
        lines = self._process.lines
        ready, _, _ = select.select([lines], [], [], max(0.0, deadline - time.monotonic()))
        line = lines.readline() if ready else b""
        if not line:
            raise self._failure("timed out" if not ready else "ended")
        return str(json.loads(line)["address"])

    def _await_health(self, address: str, deadline: float) -> None:
        """Request `/health` until it answers 200. While the model loads, it answers 503."""
        while _health(address) != http.client.OK:
            if self._process.status() is not None:
                raise self._failure("ended")
            if time.monotonic() > deadline:
                raise self._failure("timed out")
            time.sleep(0.02)

    def _failure(self, what: str) -> SchemaGuardError:
        status = self._process.status(wait_s=1.0 if what == "ended" else 0.0)
        # The first error is the cause, and the others follow from it.
        first = " | ".join(self._process.words().splitlines()[:5]) or "none"
        return SchemaGuardError(
            f"model 'local': llama.cpp {what} while starting (status {status}). Its output: "
            f"{clip(first, 600)}. Check the GGUF files and the free memory"
        )


def _health(address: str) -> int | None:
    """Return the status of `/health`, or None if the server doesn't listen."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=5.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


class _Shared:
    """The servers of this process, one for each adapter and one without, and the number of models that use each."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.servers: dict[str | None, LlamaServer] = {}
        self.users: dict[str | None, int] = {}

    def acquire(self, adapter: LoraFile | None, report: Callable[[str], None] | None) -> LlamaServer:
        key = None if adapter is None else adapter.key
        with self.lock:
            if key not in self.servers or not self.servers[key].is_alive():
                self._stop(key)
                path = None if adapter is None else adapter.path
                weights = local_weights(report=report)
                if adapter is not None:
                    adapter.check_base(weights)
                self.servers[key] = LlamaServer(weights, adapter=path)
            self.users[key] = self.users.get(key, 0) + 1
            return self.servers[key]

    def release(self, server: LlamaServer) -> None:
        """Remove a user of *server*. The last one stops it."""
        with self.lock:
            for key in [key for key, running in self.servers.items() if running is server]:
                self.users[key] -= 1
                if self.users[key] == 0:
                    self._stop(key)

    def stop(self) -> None:
        with self.lock:
            for key in list(self.servers):
                self._stop(key)

    def forget(self) -> None:
        """Start without servers, and leave those of the other process alone."""
        self.lock = threading.Lock()
        self.servers, self.users = {}, {}

    def _stop(self, key: str | None) -> None:
        self.users.pop(key, None)
        server = self.servers.pop(key, None)
        if server is not None:
            server.stop()


_shared = _Shared()
atexit.register(_shared.stop)
# A forked child starts its own server, with a lock that no other thread holds.
os.register_at_fork(after_in_child=_shared.forget)


class LocalModel(OpenAIModel):
    """The local model.

    Attributes:
        adapter: The applied LoRA, `NAME@DIGEST`, which is part of the configuration. None for the weights as they are.
    """

    adapter: str | None = None


class LoraFile(NamedTuple):
    """A LoRA in a file.

    Attributes:
        path: Path of the file.
        key: Name of the file, and 16 hex digits of the SHA-256 of its content: `NAME@DIGEST`.
        base: SHA-256 of the weights that it was trained on, in hex; None if the file does not have it.
    """

    path: Path
    key: str
    base: str | None

    def check_base(self, weights: Path) -> None:
        """Raise `InvalidArgument` if the LoRA was trained on other weights. Its replies would be arbitrary."""
        found = weights_digest(weights)
        if self.base not in (None, found):
            raise InvalidArgument(
                f"adapter={clip(repr(str(self.path)), 200)}: expected the weights with the SHA-256 {self.base}, got {weights} with the SHA-256 {found}. Set {VARIABLE} to the weights that the adapter was trained on, or tune again"
            )


def _adapter(adapter: str | os.PathLike[str] | None) -> LoraFile | None:
    """Return the adapter in a file.

    Raises:
        InvalidArgument: The file can't be read, or is not a GGUF file.
    """
    if adapter is None:
        return None
    if not isinstance(adapter, str | os.PathLike):
        raise InvalidArgument(f"adapter={clip(repr(adapter))}: expected the path of a GGUF file, or None")
    path = Path(adapter).expanduser()
    shown = clip(repr(str(path)), 200)
    try:
        with path.open("rb") as file:
            is_gguf = file.read(len(_GGUF)) == _GGUF
        digest = digest_of(path) if is_gguf else ""
    except (OSError, ValueError) as error:  # a ValueError: the path has a null byte or a lone surrogate
        raise InvalidArgument(
            f"adapter={shown}: expected the path of a GGUF file, but reading it failed: {reason_of(error)}"
        ) from error
    if not is_gguf:
        raise InvalidArgument(
            f"adapter={shown}: expected a LoRA adapter in a GGUF file, as written by llama.cpp's convert_lora_to_gguf.py or the gguf "
            "package"
        )
    base = metadata(path).get(ADAPTER_BASE)
    return LoraFile(path.absolute(), f"{path.name}@{digest[:16]}", None if base is None else str(base))


def connect_local(
    *,
    adapter: str | os.PathLike[str] | None = None,
    timeout_s: float = TIMEOUT_S,
    max_retries: int = 0,
    options: Mapping[str, Any] | None = None,
    report: Callable[[str], None] | None = None,
) -> LocalModel:
    """Return the local model. The models of a process share a server for each adapter, which the last `close` stops.

    Replies are greedy (temperature 0) unless options change it. The same prompt gives the same reply in nearly every
    case, but not in all, because sums are rounded differently if a part of the prompt is still cached.

    Raises:
        InvalidArgument: There is no adapter in the file.
        MissingExtra: xllamacpp or openai is not installed.
        SchemaGuardError: The weights can't be downloaded, or the server does not start.
    """
    for package in ("xllamacpp", "openai"):
        if importlib.util.find_spec(package) is None:
            raise missing_extra("model 'local'", package, "local")
    lora = _adapter(adapter)
    server = _shared.acquire(lora, report)
    model = LocalModel(
        server.model_name,
        Endpoint(
            server.base_url,
            server.api_key,
            timeout_s,
            max_retries,
            direct=True,
            foreign=foreign_headers("local"),
        ),
        provider="llamacpp-llguidance",
        defaults={"temperature": 0},
        options=options,
        on_close=lambda: _shared.release(server),
    )
    model.adapter = None if lora is None else lora.key
    return model
