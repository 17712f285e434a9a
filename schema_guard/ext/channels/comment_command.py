# SPDX-License-Identifier: Apache-2.0
"""`comment`: post Markdown files as a comment on the pull request of this CI job."""

from __future__ import annotations

import os
from pathlib import Path

import click

from schema_guard.cli.shared.options import build_command
from schema_guard.ext.channels.comment import comment
from schema_guard.text import reason_of, safe


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
