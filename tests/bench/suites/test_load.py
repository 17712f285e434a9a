"""The built-in suite is right, and a suite that is not is refused with every reason."""

import json
import os
import re
from pathlib import Path

import pytest

from schema_guard.bench.suites import load as suite_module
from schema_guard.bench.suites import scoring as scoring_module
from schema_guard.bench.suites.forms import OWN_FORMS
from schema_guard.bench.suites.load import load_suite
from schema_guard.bench.suites.scoring import score
from schema_guard.bench.suites.values import Task, estimated_tokens
from schema_guard.errors import InvalidArgument

FOLDER = Path(__file__).parents[3] / "schemas"


def _rows(file):
    """Give schema and index of each line of every schema's file."""
    return [
        pytest.param(folder.name, index, id=f"{folder.name}:{index + 1}")
        for folder in sorted(path for path in FOLDER.iterdir() if path.is_dir())
        for index in range(len((folder / file).read_text(encoding="utf-8").splitlines()))
    ]


@pytest.fixture(scope="module")
def builtin():
    return load_suite("small")


@pytest.fixture(scope="module")
def by_name(builtin):
    return {schema.name: schema for schema in builtin.schemas}


@pytest.mark.parametrize(("name", "index"), _rows("tasks.jsonl"))
def test_gold_is_valid_and_scores_full(by_name, name, index):
    """Every gold of the built-in suite is valid for its schema and exact against itself under its own match."""
    task = by_name[name].tasks[index]

    assert by_name[name].schema.violations(task.gold) == []
    assert score(task.gold, task.gold, task.match).exact


@pytest.mark.parametrize(("name", "index"), _rows("instances.jsonl"))
def test_instance_is_what_it_says(by_name, name, index):
    """An instance is valid, or breaks first of all the keyword at the location that it names."""
    instance = _instances(name)[index]
    broken = [(v.instance_location, v.keyword) for v in by_name[name].schema.violations(instance["data"])]

    assert broken[:1] == ([] if instance["valid"] else [(instance["location"], instance["keyword"])])


def _instances(name):
    lines = (FOLDER / name / "instances.jsonl").read_text(encoding="utf-8").splitlines()
    return list(map(json.loads, lines))


def _manifest():
    return json.loads((FOLDER / "suite.json").read_text(encoding="utf-8"))


def _schema_names():
    return _manifest()["schemas"]


def _compact(document):
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _objects(schema):
    """Give every subschema that describes an object."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from _objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _objects(part)


@pytest.mark.parametrize("name", _schema_names())
def test_schema_keeps_the_rules_of_the_suite(by_name, name):
    """A built-in schema is titled, 2020-12, closed, short, and has ten tasks of which two are for examples."""
    schema = by_name[name]
    document = json.loads((FOLDER / name / "schema.json").read_text(encoding="utf-8"))

    assert list(document)[:3] == ["$schema", "$id", "title"]
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == f"urn:schema-guard:suite:{name}"
    assert all("additionalProperties" in part for part in _objects(document))
    assert len(_compact(document)) <= 900
    assert (len(schema.tasks_of("test")), len(schema.tasks_of("dev"))) == (8, 2)
    assert [task.id for task in schema.tasks] == [f"{name}-{number}" for number in range(1, 11)]


@pytest.mark.parametrize("name", _schema_names())
def test_instances_cover_several_keywords(name):
    """A built-in schema has three valid instances, and eight invalid ones for five keywords or for its union."""
    instances = _instances(name)
    invalid = [instance["keyword"] for instance in instances if not instance["valid"]]

    assert len(instances) - len(invalid) >= 3
    assert len(invalid) >= 8
    assert len(set(invalid)) >= 5 or set(invalid) == {"anyOf"}


@pytest.mark.parametrize("name", _schema_names())
def test_schema_compiles_to_a_grammar(name):
    """A built-in schema uses nothing that the grammar engine does not support."""
    llguidance = pytest.importorskip("llguidance", reason="needs the extra 'local'")
    document = json.loads((FOLDER / name / "schema.json").read_text(encoding="utf-8"))

    problem = llguidance.LLMatcher.validate_grammar("%llguidance {}\nstart: %json " + json.dumps(document))

    assert problem == ""


def test_schemas_stand_in_the_listed_order(builtin):
    """The schemas come in the order of suite.json, each in a group of its own."""
    assert [schema.name for schema in builtin.schemas] == _schema_names()
    assert [schema.group for schema in builtin.schemas] == _schema_names()
    assert len(builtin.schemas) >= 24


def test_attempts_of_the_builtin_suite_are_bounded(builtin):
    """An attempt at a task of the built-in suite may generate 64 to 160 tokens."""
    limits = [task.output_tokens for schema in builtin.schemas for task in schema.tasks]

    assert min(limits) >= 64
    assert max(limits) <= 160


def test_texts_are_short(builtin):
    """An input of the built-in suite has at most 300 characters, and a gold at most 60 estimated tokens."""
    tasks = [task for schema in builtin.schemas for task in schema.tasks]

    assert max(len(task.input) for task in tasks) <= 300
    assert max(estimated_tokens(task.gold) for task in tasks) <= 60


def test_difficulty_of_the_builtin_suite_was_measured_with_something(builtin):
    """Where a built-in task has a difficulty, the suite says with what it was measured."""
    measured = [task for schema in builtin.schemas for task in schema.tasks if task.hardness is not None]

    assert _manifest().get("difficulty") or not measured


def test_readme_names_everything():
    """The format's page names every key of every form, every form, and every built-in schema."""
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    keys = {key for form in OWN_FORMS.values() for key in form["properties"]}
    table = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)

    assert keys | {"folder", "training", "jsonl", "rows"} | set(_schema_names()) <= set(table)


def test_readme_explains_each_matcher_in_the_words_of_the_module():
    """The format's page and the module that scores have the same table of matchers."""
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    table = re.search(r"\| matcher \|.*?\n\n", scoring_module.__doc__ + "\n\n", re.DOTALL)[0]

    assert table.strip() in page


def test_readme_example_is_a_right_task(tmp_path):
    """The example line of the format's page is accepted in the suite."""
    example = re.search(r"```json\n(.*)\n```\n", (FOLDER / "README.md").read_text(encoding="utf-8"))[1]
    folder = _suite(
        tmp_path, {"a/schema.json": (FOLDER / "invoice" / "schema.json").read_text(encoding="utf-8")}
    )
    (folder / "a/tasks.jsonl").write_text(example, encoding="utf-8")

    (task,) = load_suite(folder).schemas[0].tasks
    assert task.id == "invoice-9"


def test_builtin_suite_of_an_installed_package_comes_first(tmp_path, monkeypatch):
    """The suite inside the package is taken before the one beside it."""
    _suite(tmp_path / "site/schema_guard/_suite")
    monkeypatch.setattr(suite_module, "__file__", str(tmp_path / "site/schema_guard/bench/suites/load.py"))

    assert load_suite("small").name == "mine"


def test_builtin_suite_that_is_not_installed_is_refused(tmp_path, monkeypatch):
    """Without the suite's files the message says how to get them."""
    monkeypatch.setattr(suite_module, "__file__", str(tmp_path / "schema_guard/bench/suites/load.py"))

    with pytest.raises(InvalidArgument) as caught:
        load_suite("small")
    assert str(caught.value) == (
        "this installation does not contain the suite 'small'. Run pip install --force-reinstall schema-guard"
    )


def test_unknown_folder_is_refused():
    """A name that is no folder is refused, with the nearest known name."""
    with pytest.raises(InvalidArgument) as caught:
        load_suite("smal")
    assert str(caught.value) == (
        "suite 'smal': the folder or file does not exist. Expected 'small', 'long', 'real', 'tools', a folder with a "
        "suite.json, or a file. Did you mean 'small'?"
    )


def test_path_that_the_system_refuses_is_refused_with_its_reason():
    """A path that cannot even be looked at is the caller's fault, and the system's reason is told."""
    with pytest.raises(InvalidArgument) as caught:
        load_suite("x" * 5000)
    assert str(caught.value) == f"suite '{'x' * 78}… can't be read (File name too long). Check the path"


SUITE = {"format": 1, "name": "mine", "description": "d", "licence": "MIT", "schemas": ["a"]}
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
META = {"description": "about", "instruction": "Give n."}
TASK = {"id": "a-1", "input": "n is 1", "gold": {"n": 1}, "split": "test", "difficulty": 0.25}


def _suite(folder, changes=None):
    """Write a right suite, then change some of its files: a text, JSON, a link, or None to leave it out."""
    files = {
        "suite.json": SUITE,
        "a/schema.json": SCHEMA,
        "a/meta.json": META,
        "a/tasks.jsonl": TASK,
        **(changes or {}),
    }
    for name, content in files.items():
        if content is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                path.symlink_to(content)
            elif isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(
                    content if isinstance(content, str) else json.dumps(content), encoding="utf-8"
                )
    return folder


def test_suite_holds_what_its_files_say(tmp_path):
    """A suite is read into values, with the defaults of its meta and suite files filled in."""
    second = {
        **TASK,
        "id": "a-2",
        "instruction": "Else.",
        "match": {"/n": {"tolerance": 1}},
        "tags": ["x"],
        "split": "dev",
    }
    suite = load_suite(
        _suite(
            tmp_path,
            {
                "a/tasks.jsonl": f"{json.dumps(TASK)}\r\n\n{json.dumps(second)}",
            },
        )
    )
    (schema,) = suite.schemas

    assert suite.name == "mine"
    assert (schema.name, schema.group, schema.licence) == ("a", "a", "MIT")
    assert schema.tasks == (
        Task("a-1", "n is 1", "Give n.", {"n": 1}, {}, (), "test", 0.25),
        Task("a-2", "n is 1", "Else.", {"n": 1}, {"/n": {"tolerance": 1}}, ("x",), "dev", 0.25),
    )
    assert schema.tasks[0].text == "Give n.\n\nn is 1"
    assert schema.tasks_of("dev") == schema.tasks[1:]


def test_line_separator_inside_a_text_ends_no_line(tmp_path):
    """Only a line feed ends a line of JSON Lines; U+2028 may stand in a text."""
    row = json.dumps({**TASK, "input": "n is\u20281"}, ensure_ascii=False)

    (task,) = load_suite(_suite(tmp_path, {T: row})).schemas[0].tasks
    assert task.input == "n is\u20281"


def test_manifest_may_name_the_source_of_the_difficulty(tmp_path):
    """The manifest may say with what the difficulty of the tasks was measured."""
    changes = {"suite.json": {**SUITE, "difficulty": "a model, greedy, 2026-11-01"}}

    assert load_suite(_suite(tmp_path, changes)).name == "mine"


@pytest.mark.parametrize(
    ("hardness", "difficulty"),
    [
        (None, None),
        (0, "easy"),
        (0.33, "easy"),
        (0.34, "medium"),
        (0.66, "medium"),
        (0.67, "hard"),
        (1, "hard"),
    ],
)
def test_difficulty_is_a_third_of_the_hardness(hardness, difficulty):
    """The word for a task's difficulty follows from the share of leaves that the reference model has wrong."""
    assert Task("t", "i", "", 1, {}, (), "test", hardness).difficulty == difficulty


def test_text_of_a_task_without_an_instruction_is_its_input():
    """A task whose input says it all has no blank line before it."""
    assert Task("t", "n is 1", "", 1, {}, (), "test").text == "n is 1"


def test_schema_may_have_a_licence_of_its_own(tmp_path):
    """The licence of a schema's meta file stands before the suite's."""
    suite = load_suite(_suite(tmp_path, {"a/meta.json": {**META, "licence": "CC0-1.0"}}))

    assert suite.schemas[0].licence == "CC0-1.0"


def test_fingerprint_follows_what_results_depend_on(tmp_path):
    """A fingerprint changes with a gold or the order of a schema's keys, and not with a description."""
    reordered = {"properties": SCHEMA["properties"], **SCHEMA}
    changes = [
        {},
        {"suite.json": {**SUITE, "description": "other"}},
        {"a/tasks.jsonl": {**TASK, "gold": {"n": 2}}},
        {"a/schema.json": reordered},
    ]

    prints = [load_suite(_suite(tmp_path / str(n), change)).fingerprint for n, change in enumerate(changes)]

    assert re.fullmatch("[0-9a-f]{16}", prints[0])
    assert prints[0] == prints[1]
    assert len(set(prints[1:])) == 3


@pytest.mark.parametrize(
    ("cap", "limits"), [(None, [64, 64, 90, 126, 1002]), (128, [64, 64, 90, 126, 128]), (40, [40] * 5)]
)
def test_output_limit_follows_the_gold(cap, limits):
    """The output limit is three times the gold's estimated tokens, at least 64, and at most the suite's cap."""
    tasks = [
        Task("t", "i", "i", "x" * length, {}, (), "test", None, cap) for length in (1, 61, 88, 124, 1000)
    ]

    assert [task.output_tokens for task in tasks] == limits


def test_cap_of_the_output_limit_is_the_suites(tmp_path):
    """The cap in suite.json holds for every task, and the fingerprint follows it."""
    plain = load_suite(_suite(tmp_path / "plain"))
    capped = load_suite(_suite(tmp_path / "capped", {"suite.json": {**SUITE, "most_output_tokens": 50}}))

    assert [one.schemas[0].tasks[0].output_tokens for one in (plain, capped)] == [64, 50]
    assert plain.fingerprint != capped.fingerprint


T = "a/tasks.jsonl"
DEEP = "[" * 120 + "]" * 120
PROBLEMS = {
    "no_manifest": ({"suite.json": None}, ["suite.json: this file is missing"]),
    "manifest_is_no_object": (
        {"suite.json": []},
        ["suite.json: at (root): expected object, got array of 0 items"],
    ),
    "other_format": (
        {"suite.json": {**SUITE, "format": 2}},
        ["suite.json: at /format: expected 1, got number 2"],
    ),
    "schema_twice": (
        {"suite.json": {**SUITE, "schemas": ["a", "a"]}},
        ["suite.json: at /schemas: expected items that all differ, got array of 2 items"],
    ),
    "broken_json": (
        {"a/meta.json": '{\n  "a": 1\n  2}'},
        ["a/meta.json:3: invalid JSON at column 3: {python}"],
    ),
    "broken_line": (
        {T: json.dumps(TASK) + "\n\n{'id'"},
        ["a/tasks.jsonl:3: invalid JSON at column 2: Expecting property name enclosed in double quotes"],
    ),
    "duplicate_key": (
        {T: '{"id": "a", "id": "b"}'},
        ["a/tasks.jsonl:1: invalid JSON: the key 'id' occurs twice. Remove one of the two"],
    ),
    "nan": (
        {T: '{"id": NaN}'},
        ["a/tasks.jsonl:1: invalid JSON: the value NaN is not a JSON number. Use a finite number"],
    ),
    "endless_nesting": (
        {T: "[" * 200_000},
        ["a/tasks.jsonl:1: invalid JSON: the value is nested too deeply. Reduce the nesting"],
    ),
    "deep_gold": (
        {T: json.dumps({**TASK, "gold": "deep"}).replace('"deep"', DEEP)},
        ["a/tasks.jsonl:1: instance: expected a value nested at most 100 levels deep"],
    ),
    "not_utf8": ({T: b"\xff"}, ["a/tasks.jsonl: this file is not UTF-8: invalid start byte at byte 0"]),
    "no_tasks": ({T: "\n"}, ["a/tasks.jsonl: expected at least one task"]),
    "missing_files": (
        {"a/meta.json": None, T: None},
        [f"a/{name}: this file is missing" for name in ("meta.json", "tasks.jsonl")],
    ),
    "unknown_key": (
        {T: {**TASK, "tag": ["x"]}},
        ["a/tasks.jsonl:1: unknown key 'tag'. Did you mean 'tags'?"],
    ),
    "misspelt_key": (
        {"a/meta.json": {"description": "d", "instructions": "i"}},
        [
            "a/meta.json: unknown key 'instructions'. Did you mean 'instruction'?",
            "a/meta.json: at (root): expected property 'instruction', got {schema}",
        ],
    ),
    "unknown_split": (
        {T: {**TASK, "split": "train"}},
        ["a/tasks.jsonl:1: at /split: expected one of 'dev', 'test', got string 'train'"],
    ),
    "guessed_difficulty": (
        {T: {**TASK, "difficulty": "easy"}},
        ["a/tasks.jsonl:1: at /difficulty: expected number, got string 'easy'"],
    ),
    "difficulty_above_one": (
        {T: {**TASK, "difficulty": 1.5}},
        ["a/tasks.jsonl:1: at /difficulty: expected a number <= 1, got number 1.5"],
    ),
    "no_room_for_output": (
        {"suite.json": {**SUITE, "most_output_tokens": 0}},
        ["suite.json: at /most_output_tokens: expected a number >= 1, got number 0"],
    ),
    "dangling_link": ({T: Path("nowhere")}, ["a/tasks.jsonl: this file is missing"]),
    "link_in_a_circle": ({T: Path("tasks.jsonl")}, ["a/tasks.jsonl: {python}"]),
    "gold_not_valid": (
        {T: {**TASK, "gold": {"n": "one", "m": 2}}},
        [
            (
                "a/tasks.jsonl:1: the gold is not valid at (root): expected no further properties, "
                "got {schema} and 1 more"
            )
        ],
    ),
    "duplicate_id": (
        {T: f"{json.dumps(TASK)}\n{json.dumps(TASK)}"},
        ["a/tasks.jsonl:2: id 'a-1' was used before, at a/tasks.jsonl:1"],
    ),
    "unknown_matcher": (
        {T: {**TASK, "match": {"/n": "txt"}}},
        [
            (
                "a/tasks.jsonl:1: matcher at /n: expected one of 'exact', 'spaces', 'text', 'punctuation', 'date', "
                "'unordered', 'set', {'tolerance': number} or {'accept': [values]}, got 'txt'. Did you mean 'text'?"
            )
        ],
    ),
    "broken_schema_leaves_tasks_unjudged": (
        {"a/schema.json": {"type": "objekt"}, T: {**TASK, "gold": "anything"}},
        ["a/schema.json: schema is invalid at /type: {schema}"],
    ),
    "schema_is_not_json": ({"a/schema.json": "{"}, ["a/schema.json:1: invalid JSON at column 2: {python}"]),
    "schema_is_no_schema": (
        {"a/schema.json": "[]"},
        ["a/schema.json: expected an object or a boolean, got array of 0 items"],
    ),
    "schema_is_a_path": (
        {"a/schema.json": '"/etc/hostname"'},
        ["a/schema.json: expected an object or a boolean, got string '/etc/hostname'"],
    ),
    "folder_outside": (
        {"suite.json": {**SUITE, "schemas": ["a", "../b", "/etc", "..", "a/../a", "a\0"]}},
        [
            "suite.json at /schemas/1: expected a folder inside the suite, got '../b'",
            "suite.json at /schemas/2: expected a folder inside the suite, got '/etc'",
            "suite.json at /schemas/3: expected a folder inside the suite, got '..'",
            "suite.json at /schemas/4: expected a folder inside the suite, got 'a/../a'",
            "suite.json at /schemas/5: expected a folder inside the suite, got 'a\\x00'",
        ],
    ),
    "folder_of_an_odd_name": (
        {"suite.json": {**SUITE, "schemas": ["a", "my b"]}, "my b/schema.json": SCHEMA},
        [
            (
                "suite.json at /schemas/1: 'my b' is not a valid name of a folder. Use at most 80 of A-Z, a-z, 0-9, "
                "'_', '.', and '-', and begin with neither '.' nor '-'"
            )
        ],
    ),
    "folder_missing": (
        {"suite.json": {**SUITE, "schemas": ["a", "orderz"]}, "orders/keep": ""},
        ["suite.json at /schemas/1: the folder 'orderz' does not exist. Did you mean 'orders'?"],
    ),
    "folder_not_listed": (
        {"b/schema.json": SCHEMA},
        ["b: this folder is not listed in suite.json at /schemas"],
    ),
    "everything_at_once": (
        {T: f"{{\n{json.dumps({**TASK, 'gold': {}})}"},
        [
            "a/tasks.jsonl:1: invalid JSON at column 2: Expecting property name enclosed in double quotes",
            "a/tasks.jsonl:2: the gold is not valid at (root): expected property 'n', got {schema}",
        ],
    ),
}


@pytest.mark.parametrize(("changes", "problems"), PROBLEMS.values(), ids=PROBLEMS)
def test_every_problem_of_a_suite_is_listed(tmp_path, changes, problems):
    """A suite that is not right is refused once, with every problem on a line of its own."""
    folder = _suite(tmp_path, changes)

    with pytest.raises(InvalidArgument) as caught:
        load_suite(folder)

    head, *lines = str(caught.value).split("\n  ")
    assert head == f"suite {str(folder)!r}: {len(problems)} problem{'s' * (len(problems) > 1)}"
    # {python} and {schema} stand for texts that the interpreter and the schema loader choose.
    patterns = [re.sub(r"\\{(python|schema)\\}", ".+", re.escape(problem)) for problem in problems]
    assert len(lines) == len(patterns)
    assert [line for line, p in zip(lines, patterns, strict=True) if not re.fullmatch(p, line)] == []


def test_link_that_leads_outside_is_refused(tmp_path):
    """A file or a folder that is a link to somewhere outside the suite is not read."""
    folder = _suite(tmp_path / "suite", {"suite.json": {**SUITE, "schemas": ["a", "b"]}, T: None})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/tasks.jsonl").write_text(json.dumps(TASK), encoding="utf-8")
    (folder / T).symlink_to(tmp_path / "elsewhere/tasks.jsonl")
    (folder / "b").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(InvalidArgument) as caught:
        load_suite(folder)

    assert str(caught.value).split("\n  ")[1:] == [
        "suite.json at /schemas/1: expected a folder inside the suite, got 'b'",
        "a/tasks.jsonl: this file is outside the suite. Move it into the suite",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root looks everywhere")
def test_a_folder_that_may_not_be_looked_into_is_refused(tmp_path):
    """Nor is it taken for one of another form."""
    folder = _suite(tmp_path, {})
    folder.chmod(0)
    try:
        with pytest.raises(InvalidArgument, match=r"cannot be read: Permission denied$"):
            load_suite(folder)
    finally:
        folder.chmod(0o700)


def test_pipe_in_place_of_a_file_is_refused(tmp_path):
    """A named pipe is not opened, for nobody may ever write to it."""
    folder = _suite(tmp_path, {T: None})
    os.mkfifo(folder / T)

    with pytest.raises(InvalidArgument, match=r"\n  a/tasks\.jsonl: expected a file, got a pipe"):
        load_suite(folder)


def test_folder_in_place_of_a_file_is_refused(tmp_path):
    """A file that cannot be read is reported with the system's reason."""
    folder = _suite(tmp_path, {"a/meta.json": None, "a/meta.json/x": ""})

    with pytest.raises(InvalidArgument, match=r"\n  a/meta\.json: this file cannot be read: Is a directory$"):
        load_suite(folder)
