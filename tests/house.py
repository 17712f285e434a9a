"""How the house is built: its files, functions, imports and names, read from the code without running it.

    python tests/house.py [CHECKOUT ...]     a column of figures for each checkout; this one where none is named

The laws of `test_house.py` read the same figures.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RINGS = ("ring 0", "product", "ext")
_NO_TOKENS = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip


class Imported(NamedTuple):
    """A name that a module imports.

    Attributes:
        name: In full: `schema_guard.text.clip`.
        is_typed: Only for a type checker: it binds nothing at run time.
        is_local: Inside of a function.
    """

    name: str
    is_typed: bool
    is_local: bool


@dataclass(frozen=True)
class Module:
    """A file of the package, read.

    Attributes:
        path: Where it lies.
        name: As it is imported: `schema_guard.judging`.
        text: What it holds.
    """

    path: Path
    name: str
    text: str = field(repr=False)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> int:
        return self.text.count("\n")

    @cached_property
    def code_lines(self) -> int:
        """Lines that carry a token, without docstrings."""
        return _code_lines(self.text, self.tree)

    @property
    def ring(self) -> str:
        """Return `ring 0` for a module at the top of the package, `ext` for one of an optional part, or `product`."""
        parts = self.name.split(".")
        if parts[1:2] == ["ext"]:
            return "ext"
        return "product" if len(parts) > 2 or (self.is_package and len(parts) == 2) else "ring 0"

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @cached_property
    def functions(self) -> list[tuple[str, int]]:
        """The functions, with their lines, docstrings apart; nested ones too."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [(node.name, _length(node)) for node in ast.walk(self.tree) if isinstance(node, kinds)]

    @cached_property
    def classes(self) -> list[str]:
        return [node.name for node in self.tree.body if isinstance(node, ast.ClassDef)]

    @cached_property
    def imports(self) -> list[Imported]:
        return list(_imports(self.tree, is_typed=False, is_local=False))


def _code_lines(text: str, tree: ast.AST) -> int:
    documented: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str):
                documented |= set(range(first.lineno, first.end_lineno + 1))
    carrying: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_TOKENS:
            carrying |= set(range(token.start[0], token.end[0] + 1))
    return len(carrying - documented)


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str)
    documented = first.end_lineno - first.lineno + 1 if is_docstring else 0
    return function.end_lineno - function.lineno + 1 - documented


def _imports(node: ast.AST, *, is_typed: bool, is_local: bool):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom) and child.module:
            for alias in child.names:
                yield Imported(f"{child.module}.{alias.name}", is_typed, is_local)
        elif isinstance(child, ast.Import):
            for alias in child.names:
                yield Imported(alias.name, is_typed, is_local)
        elif not isinstance(child, ast.expr):
            typed = isinstance(child, ast.If) and getattr(child.test, "id", None) == "TYPE_CHECKING"
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from _imports(child, is_typed=is_typed or typed, is_local=is_local or inside)


class House:
    """The package of one checkout."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.package = root / "schema_guard"
        self.modules = [self._module(path) for path in sorted(self.package.rglob("*.py"))]
        self.by_name = {module.name: module for module in self.modules}

    def _module(self, path: Path) -> Module:
        parts = path.relative_to(self.root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        return Module(path, name, path.read_text(encoding="utf-8"))

    def home_of(self, imported: str) -> str | None:
        """Give the module that an imported name leads to; None where that is not in the package."""
        name = imported
        while name:
            if name in self.by_name:
                return name
            name = name.rpartition(".")[0]
        return None

    @cached_property
    def arrows(self) -> dict[str, set[str]]:
        """Module -> the modules that it imports, for type checkers too. What a package only maps is no import."""
        arrows = {module.name: set() for module in self.modules}
        for module in self.modules:
            # The table of parts names them for type checkers alone.
            if module.is_package or module.name == "schema_guard.extensions":
                continue
            homes = {self.home_of(imported.name) for imported in module.imports}
            arrows[module.name] = homes - {None, module.name, "schema_guard"}
        return arrows

    def code_lines(self, ring: str) -> int:
        """Count the lines of code of a ring; scripts and templates of pages belong to the product."""
        total = sum(module.code_lines for module in self.modules if module.ring == ring)
        if ring == "product":
            pages = (path for path in self.package.rglob("*") if path.suffix in (".js", ".css", ".html"))
            total += sum(len(list(filter(str.strip, _lines(path)))) for path in pages)
        return total

    def circles(self) -> list[list[str]]:
        """Give the sets of modules that lead to one another by their imports."""
        reached = {name: self._reached(name) for name in self.arrows}
        rounds = {
            tuple(sorted(other for other in reached[name] if name in reached[other]))
            for name in self.arrows
            if name in reached[name]
        }
        return [list(names) for names in sorted(rounds)]

    def _reached(self, name: str) -> set[str]:
        reached: set[str] = set()
        ahead = [name]
        while ahead:
            new = self.arrows.get(ahead.pop(), set()) - reached
            reached |= new
            ahead += new
        return reached

    def double_names(self) -> dict[str, list[str]]:
        """Give the public classes whose name another public class has too, with their modules."""
        homes = defaultdict(list)
        for module in self.modules:
            for name in module.classes:
                if not name.startswith("_"):
                    homes[name].append(module.name)
        return {name: where for name, where in sorted(homes.items()) if len(where) > 1}

    def boxes(self) -> dict[str, int]:
        """Give how many modules and rooms each folder has on its own level."""
        folders: Counter[str] = Counter()
        for path in self.package.rglob("*"):
            is_room = path.is_dir() and any(path.glob("*.py"))
            if is_room or (path.suffix == ".py" and path.name != "__init__.py"):
                folders[path.parent.relative_to(self.root).as_posix()] += 1
        return dict(folders)

    def figures(self) -> dict[str, str]:
        """Give what there is to count, in words."""
        sized = sorted((module.lines, module.name) for module in self.modules if module.lines)
        lengths = sorted((n, f"{m.name}.{name}") for m in self.modules for name, n in m.functions)
        boxes = self.boxes()
        fullest = max(boxes, key=lambda folder: (boxes[folder], folder))
        tests = [path.read_text(encoding="utf-8") for path in (self.root / "tests").rglob("*.py")]
        texts = [module.text for module in self.modules]
        longest_file, longest = sized[-1], lengths[-1]
        return {
            "files in the package": f"{len(sized)}",
            "lines in the package": f"{sum(n for n, _ in sized):,}",
            **{f"lines of code, {ring}": f"{self.code_lines(ring):,}" for ring in RINGS},
            "files of tests": f"{len(tests)}",
            "lines of tests": f"{sum(text.count(chr(10)) for text in tests):,}",
            "median file": f"{median(n for n, _ in sized):g} lines",
            "longest file": f"{longest_file[0]} lines: {longest_file[1].removeprefix('schema_guard.')}",
            "files over 500 lines": f"{sum(n > 500 for n, _ in sized)}",
            "functions": f"{len(lengths):,}",
            "median function": f"{median(n for n, _ in lengths):g} lines",
            "longest function": f"{longest[0]} lines: {longest[1].removeprefix('schema_guard.')}",
            "functions over 50 lines": f"{sum(n > 50 for n, _ in lengths)}",
            "circles of imports": f"{len(self.circles())}",
            "public class names used twice": f"{len(self.double_names())}",
            "noqa, package": f"{_count(texts, r'# (ruff: )?noqa')}",
            "noqa, tests and benchmarks": f"{_count([*tests, *self._benchmarks()], r'# (ruff: )?noqa')}",
            "local imports": f"{sum(i.is_local for m in self.modules for i in m.imports)} names",
            "modules with an underscore": f"{sum(m.path.stem.startswith('_') and '__' not in m.path.stem for m in self.modules)}",
            "boxes in the fullest folder": f"{boxes[fullest]}: {fullest}",
            "folders with more than 15 boxes": f"{sum(n > 15 for n in boxes.values())}",
            "lines of the README": f"{(self.root / 'README.md').read_text(encoding='utf-8').count(chr(10))}",
        }

    def _benchmarks(self) -> list[str]:
        return [path.read_text(encoding="utf-8") for path in (self.root / "benchmarks").glob("*.py")]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _count(texts: list[str], pattern: str) -> int:
    return sum(len(re.findall(pattern, text)) for text in texts)


def main(roots: list[str]) -> None:
    """Print a row for each figure, with a column for each checkout."""
    columns = [House(Path(root).resolve()).figures() for root in roots or [str(ROOT)]]
    width = max(map(len, columns[0]))
    shown = [max(len(figure) for figure in column.values()) for column in columns]
    for name in columns[0]:
        cells = (column[name].ljust(size) for column, size in zip(columns, shown, strict=True))
        print(f"{name.ljust(width)}  {'  '.join(cells)}".rstrip())


if __name__ == "__main__":
    main(sys.argv[1:])
