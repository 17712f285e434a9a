"""Runs the README: its Python blocks and its console blocks, in order, in one folder with one store.

A block under a comment that names a file in `benchmarks/results/` shows what that file holds, `FILE#2,4` its second
and fourth paragraph.

    python tests/readme_blocks.py            says where the README's output is not what came out
    python tests/readme_blocks.py --update   writes what came out into the README
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
_PYTHON = re.compile(r"```python\n(?P<code>.*?)```\n```text\n(?P<output>.*?)```", re.DOTALL)
_CONSOLE = re.compile(r"```console\n(?P<session>.*?)```", re.DOTALL)
_QUOTED = re.compile(
    r"<!-- (?P<path>benchmarks/results/\S+) -->\n(?P<shown>```text\n.*?```|(?:\|[^\n]*\n?)+)", re.DOTALL
)
_BLOCK = re.compile(f"{_PYTHON.pattern}|{_CONSOLE.pattern}", re.DOTALL)
# What differs from run to run: a duration, and the folder of the run.
_SECONDS = re.compile(r"seconds p50/p95 \d+\.\d+/\d+\.\d+")


def rendered(text: str) -> str:
    """Give the README with what its blocks print now."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "SCHEMA_GUARD_STORE": f"sqlite:///{folder}/records.db",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "NO_COLOR": "1",
            "COLUMNS": "100",
        }
        return _BLOCK.sub(lambda block: _replayed(block, folder, environment), _QUOTED.sub(_quoted, text))


def _quoted(quotation: re.Match[str]) -> str:
    """Give a result file as it is quoted: a text as a block, ratios as a table under the heading that is there."""
    path, _, numbers = quotation["path"].partition("#")
    content = (README.parent / path).read_text(encoding="utf-8")
    if numbers:
        paragraphs = content.split("\n\n")
        content = "\n\n".join(paragraphs[int(number) - 1] for number in numbers.split(","))
    shown = f"```text\n{content.rstrip()}\n```"
    if path.endswith(".json"):
        heading = quotation["shown"].splitlines()[:2]
        rows = [f"| {name} | {ratio:.2f}x |" for name, ratio in json.loads(content)["ratio"].items()]
        shown = "\n".join([*heading, *rows])
    return f"<!-- {quotation['path']} -->\n{shown}" + ("\n" if path.endswith(".json") else "")


def _replayed(block: re.Match[str], folder: str, environment: dict[str, str]) -> str:
    if block["code"] is not None:
        output = _run([sys.executable, "-c", block["code"]], folder, environment)
        return f"```python\n{block['code']}```\n```text\n{output}```"
    lines = []
    for line in block["session"].splitlines():
        if line.startswith("$ "):
            lines += [line, *_run(["sh", "-c", line[2:]], folder, environment).splitlines()]
    return "```console\n" + "\n".join(lines) + "\n```"


def _run(command: list[str], folder: str, environment: dict[str, str]) -> str:
    done = subprocess.run(  # the README's own blocks
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return _SECONDS.sub("seconds p50/p95 0.00/0.00", done.stdout)


def main() -> int:
    text = README.read_text(encoding="utf-8")
    now = rendered(text)
    if "--update" in sys.argv:
        README.write_text(now, encoding="utf-8")
        return 0
    return int(now != text)


if __name__ == "__main__":
    sys.exit(main())
