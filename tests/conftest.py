"""Fixtures that every test may use."""

import contextlib
import functools
import gc
import importlib
import itertools
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")  # as the command line has it: runs are the same to the bit
# The cores are busy with tests: a command begins processes of its own where a test asks for them (--jobs 2).
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")

import hypothesis
import numpy as np
import pandas as pd
import pytest

# The first call of a graph traces it, which no deadline an example knows of.
hypothesis.settings.register_profile("graphs", deadline=None)
hypothesis.settings.load_profile("graphs")


def pytest_itemcollected(item):
    """For pytest-xdist: a file's tests to one worker, and to one all that need the same things that are slow to make:
    runs and their exports, or results to make pages of.
    """
    slow = [name for name in ("runs", "results") if name in item.fixturenames]
    item.add_marker(pytest.mark.xdist_group(slow[0] if slow else item.path.stem))
    if slow or item.get_closest_marker("exhaustive"):
        item.add_marker(pytest.mark.slow)


def pytest_collection_modifyitems(items):
    """For pytest-xdist: the groups of which more is slow come first, so that what is left for the end, when a process
    may have nothing to do, is short.
    """
    slow = {}
    for item in items:
        slow.setdefault(_group(item), []).append(item.get_closest_marker("slow") is not None)
    items.sort(key=lambda item: -np.mean(slow[_group(item)]))


def _group(item):
    return item.get_closest_marker("xdist_group").args[0]


def pytest_collection_finish():
    """What was imported stays, as do graphs: the garbage collector need not look through them again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.fixture
def rng():
    """A generator with a fixed seed: a failing test fails again."""
    return np.random.default_rng(0)


@pytest.fixture
def small_disk():
    """n → a context in which the system takes no more than n bytes of any file, and fails the write as it does on a
    full disk (with "File too large" for "No space left on device").
    """

    @contextlib.contextmanager
    def limit(n_bytes):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit


@pytest.fixture
def package_module(tmp_path, monkeypatch):
    """Source → a module of it that counts as one of the package's."""
    monkeypatch.syspath_prepend(tmp_path)
    names = itertools.count()

    def make(source):
        name = f"keras_ser_{tmp_path.name}_{next(names)}"
        (tmp_path / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    return make


@pytest.fixture(scope="session")
def real_data():
    """The folder of real recordings (emodb, tess, ravdess, names); tests that need it are skipped without it."""
    beside = Path(__file__).parents[2] / "shared" / "corpora"
    root = Path(os.environ.get("KERAS_SER_DATA") or beside)
    if not (root / "emodb").is_dir():
        pytest.skip(f"no real recordings in {root}: set KERAS_SER_DATA")
    return root


@pytest.fixture(scope="session")
def embedded(tmp_path_factory):
    """A data root with embedded corpora, as many clips of every emotion from every speaker: 42 of Emo-DB (six
    speakers), TESS (both) and CREMA-D (seven), 64 of RAVDESS (eight), 28 of SAVEE (four).
    """
    from keras_ser import corpora
    from keras_ser.corpora import synthetic

    root = tmp_path_factory.mktemp("data")
    sizes = {"emodb": (6, 1), "tess": (2, 3), "crema_d": (7, 1), "ravdess": (8, 1), "savee": (4, 1)}
    for name, (n_speakers, n_clips) in sizes.items():
        paths = pd.DataFrame(
            [corpora.get(name).parse(PurePosixPath(path)) | {"path": path} for path in synthetic.plan(name)]
        )
        speakers = sorted(paths["speaker"].unique())[:n_speakers]
        chosen = paths[paths["speaker"].isin(speakers)].groupby(["speaker", "emotion"])["path"].head(n_clips)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(synthetic._PLANS, name, lambda chosen=chosen: list(chosen))
            synthetic.make(name, root / name)
    return root


class Made(Mapping):
    """Name → what ``make`` makes of it, once, when it is first asked for."""

    def __init__(self, names, make):
        self._names, self._make = names, functools.cache(make)

    def __getitem__(self, name):
        return self._make(name)

    def __iter__(self):
        return iter(self._names)

    def __len__(self):
        return len(self._names)


@pytest.fixture(scope="session")
def runs(embedded, tmp_path_factory):
    """Name of a report → a run of one epoch on its embedded corpus."""
    from keras_ser import corpora, reports
    from keras_ser.runs import planning, runner

    folder = tmp_path_factory.mktemp("runs")
    experiments = {
        "emodb_losses": "cnn/mean_squared_error",
        "tess_mfcc": "cnn_lstm",
        "crema_1d_2d": "cnn_1d/run_a",
        "four_corpora": "cnn",
        "spectral_features": "svm_grid/energy",
    }

    def train(name):
        report = reports.load(name)
        material = planning.gather(report, "a corpus", corpora.joined(report.corpora, embedded))
        setting = planning.Setting(report, material, folder, folder / "cache", epochs=1)
        (run,) = runner.run_all(setting, [report.experiment(experiments[name])], ["clip_disjoint"], range(1))
        return run

    return Made(experiments, train)


@pytest.fixture(scope="session")
def exported(runs, tmp_path_factory):
    """Name of a report → the run exported."""
    from keras_ser.serving import export

    root = tmp_path_factory.mktemp("exported")

    def make(name):
        export.export(runs[name], root / name)
        return root / name

    return Made(runs, make)


class Cluster:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self, folder):
        self.folder, self.workers = folder, []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")

    def _start(self, *words):
        command = [sys.executable, "-m", f"distributed.cli.dask_{words[0]}", *words[1:]]
        with open(self.folder / "log", "ab") as log:
            return subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)

    def add_worker(self, *words):
        words = (*words, "--no-dashboard", "--local-directory", str(self.folder))
        self.workers.append(self._start("worker", self.address, "--no-nanny", *words))
        return self.workers[-1]

    def stop(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def start_cluster(tmp_path):
    """→ a Cluster of that many workers; all are stopped after the test."""
    pytest.importorskip("distributed", reason="a cluster needs dask[distributed]: pip install '.[distributed]'")
    started = []

    def new(n_workers, *words):
        started.append(Cluster(tmp_path))
        for _ in range(n_workers):
            started[-1].add_worker(*(words or ("--nthreads", "1")))
        return started[-1]

    yield new
    for item in started:
        item.stop()
