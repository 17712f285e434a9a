# SPDX-License-Identifier: Apache-2.0
"""A LoRA of peft as the GGUF file that llama.cpp applies."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.local.gguf_file import ADAPTER_BASE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["PARTS", "write_adapter"]

PARTS: Final = {
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}
"""The matrices of a layer that are tuned, by their names in transformers, with those in GGUF."""

_NAME: Final = re.compile(r"layers\.(\d+)\.\w+\.(\w+)\.lora_([AB])\.weight$")


def write_adapter(
    path: Path, tensors: Mapping[str, Any], *, alpha: float, heads: Mapping[str, int], base: str
) -> None:
    """Write a LoRA of a model of the architecture `llama`, whole or not at all.

    Args:
        path: Of the file; an older one is replaced.
        tensors: NumPy arrays by their names in peft's state.
        alpha: By which llama.cpp multiplies, over the rank.
        heads: The number of heads of `q_proj` and `k_proj`.
        base: SHA-256 of the weights that it was trained on, in hex.
    """
    import gguf  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import numpy as np

    beside = path.with_name(f".{path.name}.part")
    # Made before the writer opens it: for its owner only, as a tuned model can know what it was taught.
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    writer = gguf.GGUFWriter(beside, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    writer.add_string(ADAPTER_BASE, base)
    for name, tensor in sorted(tensors.items()):
        match = _NAME.search(name)
        assert match is not None, name
        block, part, side = match.groups()
        rows = rope_order(tensor, heads[part]) if side == "B" and part in heads else tensor
        writer.add_tensor(
            f"blk.{block}.{PARTS[part]}.weight.lora_{side.lower()}",
            np.ascontiguousarray(rows, dtype=np.float16),
        )
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    beside.replace(path)


def rope_order(rows: Any, heads: int) -> Any:
    """Return rows of a query or key matrix in llama.cpp's order.

    transformers turns the first half of a head against its second half, llama.cpp neighbours.
    Source: `LlamaModel.permute` in llama.cpp's `convert_hf_to_gguf.py`.
    """
    return rows.reshape(heads, 2, len(rows) // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)
