"""How long and how large an engine may become on one schema."""

from __future__ import annotations

from dataclasses import dataclass

from schema_guard.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Limits:
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
        for name, least in (("schema_s", 0), ("memory_bytes", 0), ("start_s", 0), ("masks", -1)):
            value = getattr(self, name)
            if not value > least:
                raise InvalidArgument(f"{name}={value!r}: expected a number above {least}")
