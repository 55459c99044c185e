"""The commands of `scripts/` that make their environment, with a Python that does nothing in place of the real one."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
# As `venv` does, it leaves a link that leads nowhere unless it is told to --clear. What it makes says what it is called
# with.
PYTHON = """#!/bin/bash
[ "$1" = -c ] && exit
[ "$1" = --version ] && echo Python 3.12.0 && exit
shift 2
[ "$1" = --clear ] && shift && rm -rf "$1"
mkdir -p "$1/bin"
[ -L "$1/bin/python" ] || cp "$0.made" "$1/bin/python"
"""
MADE = """#!/bin/bash
clone="$(dirname "$0")/../.."
if [ "$2" = pip ]; then
  until [ -e "$clone/network" ]; do sleep 0.1; done
  echo "${*:3}" >> "$clone/installed"
  exit
fi
echo "$PWD $PYTHONPATH $*"
"""


@pytest.fixture
def clone(tmp_path):
    folder = tmp_path / "the clone"
    shutil.copytree(SCRIPTS, folder / "scripts")
    (folder / "requirements.txt").write_text("tensorflow==2.21\n")
    (folder / "network").touch()
    for name, text in (("python", PYTHON), ("python.made", MADE)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return folder


def start(clone, script, *words):
    """From another folder than the clone."""
    folder = clone.parent / "elsewhere"
    folder.mkdir(exist_ok=True)
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": str(clone.parent / "python"), "PYTHONPATH": "/mine"}
    command = ["bash", str(clone / "scripts" / script), *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


def installed(clone):
    return (clone / "installed").read_text().splitlines()


def test_paths_are_relative_to_where_a_command_is_called(clone):
    elsewhere = clone.parent / "elsewhere"
    out, err = start(clone, "reproduce.sh", "--data", "mydata").communicate()
    assert out == f"{elsewhere} {clone}:/mine -m keras_ser reproduce --data mydata\n"
    assert err == f"making {clone}/.venv with Python 3.12.0 and requirements.txt: once, some minutes\n"
    assert installed(clone) == [f"install --quiet --disable-pip-version-check --requirement {clone}/requirements.txt"]
    out, err = start(clone, "pretrained.sh", "model", "--data", "mydata").communicate()
    assert not err
    first, _, second = out.splitlines()
    assert first.startswith(f"{elsewhere} {clone}:/mine -m keras_ser reproduce unseen_speakers")
    assert first.endswith(" --data mydata --out model-training")
    assert second.endswith(
        " calibrate model-training/runs/unseen_speakers/mlp/corpus_independent/seed-0/fold-0 --out model"
    )
    out, _ = start(clone, "test.sh", "-k", "x").communicate()
    assert [line.split(" -m ")[0] for line in out.splitlines()] == [f"{clone} /mine"] * 3
    assert not list(elsewhere.iterdir())


@pytest.mark.skipif(not shutil.which("flock", path="/usr/bin:/bin"), reason="this system has no flock")
def test_of_two_first_calls_one_makes_the_environment(clone):
    (clone / "network").unlink()
    first = start(clone, "reproduce.sh")
    assert first.stderr.readline().startswith("making")
    second = start(clone, "reproduce.sh")
    assert second.stderr.readline() == f"another call makes {clone}/.venv: waiting for it\n"
    (clone / "network").touch()
    assert all("keras_ser reproduce" in call.communicate()[0] for call in (first, second))
    assert first.returncode == second.returncode == 0
    assert len(installed(clone)) == 1


def test_an_environment_whose_python_is_gone_is_made_anew(clone):
    start(clone, "reproduce.sh").communicate()
    python = clone / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.9")
    call = start(clone, "reproduce.sh")
    out, _ = call.communicate()
    assert call.returncode == 0
    assert "keras_ser reproduce" in out
    assert len(installed(clone)) == 2
