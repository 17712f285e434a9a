# SPDX-License-Identifier: Apache-2.0
"""The plan of a training on this machine, from the training set and without torch."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.ext.local.weights import NAME, WEIGHTS_BYTES, existing_weights, weights_name
from schema_guard.ext.tuning.export.values import MANIFEST
from schema_guard.ext.tuning.local.learning import PASS_TOKENS
from schema_guard.ext.tuning.training_rows import TRAIN, SftRow, TrainingSet, read_set
from schema_guard.text import clip, clip_path

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

ENOUGH_STEPS: Final = 50
"""Enough steps, because the loss of rows that were not learned was 0.007 and 0.017 nats a token after 54 steps on 216
generated orders or bookings (benchmarks/results/2026-11-27-finetune.txt), but 0.049 after 25 steps on 200 orders
(benchmarks/results/2026-11-26-tuning-local.txt)."""
_MOST_EPOCHS: Final = 10

# Estimates for the local model on one idle thread of a 2023 server processor with bfloat16, not from a recorded run. On a
# busy one, 25 steps on 200 rows took 229 s of processor time (benchmarks/results/2026-11-26-tuning-local.txt), and
# 46 to 54 steps took 299 to 604 s of wall time (2026-11-26-demo-finetune.txt, 2026-11-27-finetune.txt).
_START_S: Final = 25.0
_TOKEN_S: Final = 0.0055
# Validation has only a forward pass.
_FORWARD: Final = 0.35
_CHARACTERS_A_TOKEN: Final = 3.0
_TEMPLATE_TOKENS: Final = 32

# The plan has 3.6 GB for the local model's weights (98 MB, 4 bits). The peak of 25 steps in passes of 1,024 tokens was
# 2.9 GB (benchmarks/results/2026-11-26-tuning-local.txt), but twice as many steps took more (not recorded).
_LOADED_BYTES = 1_100_000_000
_TOKEN_BYTES = 2_400_000


class LoraSettings(NamedTuple):
    """The settings of a LoRA training.

    Attributes:
        epochs: Number of passes over the rows; None for as many as give 50 steps, at least 1 and at most 10.
        steps: Number of steps, instead of *epochs*. The last epoch may be incomplete.
        batch: Rows in a step.
        rank: Rank of the added matrices.
        learning_rate: The highest learning rate. It rises for the first tenth of the steps, then falls.
        seed: Seed of the first weights, and of the order of the rows.
    """

    epochs: int | None = None
    steps: int | None = None
    batch: int = 8
    rank: int = 16
    learning_rate: float = 1e-3
    seed: int = 0


DEFAULT_SETTINGS: Final = LoraSettings()


class TrainPlan(NamedTuple):
    """The plan of a training.

    Attributes:
        rows: Number of training rows.
        validation_rows: Number of rows that measure the result at the end of each epoch.
        epochs: Number of passes over the rows. If the user chose *steps*, the last one may be incomplete.
        batch: Rows in a step.
        steps: Steps of all epochs.
        rank: Rank of the added matrices.
        learning_rate: The highest learning rate.
        seed: Seed of the first weights, and of the order of the rows.
        base: The model to train.
        seconds: Estimate from the length of the rows. The progress of the job estimates from the completed steps.
        memory_bytes: Memory of the process, at its peak.
    """

    rows: int
    validation_rows: int
    epochs: int
    batch: int
    steps: int
    rank: int
    learning_rate: float
    seed: int
    base: str
    seconds: float
    memory_bytes: int


def read_unchanged(directory: Path) -> TrainingSet:
    """Read a training set, and check that its rows are those of its manifest.

    Raises:
        InvalidArgument: The rows can't be read, or have changed since they were written.
    """
    rows = read_set(directory)
    if not rows.is_unchanged:
        raise InvalidArgument(
            f"{clip_path(directory / TRAIN)} is not the file that {MANIFEST} describes, because its SHA-256 differs. Prepare the set again"
        )
    return rows


def plan_training(
    directory: str | os.PathLike[str], *, settings: LoraSettings = DEFAULT_SETTINGS
) -> TrainPlan:
    """Return the plan of `train` for a training set.

    Raises:
        InvalidArgument: The rows can't be learned, or a setting is out of its range.
    """
    return planned(read_unchanged(Path(directory)), settings)


def planned(rows: TrainingSet, settings: LoraSettings) -> TrainPlan:
    """Return the plan of `train` for rows.

    Raises:
        InvalidArgument: A setting is out of its range.
    """
    _require_in_range(settings)
    in_epoch = math.ceil(len(rows.train) / settings.batch)
    epochs = settings.epochs or min(_MOST_EPOCHS, math.ceil(ENOUGH_STEPS / in_epoch))
    steps = settings.steps or epochs * in_epoch
    epochs = math.ceil(steps / in_epoch)
    weights = existing_weights()
    size = WEIGHTS_BYTES if weights is None or not weights.is_file() else weights.stat().st_size
    learned, checked = (sum(map(_tokens, part)) for part in rows[:2])
    widest = max(map(_tokens, [*rows.train, *rows.validation]))
    return TrainPlan(
        rows=len(rows.train),
        validation_rows=len(rows.validation),
        **settings._replace(epochs=epochs, steps=steps)._asdict(),
        base=NAME if weights is None or not weights.is_file() else weights_name(weights),
        seconds=_START_S
        + _TOKEN_S * (steps / in_epoch * learned + epochs * _FORWARD * checked) * size / WEIGHTS_BYTES,
        memory_bytes=needed_bytes(max(PASS_TOKENS, widest), size),
    )


def key_of(plan: TrainPlan, rows: TrainingSet) -> str:
    """Return the key of a training, from its rows, its settings, and its weights."""
    text = json.dumps([plan._replace(seconds=0.0, memory_bytes=0), rows[:2]])
    return hashlib.sha256(text.encode()).hexdigest()


def _tokens(row: SftRow) -> int:
    texts = sum(len(message["content"]) for message in row.prompt) + len(row.answer)
    return _TEMPLATE_TOKENS + math.ceil(texts / _CHARACTERS_A_TOKEN)


def _require_in_range(settings: LoraSettings) -> None:
    most_of = {"epochs": 1000, "steps": 100_000, "batch": 1024, "rank": 256, "seed": 2**32}
    for name, most in most_of.items():
        value: Any = getattr(settings, name)
        least = 0 if name == "seed" else 1
        is_int = isinstance(value, int) and not isinstance(value, bool)
        if not (is_int and least <= value <= most) and (value is not None or name not in ("epochs", "steps")):
            raise InvalidArgument(f"{name}={clip(repr(value))}: expected an int from {least} to {most}")
    rate: Any = settings.learning_rate
    if not isinstance(rate, float) or not 0.0 < rate < 1.0:
        raise InvalidArgument(f"learning_rate={clip(repr(rate))}: expected a float above 0 and below 1")


def needed_bytes(pass_tokens: int, weights_bytes: int) -> int:
    """Return the peak memory of a training.

    Args:
        pass_tokens: Tokens that go through the model at once, padding included.
        weights_bytes: Size of the GGUF file.
    """
    return int((_LOADED_BYTES + _TOKEN_BYTES * pass_tokens) * weights_bytes / WEIGHTS_BYTES)


def available_bytes(
    *, meminfo: Path = Path("/proc/meminfo"), group: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Return the memory that a new process can use, or None if the system doesn't report it."""
    return min((*_of_machine(meminfo), *_of_group(group)), default=None)


def _of_machine(meminfo: Path) -> Iterable[int]:
    with contextlib.suppress(OSError):
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024


def _of_group(group: Path) -> Iterable[int]:
    """Yield the free memory of a container (cgroup v2), including the reclaimable cache of files."""
    with contextlib.suppress(OSError, ValueError):
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        yield max(0, limit - used + int(stat.get("inactive_file", 0)))
