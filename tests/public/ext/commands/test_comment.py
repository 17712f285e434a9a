"""`schema-guard comment` posts Markdown to a pull request of GitHub or a merge request of GitLab."""

import pytest

from tests.public.commands.command_lines import file, run
from tests.public.pages.forge import serve_forge

TOKEN = "canary-token"  # noqa: S105 - it is a test's
HEADER = {"github": f"Bearer {TOKEN}", "gitlab": TOKEN}


@pytest.fixture(params=HEADER)
def job(request, monkeypatch, folder):
    """A job of a pull request, and its server."""
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    with serve_forge(HEADER[request.param]) as forge:
        for name, value in forge.environment_of(request.param, TOKEN).items():
            monkeypatch.setenv(name, value)
        forge.service = request.param
        yield forge


def test_later_runs_replace_the_comment(job, capsys):
    """Comments of other people stay, also if there are more than one page of them."""
    job.comments.update(dict.fromkeys(range(150), "a person's"))
    file("one.md", "# one\n")
    file("two.md", "# two\n")

    first = run(capsys, "comment", "one.md", "two.md")
    ours = [body for number, body in job.comments.items() if number >= 150]
    second = run(capsys, "comment", "two.md")

    assert (first[0], second[0]) == (0, 0)
    assert [line.split()[0] for line in (first[1], second[1])] == ["posted", "replaced"]
    assert ours[0].endswith("# one\n\n# two\n")
    assert [body for number, body in job.comments.items() if number >= 150] == [
        f"{ours[0].splitlines()[0]}\n# two\n"
    ]


def test_a_long_text_loses_its_last_lines(job, capsys):
    """GitHub refuses more than 65,536 characters."""
    file("gate.md", "a row\n" * 20_000)

    run(capsys, "comment", "gate.md")

    (body,) = job.comments.values()
    assert 50_000 < len(body) < 65_536
    assert body.endswith("a row\n\nThe rest is too long for a comment.\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"GITHUB_TOKEN": "", "GITLAB_TOKEN": ""}, "_TOKEN is not set"),
        ({"GITHUB_REF": "refs/heads/main", "CI_MERGE_REQUEST_IID": ""}, "this job is not for a "),
        ({"GITHUB_API_URL": "file:///etc", "CI_API_V4_URL": "file:///etc"}, "expected the address of a web server"),
        ({"GITHUB_TOKEN": "wrong", "GITLAB_TOKEN": "wrong"}, "request 7 failed: status 401"),
        ({"GITHUB_ACTIONS": "", "GITLAB_CI": ""}, "Run this command in a job of GitHub Actions or GitLab CI"),
    ],
)  # fmt: skip
def test_an_error_is_2_and_shows_no_token(job, capsys, monkeypatch, change, message):
    """Nothing is posted."""
    file("gate.md", "# gate")
    for name, value in change.items():
        monkeypatch.setenv(name, value)

    status, out, err = run(capsys, "comment", "gate.md")

    assert status == 2
    assert message in err
    assert TOKEN not in out + err
    assert job.comments == {}


@pytest.mark.parametrize(
    ("text", "message"), [(None, "expected a Markdown file"), ("\n", "the file is empty")]
)
def test_a_file_without_a_text_is_2(job, capsys, text, message):
    """A command that failed before can leave an empty file."""
    if text is not None:
        file("gate.md", text)

    status, _, err = run(capsys, "comment", "gate.md")

    assert status == 2
    assert message in err
    assert job.requests == []
