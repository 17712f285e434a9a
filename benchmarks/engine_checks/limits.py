# SPDX-License-Identifier: Apache-2.0
"""How long and how large an engine may become on one schema."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from schema_guard.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """What an engine may take before its process is ended.

    Attributes:
        schema_s: Seconds of processor time for one schema, compiling and all of its instances together; by the clock
            four times as long. Where the platform has no `/proc` the clock alone decides.
        memory_bytes: Resident memory of the engine's process, its own base of 0.1 to 0.6 GB included. Watched every
            20 ms where the platform has `/proc`, elsewhere not at all.
        start_s: As schema_s, for the import of the engine and its vocabulary.
        masks: How many masks are timed for one schema at most, along its valid instances.
    """

    schema_s: float = 20.0
    memory_bytes: int = 4 * 2**30
    start_s: float = 60.0
    masks: int = 64

    def __post_init__(self) -> None:
        for name in ("schema_s", "memory_bytes", "start_s"):
            value = getattr(self, name)
            if not value > 0:
                raise InvalidArgument(f"{name}={value!r}: expected a number above 0")
            if value == inf:
                raise InvalidArgument(f"{name}={value!r}: expected a finite number: there is always a limit")
        if self.masks < 0:
            raise InvalidArgument(f"masks={self.masks!r}: expected an int >= 0")
