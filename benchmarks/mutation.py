"""Find mutants of the library that no test notices. A mutant changes one place in the code.

    python benchmarks/mutation.py [--packages loop,judging,decide] [--tests DIR ...] [--kinds KIND,...] [--survey FILE]
                                  [--sample 600] [--seed 0] [--workers 2] [--output FILE]

A mutant is the library with one change at one place. Some kinds of changes are slips: a comparison, an operator, a
constant, a condition, or a result. The others are mistakes of a restructuring: a dropped or swapped argument, element,
line, or branch. First, all tests run once under coverage, which records the tests that run each line, and the seconds
of each test. Then each mutant of a seeded sample runs the tests of its line, the quickest first, until one fails. This
mutant is killed. If all of them pass, it survived. If no test runs its line, it was not tried. A mutant that hangs
counts as noticed.
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
import textwrap
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "accepting", "judging", "loop", "parsing", "prompting", "reading", "schema", "strategies", "validation", "decide", "ext/repair", "ext/streaming",
)  # fmt: skip
# These run the lines of the packages and take seconds, not minutes.
TESTS = (
    "tests/public",
    "tests/validation",
    "tests/preparing",
    "tests/received",
    "tests/decide",
    "tests/ext/streaming",
)
# Limit of the tests of one mutant in seconds, and the factor and the seconds that it may take longer.
_MOST_TEST_SECONDS = 20.0
_PATIENCE, _GRACE_SECONDS = 4.0, 20.0
# A module with fewer tests than these also gets the tests of its folder.
_FEW_TESTS = 20
# Characters of a text in the list of survivors.
_WIDTH = 100

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.And: ast.Or, ast.Or: ast.And, ast.Break: ast.Continue, ast.Continue: ast.Break,
}  # fmt: skip
_OTHER_FUNCTIONS = {"any": "all", "all": "any", "min": "max", "max": "min"}
# No behavior depends on these arguments, or none that a test can see.
_SILENT_ARGUMENTS = {"strict", "encoding", "slots", "frozen", "kw_only", "daemon", "stacklevel"}
# The arguments of these are types or names.
_TYPE_FUNCTIONS = {"cast", "TypeVar", "NewType", "ParamSpec"}


class Mutant(NamedTuple):
    """One change.

    Attributes:
        path: Path of the module, from the root.
        line: Line of the change.
        kind: Kind of the change.
        index: Number of the place among all places that can be changed, in the order of the tree.
        said: The line before and after the change, for people.
        first: First line of the innermost function around it. Zero for a line of the module or of a class.
        last: Last line of that function.
    """

    path: str
    line: int
    kind: str
    index: int
    said: str
    first: int = 0
    last: int = 0


class Ended(NamedTuple):
    """The result of a mutant: `killed`, `hung`, `survived`, or `not tried`, and the number of tests that ran."""

    mutant: Mutant
    what: str
    tests: int


class _Changer(ast.NodeTransformer):
    """A visitor that counts the places of a module that can be changed, and changes the one with the wanted number."""

    def __init__(self, wanted: int | None = None) -> None:
        self._wanted = wanted
        self._function = (0, 0)
        self.places: list[tuple[int, str, str, int, int]] = []

    def _change(self, node: ast.AST, kind: str, *ways: ast.AST) -> ast.AST:
        """Count each change of a node, and return the one with the wanted number, or otherwise the node."""
        result = node
        for changed in ways:
            if len(self.places) == self._wanted:
                result = ast.copy_location(changed, node)
            text = _difference(_text(node), _text(changed))
            self.places.append((getattr(node, "lineno", 0), kind, text, *self._function))
        return result

    def visit_Module(self, node: ast.Module) -> ast.AST:
        # Names, docstrings and types of a module are no behaviour.
        node.body = [part if _is_plain(part) else self.visit(part) for part in node.body]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node.name == "__repr__":
            return node
        around = self._function
        node.args.defaults = [self.visit(default) for default in node.args.defaults]
        node.args.kw_defaults = [default and self.visit(default) for default in node.args.kw_defaults]
        body = [part for part in node.body if not _is_text(part)]
        if body:
            self._function = (body[0].lineno, node.end_lineno or node.lineno)
        node.body = [part if _is_text(part) else self.visit(part) for part in node.body]
        self._function = around
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment] # noqa: N815

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        # Without an assignment to a name, most functions raise a NameError, which shows nothing.
        if self._function == (0, 0) or isinstance(node.targets[0], (ast.Name, ast.Tuple)):
            return node
        return self._change(node, "dropped line", ast.Pass())

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        return self._change(node, "dropped line", ast.Pass())

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        self.generic_visit(node)
        return self._change(node, "dropped line", ast.Pass()) if isinstance(node.value, ast.Call) else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = getattr(node.func, "id", "")
        if name in _TYPE_FUNCTIONS:
            return node
        self.generic_visit(node)
        node = self._change(node, "other function", *_other_functions(node, name))
        if not isinstance(node, ast.Call):
            return node
        node = self._change(node, "dropped argument", *_fewer_arguments(node))
        return self._change(node, "swapped arguments", *_swapped_arguments(node))

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        self.generic_visit(node)
        places = range(len(node.keys))
        fewer = [ast.Dict(_without(node.keys, i), _without(node.values, i)) for i in places]
        return self._change(node, "dropped element", *fewer)

    def visit_List(self, node: ast.List) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            return node
        fewer = [type(node)(_without(node.elts, i), node.ctx) for i in range(len(node.elts))]
        return self._change(node, "dropped element", *fewer)

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) or len(node.elts) < 2:
            return node
        # A tuple of fields or of rows is too short without an element, which any test notices.
        others = [ast.Tuple(_swapped(node.elts, i), node.ctx) for i in range(len(node.elts) - 1)]
        node = self._change(node, "swapped elements", *others)  # type: ignore[assignment]
        if len(node.elts) < 3:
            return node
        fewer = [ast.Tuple(_without(node.elts, i), node.ctx) for i in range(len(node.elts))]
        return self._change(node, "dropped element", *fewer)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        if not node.ifs:
            return node
        line = ast.copy_location(ast.Expr(node.ifs[0]), node.ifs[0])
        is_wanted = len(self.places) == self._wanted
        self._change(line, "dropped filter", ast.Expr(ast.Constant(True)))
        return ast.comprehension(node.target, node.iter, node.ifs[1:], node.is_async) if is_wanted else node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        return self._change(node, "dropped handler", ast.ExceptHandler(node.type, node.name, [ast.Raise()]))

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = [part if _is_plain(part) else self.visit(part) for part in node.body]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        # Other checks pin the words of messages, so only the raise counts.
        return self._change(node, "raise", ast.Pass())

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        swapped = _SWAPS.get(type(node.ops[0]))
        if swapped is None:
            return node
        other = ast.Compare(node.left, [swapped(), *node.ops[1:]], node.comparators)
        changed = self._change(node, "comparison", other)
        if changed is not node or getattr(node.comparators[0], "value", ...) is not None or len(node.ops) > 1:
            return changed
        is_none = isinstance(node.ops[0], ast.Is)
        return self._change(node, "truth", ast.UnaryOp(ast.Not(), node.left) if is_none else node.left)

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
        changed = self._change(node, "operator", ast.BoolOp(_SWAPS[type(node.op)](), node.values))
        if changed is not node:
            return changed
        fewer = [_without(node.values, i) for i in range(len(node.values))]
        parts = [ast.BoolOp(node.op, values) if values[1:] else values[0] for values in fewer]
        return self._change(node, "dropped operand", *parts)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return self._change(node, "operator", node.operand) if isinstance(node.op, ast.Not) else node

    def visit_If(self, node: ast.If) -> ast.AST:
        if getattr(node.test, "id", None) == "TYPE_CHECKING":
            return node
        self.generic_visit(node)
        negated = ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
        changed = self._change(node, "condition", negated)
        if changed is not node:
            return changed
        return self._change(node, "dropped branch", ast.If(ast.Constant(False), node.body, node.orelse))

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


def _other_functions(node: ast.Call, name: str) -> list[ast.AST]:
    if other := _OTHER_FUNCTIONS.get(name):
        return [ast.Call(ast.Name(other, ast.Load()), node.args, node.keywords)]
    if name == "sorted" and all(keyword.arg != "reverse" for keyword in node.keywords):
        reverse = ast.keyword("reverse", ast.Constant(True))
        return [ast.Call(node.func, node.args, [*node.keywords, reverse])]
    return []


def _fewer_arguments(node: ast.Call) -> list[ast.AST]:
    return [
        ast.Call(node.func, node.args, _without(node.keywords, i))
        for i, keyword in enumerate(node.keywords)
        if keyword.arg not in _SILENT_ARGUMENTS
    ]


def _swapped_arguments(node: ast.Call) -> list[ast.AST]:
    """Return the calls with two swapped neighbors: two arguments, or the values of two keywords."""
    is_starred = any(isinstance(one, ast.Starred) for one in node.args)
    pairs = [] if is_starred else range(len(node.args) - 1)
    calls: list[ast.AST] = [ast.Call(node.func, _swapped(node.args, i), node.keywords) for i in pairs]
    for i, (one, other) in enumerate(zip(node.keywords, node.keywords[1:], strict=False)):
        if one.arg and other.arg and ast.dump(one.value) != ast.dump(other.value):
            pair = [ast.keyword(one.arg, other.value), ast.keyword(other.arg, one.value)]
            calls.append(ast.Call(node.func, node.args, [*node.keywords[:i], *pair, *node.keywords[i + 2 :]]))
    return calls


def _without(parts: list[Any], i: int) -> list[Any]:
    return [*parts[:i], *parts[i + 1 :]]


def _swapped(parts: list[Any], i: int) -> list[Any]:
    return [*parts[:i], parts[i + 1], parts[i], *parts[i + 2 :]]


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(ast.fix_missing_locations(deepcopy(node))).split())


def _difference(before: str, after: str) -> str:
    """Return two texts, with their common start cut short."""
    same = len(os.path.commonprefix([before, after]))  # noqa: RUF071 - by characters
    start = max(0, same - 40) if max(len(before), len(after)) > _WIDTH else 0
    return " -> ".join(textwrap.shorten(text[start:], _WIDTH, placeholder="…") for text in (before, after))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_plain(node: ast.AST) -> bool:
    is_names = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("__all__", "__slots__")
    return _is_text(node) or is_names or isinstance(node, (ast.Import, ast.ImportFrom))


def mutants_of(path: str) -> list[Mutant]:
    """Return every change of a module."""
    changer = _Changer()
    changer.visit(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    return [
        Mutant(path, line, kind, i, text, *function)
        for i, (line, kind, text, *function) in enumerate(changer.places)
    ]


def changed(mutant: Mutant) -> ast.Module:
    """Return the module with the change made."""
    tree = _Changer(mutant.index).visit(ast.parse((ROOT / mutant.path).read_text(encoding="utf-8")))
    module: ast.Module = ast.fix_missing_locations(tree)
    return module


# Runs in its own process: all tests once, with the lines that each test runs.
_SURVEY = """
import json, sys, time
import coverage, pytest
cov = coverage.Coverage(data_file=None, include=sys.argv[2].split(","), config_file=False)
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

# Runs in its own process: tests with one changed module.
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


def survey(
    packages: list[str], folders: list[str], stored: Path | None = None
) -> tuple[dict[str, float], dict[str, dict[int, list[str]]]]:
    """Run the tests once. Return the seconds of each test, and the tests that run each line of each file.

    Args:
        packages: Packages whose lines count.
        folders: Folders or files of tests.
        stored: File of an earlier survey. It is read if it exists, and written otherwise.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = stored or Path(folder, "survey.json")
        sources = ",".join(f"{place}/*" if place.is_dir() else str(place) for place in map(_place, packages))
        command = [sys.executable, "-c", _SURVEY, str(result), sources, *folders]
        if not result.exists():
            subprocess.run(command, cwd=ROOT, env=_environment(), stdout=sys.stderr, check=True)
        read = json.loads(result.read_text(encoding="utf-8"))
    lines = {
        Path(file).relative_to(ROOT).as_posix(): {int(line): tests for line, tests in result.items()}
        for file, result in read["lines"].items()
    }
    return read["seconds"], lines


def _place(name: str) -> Path:
    """Return the folder of a package, or the file of a module."""
    folder = ROOT / "schema_guard" / name
    return folder if folder.is_dir() else folder.with_suffix(".py")


def _environment() -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}


def tests_of(mutant: Mutant, lines: dict[str, dict[int, list[str]]]) -> list[str]:
    """Return the tests that run the line, or if there are none, those of its function.

    A line outside all functions runs once, in the test that imports the module first. For such a line, return the tests
    of the module, and if these are few, those of its folder.
    """
    in_module = lines.get(mutant.path, {})
    if mutant.last:
        own = in_module.get(mutant.line)
        return own or _together(in_module, mutant.first, mutant.last)
    tests = _together(in_module, 0, sys.maxsize)
    if len(tests) >= _FEW_TESTS:
        return tests
    folder = mutant.path.rpartition("/")[0]
    inside = [result for path, result in lines.items() if path.startswith(f"{folder}/")]
    return sorted({test for result in inside for test in _together(result, 0, sys.maxsize)})


def _together(lines: dict[int, list[str]], first: int, last: int) -> list[str]:
    return sorted({test for line, tests in lines.items() if first <= line <= last for test in tests})


def chosen(tests: list[str], seconds: dict[str, float]) -> list[str]:
    """Return the quickest tests that together fit the time limit of a mutant."""
    left, taken = _MOST_TEST_SECONDS, []
    for test in sorted(tests, key=lambda test: (seconds[test], test)):
        left -= seconds[test]
        if left < 0 and taken:
            break
        taken.append(test)
    return taken


def tried(mutant: Mutant, tests: list[str], seconds: dict[str, float]) -> Ended:
    """Run tests on a mutant."""
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


def report_on(ended: list[Ended], given: argparse.Namespace, *, total: int) -> Iterator[str]:
    """Return the result as lines: rates with their bounds by package and by kind of change, and every survivor."""
    from schema_guard.stats import clopper_pearson

    now = datetime.now(UTC).isoformat(timespec="seconds")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    yield f"{len(ended)} of {total:,} mutants of {' and '.join(given.packages)}, seed {given.seed}, at {commit.stdout.strip()}, {now}"
    yield "tests " + " ".join(given.tests)
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
        return f"{name:18} {len(members):4}  {count['killed']:4}  {count['hung']:4}  {count['survived']:4}  {count['not tried']:4}   {rate}"

    yield f"{'':18} {'n':>4}  {'kill':>4}  {'hung':>4}  {'live':>4}  {'none':>4}   noticed"
    yield row("all", ended)
    for package in given.packages:
        inside = (f"schema_guard/{package}/", f"schema_guard/{package}.py")
        yield row(package, [one for one in ended if one.mutant.path.startswith(inside)])
    for kind in sorted({one.mutant.kind for one in ended}):
        yield row(kind, [one for one in ended if one.mutant.kind == kind])
    for what in ("survived", "not tried"):
        yield ""
        yield f"{what}:"
        for one in sorted(ended, key=lambda one: one.mutant):
            if one.what == what:
                yield f"  {one.mutant.path}:{one.mutant.line}  {one.mutant.kind}: {one.mutant.said}"


def _names(text: str) -> list[str]:
    return text.split(",")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--packages", type=_names, default=list(PACKAGES),
        help=f"packages or modules to change, with commas between them, like ext/tuning. Default: {','.join(PACKAGES)}",
    )  # fmt: skip
    parser.add_argument(
        "--tests", nargs="+", default=list(TESTS), help="folders or files of tests. Default: six folders"
    )
    parser.add_argument(
        "--kinds", type=_names, help="kinds of change, with commas between them. Default: all"
    )
    parser.add_argument("--survey", type=Path, help="file of the tests of each line, to write once and reuse")
    parser.add_argument("--sample", type=int, default=600, help="number of mutants to try. Default: 600")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample. Default: 0")
    parser.add_argument("--workers", type=int, default=2, help="number of mutants to run at once. Default: 2")
    parser.add_argument("--output", type=Path, help="file to write the result to, too")
    return parser.parse_args()


def main() -> None:
    """Draw the sample, run the tests of each mutant, and print the result."""
    value = _arguments()
    folders = [_place(package) for package in value.packages]
    files = sorted(
        path for folder in folders for path in ([folder] if folder.suffix else folder.rglob("*.py"))
    )
    every = [mutant for path in files for mutant in mutants_of(path.relative_to(ROOT).as_posix())]
    every = [mutant for mutant in every if value.kinds is None or mutant.kind in value.kinds]
    sample = random.Random(value.seed).sample(every, min(value.sample, len(every)))
    print(f"{len(every)} mutants; the tests run once", file=sys.stderr)
    seconds, lines = survey(value.packages, value.tests, value.survey)
    began = time.monotonic()
    ended: list[Ended] = []
    with ThreadPoolExecutor(value.workers) as pool:
        trials = [pool.submit(tried, mutant, tests_of(mutant, lines), seconds) for mutant in sample]
        for number, future in enumerate(trials, start=1):
            ended.append(future.result())
            if number % 20 == 0:
                lived = sum(one.what == "survived" for one in ended)
                progress = f"{number}/{len(sample)}, {lived} survived, {time.monotonic() - began:.0f} s"
                print(progress, file=sys.stderr, flush=True)
    text = "\n".join(report_on(ended, value, total=len(every))) + "\n"
    print(text, end="")
    if value.output:
        value.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
