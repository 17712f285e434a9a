"""Check the product without the optional parts.

    python tests/deletion.py          import, types, and the tests of four folders
    python tests/deletion.py --all    import, types, and all tests of the product

The script copies the checkout without `schema_guard/ext` and its tests. In the copy, the import, mypy, and the tests must
succeed. At most a tenth of the tests of the product may need a part.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = {ROOT / "schema_guard/ext", ROOT / "tests/ext", ROOT / "tests/public/ext"}
FOLDERS = ("tests/preparing", "tests/records", "tests/stats", "tests/decide", "tests/public/decide")
COLLECT = [
    "-q",
    "--co",
    "--slow",
    "-p",
    "no:cacheprovider",
    "tests",
    "--ignore=tests/ext",
    "--ignore=tests/public/ext",
]
MOST = 0.10
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".coverage*", ".*_cache", "__pycache__", "*.egg-info", "build", "dist"
)
COLLECTED = re.compile(r"^(?:\d+/)?(\d+) tests collected", re.MULTILINE)
SKIPPED = re.compile(r"^(\d+) tests need a part that is missing", re.MULTILINE)
TYPED_IMPORT = re.compile(r"^    from schema_guard\.ext\.\S+ import \w+ as (\w+)$", re.MULTILINE)


def copy_without_parts(place: Path) -> None:
    """Copy the checkout without the parts. The names of parts become `Any` for type checkers."""

    def left_out(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if Path(folder, name) in PARTS} | NOT_COPIED(folder, names)

    shutil.copytree(ROOT, place, ignore=left_out)
    table = place / "schema_guard/extensions.py"
    text = table.read_text(encoding="utf-8")
    table.write_text(TYPED_IMPORT.sub(r"    \1: TypeAlias = Any", text), encoding="utf-8")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in a folder, with the library of this folder. Return its output."""
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def check(what: str, folder: Path, *words: str) -> None:
    """Run a module, and exit with its output if it fails."""
    done = run(folder, *words)
    lines = done.stdout.splitlines() or [""]
    if done.returncode:
        print(*lines[-60:], *(line for line in lines if line.startswith(("FAILED", "ERROR"))), sep="\n")
        sys.exit(f"{what} fails without the parts")
    print(f"{what}: {lines[-1]}", flush=True)


def number_of_tests(folder: Path) -> tuple[int, int]:
    """Return the number of collected tests of the product, and how many of them need a missing part."""
    done = run(folder, "pytest", *COLLECT)
    if done.returncode:
        print(done.stdout[-4000:])
        sys.exit("the tests cannot be collected")
    skipped = SKIPPED.search(done.stdout)
    return int(COLLECTED.search(done.stdout)[1]), int(skipped[1]) if skipped else 0


def check_share(place: Path) -> None:
    """Exit with a message if too many tests need a part."""
    total, _ = number_of_tests(ROOT)
    collected, skipped = number_of_tests(place)
    needing = total - (collected - skipped)
    text = f"{needing} of {total} tests need a part ({100 * needing / total:.1f}%; at most {100 * MOST:.0f}%)"
    if needing > MOST * total:
        sys.exit(text)
    print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Check the product without the optional parts.")
    parser.add_argument(
        "--all", action="store_true", help="all tests of the product. Default: those of four folders"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(2) as pool:
        place = Path(scratch) / "copy"
        copy_without_parts(place)
        check("import", place, "schema_guard", "--version")
        tests = ("tests", "schema_guard") if asked.all else FOLDERS
        command = ("pytest", "-q", "-n", "auto", "-p", "no:cacheprovider", *tests)
        running = [
            pool.submit(check, "tests", place, *command),
            pool.submit(check, "types", place, "mypy"),
            pool.submit(check_share, place),
        ]
        for one in running:
            one.result()


if __name__ == "__main__":
    main()
