"""A run that is killed, and called again, leaves what an unbroken one leaves, to the bit."""

import gzip
import subprocess
import sys

import pytest

# Forks before TensorFlow has started anything: to import it takes longer than the run.
DRIVER = """
import os, random, signal, sys, time
from pathlib import Path
from keras_ser import api
from keras_ser.output import figures
figures.all_of_report = lambda *_: []
data, root, n_kills = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

def start(out):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            api.reproduce("emodb_losses", experiments=["cnn/mean_squared_error"], protocols=["clip_disjoint"],
                          epochs=1, data=data, out=out)
            code = 0
        finally:
            os._exit(code)
    return child

def finish(out):
    _, status = os.waitpid(start(out), 0)
    assert status == 0, out

started = time.monotonic()
finish(root / "unbroken")
seconds = time.monotonic() - started
moments = random.Random(0)
for number in range(n_kills):
    out = root / str(number)
    child = start(out)
    time.sleep(moments.uniform(0.1, 1) * seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    finish(out)
"""


def content(folder):
    """Everything that the time does not change. → dict: path → bytes"""
    found = {}
    for path in folder.rglob("*"):
        if path.suffix in (".npy", ".md") or path.name in ("predictions.csv", "metrics.json", "table.csv"):
            found[str(path.relative_to(folder))] = path.read_bytes()
        elif path.name == "predictions.csv.gz":
            found[path.name] = gzip.decompress(path.read_bytes())
        assert not path.name.startswith(".part-")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("n_kills", [5, pytest.param(50, marks=pytest.mark.exhaustive)])
def test_killed_at_any_moment_and_called_again(n_kills, embedded, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(embedded), str(tmp_path), str(n_kills)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    expected = content(tmp_path / "unbroken")
    assert {name.rsplit("/", 1)[-1] for name in expected} >= {"predictions.csv", "metrics.json", "table.csv"}
    assert len([name for name in expected if name.endswith(".npy")]) > 10
    for number in range(n_kills):
        assert content(tmp_path / str(number)) == expected
