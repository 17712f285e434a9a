# SPDX-License-Identifier: Apache-2.0
"""The engines that are known, and what it takes to load each."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Engine:
    """A constrained-decoding engine as it is measured.

    Attributes:
        name: For people, results and the command line.
        package: What is imported.
        distribution: What pip installs.
        loader: `module:function` that gives its `Adapter`; called in a process of its own.
        extra: The extra of schema-guard that brings it; None when there is none.
        settings: How it is asked, where that is not its default or needs saying.
        needs_model: Whether it needs a GGUF file and not only a vocabulary.
        brings: What else pip installs with it, where that is much; None where it is not.
    """

    name: str
    package: str
    distribution: str
    loader: str
    extra: str | None = "engines"
    settings: str = "defaults"
    needs_model: bool = False
    brings: str | None = None

    @property
    def is_installed(self) -> bool:
        """Whether its package can be found."""
        return importlib.util.find_spec(self.package) is not None

    @property
    def version(self) -> str | None:
        """The version that is installed; None without one."""
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return None

    @property
    def pip_command(self) -> str:
        """The command that installs it, and what it brings where that is much."""
        wanted = self.distribution if self.extra is None else f"'schema-guard[{self.extra}]'"
        return f"pip install {wanted}" + ("" if self.brings is None else f" (brings {self.brings})")


_HERE = "benchmarks.engine_checks"
# Measured with the builds for the CPU; those for a GPU, pip's choice on Linux, are larger.
_TORCH = "torch, triton and transformers, 1.9 GB"

ENGINES = (
    Engine("llguidance", "llguidance", "llguidance", f"{_HERE}.llguidance:load"),
    Engine(
        "xgrammar", "xgrammar", "xgrammar", f"{_HERE}.xgrammar:load",
        extra=None, brings=_TORCH,
        settings="strict_mode=False: the schema as written, what it leaves open is open",
    ),
    Engine(
        "xgrammar-strict", "xgrammar", "xgrammar", f"{_HERE}.xgrammar:load_strict",
        extra=None, brings=_TORCH,
        settings="strict_mode=True, its default: what the schema does not list is forbidden",
    ),
    Engine("outlines-core", "outlines_core", "outlines-core", f"{_HERE}.outlines_core:load"),
    Engine(
        "llama.cpp", "xllamacpp", "xllamacpp", f"{_HERE}.llama_cpp:load",
        settings="the GBNF of its server's response_format in its own matcher; masks of all tokens, where it tries one",
        needs_model=True,
    ),
)  # fmt: skip
"""All that are known, in the order of reports."""


def engines_of(names: Iterable[str] | None = None) -> tuple[Engine, ...]:
    """Give engines by name, in the order given; all of them for None.

    Raises:
        InvalidArgument: A name is unknown or given twice, or there is none.

    >>> [engine.name for engine in engines_of(["outlines-core", "llguidance"])]
    ['outlines-core', 'llguidance']
    """
    if names is None:
        return ENGINES
    if isinstance(names, str):
        raise InvalidArgument(f"names={clip(repr(names))}: expected a list of names of engines, got one text")
    known = {engine.name: engine for engine in ENGINES}
    chosen = list(names)
    for name in chosen:
        if name not in known:
            raise InvalidArgument(
                f"engine {clip(repr(name))} is unknown{did_you_mean(name, known)} (known: {', '.join(known)})"
            )
    if not chosen or len(set(chosen)) < len(chosen):
        what = "at least one name" if not chosen else "each name once"
        raise InvalidArgument(f"names={clip(repr(chosen))}: expected {what}")
    return tuple(known[name] for name in chosen)
