import os
import sys

import joblib
import pytest

from keras_ser.runs import processes


def where(number):
    return number, os.getpid(), os.getcwd()


@pytest.mark.slow
def test_processes_of_an_earlier_call_work_where_the_caller_is_now(tmp_path, monkeypatch):
    workers = set()
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        found = sorted(processes.results((joblib.delayed(where)(number) for number in range(4)), jobs=2))
        assert [(number, place) for number, _, place in found] == [(n, str(tmp_path / name)) for n in range(4)]
        workers |= {process for _, process, _ in found}
    assert os.getpid() not in workers


@pytest.mark.parametrize(("gpus", "jobs"), [([], 3), (["GPU:0"], 1)])
def test_unless_somebody_says_how_many_there_is_one_per_core_and_one_on_a_gpu(gpus, jobs, monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 3)
    monkeypatch.setattr(processes, "_gpus", lambda: gpus)
    made = []
    monkeypatch.setattr(joblib, "Parallel", lambda jobs, **_: made.append(jobs) or list)
    assert list(processes.results(iter(()), jobs=None)) == []
    assert made == [jobs]


def is_replaced(_):
    return sys.modules["joblib.externals.loky.process_executor"]._USE_PSUTIL


@pytest.mark.slow
def test_no_process_is_replaced_for_the_graphs_that_it_holds():
    calls = [joblib.delayed(is_replaced)(number) for number in range(4)]
    assert list(processes.results(calls, 2)) == [False] * 4
