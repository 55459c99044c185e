"""``.ci/run`` with the commands it calls replaced: what could not be obtained, and what is not asked for, is said, and
the tests decide.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / ".ci" / "run"


def executable(path, *lines):
    path.write_text("\n".join(["#!/bin/bash", *lines, ""]))
    path.chmod(0o755)


@pytest.mark.parametrize("pip_works", [True, False])
@pytest.mark.parametrize("tests_end_with", [0, 1])
def test_says_what_is_not_tested_and_why(tmp_path, pip_works, tests_end_with):
    for name in (".ci", "scripts", "bin"):
        (tmp_path / name).mkdir()
    shutil.copy(RUN, tmp_path / ".ci")
    (tmp_path / "scripts" / "environment.sh").write_text(f"python={tmp_path}/bin/python\n")
    executable(tmp_path / "scripts" / "test.sh", 'echo "tests run with $*"', f"exit {tests_end_with}")
    executable(tmp_path / "bin" / "apt-get", "echo fetching >&2", "echo E: no such package >&2", "exit 100")
    executable(tmp_path / "bin" / "python", "exit 0" if pip_works else "echo no network; exit 1")
    for name in ("bash", "dirname", "tail"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    done = subprocess.run(
        [tmp_path / "bin" / "bash", tmp_path / ".ci" / "run"],
        env={"PATH": str(tmp_path / "bin")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == tests_end_with
    assert done.stdout == "tests run with -r s --durations=30\n"
    lines = [line for line in done.stderr.splitlines() if line]
    half = len(lines) // 2
    assert lines[:half] == lines[half:]  # before the tests and after them
    assert all(line.startswith("!!! NOT TESTED: ") for line in lines)
    browser, *others, exhaustive = lines[:half]
    assert "browser: `apt-get install" in browser
    assert browser.endswith("failed: E: no such package")
    assert exhaustive.endswith("(pytest -m exhaustive)")
    if pip_works:  # this python imports whatever it is asked to
        assert others == []
    else:
        of_pip, of_opensmile = others
        assert of_pip.endswith("failed: no network")
        assert "extra opensmile" in of_opensmile
