# SPDX-License-Identifier: Apache-2.0
"""The providers with a name, each with its address, SDK, and key variable.

To add a provider, add a row to `PROVIDERS`. If it accepts other arguments than OpenAI, also add its file to
`schema_guard/providers`. No two rows share a variable for the key.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from schema_guard.errors import InvalidArgument
from schema_guard.models.endpoint import OPENAI_URL

KEY_VARIABLE = "SCHEMA_GUARD_MODEL_KEY"
"""The environment variable with the key of a server that is given by its URL."""


@dataclass(frozen=True, slots=True)
class ModelProvider:
    """A provider with a name.

    Attributes:
        label: Name for people.
        provider: Name of the provider whose arguments it accepts.
        url: The address of its API. None if only its users know it.
        url_variable: Variable for another address: a gateway, a region, or another port.
        path: Path of the API on the host in `url_variable`.
        port: Port of the host in `url_variable`, if that has no scheme and no port.
        keys: Variables for its key. The first one that is set counts.
        needs_key: Whether it rejects requests without a key.
    """

    label: str
    provider: str
    url: str | None
    keys: tuple[str, ...]
    url_variable: str | None = None
    path: str = ""
    port: int | None = None
    needs_key: bool = True

    def base_url(self) -> str:
        """Return the address of its API.

        Raises:
            InvalidArgument: Only its users know the address, and the variable is not set or is not a URL.
        """
        named = os.environ.get(self.url_variable or "", "").strip()
        if not named:
            if self.url is None:
                raise InvalidArgument(
                    f"{self.label} needs the URL of your resource. Set {self.url_variable} to this URL"
                )
            return self.url
        url = named if "://" in named else f"http://{named}"
        if url != named and self.port is not None and urlsplit(url).port is None:
            url = f"{url}:{self.port}"
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
            raise InvalidArgument(
                f"{self.url_variable}: expected the URL of {self.label}, without a password or a query"
            )
        url = url.rstrip("/")
        return url if not self.path or url.endswith(self.path) else f"{url}{self.path}"

    def moved(self, url: str) -> ModelProvider:
        """Return the same provider at another address, for tests."""
        return replace(self, url=url, url_variable=None)

    def key(self, key_: str | None) -> str | None:
        """Return the key of the call, or the key in its own variable.

        Raises:
            InvalidArgument: There is no key, and the provider needs one.
        """
        key = key_ or next((value for name in self.keys if (value := os.environ.get(name))), None)
        if key is None and self.needs_key:
            raise InvalidArgument(f"{self.label} needs a key. Set {' or '.join(self.keys)}, or pass key=")
        return key


PROVIDERS: Mapping[str, ModelProvider] = {
    **{
        name: ModelProvider("OpenAI", name, OPENAI_URL, ("OPENAI_API_KEY",), "OPENAI_BASE_URL")
        for name in ("openai", "openai-responses", "openai-decisions")
    },
    "azure": ModelProvider(
        "Azure OpenAI", "azure", None, ("AZURE_OPENAI_API_KEY",), "AZURE_OPENAI_ENDPOINT", "/openai/v1"
    ),
    "anthropic": ModelProvider(
        "Anthropic", "anthropic", "https://api.anthropic.com", ("ANTHROPIC_API_KEY",), "ANTHROPIC_BASE_URL"
    ),
    "google": ModelProvider(
        "Google",
        "gemini",
        "https://generativelanguage.googleapis.com",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "GOOGLE_GEMINI_BASE_URL",
    ),
    "openrouter": ModelProvider(
        "OpenRouter", "openrouter", "https://openrouter.ai/api/v1", ("OPENROUTER_API_KEY",)
    ),
    "groq": ModelProvider("Groq", "groq", "https://api.groq.com/openai/v1", ("GROQ_API_KEY",)),
    "mistral": ModelProvider("Mistral", "mistral", "https://api.mistral.ai/v1", ("MISTRAL_API_KEY",)),
    "together": ModelProvider(
        "Together", "openai", "https://api.together.ai/v1", ("TOGETHER_API_KEY",), "TOGETHER_BASE_URL", "/v1"
    ),
    "fireworks": ModelProvider(
        "Fireworks",
        "openai",
        "https://api.fireworks.ai/inference/v1",
        ("FIREWORKS_API_KEY",),
        "FIREWORKS_BASE_URL",
        "/inference/v1",
    ),
    "deepseek": ModelProvider("DeepSeek", "deepseek", "https://api.deepseek.com/v1", ("DEEPSEEK_API_KEY",)),
    "ollama": ModelProvider(
        "Ollama",
        "ollama",
        "http://127.0.0.1:11434/v1",
        ("OLLAMA_API_KEY",),
        "OLLAMA_HOST",
        "/v1",
        11434,
        needs_key=False,
    ),
    "lmstudio": ModelProvider(
        "LM Studio", "lmstudio", "http://127.0.0.1:1234/v1", ("LM_API_TOKEN",), needs_key=False
    ),
}
"""Each provider by the word before the colon."""
