"""The laws of the house: where things stand, what may import what, how large anything may be.

Each breach says where the thing belongs. `python tests/house.py` prints the figures.
"""

import re
import sys
from collections import defaultdict

import pytest

import schema_guard
from schema_guard.extensions import PARTS, load
from tests.house import House
from tests.needs import ALL, needs

HOUSE = House()
MODULES = [module for module in HOUSE.modules if module.name != "schema_guard"]

# From the ground up. A module imports from its own floor, from those below it, and inside its own folder.
FLOORS = (
    (
        "locks",
        "errors",
        "text",
        "pointer",
        "interruptions",
        "arguments",
        "token_estimate",
        "stats",
        "configuration",
    ),
    ("extensions", "front_door", "limits", "parsing", "values"),
    ("validation",),
    ("types",),
    ("schema",),
    ("prices", "records"),
    ("decide",),
    ("report",),
    ("providers",),
    ("prompting",),
    ("strategies",),
    ("received",),
    ("models",),
    ("preparing", "settings"),
    ("reading",),
    ("plain_reply",),
    ("judging",),
    ("loop",),
    ("drive",),
    ("failure_message", "observation", "running_call"),
    ("fast",),
    ("guarded",),
    ("decorator",),
    ("bench",),
    ("testing",),
    ("cli",),
    ("ext",),
    ("__main__",),
)
FLOOR_OF = {part: level for level, parts in enumerate(FLOORS) for part in parts}
# Rooms of a folder, from the ground up: one imports from those before it. What stands beside them in the folder is free.
ROOMS = {
    "records": ("payloads", "counts", "sqlite"),
    "bench": ("suites", "run", "result"),
    "testing": ("schemas", "model_replies"),
}
# The pure modules and folders: from a text to a value or a failure.
PURE = (
    "plain_reply", "failure_message", "ext.repair", "ext.streaming", "judging", "limits", "loop", "parsing", "pointer", "prompting", "providers.message_lists", "providers.messages", "reading",
    "schema", "strategies", "validation", "values",
)  # fmt: skip
STANDARD_OF_PURE = {
    "__future__", "collections", "copy", "dataclasses", "datetime", "decimal", "enum", "functools", "graphlib", "hashlib", "itertools",
    "json", "math", "os", "pathlib", "re", "reprlib", "sys", "threading", "types", "typing", "urllib", "uuid", "operator", "string",
    "abc", "bisect", "heapq", "fractions", "unicodedata", "weakref",
}  # fmt: skip
ENGINES = {"jiter", "jsonschema", "jsonschema_rs", "jsonschema_specifications", "referencing"}
# What a folder may import at its top: the command line's own libraries, and what tests use.
THIRD_PARTY = {"cli": {"click", "rich"}, "testing": {"hypothesis", "pytest"}}
# Commands of parts, and what tests use of them.
THIRD_PARTY_OF_PARTS = {"click", "rich", "hypothesis"}

# Lines of code of each ring. A feature raises a limit by its own size, and its commit gives the reason.
MOST_CODE_LINES = {"ring 0": 3_973, "product": 34_094, "ext": 30_310}

MOST_LINES, MOST_LINES_OF_TESTS, MOST_LINES_OF_A_FUNCTION, MOST_BOXES = 500, 800, 50, 20
# One level with many boxes: the floors themselves, a file for each provider, and one for each command.
MANY_BOXES = {"schema_guard", "schema_guard/cli", "schema_guard/ext", "schema_guard/providers"}


def short(module):
    return module.name.removeprefix("schema_guard.")


def part_of(name):
    return name.split(".")[1]


def breaches(found):
    """Give what each module does that it should not, of those that do."""
    texts = {short(module): list(found(module)) for module in MODULES}
    return {name: what for name, what in texts.items() if what}


def test_every_part_has_a_floor():
    """What stands at the top of the package has a floor."""
    parts = {part_of(module.name) for module in MODULES}

    assert parts - FLOOR_OF.keys() == set(), "name it in FLOORS of tests/test_house.py, and in docs/map.md"


def test_imports_go_one_way():
    """A module imports from its own layer, from layers below it, or from its own folder."""

    def upward(module):
        own = part_of(module.name)
        # What a package only maps it does not import itself.
        for imported in module.imports if not module.is_package else ():
            home = HOUSE.home_of(imported.name)
            if imported.is_typed or home in (None, "schema_guard") or part_of(home) == own:
                continue
            if FLOOR_OF[part_of(home)] > FLOOR_OF[own]:
                yield imported.name

    assert breaches(upward) == {}, (
        "it stands on a higher floor: move what is needed to a floor below, or hand it in as an argument"
    )


@pytest.mark.parametrize("folder", ROOMS)
def test_rooms_of_a_folder_keep_their_order(folder):
    """Inside a folder a room imports only from the rooms before it."""
    rooms = ROOMS[folder]
    wrong = []
    for module in MODULES:
        parts = module.name.split(".")
        if parts[1] != folder or parts[2:3] == [] or parts[2] not in rooms:
            continue
        later = rooms[rooms.index(parts[2]) + 1 :]
        for other in HOUSE.arrows[module.name]:
            theirs = other.split(".")
            if theirs[1] == folder and theirs[2:3] and theirs[2] in later:
                wrong.append(f"{short(module)} imports {other.removeprefix('schema_guard.')}")

    assert wrong == [], (
        f"the rooms of {folder} go {' < '.join(rooms)}: what both need belongs into the lower one"
    )


def test_no_circles():
    """No two modules need each other, for type checkers neither."""
    assert HOUSE.circles() == [], "move what both need into a module below them, or put the two into one"


def test_no_public_class_name_means_two_things():
    """A name of a public class is used once in the package."""
    assert HOUSE.double_names() == {}, "rename the one that fewer people see, by what tells it from the other"


def test_pure_modules_do_no_io():
    """The modules from text to value import no clock, no randomness, no network, and no package except the engines."""

    def impure(module):
        named = {imported.name.split(".")[0] for imported in module.imports if not imported.is_typed}
        is_pure = any(short(module) == part or short(module).startswith(f"{part}.") for part in PURE)
        return named - STANDARD_OF_PURE - ENGINES - {"schema_guard"} if is_pure else ()

    assert breaches(impure) == {}, (
        "a pure module does no I/O: let drive.py, records/ or cli/ do it, and hand in the result"
    )


def test_packages_are_imported_where_they_are_used():
    """No module imports a package of others at its top but the command line, and what tests use."""

    def eager(module):
        named = {i.name.split(".")[0] for i in module.imports if not (i.is_typed or i.is_local)}
        part = part_of(module.name)
        own = THIRD_PARTY_OF_PARTS if part == "ext" else THIRD_PARTY.get(part, set())
        return named - sys.stdlib_module_names - {"schema_guard"} - own

    assert breaches(eager) == {}, (
        "import it inside of the function that needs it: whoever does not use that must not pay for it"
    )


def test_no_file_is_too_long():
    """A file of the package has at most 500 lines."""
    long = {short(module): module.lines for module in MODULES if module.lines > MOST_LINES}

    assert long == {}, "split it by what its parts are about"


def test_no_function_is_too_long():
    """A function has at most 50 lines, its docstring apart."""

    def long(module):
        return [f"{name}: {n} lines" for name, n in module.functions if n > MOST_LINES_OF_A_FUNCTION]

    assert breaches(long) == {}, "give a step of it a name"


def test_every_file_names_its_licence():
    """The first line of a module is its licence, by the name that tools know."""
    text = "# SPDX-License-Identifier: Apache-2.0\n"
    without = [module.name for module in HOUSE.modules if not module.text.startswith(text)]

    assert without == [], f"begin the file with {text!r}"


def test_no_file_of_tests_is_too_long():
    """A file of tests has at most 800 lines."""
    sizes = {
        path: path.read_text(encoding="utf-8").count("\n") for path in (HOUSE.root / "tests").rglob("*.py")
    }

    long = {str(path.relative_to(HOUSE.root)): n for path, n in sizes.items() if n > MOST_LINES_OF_TESTS}
    assert long == {}, "split it by the question that its tests answer"


def test_no_folder_is_too_full():
    """A folder has at most 20 modules and folders, except the top, the parts, the providers, and the commands."""
    full = {folder: n for folder, n in HOUSE.boxes().items() if n > MOST_BOXES and folder not in MANY_BOXES}

    assert full == {}, "put what belongs together into a room of its own"


def test_no_module_has_an_underscore():
    """A module's name has no underscore before it; names inside of a module that are not for others have one."""
    named = [
        m.name for m in MODULES if m.path.stem.startswith("_") and m.path.stem not in ("__init__", "__main__")
    ]

    assert named == [], (
        "drop the underscore; inside of the module an underscore says that a name is not for others"
    )


def test_what_is_not_for_others_is_not_imported():
    """No module imports a name with an underscore from another one."""
    private = re.compile(r"schema_guard\.(\w+\.)*_[a-z]\w*")

    def taken(module):
        return [imported.name for imported in module.imports if private.fullmatch(imported.name)]

    assert breaches(taken) == {}, (
        "a name that two modules need has no underscore, and stands in the lower one"
    )


def test_packages_only_map_names():
    """An `__init__` imports and maps names; what does something stands in a module."""
    doing = defaultdict(list)
    for module in MODULES:
        if module.is_package:
            for name, lines in module.functions:
                if name not in ("__getattr__", "__dir__"):
                    doing[module.name].append(f"{name}: {lines} lines")

    assert doing == {}, "move it into a module of that room, and map its name"


def test_only_the_table_of_parts_names_a_part():
    """No module of the product imports `schema_guard.ext` or names it in a string, except `extensions.py`."""
    outside = [m for m in HOUSE.modules if not m.name.startswith("schema_guard.ext.")]
    naming = [m.name for m in outside if "schema_guard.ext" in m.text.replace("schema_guard.extensions", "")]

    assert naming == ["schema_guard.extensions"], "name what is needed in extensions.PARTS, and `load` it"


@needs(*ALL)
def test_every_part_of_the_table_can_be_loaded():
    """Each row of the table of parts names an object that exists."""
    assert [load(what) for what in PARTS if load(what) is None] == []


@needs(*ALL)
def test_parts_import_only_parts_that_they_may():
    """A part imports another one only if the table in `ext/__init__.py` allows it."""
    from schema_guard.ext import NEEDS

    wrong = []
    for module in HOUSE.modules:
        parts = module.name.split(".")
        for other in HOUSE.arrows[module.name] if parts[1:2] == ["ext"] and len(parts) > 2 else ():
            theirs = other.split(".")
            if theirs[1:2] == ["ext"] and theirs[2] not in (parts[2], *NEEDS.get(parts[2], ())):
                wrong.append(f"{short(module)} imports {other}")

    assert wrong == [], "use `load`, or add the part to NEEDS"


def test_no_module_has_the_name_of_a_public_object():
    """`schema_guard.lint` is a function: a module of that name would replace it when it is imported."""
    named = [short(module) for module in MODULES if module.name.rpartition(".")[2] in schema_guard.__all__]

    assert named == [], "name the module for its subject"


# These make their locks anew in a forked child, or run no threads beside a fork.
WITH_LOCKS_OF_THEIR_OWN = re.compile(
    r"locks|records\.(writing\.writer|sqlite\.\w+)|testing\..*"
    r"|ext\.(local\.llama_server|loopback\..*|postgres\.links|right\.later_calls|serving\..*|telemetry\..*)"
)


def test_every_lock_is_free_in_a_forked_child():
    """A child whose parent held a lock in another thread would wait for it without end."""
    held = [
        short(module)
        for module in MODULES
        if re.search(r"\bR?Lock\(\)", module.text) and not WITH_LOCKS_OF_THEIR_OWN.fullmatch(short(module))
    ]

    assert held == [], "use `fork_safe_lock`"


@pytest.mark.parametrize("ring", MOST_CODE_LINES)
def test_no_ring_grows(ring):
    """A ring has at most the lines of code that its limit says."""
    assert HOUSE.code_lines(ring) <= MOST_CODE_LINES[ring], (
        "raise the limit only in the commit that adds a feature"
    )
