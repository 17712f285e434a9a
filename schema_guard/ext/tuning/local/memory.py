# SPDX-License-Identifier: Apache-2.0
"""How much memory there is, and how much a training takes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from schema_guard.models.weights import WEIGHTS_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["available_bytes", "needed_bytes"]

# On the local model's weights (98 MB, 4 bits) the peak of 25 steps in passes of 1,024 tokens was 2.9 GB
# (benchmarks/results/2026-11-26-tuning-local.txt). Set so that 3.6 GB are planned for it: twice as many steps were seen to
# take more, which no kept result measures.
_LOADED_BYTES = 1_100_000_000
_TOKEN_BYTES = 2_400_000


def needed_bytes(pass_tokens: int, weights_bytes: int) -> int:
    """Give what a training takes at its peak.

    Args:
        pass_tokens: Tokens that go through the model at once, padding included.
        weights_bytes: Of the GGUF file.
    """
    return int((_LOADED_BYTES + _TOKEN_BYTES * pass_tokens) * weights_bytes / WEIGHTS_BYTES)


def available_bytes(
    *, meminfo: Path = Path("/proc/meminfo"), group: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Give the memory that a new process can take; None where the system does not say."""
    return min((*_of_machine(meminfo), *_of_group(group)), default=None)


def _of_machine(meminfo: Path) -> Iterable[int]:
    with contextlib.suppress(OSError):
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024


def _of_group(group: Path) -> Iterable[int]:
    """Give what a container leaves (cgroup v2), of which the cache of files can be had back."""
    with contextlib.suppress(OSError, ValueError):
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        yield max(0, limit - used + int(stat.get("inactive_file", 0)))
