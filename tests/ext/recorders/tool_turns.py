"""Turns of an agent of two tools with known faults, and what of them has to be recorded."""

import json

from schema_guard.testing import serve

TRACK = {"type": "object", "properties": {"parcel": {"type": "string"}}, "required": ["parcel"]}
STOCK = {"type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"]}
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": schema}}
    for name, schema in (("track_parcel", TRACK), ("check_stock", STOCK))
]
RIGHT, EMPTY = json.dumps({"parcel": "A"}), "{}"
REPLIES = [
    (RIGHT, None),
    (EMPTY, None),
    (RIGHT, "wrong_tool"),
    (RIGHT, "half_tool_call"),
    (RIGHT, "parallel_calls"),
]
TRUTH = [
    ("track_parcel", None),
    ("track_parcel", "required"),
    ("not_track_parcel", "unknown_tool"),
    ("track_parcel", "max_tokens"),
    ("track_parcel", None),
    ("track_parcel", None),
]


def served(replies=REPLIES):
    lines = [{"reply": text, "finish_reason": "tool_call"} for text, _ in replies]
    return serve(lines, faults=[fault for _, fault in replies])


def told(kept):
    """Give of each call its tool, and why its first attempt failed."""
    return [(one.call.schema_name, one.attempts[0].failure and one.attempts[0].failure.code) for one in kept]
