"""The split of `schema-guard tune prepare`: clusters, copies, shares, seeds, pairs, and the counts of the manifest."""

import hashlib
import itertools
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.public.commands.clusters import BAD, SIDES, answer, export, inputs, record, sides_by_input, words
from tests.public.commands.command_lines import command

SEEDS = range(4)


def calls_of_clusters():
    """Return calls of thirty clusters with one to six inputs, and of sixty inputs without a cluster."""
    sizes = [1 + number % 6 for number in range(30)]
    named = [f"customer-{number}" for number, size in enumerate(sizes) for _ in range(size)]
    return [
        {
            "text": words(number),
            "cluster": cluster,
            "segment": ("eu", "us", "eu")[number % 3],
            "replies": [answer(number=number)] if number % 5 else [BAD, answer(number=number)],
        }
        for number, cluster in enumerate([*named, *[None] * 60])
    ]


CALLS = calls_of_clusters()


@pytest.fixture(scope="module")
def clustered(tmp_path_factory):
    """A store of these calls."""
    path = tmp_path_factory.mktemp("clustered") / "r.db"
    record(path, CALLS)
    return path


@pytest.mark.parametrize(
    "options", [(), ("--validation", "0.3", "--test", "0.3"), ("--max-examples", "90")], ids=str
)
@pytest.mark.parametrize("seed", SEEDS)
def test_cluster_is_in_one_file(clustered, seed, options):
    """All exported inputs of a cluster are in one file."""
    _, _, sides = export("set", "--seed", seed, *options, store=clustered)
    places = sides_by_input(sides)
    result = defaultdict(set)
    for call in CALLS:
        if call["cluster"] and call["text"] in places:
            result[call["cluster"]] |= places[call["text"]]

    assert len(result) > 15
    assert {name: on for name, on in result.items() if len(on) != 1} == {}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_input_is_exported_once(clustered, seed):
    """The set has every call exactly once."""
    _, _, sides = export("set", "--seed", seed, store=clustered)
    results = [text for rows in sides.values() for text in inputs(rows)]

    assert sorted(results) == sorted(call["text"] for call in CALLS)


SHARES = ((0.1, 0.1), (0.2, 0.1), (0.1, 0.3), (0.25, 0.25), (0.0, 0.2), (0.2, 0.0), (0.0, 0.0))


@pytest.mark.parametrize(("validation", "test"), SHARES)
def test_shares_match_the_options(clustered, validation, test):
    """With clusters of at most six rows, a side differs from its share by at most three rows."""
    _, _, sides = export("set", "--validation", validation, "--test", test, store=clustered)
    wanted = {"validation": validation * len(CALLS), "test": test * len(CALLS)}

    for side, share in wanted.items():
        assert abs(len(sides[side]) - share) <= (3 if share else 0)
    assert sum(map(len, sides.values())) == len(CALLS)


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """A store of two hundred inputs without clusters: 120 of one segment and 80 of another."""
    path = tmp_path_factory.mktemp("single") / "r.db"
    record(path, ALONE)
    return path


ALONE = [
    {
        "text": words(number),
        "segment": "eu" if number % 5 < 3 else "us",
        "replies": [answer(number=number)],
    }
    for number in range(1_000, 1_200)
]


@pytest.mark.parametrize(("validation", "test"), SHARES)
def test_shares_apply_to_each_segment(single, validation, test):
    """Each segment has its share on each side, up to one row."""
    _, manifest, sides = export("set", "--validation", validation, "--test", test, store=single)
    segment_of = {call["text"]: call["segment"] for call in ALONE}

    assert manifest["segments"] == {"eu": 120, "us": 80}
    for side, share in (("validation", validation), ("test", test), ("train", 1 - validation - test)):
        counts = Counter(segment_of[text] for text in inputs(sides[side]))
        for segment, rows in (("eu", 120), ("us", 80)):
            assert abs(counts[segment] - share * rows) <= 1


def test_seed_determines_the_set(single):
    """The same seed writes the same bytes. Another seed splits the same rows differently."""
    files = {}
    for name, seed in (("first", 7), ("again", 7), ("other", 8)):
        _, _, sides = export(name, "--seed", seed, store=single)
        files[name] = [Path(name, f"{side}.jsonl").read_bytes() for side in SIDES]
        files[f"{name} rows"] = sorted(text for rows in sides.values() for text in inputs(rows))

    assert files["first"] == files["again"]
    assert all(one != other for one, other in zip(files["first"], files["other"], strict=True))
    assert files["first rows"] == files["other rows"]


def test_order_of_calls_does_not_change_the_set(single, folder):
    """A store with the same calls in reverse order exports the same files."""
    record(folder / "turned.db", ALONE[::-1])
    export("one", store=single)
    export("other", store="turned.db")

    for side in SIDES:
        assert Path("one", f"{side}.jsonl").read_bytes() == Path("other", f"{side}.jsonl").read_bytes()


def test_new_calls_move_few_inputs(single, folder):
    """Ten new calls move at most ten of two hundred inputs to another side."""
    record(
        folder / "more.db",
        [*ALONE, *({**call, "text": words(number)} for number, call in enumerate(ALONE[:10]))],
    )
    _, _, before = export("before", store=single)
    _, _, after = export("after", store="more.db")
    old, new = sides_by_input(before), sides_by_input(after)

    assert sum(old[call["text"]] != new[call["text"]] for call in ALONE) <= 10


FAMILIES = {
    "the same, once more": (lambda text: text, True),
    "the same in capitals, with a mark": (lambda text: text.upper() + "!", True),
    "the same in another width": (lambda text: text.replace(text[0], chr(ord(text[0]) + 0xFEE0), 1), True),
    "one word more": (lambda text: text + " more", True),
    "another end": (lambda text: text.rsplit(" ", 1)[0] + " zzz", True),
    "half of it another": (lambda text: " ".join(text.split()[:6]) + " " + words("other " + text, 6), False),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_near_copy_with_the_same_answer_is_left_out(folder, family):
    """Of an input and its near copy, one is exported. Inputs that share half their words are both exported."""
    change, is_copy = FAMILIES[family]
    texts = [words(number) for number in range(40)]
    record(folder / "r.db", [{"text": text} for one in texts for text in (one, change(one))])
    _, manifest, sides = export("set")
    taken = [text for rows in sides.values() for text in inputs(rows)]

    assert len(taken) == (40 if is_copy else 80)
    assert sum(manifest["left_out"].values()) == (40 if is_copy else 0)
    for one in texts:
        assert len({one, change(one)} & {*taken}) == (1 if is_copy else 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_near_copies_with_different_answers_are_in_one_file(folder, seed):
    """Both near copies are exported, to the same file."""
    texts = [words(number) for number in range(60)]
    record(
        folder / "r.db",
        [
            {"text": text, "replies": [answer(team)]}
            for one in texts
            for text, team in ((one, "billing"), (one + " more", "shipping"))
        ],
    )
    _, manifest, sides = export("set", "--validation", "0.3", "--test", "0.3", "--seed", seed)
    places = sides_by_input(sides)

    assert manifest["left_out"] == {}
    assert [one for one in texts if places[one] != places[one + " more"] or not places[one]] == []
    assert all(len(rows) > 10 for rows in sides.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_left_out_copy_joins_two_clusters(folder, seed):
    """Two clusters that share a near copy are in one file."""
    calls = []
    for number in range(40):
        shared = words(f"shared {number}")
        calls += [
            {"text": words(f"a {number}"), "cluster": f"a{number}"},
            {"text": shared, "cluster": f"a{number}"},
            {"text": shared + " more", "cluster": f"b{number}"},
            {"text": words(f"b {number}"), "cluster": f"b{number}"},
        ]
    record(folder / "r.db", calls)
    _, _, sides = export("set", "--validation", "0.3", "--test", "0.3", "--seed", seed)
    places = sides_by_input(sides)

    assert [n for n in range(40) if places[words(f"a {n}")] != places[words(f"b {n}")]] == []


def test_input_with_two_answers_must_be_labelled(folder):
    """Neither answer is exported. The input is listed in to_label.jsonl."""
    texts = [words(number) for number in range(20)]
    calls = [{"text": text, "replies": [answer(number=n)]} for n, text in enumerate(texts)]
    calls += [
        {"text": texts[0], "replies": [answer("shipping")]},
        {"text": texts[1].upper(), "replies": [answer("shipping")]},
    ]
    record(folder / "r.db", calls)
    _, manifest, sides = export("set")
    taken = {text for rows in sides.values() for text in inputs(rows)}
    open_inputs = [json.loads(line) for line in Path("set/to_label.jsonl").read_text().splitlines()]

    assert taken == {*texts[2:]}
    assert manifest["left_out"] == {"an input with different answers that are equally well checked": 4}
    assert {one["input"].lower() for one in open_inputs} == {*texts[:2]}


@pytest.mark.parametrize("most", [30, 60, 100, 134])
def test_max_examples_prefers_rare_rows(folder, most):
    """All rows of a rare segment and a rare failure are exported before frequent rows."""
    calls = [{"text": words(n), "segment": "eu"} for n in range(120)]
    calls += [{"text": words(n), "segment": "us"} for n in range(200, 208)]
    calls += [{"text": words(n), "segment": "eu", "replies": [BAD, answer()]} for n in range(300, 306)]
    record(folder / "r.db", calls)
    _, manifest, sides = export("set", "--max-examples", most)

    assert sum(map(len, sides.values())) == most
    assert manifest["segments"]["us"] == 8
    assert manifest["failures"]["value/enum"] == 6
    assert manifest["left_out"] == ({"more than --max-examples": 134 - most} if most < 134 else {})


def pair_calls():
    """Return calls whose first reply was refused, was valid, or was never followed by a valid one."""
    wrong = (BAD, "no idea", '{"team": 1}', "{}")
    calls = [{"text": words(n), "replies": [wrong[n % 4], answer(number=n)]} for n in range(80)]
    calls += [{"text": words(n), "replies": [wrong[0], wrong[1], answer(number=n)]} for n in range(80, 100)]
    calls += [{"text": words(n), "replies": [answer(number=n)]} for n in range(100, 130)]
    return calls + [{"text": words(n), "replies": [BAD]} for n in range(130, 137)]


@pytest.mark.parametrize("host", ["messages", "openai", "azure", "together", "fireworks"])
def test_split_does_not_depend_on_the_host(folder, host):
    """The files for every host have the same inputs."""
    record(folder / "r.db", pair_calls())
    _, _, plain = export("plain")
    _, manifest, sides = export(host, "--provider", host, "--min-examples", "10")

    assert manifest["for"] == host
    assert {side: inputs(rows) for side, rows in sides.items() if rows} == {
        side: inputs(rows) for side, rows in plain.items() if rows
    }


@pytest.mark.parametrize(
    "options",
    [(), ("--max-examples", "70"), ("--validation", "0.3", "--test", "0")],
    ids=str,
)
def test_manifest_counts_match_the_files(clustered, options):
    """The manifest counts rows, digests, sources, segments, failures, clusters, and left-out rows."""
    status, manifest, sides = export("set", *options, store=clustered)
    rows = [json.loads(line) for line in Path("set/rows.jsonl").read_text().splitlines()]
    written = json.loads(Path("set/manifest.json").read_text())

    assert status == 0
    assert written == manifest
    for side in SIDES:
        path = Path("set", f"{side}.jsonl")
        of_side = [row for row in rows if row["file"] == path.name]
        if not sides[side]:
            assert manifest["files"].get(side, {"rows": 0})["rows"] == 0
            continue
        assert manifest["files"][side]["rows"] == len(sides[side]) == len(of_side)
        assert manifest["files"][side]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert manifest["files"][side]["tokens"] == sum(row["tokens"] for row in of_side)
        assert [row["line"] for row in of_side] == list(range(1, len(of_side) + 1))
        assert manifest["sources_by_file"][side] == dict(Counter(row["source"] for row in of_side))
        assert manifest["clusters"][side] == len({row["cluster"] for row in of_side})
    assert manifest["sources"] == {"gold": 0, "agreed": 0, "valid": 0, "checked": len(rows)}
    for name, key in (("segments", "segment"), ("failures", "failure"), ("versions", "version")):
        assert manifest[name] == dict(Counter(row[key] or "(none)" for row in rows))
    assert len(rows) + sum(manifest["left_out"].values()) == len(CALLS)


def test_rows_file_names_the_call_of_each_line(clustered):
    """Each line of rows.jsonl has the call and the cluster of the exported line."""
    _, _, sides = export("set", store=clustered)
    rows = [json.loads(line) for line in Path("set/rows.jsonl").read_text().splitlines()]
    out = command("store", "export", "--texts", "kept", "--store", clustered)[1]
    attempts = [row for row in map(json.loads, out.splitlines()) if "call_id" in row]
    task_of = {row["call_id"]: row["texts"]["task"] for row in attempts if "task" in row["texts"]}
    cluster_of = {call["text"]: call["cluster"] for call in CALLS}

    for row in rows:
        side = row["file"].partition(".")[0]
        assert inputs([sides[side][row["line"] - 1]]) == [task_of[row["call_id"]]]
    numbers = defaultdict(set)
    for row in rows:
        numbers[cluster_of[task_of[row["call_id"]]]].add(row["cluster"])
    assert {len(result) for name, result in numbers.items() if name} == {1}
    assert len(set(itertools.chain(*numbers.values()))) == 30 + 60


def test_near_copy_of_a_test_task_is_held_out(folder):
    """Near copies of the test tasks of a suite are in no other file."""
    schema = {
        "title": "ticket",
        "type": "object",
        "properties": {"team": {"type": "string"}},
        "required": ["team"],
    }
    rows = []
    for number in range(40):
        text, gold = words(number), {"team": "billing"}
        task = {"schema": schema, "gold": gold}
        rows += [
            {**task, "id": f"t{number}", "input": text, "split": "test" if number < 20 else "dev"},
            {**task, "id": f"c{number}", "input": text + " more", "split": "dev"},
        ]
    (folder / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    status, out, err = command(
        "tune",
        "prepare",
        "--suite",
        "s.jsonl",
        "-o",
        "set",
        "--min-examples",
        "1",
        "--validation",
        "0.2",
        "--format",
        "json",
    )
    assert status == 0, err
    manifest = json.loads(out)["manifest"]
    sides = {
        side: [json.loads(line) for line in Path("set", f"{side}.jsonl").read_text().splitlines()]
        for side in SIDES
    }

    assert {*inputs(sides["test"])} == {row["input"] for row in rows if row["split"] == "test"}
    others = {*inputs(sides["train"]), *inputs(sides["validation"])}
    assert others.isdisjoint(row["input"] for row in rows[:40])
    assert len(others) == 20
    assert manifest["left_out"] == {
        "nearly an input of the suite's test tasks": 20,
        "nearly a repeated input with the same answer": 20,
    }
