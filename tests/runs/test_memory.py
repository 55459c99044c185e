"""What lacks memory is said in one line, with what it was for."""

import numpy as np
import pytest
import tensorflow as tf

from keras_ser import corpora, reports
from keras_ser.errors import UserError
from keras_ser.runs import planning, runner


@pytest.mark.parametrize("error", [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "OOM\nwhen allocating")])
@pytest.mark.parametrize(
    ("fails", "doing"),
    [
        ("compute", "computing the features "),
        ("train", "training cnn/mean_squared_error, clip_disjoint, repetition 0: "),
    ],
)
def test_memory_was_short(error, fails, doing, embedded, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(runner.features, "compute", lambda *_, **__: np.zeros((294, 13, 150), np.float32))
    monkeypatch.setattr(*(runner.features, "compute", fail) if fails == "compute" else (runner, "train", fail))
    report = reports.load("emodb_losses")
    material = planning.gather(report, "a corpus", corpora.joined(report.corpora, embedded))
    setting = planning.Setting(report, material, tmp_path, tmp_path / "cache", epochs=1)
    with pytest.raises(
        UserError, match=f"^emodb_losses: {doing}.*memory was short .*: what was finished is kept"
    ) as told:
        runner.run_all(setting, [report.experiment("cnn/mean_squared_error")], ["clip_disjoint"], range(1))
    assert "\n" not in str(told.value)
