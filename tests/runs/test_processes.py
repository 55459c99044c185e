import os

import joblib

from keras_ser.runs import processes


def where(number):
    return number, os.getpid(), os.getcwd()


def test_processes_of_an_earlier_call_work_where_the_caller_is_now(tmp_path, monkeypatch):
    workers = set()
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        found = sorted(processes.results((joblib.delayed(where)(number) for number in range(4)), jobs=2))
        assert [(number, place) for number, _, place in found] == [(n, str(tmp_path / name)) for n in range(4)]
        workers |= {process for _, process, _ in found}
    assert os.getpid() not in workers
