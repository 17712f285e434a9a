"""Weights are named by their content, and an adapter belongs to the weights that it was trained on."""

import hashlib
import json
import struct

import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.ext.local import weights
from schema_guard.ext.local.gguf_file import ADAPTER_BASE, described, metadata
from schema_guard.models import connect
from tests.needs import needs


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def gguf(path, fields):
    """Write a GGUF file without tensors; a list is an array of texts."""
    content = struct.pack("<4sIQQ", b"GGUF", 3, 0, len(fields))
    for name, value in fields.items():
        content += text(name)
        match value:
            case int():
                content += struct.pack("<II", 4, value)
            case list():
                content += struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
            case _:
                content += struct.pack("<I", 8) + text(value)
    path.write_bytes(content)
    return path


FIELDS = {
    "general.name": "Tiny one",
    "tokenizer.ggml.tokens": ["a", "b"],
    "general.basename": "tiny",
    "general.size_label": "1M",
    "general.file_type": 2,
}


def test_name_of_weights_depends_on_their_content_alone(tmp_path):
    """A copy has the same name, and another content has another name."""
    path = gguf(tmp_path / "a.gguf", FIELDS)
    copy = gguf(tmp_path / "b.gguf", FIELDS)
    other = gguf(tmp_path / "c.gguf", {**FIELDS, "general.author": "X"})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]

    assert described(path) == described(copy) == f"tiny-1M-Q4_0@{digest}"
    assert described(other) != described(path)


@pytest.mark.parametrize(("fields", "name"), [({"general.name": "Tiny one"}, "Tiny-one@"), ({}, "gguf@")])
def test_name_has_what_the_file_tells(tmp_path, fields, name):
    """Without a base name, it is the title; without any, only the format."""
    assert described(gguf(tmp_path / "a.gguf", fields)).startswith(name)


def test_broken_file_has_no_fields(tmp_path):
    """A file that is cut off, or has another format, has a name nevertheless."""
    path = gguf(tmp_path / "a.gguf", FIELDS)
    path.write_bytes(path.read_bytes()[:60])

    assert metadata(path) == {}
    assert described(path).startswith("gguf@")


def test_weights_of_the_package_keep_their_name(tmp_path, monkeypatch):
    """A copy of the published file elsewhere is the same model in the records."""
    path = gguf(tmp_path / "copy.gguf", FIELDS)
    monkeypatch.setattr(weights, "WEIGHTS_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())

    assert weights.weights_name(path) == weights.NAME


@pytest.fixture
def adapter(tmp_path, monkeypatch):
    """Write an adapter with the digest of other weights than those of the local model."""
    for package in ("xllamacpp", "openai"):
        pytest.importorskip(package, reason="needs the extra 'local'")
    monkeypatch.setenv(weights.VARIABLE, str(gguf(tmp_path / "base.gguf", FIELDS)))
    return gguf(tmp_path / "orders.gguf", {"general.type": "adapter", ADAPTER_BASE: "0" * 64})


def test_adapter_of_other_weights_is_refused(adapter):
    """llama.cpp would load it without a word, and its replies would be arbitrary."""
    words = f"expected the weights with the SHA-256 {'0' * 64}, got .*base.gguf with the SHA-256 .*{weights.VARIABLE}"
    with pytest.raises(InvalidArgument, match=words):
        connect("local", adapter=adapter)


@needs("tuning")
def test_tuned_model_of_other_weights_is_refused(adapter):
    """`tuned:DIR` checks the adapter of the job in the same way."""
    job = {
        "format": 1, "backend": "local", "base": "tiny", "url": None, "mark": "0" * 12, "set": {}, "status": "succeeded",
        "files": {}, "id": None, "result": {"model": "local", "adapter": adapter.name, "provider": None}, "cost": {},
        "base_sha256": "0" * 64,
    }  # fmt: skip
    (adapter.parent / "job.json").write_text(json.dumps(job))

    with pytest.raises(InvalidArgument, match="expected the weights with the SHA-256"):
        connect(f"tuned:{adapter.parent}")
