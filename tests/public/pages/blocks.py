"""Runs the README and the chapters: the Python and console blocks of each, in order, in one folder with one store.

All blocks of a page run in one process of their own. A command `schema-guard ...` runs inside it, also with
`2>/dev/null`, `| head -N`, `| grep -AN WORD` (the first one) and `; echo "exit $?"` behind it; every other command by a shell.
A Python block that begins with `# NAME.py` can be imported as NAME by the blocks after it. The SDKs of providers reach a
server of `schema_guard.testing`, because the environment names it as their base URL. On the page about `schema probe`,
the environment names a server that ignores one keyword and rejects two.
A page that imports a framework which is not installed is left as it is.
A block under a comment that names a file in `benchmarks/results/` shows what that file holds, `FILE#2,4` its second
and fourth paragraph.

    python tests/public/pages/blocks.py [PAGE ...]            names the pages whose output has changed
    python tests/public/pages/blocks.py --update [PAGE ...]   writes the new output into them
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import traceback
import types
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"
CHAPTERS = sorted((ROOT / "schema_guard" / "docs").glob("*.md"))
PAGES = [README, *CHAPTERS]

PYTHON = re.compile(r"```python\n(?P<code>.*?\n)```(?:\n```text\n(?P<output>.*?)```)?", re.DOTALL)
_CONSOLE = re.compile(r"```console\n(?P<session>.*?)```", re.DOTALL)
_QUOTED = re.compile(
    r"<!-- (?P<path>benchmarks/results/\S+) -->\n(?P<shown>```text\n.*?```|(?:\|[^\n]*\n?)+)", re.DOTALL
)
_BLOCK = re.compile(f"{PYTHON.pattern}|{_CONSOLE.pattern}", re.DOTALL)
_OURS = re.compile(
    r"schema-guard(?P<arguments>[^|;<>&$]*?)(?P<quiet> 2>/dev/null)?"
    r"(?: \| (?:head -(?P<head>\d+)|grep -A(?P<after>\d+) (?P<word>\w+)))?(?P<status>; echo \"exit \$\?\")?"
)
_IMPORTED = re.compile(r"^(?:from|import) (\w+)", re.MULTILINE)
_SDK = re.compile(r"(?:OpenAI|Anthropic|Client)\(|\b(?:litellm|pydantic_ai)\b")
# Frameworks that the default environment of the tests does not have. `.ci/run all` runs their pages.
FRAMEWORKS = {"fastapi", "instructor", "langchain", "langgraph", "litellm", "pydantic_ai"}
# These differ from run to run: a day, a duration, the id of a trial.
_DAY = "2026-11-26"
_TRIAL = re.compile(r"\btrial [0-9a-f]{12}\b")
_SECONDS = re.compile(r"\b(median|p95)(\s+)\d+\.\d\d\b")


def missing_frameworks(text: str) -> list[str]:
    """Return the frameworks that the blocks of a page import and that are not installed."""
    imported = {name for block in PYTHON.finditer(text) for name in _IMPORTED.findall(block["code"])}
    return sorted(name for name in imported & FRAMEWORKS if importlib.util.find_spec(name) is None)


def rendered(text: str) -> str:
    """Give a page with what its blocks print now."""
    blocks = [
        {"code": result["code"], "session": result["session"]} for result in _BLOCK.finditer(_quoting(text))
    ]
    shown = iter(_replayed(blocks) if blocks else ())
    return _BLOCK.sub(lambda _: next(shown), _quoting(text))


def _quoting(text: str) -> str:
    return _QUOTED.sub(_quoted, text)


def _quoted(quotation: re.Match[str]) -> str:
    """Give a result file as it is quoted: a text as a block, ratios as a table under the heading that is there."""
    path, _, numbers = quotation["path"].partition("#")
    content = (ROOT / path).read_text(encoding="utf-8")
    if numbers:
        paragraphs = content.split("\n\n")
        content = "\n\n".join(paragraphs[int(number) - 1] for number in numbers.split(","))
    shown = f"```text\n{content.rstrip()}\n```"
    if path.endswith(".json"):
        heading = quotation["shown"].splitlines()[:2]
        rows = [f"| {name} | {ratio:.2f}x |" for name, ratio in json.loads(content)["ratio"].items()]
        shown = "\n".join([*heading, *rows])
    return f"<!-- {quotation['path']} -->\n{shown}" + ("\n" if path.endswith(".json") else "")


def _replayed(blocks: list[dict[str, str | None]]) -> list[str]:
    """Run the blocks of a page in a process of their own."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            # The usual store of a user, so that no command has to name it. Under pytest there is none.
            **{
                name: value
                for name, value in os.environ.items()
                if name not in ("SCHEMA_GUARD_STORE", "COLUMNS") and not name.startswith("PYTEST_")
            },
            "HOME": folder,
            "XDG_DATA_HOME": f"{folder}/.local/share",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "NO_COLOR": "1",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # otherwise litellm downloads prices
        }
        done = subprocess.run(
            [sys.executable, "-P", __file__, "--run"],
            cwd=folder,
            env=environment,
            input=json.dumps(blocks),
            text=True,
            stdout=subprocess.PIPE,
            check=True,
        )
    return json.loads(done.stdout)


# What follows runs in the process of a page.


def _run_blocks(blocks: list[dict[str, str | None]]) -> list[str]:
    with contextlib.ExitStack() as stack:
        if any(_SDK.search(block["code"] or "") for block in blocks):
            from schema_guard.testing import serve

            server = stack.enter_context(serve(_answer))
            os.environ["OPENAI_BASE_URL"] = server.openai_url
            os.environ["ANTHROPIC_BASE_URL"] = server.anthropic_url
            os.environ["GOOGLE_GEMINI_BASE_URL"] = server.google_url
            os.environ |= dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), "none")
        if any("schema probe" in (block["session"] or "") for block in blocks):
            from schema_guard.testing import serve
            from tests.enforcing_model import EnforcingModel

            model = EnforcingModel(ignores=["multipleOf"], refuses=["not", "contains"])
            os.environ["OLLAMA_HOST"] = stack.enter_context(serve(model)).url
        return [
            _python_block(block["code"])
            if block["code"] is not None
            else _console_block(block["session"] or "")
            for block in blocks
        ]


def _answer(prompt: str) -> str:
    """Return what `fake_model.py` of the tutorial returns. Other libraries correct a reply with the word "error"."""
    number, total = re.findall(r"number (\d+), total (\w+(?:\.\d+)?)", prompt)[-1]
    if int(number) % 4 == 0 and not re.search("not valid|error", prompt, re.IGNORECASE):
        return f"The total is {total}."
    if int(number) % 13 == 0:
        return f'{{"number": {number}, "total": "{total} EUR"}}'
    return f'{{"number": {number}, "total": {float(total)}}}'


def _python_block(code: str) -> str:
    with _caught() as text:
        # Annotations are looked up in the module that a class or function names.
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        name = re.match(r"# (\w+)\.py\n", code)
        # Records name a function after its file.
        module.__file__ = f"{name[1] if name else 'app'}.py"
        if name:
            module.__spec__ = importlib.machinery.ModuleSpec(name[1], None)
            sys.modules[name[1]] = module
        try:
            exec(compile(code, "<block>", "exec"), vars(module))  # noqa: S102 - the pages' own blocks
        except BaseException:  # noqa: BLE001 - it is shown where the output would be
            traceback.print_exc()
    output = _steady(text.getvalue())
    return f"```python\n{code}```" + (f"\n```text\n{output}```" if output else "")


def _console_block(session: str) -> str:
    lines = []
    for line in session.splitlines():
        if line.startswith("$ "):
            lines += [line, *_steady(_typed(line[2:])).splitlines()]
    return "```console\n" + "\n".join(lines) + "\n```"


def _typed(command: str) -> str:
    # A help is as wide as its page. Other outputs are those of a pipe.
    os.environ.pop("COLUMNS", None)
    if re.search(r" (-h|--help|help)\b", command):
        os.environ["COLUMNS"] = "100"
    ours = _OURS.fullmatch(command)
    if ours is None:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return done.stdout
    from tests.public.commands.command_lines import main

    with _caught() as text, contextlib.redirect_stderr(io.StringIO() if ours["quiet"] else text):
        status = main(shlex.split(ours["arguments"]))
    lines = text.getvalue().splitlines(keepends=True)
    if ours["head"]:
        lines = lines[: int(ours["head"])]
    if ours["word"]:
        item = next((index for index, line in enumerate(lines) if ours["word"] in line), len(lines))
        lines = lines[item : item + 1 + int(ours["after"])]
    return "".join(lines) + (f"exit {status}\n" if ours["status"] else "")


@contextlib.contextmanager
def _caught():
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        yield text


def _steady(output: str) -> str:
    steady = _SECONDS.sub(r"\g<1>\g<2>0.00", output).replace(os.environ["HOME"], "/home/me")
    steady = _TRIAL.sub("trial 01a22a858a2e", steady)
    # A page may be run over midnight.
    today = datetime.now(UTC).date()
    for day in (today - timedelta(days=1), today):
        steady = steady.replace(day.isoformat(), _DAY)
    return steady


def main() -> int:
    if "--run" in sys.argv:
        print(json.dumps(_run_blocks(json.load(sys.stdin))))
        return 0
    stale = []
    named = [Path(name).resolve() for name in sys.argv[1:] if not name.startswith("--")]
    for page in named or PAGES:
        text = page.read_text(encoding="utf-8")
        if missing := missing_frameworks(text):
            print(f"{page.relative_to(ROOT)}: not run without {', '.join(missing)}")
            continue
        now = rendered(text)
        if now != text:
            stale.append(page)
            if "--update" in sys.argv:
                page.write_text(now, encoding="utf-8")
    for page in stale:
        print(page.relative_to(ROOT))
    return int(bool(stale) and "--update" not in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
