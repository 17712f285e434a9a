"""Mutants of `core` and `decide`: what the tests do not notice when one thing in the code is another.

    python benchmarks/mutation.py [--sample 600] [--seed 0] [--workers 2] [--output FILE]

A mutant is the package with one change at one place: a comparison, an operator, a constant, a condition, a result.
First the tests run once, and which of them go through which line is noted with the time that each takes. Then every
mutant of the seeded sample runs the tests that go through its line, the quickest first, until one fails: it is killed.
One that none of them notices has survived; one whose line no test goes through was not tried. A mutant that hangs is
killed by the clock and counted so.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("core", "decide")
# What goes through these rooms and takes seconds, not minutes.
TESTS = ("tests/core", "tests/decide", "tests/public", "tests/guards", "tests/calls", "tests/targets")
# The tests of one mutant, by the time that they took; and how much longer than that it may take.
_MOST_TEST_SECONDS = 20.0
_PATIENCE, _GRACE_SECONDS = 4.0, 20.0

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.And: ast.Or, ast.Or: ast.And, ast.Break: ast.Continue, ast.Continue: ast.Break,
}  # fmt: skip


class Mutant(NamedTuple):
    """One change.

    Attributes:
        path: Of the module, from the root.
        line: Where.
        kind: Of the change.
        index: Which of the places that can be changed in this way, in the order of the tree.
        said: The line before and what becomes of it, for people.
    """

    path: str
    line: int
    kind: str
    index: int
    said: str


class Ended(NamedTuple):
    """What became of a mutant: `killed`, `hung`, `survived` or `not tried`, and how many tests it was held against."""

    mutant: Mutant
    what: str
    tests: int


class _Changer(ast.NodeTransformer):
    """Walks a module, counts the places that can be changed, and changes the one of that number."""

    def __init__(self, wanted: int | None = None) -> None:
        self._wanted = wanted
        self.places: list[tuple[int, str, str]] = []

    def _change(self, node: ast.AST, kind: str, changed: ast.AST) -> ast.AST:
        self.places.append((getattr(node, "lineno", 0), kind, f"{_text(node)} -> {_text(changed)}"))
        return ast.copy_location(changed, node) if len(self.places) - 1 == self._wanted else node

    def visit_Module(self, node: ast.Module) -> ast.AST:
        # Names, docstrings and types of a module are no behaviour.
        node.body = [part if _is_plain(part) else self.visit(part) for part in node.body]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.body = [part if _is_text(part) else self.visit(part) for part in node.body]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = [part if _is_plain(part) else self.visit(part) for part in node.body]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        # The words of messages are pinned elsewhere; that something is raised is what counts.
        return self._change(node, "raise", ast.Pass())

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        swapped = _SWAPS.get(type(node.ops[0]))
        if swapped is None:
            return node
        return self._change(
            node, "comparison", ast.Compare(node.left, [swapped(), *node.ops[1:]], node.comparators)
        )

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        swapped = _SWAPS.get(type(node.op))
        return (
            node
            if swapped is None
            else self._change(node, "operator", ast.BinOp(node.left, swapped(), node.right))
        )

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        return self._change(node, "operator", ast.BoolOp(_SWAPS[type(node.op)](), node.values))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return self._change(node, "operator", node.operand) if isinstance(node.op, ast.Not) else node

    def visit_If(self, node: ast.If) -> ast.AST:
        if getattr(node.test, "id", None) == "TYPE_CHECKING":
            return node
        self.generic_visit(node)
        return self._change(
            node, "condition", ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
        )

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        return self._change(node, "condition", ast.IfExp(node.test, node.orelse, node.body))

    def visit_Return(self, node: ast.Return) -> ast.AST:
        self.generic_visit(node)
        if node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None):
            return node
        return self._change(node, "result", ast.Return(ast.Constant(None)))

    def visit_Break(self, node: ast.Break) -> ast.AST:
        return self._change(node, "loop", ast.Continue())

    def visit_Continue(self, node: ast.Continue) -> ast.AST:
        return self._change(node, "loop", ast.Break())

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        value = node.value
        if isinstance(value, bool):
            return self._change(node, "constant", ast.Constant(not value))
        if isinstance(value, (int, float)):
            return self._change(node, "constant", ast.Constant(value + 1))
        if isinstance(value, str) and value:
            return self._change(node, "constant", ast.Constant(value + "~"))
        return node


def _text(node: ast.AST) -> str:
    text = " ".join(ast.unparse(ast.fix_missing_locations(deepcopy(node))).split())
    return text if len(text) <= 60 else text[:59] + "…"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_plain(node: ast.AST) -> bool:
    is_names = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("__all__", "__slots__")
    return _is_text(node) or is_names or isinstance(node, (ast.Import, ast.ImportFrom))


def mutants_of(path: str) -> list[Mutant]:
    """Give every change of a module."""
    changer = _Changer()
    changer.visit(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    return [Mutant(path, line, kind, i, said) for i, (line, kind, said) in enumerate(changer.places)]


def changed(mutant: Mutant) -> ast.Module:
    """Give the module with the change made."""
    tree = _Changer(mutant.index).visit(ast.parse((ROOT / mutant.path).read_text(encoding="utf-8")))
    module: ast.Module = ast.fix_missing_locations(tree)
    return module


# Run in a process of its own: the tests once, with which of them goes through which line.
_SURVEY = """
import json, sys, time
import coverage, pytest
cov = coverage.Coverage(data_file=None, source=sys.argv[2].split(","), config_file=False)
class Watch:
    seconds, failed = {}, []
    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item):
        cov.switch_context(item.nodeid)
        began = time.perf_counter()
        yield
        self.seconds[item.nodeid] = time.perf_counter() - began
        cov.switch_context("")
    def pytest_runtest_logreport(self, report):
        if report.outcome != "passed":
            self.failed.append(report.nodeid)
cov.start()
pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--hypothesis-seed=0", *sys.argv[3:]], plugins=[Watch()])
cov.stop()
data = cov.get_data()
left_out = set(Watch.failed)
lines = {}
for file in data.measured_files():
    for line, contexts in data.contexts_by_lineno(file).items():
        lines.setdefault(file, {})[line] = [c for c in contexts if c and c not in left_out]
json.dump({"seconds": Watch.seconds, "lines": lines}, open(sys.argv[1], "w"))
"""

# Run in a process of its own: tests with one module changed.
_TRIAL = """
import importlib.abc, importlib.util, pickle, sys
sys.path.insert(0, {benchmarks!r})
import mutation
mutant = mutation.Mutant(*{mutant!r})
name = mutant.path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, found, path, target=None):
        if found != name:
            return None
        file = str(mutation.ROOT / mutant.path)
        places = [file.removesuffix("/__init__.py")] if file.endswith("/__init__.py") else None
        spec = importlib.util.spec_from_file_location(name, file, loader=self, submodule_search_locations=places)
        return spec
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(compile(mutation.changed(mutant), str(mutation.ROOT / mutant.path), "exec"), module.__dict__)
class First:
    def pytest_configure(self, config):
        # Not before: pytest puts a finder of its own in front, which takes the package for a plugin's.
        assert name not in sys.modules, name
        sys.meta_path.insert(0, Changed())
import pytest
tests = sys.stdin.read().split("\\n")
sys.exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", *tests], plugins=[First()]))
"""


def survey(folders: list[str]) -> tuple[dict[str, float], dict[str, dict[int, list[str]]]]:
    """Run the tests once: the seconds of each, and for each line of a file the tests that go through it."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder, "survey.json")
        sources = ",".join(str(ROOT / "schema_guard" / room) for room in ROOMS)
        command = [sys.executable, "-c", _SURVEY, str(found), sources, *folders]
        subprocess.run(command, cwd=ROOT, env=_environment(), stdout=sys.stderr, check=True)
        read = json.loads(found.read_text(encoding="utf-8"))
    lines = {
        Path(file).relative_to(ROOT).as_posix(): {int(line): tests for line, tests in found.items()}
        for file, found in read["lines"].items()
    }
    return read["seconds"], lines


def _environment() -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}


def chosen(tests: list[str], seconds: dict[str, float]) -> list[str]:
    """Give the quickest tests that together took no longer than a mutant is given."""
    left, taken = _MOST_TEST_SECONDS, []
    for test in sorted(tests, key=lambda test: (seconds[test], test)):
        left -= seconds[test]
        if left < 0 and taken:
            break
        taken.append(test)
    return taken


def tried(mutant: Mutant, tests: list[str], seconds: dict[str, float]) -> Ended:
    """Hold a mutant against tests."""
    if not tests:
        return Ended(mutant, "not tried", 0)
    taken = chosen(tests, seconds)
    patience = _PATIENCE * sum(seconds[test] for test in taken) + _GRACE_SECONDS
    code = _TRIAL.format(benchmarks=str(ROOT / "benchmarks"), mutant=tuple(mutant))
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            process.communicate("\n".join(taken), timeout=patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return Ended(mutant, "hung", len(taken))
    return Ended(mutant, "survived" if process.returncode == 0 else "killed", len(taken))


def report_on(ended: list[Ended], *, total: int, seed: int) -> Iterator[str]:
    """Give the result as lines: rates with their bounds by room and by kind of change, and every survivor."""
    from schema_guard.stats import clopper_pearson

    now = datetime.now(UTC).isoformat(timespec="seconds")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    yield f"{len(ended)} of {total:,} mutants of {' and '.join(ROOMS)}, seed {seed}, at {commit.stdout.strip()}, {now}"
    yield "tests " + " ".join(TESTS)
    yield "noticed: killed by a test, or hung; of the mutants that a test goes through; 95 % interval of Clopper and Pearson"
    yield ""

    def row(name: str, members: list[Ended]) -> str:
        count = Counter(one.what for one in members)
        noticed, n = count["killed"] + count["hung"], len(members) - count["not tried"]
        bounds = clopper_pearson(noticed, n)
        rate = (
            "no data"
            if bounds is None
            else f"{100 * noticed / n:.1f} % [{100 * bounds.lower:.1f}, {100 * bounds.upper:.1f}]"
        )
        return f"{name:12} {len(members):4}  {count['killed']:4}  {count['hung']:4}  {count['survived']:4}  {count['not tried']:4}   {rate}"

    yield f"{'':12} {'n':>4}  {'kill':>4}  {'hung':>4}  {'live':>4}  {'none':>4}   noticed"
    yield row("all", ended)
    for room in ROOMS:
        yield row(room, [one for one in ended if one.mutant.path.startswith(f"schema_guard/{room}/")])
    for kind in sorted({one.mutant.kind for one in ended}):
        yield row(kind, [one for one in ended if one.mutant.kind == kind])
    for what in ("survived", "not tried"):
        yield ""
        yield f"{what}:"
        for one in sorted(ended, key=lambda one: one.mutant):
            if one.what == what:
                yield f"  {one.mutant.path}:{one.mutant.line}  {one.mutant.said}"


def main() -> None:
    """Draw the sample, try it, and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", type=int, default=600, help="how many mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="mutants at once")
    parser.add_argument("--output", type=Path, help="also write the result there")
    given = parser.parse_args()

    files = sorted(path for room in ROOMS for path in (ROOT / "schema_guard" / room).rglob("*.py"))
    every = [mutant for path in files for mutant in mutants_of(path.relative_to(ROOT).as_posix())]
    sample = random.Random(given.seed).sample(every, min(given.sample, len(every)))
    began = time.monotonic()
    print(f"{len(every)} mutants; the tests run once", file=sys.stderr)
    seconds, lines = survey(list(TESTS))
    ended: list[Ended] = []
    with ThreadPoolExecutor(given.workers) as pool:
        asked = [
            pool.submit(tried, mutant, lines.get(mutant.path, {}).get(mutant.line, []), seconds)
            for mutant in sample
        ]
        for number, future in enumerate(asked, start=1):
            ended.append(future.result())
            if number % 20 == 0:
                lived = sum(one.what == "survived" for one in ended)
                told = f"{number}/{len(sample)}, {lived} survived, {time.monotonic() - began:.0f} s"
                print(told, file=sys.stderr, flush=True)
    text = "\n".join(report_on(ended, total=len(every), seed=given.seed)) + "\n"
    print(text, end="")
    if given.output:
        given.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
