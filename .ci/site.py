"""Pages of the site that are generated: the start page from the README, and the reference from the code.

MkDocs calls the functions of this file when it builds the site.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click
from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.public.test_public_names import DOCUMENTED, PUBLIC_MODULES, public_names  # noqa: E402 - the root is not on the path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

    from schema_guard.ext.fitting.rules.rule import Rule, Rules

_LINK = re.compile(r"\]\(schema_guard/docs/")
_NOT_ON_THE_SITE = re.compile(r"\[([^]]+)\]\(LICENSE\)")


_PYTHON_BLOCK = re.compile(r"```py[^\n]*\n(.*?)```", re.DOTALL)
_VARIABLE = re.compile(r"(?<!_)SCHEMA_GUARD_[A-Z_]+")
# The meaning of each environment variable. A variable of the code that is missing here fails the build.
_MEANINGS = {
    "SCHEMA_GUARD_CORPORA": "Folder with `sob.jsonl.gz`, the file of the suite `real`.",
    "SCHEMA_GUARD_HASH_KEY": "Secret key of the hashes in records. Set the same one on all machines of a team. Default: a key in each store.",
    "SCHEMA_GUARD_LANGCHAIN": "`1` records every call of LangChain, after an import of `LangChainRecorder`.",
    "SCHEMA_GUARD_LINT_PROVIDER": "Default of `--provider` of `schema-guard schema lint`.",
    "SCHEMA_GUARD_LOCAL_MODEL": "Path of a GGUF file that the model `local` uses. Default: the file that is downloaded once.",
    "SCHEMA_GUARD_MODEL_KEY": "Key for a server that is named by its address.",
    "SCHEMA_GUARD_NOTIFY": "Default of `--notify` of `schema-guard watch`: the address of a webhook.",
    "SCHEMA_GUARD_PRICES": "Prices of tokens: a file of JSON, or `genai-prices`. Default: `prices` in `pyproject.toml`, or unknown costs.",
    "SCHEMA_GUARD_PROMPTS": "`on` keeps the prompt in an exception that is pickled. Default: `off`.",
    "SCHEMA_GUARD_STORE": "Store for the records: a path, `sqlite:///FILE`, `postgresql://USER@HOST/DATABASE`, or `none`. Default: `store` in `pyproject.toml`, or a file in your data folder.",
    "SCHEMA_GUARD_TELEMETRY": "Telemetry without code: `otel`, `file:PATH.prom`, or `port:N`, separated by commas.",
    "SCHEMA_GUARD_VALUES": "`off` removes values and keys of replies from all messages. Default: `on`.",
}


# Public names that no example shows, with the reason. A name that is missing here fails the build.
_RETURNED = {
    "Adapted": "adapt", "AsyncGuarded": "guard", "Bounds": "bounds", "Broken": "broken", "Bursts": "bursts_of",
    "CallJudgement": "judge_calls", "Change": "changes",
    "FailureRate": "assert_failure_rate", "Finding": "lint", "Guard": "guard", "Guarded": "guard",
    "Hazards": "retry_hazards", "Judgement": "judge", "Model": "connect", "NearMiss": "near_misses", "Paired": "paired",
    "Partial": "Guarded.stream", "PrefixChecker": "prefix_checker", "Redacted": "redacted", "Sent": "replies",
    "Server": "serve", "Store": "open_store", "Telemetry": "enable",
    "TuningServer": "serve_tuning", "Verdict": "decide",
}  # fmt: skip
_PART_OF = {
    "Attempt": "Outcome", "Failure": "Outcome", "Message": "Attempt", "Rate": "Report",
    "RedactedPlace": "Redacted", "Request": "Server", "SchemaChange": "Adapted",
    "Usage": "Attempt", "Violation": "Failure", "WeekCounts": "week_parts", "WeekPart": "week_parts",
}  # fmt: skip
_NO_EXAMPLE = {
    **{name: f"`{source}` returns it" for name, source in _RETURNED.items()},
    **{name: f"it is a part of `{whole}`" for name, whole in _PART_OF.items()},
    **dict.fromkeys(
        ("CallFailed", "MissingExtra", "SchemaGuardError", "StoreError", "ToolCallsFailed"),
        "you catch it like `GuardFailed`",
    ),
    **dict.fromkeys(
        ("disable", "evidence_schema", "flush_on_sigterm", "local_weights", "uninstall"),
        "it needs no argument",
    ),
    **dict.fromkeys(
        ("FAULTS", "REDACTED", "REDACTED_EMAIL", "SWITCH", "TUNING_FAULTS", "__version__"), "it is a constant"
    ),
    "instances": "you use it like `replies`",
    "redacted_value": "you use it like `redact`",
    "week_parts": "`decide` calls it with the counts of whole weeks",
}


# Where the code of a documented name is. LangChain's class is created when it is imported.
_DEFINED = {
    "LangChainRecorder": "schema_guard.ext.recorders.langchain.HandlerOfEvents",
    "Retention": "schema_guard.records.payloads.retention.Retention",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    pages = {
        "index.md": _home(),
        "reference/python.md": _python(),
        "reference/commands.md": _commands(),
        "reference/environment.md": _environment(),
        "reference/schema_rules.md": _schema_rules(),
    }
    for path, text in pages.items():
        # The guides explain. In a search, they come before a list of names.
        boost = "---\nsearch: {boost: 0.5}\n---\n\n" if path.startswith("reference/") else ""
        files.append(File.generated(config, path, content=boost + text))
    return files


def on_post_build(config: MkDocsConfig) -> None:
    """Write `llms.txt`: all pages by their titles, for programs that read documentation."""
    folder = Path(config.docs_dir)
    lines = ["# schema_guard", "", f"> {config.site_description}", ""]
    for path in sorted(folder.glob("*.md")):
        title, about = path.read_text("utf-8").split("\n", 3)[::2][:2]
        lines.append(f"- [{title.removeprefix('# ')}]({path.stem}.html): {about}")
    Path(config.site_dir, "llms.txt").write_text("\n".join(lines) + "\n", "utf-8")


def _home() -> str:
    text = _LINK.sub("](", (ROOT / "README.md").read_text("utf-8"))
    return _NOT_ON_THE_SITE.sub(r"\1", text)


def _python() -> str:
    """Return the page of all public names."""
    parts = [
        "# Python names",
        "Every name that you can import. Other modules and names can change in any version.",
    ]
    for module in PUBLIC_MODULES:
        names = sorted(public_names(module), key=lambda name: (name[0].islower(), name))
        if not names:
            continue
        parts += [f"## {module}", _summary(module)]
        parts += [
            part for name in names for part in (f"::: {_place(module, name)}", _example(module, name)) if part
        ]
    parts += [part for place in sorted(DOCUMENTED) for part in _documented(*place.rsplit(".", 1))]
    return "\n\n".join(parts) + "\n"


def _documented(module: str, name: str) -> list[str]:
    """Return the entry of a name that pages import from a module that is not public as a whole."""
    entry = f"::: {_DEFINED[name]}\n    options: {{show_root_heading: false}}"
    return [f"## {module}.{name}", entry, *filter(None, [_example(module, name)])]


def _example(module: str, name: str) -> str:
    """Return the pages with an example of a name, or the reason for having none. Docstrings show their own."""
    if ">>>" in (inspect.getdoc(getattr(importlib.import_module(module), name)) or ""):
        return ""
    pages = [(path, path.read_text("utf-8")) for path in sorted((ROOT / "schema_guard/docs").glob("*.md"))]
    shown = [
        f"[{text[2 : text.index(chr(10))]}](../{path.name})"
        for path, text in pages
        if re.search(rf"\b{name}\b", "".join(_PYTHON_BLOCK.findall(text)))
    ]
    if shown:
        return f"Example: {', '.join(shown[:3])}"
    if name not in _NO_EXAMPLE:
        raise ValueError(f"add an example of {module}.{name} to a page, or a reason to .ci/site.py")
    return f"No example, because {_NO_EXAMPLE[name]}."


def _environment() -> str:
    """Return the page of environment variables and extras."""
    read = {
        name
        for path in (ROOT / "schema_guard").rglob("*.py")
        for name in _VARIABLE.findall(path.read_text("utf-8"))
    }
    if read != _MEANINGS.keys():
        raise ValueError(
            f"describe these variables in .ci/site.py: {', '.join(sorted(read ^ _MEANINGS.keys()))}"
        )
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    rows = [f"| `{name}` | {meaning} |" for name, meaning in sorted(_MEANINGS.items())]
    more = [
        f"| `schema-guard[{name}]` | {', '.join(f'`{package}`' for package in packages)} |"
        for name, packages in extras.items()
        if name not in ("dev", "docs")
    ]
    parts = [
        "# Environment variables and extras",
        (
            "The variables that schema_guard reads, and the packages that each extra installs. "
            "[Providers](../providers.md#keys-and-addresses) lists the variables of keys."
        ),
        "\n".join(["| variable | value |", "|---|---|", *rows]),
        "## Extras",
        "\n".join(["| `pip install` | packages |", "|---|---|", *more]),
    ]
    return "\n\n".join(parts) + "\n"


def _schema_rules() -> str:
    """Return the page of the rules of `schema lint`: a row for each rule."""
    from schema_guard.ext.fitting.rules.tables import RULES

    parts = [
        "# Rules of providers",
        (
            "The effect of each provider and engine on the keywords of JSON Schema, as `schema-guard schema lint` "
            "and `adapt` use it, with the source of each rule and the day of its last check. "
            "[Check a schema for a provider](../linting.md) explains the effects."
        ),
        (
            "`vllm` is a server with its default engines: xgrammar, and llguidance for schemas that xgrammar refuses. "
            "`vllm-guidance` and `vllm-outlines` are servers that use only one engine. "
            "`openai-tuned` is a tuned model of OpenAI, which accepts less than its base."
        ),
    ]
    parts += [part for table in RULES.values() for part in _rules_of(table)]
    return "\n\n".join(parts) + "\n"


def _rules_of(table: Rules) -> Iterator[str]:
    from schema_guard.ext.fitting.rules.tables import RULES_OF, UNSURE

    yield f"## {table.name}"
    if other := sorted(name for name, rules in RULES_OF.items() if rules == table.name):
        yield f"Other names with these rules: {_codes(other)}."
    if unsure := sorted(UNSURE.intersection(other)):
        yield f"For {_codes(unsure)}, all of these effects are only likely."
    if table.is_cautious:
        yield "`adapt` also leaves out the parts that are only likely to be rejected."
    if table.always:
        yield "For every schema:"
        yield "\n".join(f"- {line}" for line in table.always)
    yield f"Accepted and enforced, unless a rule says otherwise: {_codes(sorted(table.takes))}."
    rows = [
        _rule(f"`{rule.name}`", f"`{rule.keyword}`", rule.effect, rule.message, rule) for rule in table.rules
    ]
    unnamed = "rejects the keyword" if table.others == "rejected" else "does not enforce the keyword"
    rows.append(_rule(f"`{table.name}:KEYWORD`", "any other", table.others, unnamed, table))
    yield "\n".join(
        [
            "| rule | keyword | effect | provider or engine | source | checked |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _rule(name: str, keyword: str, effect: str, message: str, source: Rule | Rules) -> str:
    likely = "" if source.confidence == "high" else ", likely"
    return f"| {name} | {keyword} | {effect}{likely} | {message} | {source.evidence} | {source.verified_on} |"


def _codes(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _place(module: str, name: str) -> str:
    """Return where a name is defined, if its module only loads it when somebody asks."""
    nodes = list(ast.walk(ast.parse(_source(module))))
    bound = {
        node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }
    bound |= {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    bound |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    if name in bound:
        return f"{module}.{name}"
    return f"{getattr(importlib.import_module(module), name).__module__}.{name}"


def _summary(module: str) -> str:
    return (ast.get_docstring(ast.parse(_source(module))) or "").split("\n\n")[0]


def _source(module: str) -> str:
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return path.read_text("utf-8")


def _commands() -> str:
    """Return the page of all commands and options."""
    from schema_guard.cli.command import command

    parts = ["# Commands", "Every command of `schema-guard`, with its arguments, options, and defaults."]
    parts += [part for path, one in _walk("schema-guard", command) for part in _command(path, one)]
    return "\n\n".join(parts) + "\n"


def _walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        if inner is not None and not inner.hidden:
            yield from _walk(f"{path} {name}", inner)


def _command(path: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command)
    yield f"## {path}"
    yield _text(command.help or "")
    options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    if options:
        yield "| option | value |\n|---|---|\n" + "\n".join(_option(option, context) for option in options)


def _text(written: str) -> str:
    """Return the help of a command: paragraphs, and its examples as a block of code."""
    blocks: list[str] = []
    for paragraph in inspect.cleandoc(written.replace("\f", "")).split("\n\n"):
        if paragraph.startswith("\b\n"):
            blocks.append("```text\n" + paragraph.removeprefix("\b\n") + "\n```")
        else:
            blocks.append(" ".join(paragraph.split()))
    return "\n\n".join(blocks)


def _option(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = option.make_metavar(context) if not option.is_flag else ""
    cell = " ".join((option.help or "").split()).replace("|", "\\|")
    return f"| {names}{f' `{value}`' if value else ''} | {cell} |"
