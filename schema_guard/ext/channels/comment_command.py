# SPDX-License-Identifier: Apache-2.0
"""`comment`: post Markdown files as a comment on a pull request of GitHub or a merge request of GitLab.

Rules:
1. CI sets the variables that name the server and the request. The token is in the environment, and no message shows it.
2. There is one comment for each request: the first run posts it, and later runs replace its text.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import click

from schema_guard.cli.shared.options import build_command
from schema_guard.errors import InvalidArgument
from schema_guard.ext.channels.request import FAILURES, failure_of, is_web_address, request
from schema_guard.text import reason_of, safe

if TYPE_CHECKING:
    from collections.abc import Mapping


@build_command("comment")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def command(files: tuple[str, ...]) -> int:
    """Post Markdown files as a comment on the pull request or merge request of this CI job.

    A later run replaces the text of the comment. On GitHub, set $GITHUB_TOKEN to a token with the permission
    `pull-requests: write`. On GitLab, set $GITLAB_TOKEN to a token with the scope `api`.

    \b
    Exit status:
      0  the comment is posted or replaced
      2  a file cannot be read, the job is not for a pull request, or the server refuses the comment

    \b
    schema-guard comment gate.md
    schema-guard comment gate.md report.md
    """
    texts = []
    for name in files:
        try:
            texts.append(Path(name).read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(
                f"{safe(name)}: expected a Markdown file, but reading it failed: {safe(reason_of(error))}"
            ) from error
        if not texts[-1]:
            raise click.UsageError(f"{safe(name)}: the file is empty. Pass a file with text")
    print(comment("\n\n".join(texts) + "\n", os.environ))
    return 0


_MARK = "<!-- schema-guard comment -->"
_MOST_CHARS = 60_000  # GitHub accepts 65,536
_PER_PAGE, _MOST_PAGES = 100, 20


class _Comments(NamedTuple):
    """The comments of one pull or merge request: their address, one comment's address, and how to change it."""

    name: str
    url: str
    one: str
    method: str
    headers: Mapping[str, str]


def comment(text: str, environment: Mapping[str, str]) -> str:
    """Post or replace the comment of this pull or merge request. Return one sentence about it.

    Args:
        text: The comment, as Markdown.
        environment: Environment variables, as CI sets them.

    Raises:
        InvalidArgument: The job is for no pull or merge request, a variable is missing, or the request fails.
    """
    comments = _comments(environment)
    body = {"body": f"{_MARK}\n{_shortened(text)}"}
    try:
        number = _own(comments)
        if number is None:
            request("POST", comments.url, body, comments.headers)
        else:
            request(comments.method, f"{comments.one}/{number}", body, comments.headers)
    except FAILURES as error:
        raise InvalidArgument(
            f"commenting on {comments.name} failed: {failure_of(error)}. Check the token and the network of this job"
        ) from None
    return f"{'posted the' if number is None else 'replaced the'} comment on {comments.name}"


def _comments(environment: Mapping[str, str]) -> _Comments:
    if environment.get("GITLAB_CI"):
        return _of_gitlab(environment)
    if environment.get("GITHUB_ACTIONS"):
        return _of_github(environment)
    raise InvalidArgument(
        "$GITHUB_ACTIONS and $GITLAB_CI are not set. Run this command in a job of GitHub Actions or GitLab CI"
    )


def _of_github(environment: Mapping[str, str]) -> _Comments:
    api, repository = _server(environment, "GITHUB_API_URL"), _value(environment, "GITHUB_REPOSITORY")
    found = re.fullmatch(r"refs/pull/(\d+)/\w+", environment.get("GITHUB_REF", ""))
    if found is None:
        raise InvalidArgument(
            "this job is not for a pull request. Run the workflow on the event pull_request"
        )
    headers = {
        "Authorization": f"Bearer {_value(environment, 'GITHUB_TOKEN')}",
        "Accept": "application/vnd.github+json",
    }
    issues = f"{api}/repos/{quote(repository)}/issues"
    url = f"{issues}/{found[1]}/comments"
    return _Comments(f"pull request {found[1]}", url, f"{issues}/comments", "PATCH", headers)


def _of_gitlab(environment: Mapping[str, str]) -> _Comments:
    api, project = _server(environment, "CI_API_V4_URL"), _value(environment, "CI_PROJECT_ID")
    number = environment.get("CI_MERGE_REQUEST_IID", "")
    if not number.isdecimal():
        raise InvalidArgument("this job is not for a merge request. Run the job in a merge request pipeline")
    headers = {"PRIVATE-TOKEN": _value(environment, "GITLAB_TOKEN")}
    url = f"{api}/projects/{quote(project)}/merge_requests/{number}/notes"
    return _Comments(f"merge request {number}", url, url, "PUT", headers)


def _value(environment: Mapping[str, str], name: str) -> str:
    if not environment.get(name):
        raise InvalidArgument(f"${name} is not set. Set it in the environment of this job")
    return environment[name]


def _server(environment: Mapping[str, str], name: str) -> str:
    url = _value(environment, name)
    if not is_web_address(url):
        raise InvalidArgument(f"${name}: expected the address of a web server, such as https://HOST/PATH")
    return url.rstrip("/")


def _own(comments: _Comments) -> int | None:
    """Return the number of the comment that an earlier run posted, if there is one."""
    for page in range(1, _MOST_PAGES + 1):
        url = f"{comments.url}?per_page={_PER_PAGE}&page={page}"
        rows = json.loads(request("GET", url, headers=comments.headers))
        if not isinstance(rows, list):
            raise ValueError(f"expected a list of comments, got {type(rows).__name__}")  # noqa: TRY004 - from outside
        for row in rows:
            if str(row.get("body")).startswith(_MARK):
                return int(row["id"])
        if len(rows) < _PER_PAGE:
            break
    return None


def _shortened(text: str) -> str:
    """Return the text, without its last lines if it is too long for a comment."""
    if len(text) <= _MOST_CHARS:
        return text
    return f"{text[:_MOST_CHARS].rpartition(chr(10))[0]}\n\nThe rest is too long for a comment.\n"
