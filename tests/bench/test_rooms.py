"""The four rooms of bench and the arrows between them: suites are run, a run gives a result, engines are asked suites."""

import ast
from pathlib import Path

BENCH = Path(__file__).parents[2] / "schema_guard" / "bench"
MAY_IMPORT = {
    "suites": set(),
    "run": {"suites"},
    "result": {"run", "suites"},
    "engines": {"suites"},
}


def imported(room):
    """The other rooms of bench that the modules of a room name, those of type checkers included."""
    for path in (BENCH / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("schema_guard.bench."):
                yield node.module.split(".")[2]


def test_rooms_import_one_way():
    """To mend a breach, move what both rooms need into the one that stands before them."""
    arrows = {room: set(imported(room)) - {room} for room in MAY_IMPORT}

    assert {path.name for path in BENCH.iterdir() if (path / "__init__.py").exists()} == MAY_IMPORT.keys()
    assert {
        room: others - MAY_IMPORT[room] for room, others in arrows.items() if others - MAY_IMPORT[room]
    } == {}
