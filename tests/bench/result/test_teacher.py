"""If a model answered the test rows of a training set, each share of right values is agreement with that model."""

import json

import pytest
from click.testing import CliRunner

from schema_guard.bench.result.answers import teacher_lines
from schema_guard.bench.result.as_json import result_from_json
from schema_guard.cli.command import command

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def result_of(folder, sources):
    """Ask a scripted model the test rows, and return the output and the result."""
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Order {n}"},
                {"role": "assistant", "content": f'{{"n":{n}}}'},
            ]
        }
        for n in range(4)
    ]
    for name in ("train", "test"):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    manifest = {
        "format": 1,
        "schema": {"name": "order", "document": SCHEMA},
        "sources_by_file": {"test": sources},
        "files": {},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "replies.jsonl").write_text('"{\\"n\\": 1}"\n' * 4)
    line = ["bench", "run", str(folder), "--model", f"scripted:{folder}/replies.jsonl", "--strategy", "bare"]
    more = ["--store", "none", "--sample", "all", "--max-attempts", "1", "-o", str(folder / "result.json")]
    done = CliRunner().invoke(command, [*line, *more])
    if done.exit_code:
        return str(done.exception), None
    document = json.loads((folder / "result.json").read_text())
    return " ".join(done.output.split()), result_from_json(document)


@pytest.mark.parametrize("sources", [{"checked": 3, "gold": 1}, {"agreed": 3, "gold": 1}])
def test_numbers_are_called_agreement_with_the_teacher(tmp_path, sources):
    """The head, the table, and a verdict on the result say so."""
    output, result = result_of(tmp_path, sources)

    assert result.setup.teacher == "3 of 4"
    assert "agreement with the teacher" in output
    assert "return the teacher's value" in output
    assert "Agreement with the teacher, because a model answered 3 of 4 test rows." in output
    assert "right value" not in output.replace("The share of right values is unknown", "")
    (line,) = teacher_lines([result])
    assert "are agreement with the teacher, because a model answered 3 of 4 test rows" in line


def test_rows_that_people_answered_have_right_values(tmp_path):
    """Without a teacher, the numbers are shares of right values."""
    output, result = result_of(tmp_path, {"gold": 4})

    assert result.setup.teacher is None
    assert teacher_lines([result]) == []
    assert "teacher" not in output


@pytest.mark.parametrize("sources", [[3], {"gold": "four"}, "4", None])
def test_reports_wrong_counts_in_the_manifest(tmp_path, sources):
    """Counts that can't be read don't mean that no model answered."""
    output, result = result_of(tmp_path, sources)

    assert result is None
    assert "manifest.json: at /sources_by_file/test" in " ".join(output.split())
