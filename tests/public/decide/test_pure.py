"""What deciding needs: counts and a schema, and nothing that stores, calls or waits."""

import subprocess
import sys

from tests.public.processes import unmeasured

PROGRAM = """
import sys
import schema_guard.decide
print(*[name for name in sys.modules if name.startswith("schema_guard.decide.")])
schema_guard.decide.decide({"strategies": [{"id": "a", "rung": "bare", "n": 400, "k_final": 0}]})
parts = {name.split(".")[1] for name in sys.modules if name.startswith("schema_guard.")}
print(*sorted(parts & {"records", "calls", "models", "guards", "report", "bench"}))
print(*sorted({"sqlite3", "asyncio", "click"} & sys.modules.keys()))
"""


def test_deciding_loads_no_store_and_no_driver():
    """The package loads what is used when it is used; a verdict needs no store, no model and no event loop."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=unmeasured(), capture_output=True, text=True, check=True
    )

    assert result.stdout.splitlines() == ["", "", ""]
