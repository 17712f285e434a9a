# SPDX-License-Identifier: Apache-2.0
"""`completion`: the script that lets a shell complete commands, options, functions, and schemas."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from schema_guard.cli.shared.options import build_command

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_SCHEMA_GUARD_COMPLETE"


@build_command("completion")
@click.argument("shell", type=click.Choice(SHELLS), metavar="{bash|zsh|fish}")
def command(shell: str) -> int:
    """Print a script that adds command completion to your shell.

    The script completes commands, options, and the names of functions and schemas in the store.

    Exit status: 0 if the script is printed, or 2 if the shell is unknown.

    \b
    schema-guard completion bash >> ~/.bashrc
    schema-guard completion zsh >> ~/.zshrc
    schema-guard completion fish > ~/.config/fish/completions/schema-guard.fish
    """
    shell_class = get_completion_class(shell)
    assert shell_class is not None  # click has a class for each of SHELLS
    root = click.get_current_context().find_root().command
    print(shell_class(root, {}, "schema-guard", VARIABLE).source())
    return 0
