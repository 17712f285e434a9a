"""Errors of `connect("local")` before a server starts."""

import re

import pytest

from schema_guard.errors import InvalidArgument, MissingExtra
from schema_guard.models import connect


@pytest.mark.parametrize("package", ["xllamacpp", "openai"])
def test_missing_engine_is_a_missing_extra(monkeypatch, package):
    """Without the engine the local model is refused before anything is fetched."""
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, _=None: None if name == package else object()
    )

    with pytest.raises(MissingExtra) as caught:
        connect("local")

    assert str(caught.value) == f"model 'local' needs {package}. Run pip install 'schema-guard[local]'"


def test_what_is_no_adapter_is_refused(tmp_path):
    """`connect` rejects an adapter that is no GGUF file, or is not for the local model. No server starts."""
    words = tmp_path / "words.gguf"
    words.write_text("no adapter")
    refused = {
        tmp_path
        / "none.gguf": "none.gguf': expected the path of a GGUF file, but reading it failed: No such file or directory",
        tmp_path: "': expected the path of a GGUF file, but reading it failed: Is a directory",
        words: "words.gguf': expected a LoRA adapter in a GGUF file, as written by llama.cpp's convert_lora_to_gguf.py or the gguf",
        7: "adapter=7: expected the path of a GGUF file, or None",
    }

    for value, message in refused.items():
        with pytest.raises(InvalidArgument, match=re.escape(message)):
            connect("local", adapter=value)
    with pytest.raises(
        InvalidArgument, match="this argument works only with model 'local', not with model 'http://h/v1'"
    ):
        connect("http://h/v1?key=secret#m", adapter=words)
