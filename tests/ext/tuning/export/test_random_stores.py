"""Whatever a store holds: the sides share nothing, every line is valid, every call is a row or counted."""

import json
import tempfile
from itertools import combinations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Schema, judge
from schema_guard.ext.tuning.export.from_store import StoredCall, from_store
from schema_guard.ext.tuning.export.run import export_set
from schema_guard.ext.tuning.export.similarity import normalised
from schema_guard.ext.tuning.export.values import SIDES, ExportSettings
from schema_guard.records.payloads.texts import Texts
from schema_guard.records.rows import COLUMNS
from tests.ext.tuning.export.rows import TICKET, WORDS

SCHEMA = Schema.of(TICKET)
NOTHING = {**dict.fromkeys(COLUMNS), "settings": "{}", "gateway_repaired": False, "adapted": False}
replies = st.sampled_from(
    [
        '{"team": "billing"}',
        '{"team":"shipping"}',
        '{"team": "sales"}',
        "no idea",
        '```json\n{"team": "billing"}\n```',
        "",
    ]
)
tasks = st.builds(
    "{} {}, {}".format,
    st.integers(1, 3),
    st.sampled_from(WORDS),
    st.sampled_from(["please", "PLEASE!", "Graz"]),
)
drawn = st.fixed_dictionaries(
    {
        "task": tasks,
        "replies": st.lists(replies, min_size=1, max_size=3),
        "strategy": st.sampled_from(["bare", "system_prompt"]),
        "settings": st.sampled_from(["{}", '{"checks":["looks"]}', '{"observe":true}']),
        "segment": st.none() | st.just("eu"),
        "cluster": st.none() | st.sampled_from("ab"),
        "gateway_repaired": st.booleans(),
        "model": st.none() | st.sampled_from(["large", "small"]),
        "texts": st.sampled_from(["kept", "kept", "kept", "none", "without a task"]),
    }
)


def stored(number, call):
    """A recorded call as a store gives it."""
    attempts, texts = [], []
    for place, reply in enumerate(call["replies"], 1):
        judged = judge(reply, SCHEMA, finish_reason="stop")
        failed = {} if judged.failure is None else {"kind": judged.failure.kind, "code": judged.failure.code}
        known = {
            name: call[name]
            for name in ("strategy", "settings", "segment", "cluster", "gateway_repaired", "model")
        }
        attempts.append(
            {**NOTHING, **known, **failed, "number": place, "form": judged.form, "call_id": f"{number:032x}",
             "schema_name": "ticket", "schema_fingerprint": SCHEMA.fingerprint, "started_at": float(number),
             "input_hash": call["task"]}
        )  # fmt: skip
        prompt = call["task"] if call["strategy"] == "bare" else f"The format.\n\n{call['task']}"
        task = call["task"] if place == 1 and prompt != call["task"] and call["texts"] == "kept" else None
        texts.append(
            None if call["texts"] == "none" else Texts("c", place, prompt=prompt, reply=reply, task=task)
        )
    return StoredCall(attempts, texts)


@given(st.lists(drawn, max_size=30), st.booleans())
def test_random_stores(calls, unchecked):
    """Train, validation and test are disjoint by input and cluster, and hold only what the schema allows."""
    settings = ExportSettings(
        min_examples=1, accept_unchecked=unchecked, base="small", validation=0.25, test=0.25
    )
    gathered = from_store([stored(*one) for one in enumerate(calls)], SCHEMA, settings, {})

    with tempfile.TemporaryDirectory() as folder:
        result = export_set(gathered, SCHEMA, Path(folder) / "set", settings)
        files = {side: Path(folder) / "set" / f"{side}.jsonl" for side in SIDES}
        lines = {
            side: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            if path.exists()
            else []
            for side, path in files.items()
        }

    rows = sum(map(len, result.split.sides.values()))
    assert rows + sum(result.manifest["left_out"].values()) == len(calls)
    assert not result.is_written or sum(map(len, lines.values())) == rows
    seen = {side: {normalised(asked(line)) for line in lines[side]} for side in SIDES}
    for one, other in combinations(SIDES, 2):
        assert not seen[one] & seen[other]
    for line in (line for side in SIDES for line in lines[side]):
        assert SCHEMA.is_valid(json.loads(answered(line)))
    taken = {side: {row.cluster for row in result.split.sides[side]} - {None} for side in SIDES}
    assert not any(taken[one] & taken[other] for one, other in combinations(SIDES, 2))
    assert not any(
        row.source == "valid" and (row.model != "large" or not unchecked)
        for side in SIDES
        for row in result.split.sides[side]
    )


def asked(line):
    return line["messages"][0]["content"]


def answered(line):
    return line["messages"][-1]["content"]
