"""Weights in another quantization, beside the original."""

import hashlib

import pytest

from schema_guard.errors import SchemaGuardError
from schema_guard.ext.local.gguf_file import described
from tests.needs import needs

gguf = pytest.importorskip("gguf", reason="needs the package gguf")
numpy = pytest.importorskip("numpy")

from benchmarks.requantizing import requantize  # noqa: E402 - needs gguf

pytestmark = needs("local")


@pytest.fixture
def weights(tmp_path):
    """Write weights of two matrices and a norm in float32."""
    path = tmp_path / "tiny-F32.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("general.basename", "tiny")
    writer.add_string("general.size_label", "1M")
    writer.add_array("tokenizer.ggml.tokens", ["a", "b"])
    writer.add_file_type(0)
    random = numpy.random.default_rng(0)
    for name, shape in (
        ("token_embd.weight", (2, 64)),
        ("blk.0.attn_q.weight", (64, 64)),
        ("blk.0.norm.weight", (64,)),
    ):
        writer.add_tensor(name, random.standard_normal(shape).astype(numpy.float32))
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    return path


def test_matrices_are_q4_0_and_the_embedding_is_q8_0(weights):
    """Norms stay as they are, and the fields are those of the original, but for the type."""
    reader = gguf.GGUFReader(requantize(weights))

    assert {tensor.name: tensor.tensor_type.name for tensor in reader.tensors} == {
        "token_embd.weight": "Q8_0", "blk.0.attn_q.weight": "Q4_0", "blk.0.norm.weight": "F32",
    }  # fmt: skip
    assert reader.fields["tokenizer.ggml.tokens"].contents() == ["a", "b"]
    assert reader.fields["general.file_type"].contents() == 2


def test_new_file_is_beside_the_original_under_its_digest(weights):
    """The original stays, nothing else is left, and a second run gives the same file."""
    before = weights.read_bytes()
    path = requantize(weights)

    assert requantize(weights) == path
    assert path.name == f"tiny-Q4_0-{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}.gguf"
    assert described(path) == f"tiny-1M-Q4_0@{path.stem[-12:]}"
    assert weights.read_bytes() == before
    assert set(weights.parent.iterdir()) == {weights, path}


def test_file_that_is_no_weights_is_refused(tmp_path):
    """Nothing is written."""
    path = tmp_path / "no.gguf"
    path.write_text("no model, but long enough to be read as one")

    with pytest.raises(SchemaGuardError, match="quantizing this file again failed"):
        requantize(path)
    assert list(tmp_path.iterdir()) == [path]
