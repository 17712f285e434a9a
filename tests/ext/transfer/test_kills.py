"""An import that is killed is begun again, and ends as if nothing had been."""

import signal

import pytest

from schema_guard.records import Store
from schema_guard.records.sqlite.database import SQLite

IMPORT = """
import signal
from pathlib import Path
from schema_guard.records.sqlite.database import SQLite
from schema_guard.ext.transfer import importer
from schema_guard.ext.transfer.importer import check, import_file

importer.BATCH_ROWS = 10
into, name, steps = sys.argv[1].split()
left = int(steps)

def on_step(done):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

with open(name, "rb") as stream:
    taking = importer.Taking(on_step=on_step)
    print(json.dumps(import_file(SQLite(Path(into)), check(name, stream), taking).added))
"""


@pytest.mark.costly
def test_a_killed_import_goes_on(tmp_path, make, move, run):
    """Whole batches are there after a kill; the next run adds the rest, and the counts are those of one run."""
    first, into = SQLite(tmp_path / "a.db"), SQLite(tmp_path / "b.db")
    move.fill(first, [make.outcome(make.failed, {}, id=f"{n:02}", input_hash=f"i{n % 7}") for n in range(30)])
    (tmp_path / "a.jsonl").write_bytes(move.out(first))

    def begin(steps, **how):
        return run(IMPORT, f"{tmp_path / 'b.db'} {tmp_path / 'a.jsonl'} {steps}", **how)

    begin(1, exit_code=-signal.SIGKILL)
    assert Store(into).info().rows == 10
    begin(3, exit_code=-signal.SIGKILL)
    assert Store(into).info().rows == 30
    assert begin(0) == 30
    assert move.all_of(into) == move.all_of(first)
