"""Results of replies that consist of a beginning, a document, and an end, for each finish reason."""

import pytest

from schema_guard import Schema, judge
from tests.needs import marked

SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
)
BEGINNINGS = {
    "": "",
    "prose": "Here: ",
    "fence": "```json\n",
    "think": '<think>{"a":3}</think>',
    "bom": "\ufeff",
    "closes": 'so {"a":3}</think>',
    "list": "1. [x] ",
}
DOCUMENTS = {
    "valid": '{"a":1}',
    "invalid": '{"a":"x"}',
    "malformed": '{"a":1,}',
    "cut": '{"a":1,"b":[',
    "twice": '{"a":1}{"a":1}',
    "string": '"{\\"a\\":1}"',
    "nan": '{"a":NaN}',
    "empty": "",
}
ENDS = {
    "": "",
    "fence": "\n```",
    "prose": " Done.",
    "valid": ' or {"a":2}',
    "equal": ' or {"a": 1.0}',
    "invalid": ' or {"b":2}',
    "opens": " [",
    "closes": "}",
    "document": '\n{"a":2}',
}
# For each beginning, document, and repair: the form with the value, or the code, of each end. Three codes mean that the
# finish reasons None, stop, and length have different results.
RESULTS = {
    ("", "valid", "off"): ["clean 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("", "valid", "lossy"): ["clean 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("", "invalid", "off"): ["type", "type", "type", "type", "type", "type", "several_documents", "type", "several_documents"],
    ("", "invalid", "lossy"): ["type", "type", "type", "type", "type", "type", "several_documents", "type", "several_documents"],
    ("", "malformed", "off"): ["malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed"],
    ("", "malformed", "lossy"): ["repaired_lossless 1", "repaired_lossless 1", "repaired_lossless 1", "repaired_lossy 1", "repaired_lossy 1", "repaired_lossy 1", "malformed", "repaired_lossless 1", "malformed"],
    ("", "cut", "off"): ["unfinished / malformed / max_tokens", "malformed", "malformed", "malformed", "malformed", "malformed", "unfinished / malformed / max_tokens", "malformed", "unfinished / malformed / max_tokens"],
    ("", "cut", "lossy"): ["unfinished / malformed / max_tokens", "malformed", "malformed", "malformed", "malformed", "malformed", "unfinished / malformed / max_tokens", "malformed", "unfinished / malformed / max_tokens"],
    ("", "twice", "off"): ["several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents"],
    ("", "twice", "lossy"): ["several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents"],
    ("", "string", "off"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("", "string", "lossy"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("", "nan", "off"): ["not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite"],
    ("", "nan", "lossy"): ["not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite"],
    ("", "empty", "off"): ["empty / empty / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "clean 2"],
    ("", "empty", "lossy"): ["empty / empty / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "clean 2"],
    ("prose", "valid", "off"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "unfinished / malformed / max_tokens", "unwrapped 1", "several_documents"],
    ("prose", "valid", "lossy"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "unfinished / malformed / max_tokens", "unwrapped 1", "several_documents"],
    ("prose", "invalid", "off"): ["type", "type", "type", "unwrapped 2", "unwrapped 1.0", "type", "unfinished / malformed / max_tokens", "type", "unwrapped 2"],
    ("prose", "invalid", "lossy"): ["type", "type", "type", "unwrapped 2", "unwrapped 1.0", "type", "unfinished / malformed / max_tokens", "type", "unwrapped 2"],
    ("prose", "malformed", "off"): ["malformed / malformed / max_tokens", "malformed / malformed / max_tokens", "malformed / malformed / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "malformed / malformed / max_tokens", "unwrapped 2"],
    ("prose", "malformed", "lossy"): ["repaired_lossless 1", "repaired_lossless 1", "repaired_lossless 1", "unwrapped 2", "unwrapped 1.0", "repaired_lossless 1", "unfinished / malformed / max_tokens", "repaired_lossless 1", "unwrapped 2"],
    ("prose", "cut", "off"): ["unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "unfinished / malformed / max_tokens"],
    ("prose", "cut", "lossy"): ["unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "unfinished / malformed / max_tokens"],
    ("prose", "twice", "off"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "unfinished / malformed / max_tokens", "unwrapped 1", "several_documents"],
    ("prose", "twice", "lossy"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "unfinished / malformed / max_tokens", "unwrapped 1", "several_documents"],
    ("prose", "string", "off"): ["no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "malformed / malformed / max_tokens", "unwrapped 2"],
    ("prose", "string", "lossy"): ["repaired_lossy 1", "repaired_lossy 1", "repaired_lossy 1", "unwrapped 2", "unwrapped 1.0", "repaired_lossy 1", "unfinished / malformed / max_tokens", "repaired_lossy 1", "unwrapped 2"],
    ("prose", "nan", "off"): ["not_finite / not_finite / max_tokens", "not_finite / not_finite / max_tokens", "not_finite / not_finite / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "not_finite / not_finite / max_tokens", "unwrapped 2"],
    ("prose", "nan", "lossy"): ["not_finite / not_finite / max_tokens", "not_finite / not_finite / max_tokens", "not_finite / not_finite / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "not_finite / not_finite / max_tokens", "unwrapped 2"],
    ("prose", "empty", "off"): ["no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2"],
    ("prose", "empty", "lossy"): ["no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2"],
    ("fence", "valid", "off"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("fence", "valid", "lossy"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("fence", "invalid", "off"): ["type", "type", "type", "type", "type", "type", "several_documents", "type", "several_documents"],
    ("fence", "invalid", "lossy"): ["type", "type", "type", "type", "type", "type", "several_documents", "type", "several_documents"],
    ("fence", "malformed", "off"): ["malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed"],
    ("fence", "malformed", "lossy"): ["repaired_lossless 1", "repaired_lossless 1", "repaired_lossless 1", "repaired_lossy 1", "repaired_lossy 1", "repaired_lossy 1", "malformed", "repaired_lossless 1", "malformed"],
    ("fence", "cut", "off"): ["unfinished / malformed / max_tokens", "malformed", "malformed", "malformed", "malformed", "malformed", "unfinished / malformed / max_tokens", "malformed", "unfinished / malformed / max_tokens"],
    ("fence", "cut", "lossy"): ["unfinished / malformed / max_tokens", "malformed", "malformed", "malformed", "malformed", "malformed", "unfinished / malformed / max_tokens", "malformed", "unfinished / malformed / max_tokens"],
    ("fence", "twice", "off"): ["several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents"],
    ("fence", "twice", "lossy"): ["several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents"],
    ("fence", "string", "off"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("fence", "string", "lossy"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("fence", "nan", "off"): ["not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite"],
    ("fence", "nan", "lossy"): ["not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite"],
    ("fence", "empty", "off"): ["no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2"],
    ("fence", "empty", "lossy"): ["no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2"],
    ("think", "valid", "off"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("think", "valid", "lossy"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("think", "invalid", "off"): ["type", "type", "type", "type", "type", "type", "several_documents", "type", "several_documents"],
    ("think", "invalid", "lossy"): ["type", "type", "type", "type", "type", "type", "several_documents", "type", "several_documents"],
    ("think", "malformed", "off"): ["malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed"],
    ("think", "malformed", "lossy"): ["repaired_lossless 1", "repaired_lossless 1", "repaired_lossless 1", "repaired_lossy 1", "repaired_lossy 1", "repaired_lossy 1", "malformed", "repaired_lossless 1", "malformed"],
    ("think", "cut", "off"): ["unfinished / malformed / max_tokens", "malformed", "malformed", "malformed", "malformed", "malformed", "unfinished / malformed / max_tokens", "malformed", "unfinished / malformed / max_tokens"],
    ("think", "cut", "lossy"): ["unfinished / malformed / max_tokens", "malformed", "malformed", "malformed", "malformed", "malformed", "unfinished / malformed / max_tokens", "malformed", "unfinished / malformed / max_tokens"],
    ("think", "twice", "off"): ["several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents"],
    ("think", "twice", "lossy"): ["several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents"],
    ("think", "string", "off"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("think", "string", "lossy"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("think", "nan", "off"): ["not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite"],
    ("think", "nan", "lossy"): ["not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite"],
    ("think", "empty", "off"): ["no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2"],
    ("think", "empty", "lossy"): ["no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2"],
    ("bom", "valid", "off"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("bom", "valid", "lossy"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("bom", "invalid", "off"): ["type", "type", "type", "type", "type", "type", "several_documents", "type", "several_documents"],
    ("bom", "invalid", "lossy"): ["type", "type", "type", "type", "type", "type", "several_documents", "type", "several_documents"],
    ("bom", "malformed", "off"): ["malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed"],
    ("bom", "malformed", "lossy"): ["repaired_lossless 1", "repaired_lossless 1", "repaired_lossless 1", "repaired_lossy 1", "repaired_lossy 1", "repaired_lossy 1", "malformed", "repaired_lossless 1", "malformed"],
    ("bom", "cut", "off"): ["unfinished / malformed / max_tokens", "malformed", "malformed", "malformed", "malformed", "malformed", "unfinished / malformed / max_tokens", "malformed", "unfinished / malformed / max_tokens"],
    ("bom", "cut", "lossy"): ["unfinished / malformed / max_tokens", "malformed", "malformed", "malformed", "malformed", "malformed", "unfinished / malformed / max_tokens", "malformed", "unfinished / malformed / max_tokens"],
    ("bom", "twice", "off"): ["several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents"],
    ("bom", "twice", "lossy"): ["several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents"],
    ("bom", "string", "off"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("bom", "string", "lossy"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("bom", "nan", "off"): ["not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite"],
    ("bom", "nan", "lossy"): ["not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite"],
    ("bom", "empty", "off"): ["empty / empty / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2"],
    ("bom", "empty", "lossy"): ["empty / empty / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2"],
    ("closes", "valid", "off"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("closes", "valid", "lossy"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("closes", "invalid", "off"): ["type", "type", "type", "type", "type", "type", "several_documents", "type", "several_documents"],
    ("closes", "invalid", "lossy"): ["type", "type", "type", "type", "type", "type", "several_documents", "type", "several_documents"],
    ("closes", "malformed", "off"): ["malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed", "malformed"],
    ("closes", "malformed", "lossy"): ["repaired_lossless 1", "repaired_lossless 1", "repaired_lossless 1", "repaired_lossy 1", "repaired_lossy 1", "repaired_lossy 1", "malformed", "repaired_lossless 1", "malformed"],
    ("closes", "cut", "off"): ["unfinished / malformed / max_tokens", "malformed", "malformed", "malformed", "malformed", "malformed", "unfinished / malformed / max_tokens", "malformed", "unfinished / malformed / max_tokens"],
    ("closes", "cut", "lossy"): ["unfinished / malformed / max_tokens", "malformed", "malformed", "malformed", "malformed", "malformed", "unfinished / malformed / max_tokens", "malformed", "unfinished / malformed / max_tokens"],
    ("closes", "twice", "off"): ["several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents"],
    ("closes", "twice", "lossy"): ["several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents", "several_documents"],
    ("closes", "string", "off"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("closes", "string", "lossy"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "several_documents"],
    ("closes", "nan", "off"): ["not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite"],
    ("closes", "nan", "lossy"): ["not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite", "not_finite"],
    ("closes", "empty", "off"): ["no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2"],
    ("closes", "empty", "lossy"): ["no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "no_json / no_json / max_tokens", "unwrapped 2"],
    ("list", "valid", "off"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "unfinished / malformed / max_tokens", "unwrapped 1", "several_documents"],
    ("list", "valid", "lossy"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "unfinished / malformed / max_tokens", "unwrapped 1", "several_documents"],
    ("list", "invalid", "off"): ["type", "type", "type", "unwrapped 2", "unwrapped 1.0", "type", "unfinished / malformed / max_tokens", "type", "unwrapped 2"],
    ("list", "invalid", "lossy"): ["type", "type", "type", "unwrapped 2", "unwrapped 1.0", "type", "unfinished / malformed / max_tokens", "type", "unwrapped 2"],
    ("list", "malformed", "off"): ["malformed / malformed / max_tokens", "malformed / malformed / max_tokens", "malformed / malformed / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "malformed / malformed / max_tokens", "unwrapped 2"],
    ("list", "malformed", "lossy"): ["repaired_lossless 1", "repaired_lossless 1", "repaired_lossless 1", "unwrapped 2", "unwrapped 1.0", "repaired_lossless 1", "unfinished / malformed / max_tokens", "repaired_lossless 1", "unwrapped 2"],
    ("list", "cut", "off"): ["unfinished / malformed / max_tokens", "malformed / malformed / max_tokens", "malformed / malformed / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "malformed / malformed / max_tokens", "unfinished / malformed / max_tokens"],
    ("list", "cut", "lossy"): ["unfinished / malformed / max_tokens", "malformed / malformed / max_tokens", "malformed / malformed / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "malformed / malformed / max_tokens", "unfinished / malformed / max_tokens"],
    ("list", "twice", "off"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "unfinished / malformed / max_tokens", "unwrapped 1", "several_documents"],
    ("list", "twice", "lossy"): ["unwrapped 1", "unwrapped 1", "unwrapped 1", "several_documents", "unwrapped 1", "unwrapped 1", "unfinished / malformed / max_tokens", "unwrapped 1", "several_documents"],
    ("list", "string", "off"): ["malformed / malformed / max_tokens", "malformed / malformed / max_tokens", "malformed / malformed / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "malformed / malformed / max_tokens", "unwrapped 2"],
    ("list", "string", "lossy"): ["repaired_lossy 1", "repaired_lossy 1", "repaired_lossy 1", "unwrapped 2", "unwrapped 1.0", "repaired_lossy 1", "unfinished / malformed / max_tokens", "repaired_lossy 1", "unwrapped 2"],
    ("list", "nan", "off"): ["not_finite / not_finite / max_tokens", "not_finite / not_finite / max_tokens", "not_finite / not_finite / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "not_finite / not_finite / max_tokens", "unwrapped 2"],
    ("list", "nan", "lossy"): ["not_finite / not_finite / max_tokens", "not_finite / not_finite / max_tokens", "not_finite / not_finite / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "not_finite / not_finite / max_tokens", "unwrapped 2"],
    ("list", "empty", "off"): ["malformed / malformed / max_tokens", "malformed / malformed / max_tokens", "malformed / malformed / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "malformed / malformed / max_tokens", "unwrapped 2"],
    ("list", "empty", "lossy"): ["malformed / malformed / max_tokens", "malformed / malformed / max_tokens", "malformed / malformed / max_tokens", "unwrapped 2", "unwrapped 1.0", "additionalProperties", "unfinished / malformed / max_tokens", "malformed / malformed / max_tokens", "unwrapped 2"],
}  # fmt: skip


def result_of(text, finish_reason, repair):
    judged = judge(text, SCHEMA, finish_reason=finish_reason, repair=repair)
    return f"{judged.form} {judged.value['a']}" if judged.ok else judged.failure.code


@pytest.mark.parametrize(
    ("beginning", "document", "repair"), marked(RESULTS, "repair", lambda row: row[2] != "off")
)
def test_result_of_each_combination(beginning, document, repair):
    """Each combination of parts and finish reason has its own result."""
    results = []
    for end in ENDS.values():
        text = BEGINNINGS[beginning] + DOCUMENTS[document] + end
        each = [result_of(text, finish_reason, repair) for finish_reason in (None, "stop", "length")]
        results.append(each[0] if len(set(each)) == 1 else " / ".join(each))

    assert results == RESULTS[beginning, document, repair]
