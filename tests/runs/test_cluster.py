"""A grid on a Dask cluster of this machine: the same to the bit, whoever dies, comes late or is lost."""

import dataclasses
import itertools
import os
import signal
import sys
import time

import joblib
import numpy as np
import pytest

from keras_ser import corpora, reports
from keras_ser.errors import UserError
from keras_ser.runs import cluster, planning, processes, runner, store

pytestmark = pytest.mark.slow


def work(values, folder, place):
    """Leaves a file that says who carried it out."""
    (folder / f"{place}-{os.getpid()}").touch()
    time.sleep(0.5)
    return place, os.getpid(), float(values.sum()), os.environ.get(cluster.THREADS)


@pytest.fixture
def calls(tmp_path):
    """Places → calls of work, and the folder of its files."""
    cloudpickle = pytest.importorskip("cloudpickle")
    module = sys.modules[work.__module__]  # which the workers cannot import
    cloudpickle.register_pickle_by_value(module)
    folder, values = tmp_path / "done", np.ones(500_000)  # large enough to be sent once
    folder.mkdir()
    yield lambda places: (joblib.delayed(work)(values, folder, place) for place in places), folder
    cloudpickle.unregister_pickle_by_value(module)


def test_a_worker_is_killed_and_another_comes_late(start_cluster, calls):
    make, folder = calls
    running = start_cluster(2)
    by, killed, late = {}, None, None
    places = itertools.takewhile(lambda _: late not in by.values(), itertools.count())
    for place, worker, total, threads in processes.results(make(places), jobs=None, scheduler=running.address):
        assert place not in by
        assert (total, threads) == (500_000, "1")
        by[place] = worker
        if len(set(by.values())) == 2 and not killed:
            killed, late = worker, running.add_worker("--nthreads", "1").pid
            time.sleep(0.2)  # it is at its next
            os.kill(killed, signal.SIGKILL)
    assert sorted(by) == list(range(len(by)))
    begun = [path.name.partition("-") for path in folder.iterdir()]
    again = [int(place) for place, _, worker in begun if int(worker) == killed and by[int(place)] != killed]
    assert again  # what the killed one was at was done by another


def test_where_there_are_gpus_nothing_is_done_elsewhere(start_cluster, calls):
    from distributed import Client

    make, _ = calls
    running = start_cluster(1)
    with_gpu = running.add_worker("--nthreads", "1", "--resources", "GPU=1").pid
    with Client(running.address) as client:
        client.wait_for_workers(2)
    found = processes.results(make(range(5)), jobs=None, scheduler=running.address)
    assert {worker for _, worker, *_ in found} == {with_gpu}


def test_what_is_wrong_with_a_cluster_is_one_line(start_cluster, calls):
    make, folder = calls
    with pytest.raises(UserError, match=r"tcp://127\.0\.0\.1:9: no Dask scheduler answers there"):
        list(processes.results(make([0]), jobs=None, scheduler="tcp://127.0.0.1:9"))
    running = start_cluster(1, "--nthreads", "2")
    with pytest.raises(UserError, match=r"the worker tcp://\S+ has 2 threads: start it with --nthreads 1"):
        list(processes.results(make([0]), jobs=None, scheduler=running.address))
    assert not list(folder.iterdir())


def grid(embedded, folder, name, scheduler=None):
    report = reports.load("emodb_losses")
    material = planning.gather(report, "a corpus", corpora.joined(report.corpora, embedded))
    setting = planning.Setting(report, material, folder / name, folder / "cache", epochs=1)
    experiments, protocols = [report.experiment("cnn/mean_squared_error")], ["clip_disjoint", "speaker_independent"]
    return runner.run_all(setting, experiments, protocols, range(1), scheduler=scheduler)


def content(folder):
    """What the time does not change. → dict: path → bytes"""
    names = ("predictions.csv", "metrics.json")
    return {path.relative_to(folder): path.read_bytes() for name in names for path in folder.rglob(name)}


def test_a_grid_is_the_same_to_the_bit_after_all_that(start_cluster, embedded, tmp_path, monkeypatch):
    expected = grid(embedded, tmp_path, "alone")
    unpacked, stored = store.unpacked, []

    def then(act):
        def store_it(parcel, root):
            stored.append(unpacked(parcel, root))
            if act:
                act.pop()()
            return stored[-1]

        monkeypatch.setattr(store, "unpacked", store_it)

    first = start_cluster(2)
    then([first.scheduler.kill])
    with pytest.raises(UserError, match=r"the Dask scheduler was lost: what was finished is kept; call again"):
        grid(embedded, tmp_path, "cluster", first.address)
    n_before = len(stored)
    assert 0 < n_before < len(expected)
    first.stop()
    again = start_cluster(2)
    then([again.workers[0].kill])
    runs = grid(embedded, tmp_path, "cluster", again.address)
    assert len(runs) == len(stored) == len(expected) == 6  # each is stored once
    assert content(tmp_path / "cluster") == content(tmp_path / "alone")
    assert len(content(tmp_path / "alone")) == 12
    assert all(store.is_complete(run) for run in runs)


def test_a_worker_with_other_code_is_refused(embedded, tmp_path, monkeypatch):
    """Its results would not be what their identity says."""
    plan = planning.plan

    def other(*args, **options):
        units = plan(*args, **options)
        return [dataclasses.replace(unit, decided_by=unit.decided_by | {"model": "another"}) for unit in units]

    monkeypatch.setattr(runner, "plan", other)
    monkeypatch.setattr(cluster, "results", lambda calls, _: (call(*args, **options) for call, args, options in calls))
    with pytest.raises(UserError, match="has another version of keras_ser: install the same there"):
        grid(embedded, tmp_path, "cluster", "tcp://nowhere")
