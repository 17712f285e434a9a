"""Public replies and suites: no valid one is stopped, in any way to write it."""

import json
import random
import tarfile

import pytest

from schema_guard import InvalidSchema, Schema, judge
from tests.public.ext.calls.prefix.feeding import stopped
from tests.public.schemas.fuzzing import pieces, written

DRAFTS = {"draft4": "draft4", "draft6": "draft6", "draft7": "draft7", "draft2019-09": "2019-09", "draft2020-12": "2020-12"}  # fmt: skip


def shuffled(value, rng):
    """A value with its keys in another order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key], rng) for key in rng.sample(list(value), len(value))}
    return [shuffled(item, rng) for item in value] if isinstance(value, list) else value


WAYS = {
    "dumped": lambda value, _: json.dumps(value),
    "indented": lambda value, _: json.dumps(value, indent=2, ensure_ascii=False),
    "compact": lambda value, rng: json.dumps(shuffled(value, rng), separators=(",", ":")),
    "written": written,
    **{f"shuffled_{seed}": lambda value, rng: json.dumps(shuffled(value, rng)) for seed in range(5)},
}


def maskbench(corpora, every):
    rows = [json.loads(line) for line in (corpora / "maskbench.jsonl").read_text().splitlines()][::every]
    return [(Schema.of(row["schema"], allow_unknown=True), case) for row in rows for case in row["tests"]]


def stops(cases, way):
    """Valid replies that were stopped, and how many invalid ones were before their last character."""
    alarms, early, invalid = [], 0, 0
    for at, (schema, case) in enumerate(cases):
        rng = random.Random(f"{way}{at}")
        text = WAYS[way](case["data"], rng)
        # The first way is that of the figures: character by character.
        checker = stopped(schema, text if way == "dumped" else pieces(text, rng))
        invalid += not case["valid"]
        early += not case["valid"] and not checker.viable and checker.read < len(text)
        # In draft 4 a whole number that is written with a point is no integer: the judge has the last word.
        if case["valid"] and not checker.viable and judge(text, schema).ok:
            alarms.append((schema.name, text, checker.failure))
    return alarms, early, invalid


def test_few_instances_of_maskbench(corpora):
    """Of some of the schemas no valid instance is stopped, and most of the others early."""
    alarms, early, invalid = stops(maskbench(corpora, 25), "dumped")

    assert alarms == []
    assert early > 0.9 * invalid


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_maskbench(corpora, way):
    """No valid instance is stopped in any way to write it; as dumped, 96 % of the invalid ones before their end."""
    alarms, early, invalid = stops(maskbench(corpora, 1), way)

    assert alarms == []
    assert way != "dumped" or early >= 0.96 * invalid


def files(corpora, name):
    """The JSON files of an archive, as texts, by their paths."""
    with tarfile.open(corpora / name) as archive:
        return {
            member.name.removeprefix("./"): archive.extractfile(member).read()
            for member in archive.getmembers()
            if member.name.endswith(".json")
        }


def remotes(suite, draft):
    results = {}
    for path, text in suite.items():
        folder, _, rest = path.partition("/")
        if folder == "remotes" and (rest.startswith(f"{draft}/") or not rest.startswith(("draft", "v1/"))):
            results[f"http://localhost:1234/{rest}"] = json.loads(text)
    return results


def groups(suite, draft, every):
    """The schemas of the suite that can be loaded, each as it is and as that of an array's items, with instances."""
    resources = remotes(suite, draft)
    paths = [path for path in suite if path.startswith(f"tests/{draft}/")][::every]
    for path in paths:
        for group in json.loads(suite[path]):
            inside = {"type": "array", "items": group["schema"]}
            for document, wrap in ((group["schema"], False), (inside, True)):
                try:
                    schema = Schema.of(
                        document, dialect=DRAFTS[draft], formats="format" in path, resources=resources
                    )
                except InvalidSchema:
                    continue
                yield schema, [[case["data"]] if wrap else case["data"] for case in group["tests"]]


def suite_alarms(corpora, draft, every):
    alarms, seen = [], 0
    for schema, values in groups(files(corpora, "json-schema-test-suite.tar.gz"), draft, every):
        for value in values:
            text = json.dumps(value)
            for parts in (text, [text]):
                checker = stopped(schema, parts)
                seen += not checker.viable
                if not checker.viable and judge(text, schema).ok:
                    alarms.append((schema.document, text, checker.failure))
    assert seen > 10
    return alarms


def test_some_of_the_official_suite(corpora):
    """Of some of the latest draft's files no reply is stopped that the judge accepts."""
    assert suite_alarms(corpora, "draft2020-12", 15) == []


@pytest.mark.slow
@pytest.mark.parametrize("draft", DRAFTS)
def test_the_official_suite(corpora, draft):
    """No reply is stopped that the judge accepts, whatever the draft."""
    assert suite_alarms(corpora, draft, 1) == []


def test_texts_that_are_json_or_not(corpora):
    """Of the texts of the parsing suite none is stopped that the judge accepts."""
    anything, seen = Schema.of(True), []
    for path, data in files(corpora, "json-test-suite.tar.gz").items():
        text = data[:2_000].decode(errors="replace")
        if not stopped(anything, pieces(text, random.Random(path))).viable:
            seen.append(path)
            assert not judge(text, anything).ok, path
    assert len(seen) > 50


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "field"), [("real_outputs.jsonl", "text"), ("local_replies.jsonl", "reply")]
)
def test_replies_of_models(corpora, name, field):
    """No valid reply of a model is stopped."""
    rows, seen = [json.loads(line) for line in (corpora / name).read_text().splitlines()], []
    for row in rows:
        if isinstance(row[field], str):
            schema = Schema.of(row["schema"], allow_unknown=True)
            if not stopped(schema, pieces(row[field], random.Random(row["id"]))).viable:
                seen.append(row["id"])
                assert not judge(row[field], schema).ok, row["id"]
    assert len(seen) > 50


@pytest.mark.slow
def test_what_is_told_of_maskbench_is_what_the_judge_tells(corpora):
    """The failure of a stopped instance is one of the whole instance, but for a few unions whose arms come later."""
    messages = []
    for schema, case in maskbench(corpora, 1):
        text = json.dumps(case["data"])
        failure = None if case["valid"] else stopped(schema, text).failure
        if failure and failure.kind != "syntax":
            (first,) = failure.violations
            whole = judge(text, schema).failure.violations
            messages.append(
                (any(v[0].startswith(first[0]) for v in whole), first[:3] in [v[:3] for v in whole])
            )

    assert len(messages) > 1_500
    assert sum(not there for there, _ in messages) <= 3
    assert sum(not same for _, same in messages) <= 19
