"""The map of the package lists the folders that exist."""

import re
from pathlib import Path

import schema_guard
from tests.needs import ALL, needs

PACKAGE = Path(schema_guard.__file__).parent
ROOM = re.compile(r"^\| `(?P<room>[^`]+)` \| \S", re.MULTILINE)


def rooms():
    """Give the folders of the package, and the modules at its top."""
    folders = {
        f"{path.relative_to(PACKAGE).as_posix()}/"
        for path in PACKAGE.rglob("*")
        if path.is_dir() and path.name not in {"__pycache__", "_suite"} and any(path.glob("*.[pm][yd]"))
    }
    return folders | {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}


@needs(*ALL)
def test_the_map_is_the_tree():
    """Each folder of the package, and each module at its top, has one line in docs/map.md, and no line is stale."""
    mapped = ROOM.findall((PACKAGE / "docs" / "map.md").read_text(encoding="utf-8"))

    assert sorted(mapped) == sorted(rooms())
