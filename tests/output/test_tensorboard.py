"""What TensorBoard reads of a run, by its own reader."""

import os
import shutil

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_ser.errors import UserError
from keras_ser.output import tensorboard
from keras_ser.runs import archive, store


@pytest.fixture(scope="module")
def logs(runs, tmp_path_factory):
    return tensorboard.write(runs.values(), tmp_path_factory.mktemp("logs"))


def read(folder):
    return EventAccumulator(str(folder)).Reload()


def of(run, folder):
    facts = run.facts
    return folder / facts["report"] / facts["experiment"] / facts["protocol"] / f"seed-{facts['seed']}"


def test_curves(runs, logs):
    run = runs["tess_mfcc"]
    history = run.history()
    for split, column in (("train", "loss"), ("validation", "val_loss"), ("test", "test_loss")):
        found = read(of(run, logs) / split)
        assert set(found.Tags()["tensors"]) == {"epoch_loss", "epoch_accuracy"}
        (event,) = found.Tensors("epoch_loss")
        assert event.step == 1
        assert tf.make_ndarray(event.tensor_proto) == pytest.approx(history[column][0], rel=1e-5)


def test_scores_image_and_hyperparameters(runs, logs):
    for run in runs.values():
        found = read(of(run, logs))
        assert {"test/accuracy", "test/uar", "confusion matrix"} <= set(found.Tags()["tensors"])
        (event,) = found.Tensors("test/accuracy")
        assert tf.make_ndarray(event.tensor_proto) == pytest.approx(run.metrics["accuracy"])
        (image,) = found.Tensors("confusion matrix")
        assert tf.make_ndarray(image.tensor_proto)[2].startswith(b"\x89PNG")
        assert found.PluginTagToContent("hparams")
    assert not (of(runs["spectral_features"], logs) / "train").exists()  # an SVM has no epochs


def test_an_archived_run_has_logs_too(runs, tmp_path):
    archive.write([runs["tess_mfcc"]], tmp_path / "tess_mfcc")
    (run,) = archive.read(tmp_path / "tess_mfcc", tmp_path / "runs", "tess_mfcc")
    log = of(run, tensorboard.write([run], tmp_path / "logs"))
    assert "test/accuracy" in read(log).Tags()["tensors"]


def test_only_what_is_new_is_written(runs, tmp_path):
    run = runs["tess_mfcc"]
    copy = store.read(shutil.copytree(run.folder, tmp_path / "seed-0"))
    log = of(copy, tensorboard.write([copy], tmp_path / "logs"))
    before = sorted(path.name for path in log.rglob("*"))
    tensorboard.write([copy], tmp_path / "logs")
    assert sorted(path.name for path in log.rglob("*")) == before
    later = log.stat().st_mtime + 10
    os.utime(copy.folder / "run.json", (later, later))
    tensorboard.write([copy], tmp_path / "logs")
    assert sorted(path.name for path in log.rglob("*")) != before


@pytest.mark.parametrize("n_bytes", [0, 60, 1000])
def test_a_full_disk_is_one_line_and_leaves_nothing(runs, tmp_path, small_disk, n_bytes):
    with small_disk(n_bytes), pytest.raises(UserError, match=r"cannot write .*seed-0: (File too large|No space left)"):
        tensorboard.write([runs["tess_mfcc"]], tmp_path / "logs")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
