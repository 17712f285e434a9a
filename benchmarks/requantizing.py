"""Write the weights of the local model in another quantization: `python -m benchmarks.requantizing`.

The new file is another model with its own results. The old file stays, because adapters belong to it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from schema_guard.errors import SchemaGuardError, missing_extra
from schema_guard.ext.local.weights import VARIABLE, local_weights

if TYPE_CHECKING:
    import numpy as np

__all__ = ["requantize"]

TYPE: Final = "Q4_0"
_EMBEDDING: Final = "token_embd.weight"
# Fields that the writer writes from its own arguments.
_WRITTEN: Final = ("general.architecture", "general.file_type")
_DIGITS: Final = 12


def requantize(weights: Path) -> Path:
    """Write weights with their matrices in Q4_0 and their embedding in Q8_0, beside the original.

    The name of the new file has its type and the first digits of its SHA-256. The file appears whole or not at all.

    Args:
        weights: A GGUF file.

    Returns:
        The path of the new file.

    Raises:
        MissingExtra: The package `gguf` is not installed.
        SchemaGuardError: The file can't be read or written.
    """
    try:
        import gguf  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise missing_extra("another quantization", "gguf", "tuning") from error
    beside = weights.with_name(f".{weights.stem}.{TYPE}.{os.getpid()}.part")
    try:
        reader = gguf.GGUFReader(weights)
        writer = gguf.GGUFWriter(beside, reader.fields["general.architecture"].contents())
        _copy_fields(gguf, reader, writer)
        for tensor in reader.tensors:
            kind = _type_of(gguf, tensor)
            writer.add_tensor(tensor.name, _values(gguf, tensor, kind), raw_dtype=kind)
        for write in (
            writer.write_header_to_file,
            writer.write_kv_data_to_file,
            writer.write_tensors_to_file,
        ):
            write()
        writer.close()
        with beside.open("rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        path = weights.with_name(f"{_stem(weights)}-{TYPE}-{digest[:_DIGITS]}.gguf")
        beside.replace(path)
    except (OSError, KeyError, ValueError) as error:
        raise SchemaGuardError(f"{weights}: quantizing this file again failed: {error}") from error
    finally:
        beside.unlink(missing_ok=True)
    return path


def _stem(weights: Path) -> str:
    """Return the name of a file without the type at its end."""
    stem, _, kind = weights.stem.rpartition("-")
    return stem if stem and kind[:1] in "QFI" else weights.stem


def _copy_fields(gguf: Any, reader: Any, writer: Any) -> None:
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in _WRITTEN:
            continue
        kind, *more = field.types
        writer.add_key_value(name, field.contents(), kind, sub_type=more[-1] if more else None)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)


def _type_of(gguf: Any, tensor: Any) -> Any:
    types = gguf.GGMLQuantizationType
    if len(tensor.shape) == 1:
        return tensor.tensor_type  # norms, which are small
    return types.Q8_0 if tensor.name == _EMBEDDING else types.Q4_0


def _values(gguf: Any, tensor: Any, kind: Any) -> np.ndarray:
    if tensor.tensor_type == kind:
        values: np.ndarray = tensor.data
        return values
    quantized: np.ndarray = gguf.quants.quantize(
        gguf.quants.dequantize(tensor.data, tensor.tensor_type), kind
    )
    return quantized


if __name__ == "__main__":
    print(f"export {VARIABLE}={requantize(local_weights())}")
