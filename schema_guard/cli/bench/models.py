# SPDX-License-Identifier: Apache-2.0
"""Models of a benchmark beside those of `connect`.

A function of yours is a model as `--model module:function`. In a dry run, models with the names and providers of the real
ones stand in for them, and are never called.
"""

from __future__ import annotations

import re
import sys
from asyncio import to_thread
from importlib.util import find_spec
from inspect import Parameter, isawaitable, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.shared.options import imported
from schema_guard.errors import InvalidArgument
from schema_guard.extensions import load
from schema_guard.guarded import AsyncGuarded, Guarded
from schema_guard.models import connect
from schema_guard.models.interface import Closing
from schema_guard.models.names import KINDS
from schema_guard.models.providers import PROVIDERS
from schema_guard.models.scripted import ScriptedModel, prompt_text
from schema_guard.preparing.shapes import shape_of
from schema_guard.providers.options import TEXT_STRATEGIES, capabilities
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schema_guard.models import Model
    from schema_guard.models.interface import PromptLike

_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def or_function(connect: Callable[[str], Model]) -> Callable[[str], Any]:
    """Return a function that connects a model, or imports your function if the name is `module:function`."""

    def connected(source: str) -> Any:
        if _is_function(source):
            return CallableModel(source)
        try:
            return connect(source)
        except InvalidArgument as error:
            if (
                not _NAME.fullmatch(source)
                or source.partition(":")[0] in KINDS
                or "Did you mean" in str(error)
            ):
                raise
            raise InvalidArgument(f"{error}. You can also pass your function as module:function") from error

    return connected


def _is_function(source: str) -> bool:
    """Return whether a name is a module, a colon, and a name in it. The names of providers come first."""
    module = source.partition(":")[0]
    if not _NAME.fullmatch(source) or module in KINDS:
        return False
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


class CallableModel(Closing):
    """A model that calls a function with each prompt. For a guarded function, it calls the function inside.

    The function gets each prompt as one text. It gets the arguments of a provider only if it has a parameter for them.

    Attributes:
        name: `module:function`.
        provider: Provider of these arguments.
        capabilities: Names of the strategies that the function can be asked with.
        layout: The form of the prompts.
        takes_options: Whether the function gets the provider's arguments.
    """

    layout = "text"
    tuned = False

    def __init__(self, named: str) -> None:
        """Import the function.

        Raises:
            click.UsageError: There is no such function.
            InvalidArgument: It can't be called with a prompt alone.
        """
        function: Any = imported(named, expected="module:function")
        if not callable(function) or isinstance(function, type):
            raise click.UsageError(
                f"--model {safe(named)!r}: expected module:function, but this object is not a function"
            )
        self.name, self.provider = named, "openai"
        prompt = None
        if isinstance(function, Guarded | AsyncGuarded):
            prompt, self.provider = function.guard.params.prompt, function.guard.provider or self.provider
            function = function.__wrapped__
        shape = shape_of(function, prompt)
        self._function, self._task, self._options = function, shape.task, shape.options
        self.takes_options = shape.options is not None
        missing = [
            one.name
            for one in signature(function).parameters.values()
            if one.default is Parameter.empty
            and one.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
            and one.name not in (self._task, self._options)
        ]
        if self._task is None or missing:
            why = (
                f"its parameter {missing[0]!r} has no default"
                if missing
                else "it has no parameter for a prompt"
            )
            raise InvalidArgument(f"model {named!r}: expected a function that needs only a prompt, but {why}")
        self.capabilities = TEXT_STRATEGIES if self._options is None else capabilities(self.provider)

    async def acall(self, prompt: PromptLike, *, options: Mapping[str, Any] | None = None) -> Any:
        """Call the function, in a thread if it isn't asynchronous."""
        assert self._task is not None
        arguments: dict[str, Any] = {self._task: prompt if isinstance(prompt, str) else prompt_text(prompt)}
        if self._options is not None:
            arguments[self._options] = dict(options or {})
        reply = await to_thread(self._function, **arguments)
        return await reply if isawaitable(reply) else reply

    def close(self) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""


def stand_in(source: str) -> Model:
    """Return a model that needs no key, no network, and no weights.

    Args:
        source: The name of the model, as `connect` takes it.

    Raises:
        InvalidArgument: There is no such model.
    """
    kind, _, rest = source.partition(":")
    if source == "local":
        return ScriptedModel([], name=load("local").NAME, provider="llamacpp-llguidance")
    if kind in PROVIDERS and rest:
        return ScriptedModel([], name=rest, provider=PROVIDERS[kind].provider)
    if kind == "tuned" and rest:
        found = load("model:tuned")(Path(rest).expanduser())
        model = stand_in(found.model)
        # Only models of `tune` have them.
        model.tuned = True  # type: ignore[attr-defined]
        model.adapter = found.adapter  # type: ignore[attr-defined]
        return model
    return connect(source)
