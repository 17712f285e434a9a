"""The texts that engines are shown: writings of one value, cut into tokens."""

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.engine_checks.texts import SchemaOrder, reversed_writings, writings
from benchmarks.engine_checks.vocabulary import Vocabulary
from schema_guard import InvalidArgument, Schema

KEYS = st.sampled_from("abcdef")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
TREE = Schema.of({
    "properties": {"c": {"$ref": "#/$defs/node"}, "a": {}},
    "required": ["a"],
    "allOf": [{"properties": {"e": {"items": {"$ref": "#/$defs/node"}}}}],
    "$defs": {"node": {"properties": {"d": {"$ref": "#"}, "b": {}}, "additionalProperties": {"$ref": "#"}}},
})  # fmt: skip
TOKENS = Vocabulary((b"ab", b"a", b"b", b"abc", b"", b"\xc3", b"\xa9", b"\xc3\xa9"), 4)


@given(VALUES)
def test_writings_are_the_value(value):
    """Each writing is JSON of the same value, and none is there twice."""
    result = writings(value, TREE)

    assert all(json.loads(text) == value for text in result)
    assert len(set(result)) == len(result)


@given(VALUES)
def test_reversed_writings_are_the_value_in_another_order(value):
    """The reversed writings are JSON of the same value, and no writing of its own order."""
    result = reversed_writings(value)

    assert all(json.loads(text) == value for text in result)
    assert json.dumps(value, ensure_ascii=False, separators=(",", ":")) not in result


@given(VALUES)
def test_schema_order_is_settled_at_once(value):
    """A value in the schema's order stays as it is."""
    once = SchemaOrder(TREE).of(value)

    assert json.dumps(SchemaOrder(TREE).of(once)) == json.dumps(once)


@pytest.mark.parametrize(
    ("value", "ordered"),
    [
        ('{"e": 1, "a": 2, "c": 3}', '{"c": 3, "a": 2, "e": 1}'),
        ('{"x": 1, "a": 2}', '{"a": 2, "x": 1}'),
        ('{"c": {"b": 1, "d": {"a": 1, "c": 2}}}', '{"c": {"d": {"c": 2, "a": 1}, "b": 1}}'),
        ('{"e": [{"b": 1, "d": 2}]}', '{"e": [{"d": 2, "b": 1}]}'),
        ('{"c": {"x": {"a": 1, "c": 2}}}', '{"c": {"x": {"c": 2, "a": 1}}}'),
    ],
    ids=["branch", "unlisted", "reference", "items", "additional"],
)
def test_keys_are_put_in_the_schema_order(value, ordered):
    """Keys follow the schema through references, branches, items and additional properties."""
    assert json.dumps(SchemaOrder(TREE).of(json.loads(value))) == ordered


def test_required_keys_come_first_when_asked_for():
    """Within the required and within the others the schema's order holds."""
    ordered = SchemaOrder(TREE, required_first=True).of({"e": 1, "c": 2, "a": 3})

    assert list(ordered) == ["a", "c", "e"]


def test_half_a_surrogate_pair_is_written_as_an_escape():
    """A text that has no UTF-8 form is written in ASCII."""
    assert writings("\ud800", TREE) == [r'"\ud800"']


@given(st.text())
def test_single_bytes_cut_every_text(text):
    """The vocabulary of bytes gives one token for each byte."""
    assert Vocabulary.of_bytes().tokens_of(text.encode()) == list(text.encode())


@given(st.text("abc\xe9"))
def test_tokens_are_the_text(text):
    """The tokens put together are the text, unless a byte of it begins no token."""
    result = TOKENS.tokens_of(text.encode())

    assert result is None or b"".join(TOKENS.tokens[token] for token in result) == text.encode()


def test_longest_token_is_taken_first():
    """Cutting is greedy."""
    assert TOKENS.tokens_of(b"abab\xc3\xa9abc") == [0, 0, 7, 3]


def test_byte_without_a_token_is_told():
    """A text that the vocabulary cannot write gives None."""
    assert TOKENS.tokens_of(b"abz") is None


def gguf(path: Path, entries):
    """Write the header of a GGUF file: texts, numbers, and lists of either."""

    def text(value):
        return struct.pack("<Q", len(value)) + value

    def written(value):
        if isinstance(value, list):
            kind = 8 if isinstance(value[0], bytes) else 5
            members = (text(member) if kind == 8 else struct.pack("<i", member) for member in value)
            return struct.pack("<IIQ", 9, kind, len(value)) + b"".join(members)
        if isinstance(value, bytes):
            return struct.pack("<I", 8) + text(value)
        return struct.pack("<II", 4, value)

    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries))
    path.write_bytes(head + b"".join(text(key.encode()) + written(value) for key, value in entries.items()))
    return path


def test_vocabulary_is_read_from_the_header(tmp_path):
    """Byte-level names become bytes, control tokens no text, and the end is the one that the file names."""
    path = gguf(
        tmp_path / "model.gguf",
        {
            "tokenizer.ggml.model": b"gpt2",
            "tokenizer.ggml.tokens": [b"<end>", b"a", "Ġa".encode(), "Ã©".encode()],
            "tokenizer.ggml.token_type": [3, 1, 1, 1],
            "tokenizer.ggml.eos_token_id": 0,
        },
    )

    assert Vocabulary.of(path) == Vocabulary((b"", b"a", b" a", "\xe9".encode()), 0, path)


def test_vocabulary_of_another_kind_is_refused(tmp_path):
    """Only a byte-level vocabulary is read."""
    path = gguf(tmp_path / "model.gguf", {"tokenizer.ggml.model": b"llama"})

    with pytest.raises(InvalidArgument, match=r"expected a byte-level vocabulary \('gpt2'\), got 'llama'"):
        Vocabulary.of(path)


def test_file_that_is_not_there_is_refused(tmp_path):
    """A wrong path is the caller's fault, and told with the path."""
    path = tmp_path / "model.gguf"

    with pytest.raises(InvalidArgument, match=r"model\.gguf: cannot be read: No such file or directory$"):
        Vocabulary.of(path)


@pytest.mark.parametrize("kept", [7, 40, 120, 190], ids="cut at {}".format)
def test_file_that_is_cut_off_is_refused(tmp_path, kept):
    """A fetch that broke off is told, wherever it did."""
    path = gguf(
        tmp_path / "model.gguf", {"tokenizer.ggml.model": b"gpt2", "tokenizer.ggml.tokens": [b"a"] * 9}
    )
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(
        InvalidArgument, match=r"model\.gguf: expected a whole GGUF file with a vocabulary \("
    ):
        Vocabulary.of(path)


def test_file_that_is_no_gguf_is_refused(tmp_path):
    """The first four bytes decide."""
    path = tmp_path / "model.bin"
    path.write_bytes(b"PK\x03\x04")

    with pytest.raises(InvalidArgument, match=r"expected a GGUF file$"):
        Vocabulary.of(path)
