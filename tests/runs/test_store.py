import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from keras_ser import files
from keras_ser.errors import UserError
from keras_ser.runs import layout, store

HISTORY = pd.DataFrame({"epoch": [1, 2], "loss": [1.5, 1.25]})
PREDICTIONS = pd.DataFrame({"clip": ["03a01Fa"], "true": ["anger"], "p_anger": [0.5]})


def model():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])


def write(folder, predictions=PREDICTIONS, **facts):
    facts = {"seed": 0, "diverged_at": None if predictions is not None else 1, **facts}
    return store.write(
        folder, facts, HISTORY, predictions, {"accuracy": 0.5} if predictions is not None else {}, model()
    )


@pytest.fixture
def folder(tmp_path):
    return layout.run_folder(tmp_path, "emodb_losses", "cnn/mean_squared_error", "as_reported", 3)


def test_round_trip(folder, tmp_path):
    run = write(folder)
    assert folder == tmp_path / "emodb_losses/cnn/mean_squared_error/as_reported/seed-3"
    assert store.read(folder) == run
    assert store.read_all(tmp_path, "emodb_losses") == [run]
    pd.testing.assert_frame_equal(run.history(), HISTORY)
    pd.testing.assert_frame_equal(run.predictions(), PREDICTIONS)
    assert store.is_complete(run)


def test_a_fold_has_its_folder(tmp_path):
    folder = layout.run_folder(tmp_path, "tess_mfcc", "cnn", "speaker_independent", 1, 0)
    assert folder == tmp_path / "tess_mfcc/cnn/speaker_independent/seed-1/fold-0"


def test_a_run_takes_the_place_of_the_old_one_as_a_whole(folder):
    write(folder, seed=1)
    (folder / "stray").write_text("")
    write(folder, seed=2)
    assert store.read(folder).facts["seed"] == 2
    assert not (folder / "stray").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["seed-3"]


@pytest.mark.parametrize("n_clips", [1, 1000])
def test_a_full_disk_leaves_the_old_run(folder, small_disk, n_clips):
    """Full while the model is written, and before, while the predictions are."""
    old = write(folder)
    predictions = pd.concat([PREDICTIONS] * n_clips)
    assert (len(predictions.to_csv()) > 4000) == (n_clips > 1)
    assert (folder / "model.keras").stat().st_size > 4000
    with small_disk(4000), pytest.raises(UserError, match=r"cannot write .*seed-3: .*File too large"):
        write(folder, predictions, seed=9)
    assert store.read(folder) == old
    assert [path.name for path in folder.parent.iterdir()] == ["seed-3"]


def test_an_interrupt_while_the_model_is_saved_leaves_the_old_run(folder, monkeypatch):
    old = write(folder)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(folder, seed=9)
    assert store.read(folder) == old
    assert [path.name for path in folder.parent.iterdir()] == ["seed-3"]


def test_a_run_that_cannot_be_put_in_place_leaves_the_old_one(folder, monkeypatch):
    old, replace = write(folder), os.replace

    def refuse_the_new(source, target):
        if Path(source).parent.name.startswith(files.PART):
            raise OSError(28, "No space left")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse_the_new)
    with pytest.raises(UserError, match="No space left"):
        write(folder, seed=9)
    assert store.read(folder) == old


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_interrupt_at_either_rename_loses_nothing(folder, monkeypatch, place):
    """Before the first, between the two, and after the second."""
    old, replace, done = write(folder, seed=1), os.replace, []

    def interrupted(source, target):
        if len(done) == place:
            done.append("interrupted")
            raise KeyboardInterrupt
        replace(source, target)
        done.append(target)
        if len(done) == place == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(folder, seed=9)
    found = store.read(folder)
    assert found.facts["seed"] == (9 if place == 2 else 1)
    pd.testing.assert_frame_equal(found.predictions(), old.predictions())
    assert store.is_complete(found)
    assert [path.name for path in folder.parent.iterdir()] == ["seed-3"]


def test_what_another_process_is_writing_is_no_run(folder, tmp_path):
    run = write(folder)
    for name in ("run", "old"):
        shutil.copytree(folder, folder.parent / ".part-x" / name)
    assert store.read_all(tmp_path, "emodb_losses") == [run]


def test_a_record_without_its_scores_is_no_run(folder, tmp_path):
    write(folder)
    (folder / "metrics.json").unlink()
    assert store.read(folder) is None
    assert store.read_all(tmp_path, "emodb_losses") == []


def test_leftovers_of_a_killed_process_are_removed(folder, tmp_path):
    write(folder)
    for name in (".part-killed", ".part-at-work"):
        (folder.parent / name / "run").mkdir(parents=True)
    os.utime(folder.parent / ".part-killed", (0, 0))
    store.remove_leftovers(tmp_path)
    assert {path.name for path in folder.parent.iterdir()} == {"seed-3", ".part-at-work"}


@pytest.mark.parametrize("clip", ["0012", "NA", "1e3"])
def test_a_clip_keeps_its_name(folder, clip):
    run = write(folder, PREDICTIONS.assign(clip=clip))
    assert list(run.predictions()["clip"]) == [clip]


def test_the_stored_model_predicts_the_same_and_lacks_the_optimizer(folder, rng):
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    trained = keras.Sequential([keras.Input((3, 1)), keras.layers.Reshape((3,)), inner])
    x = rng.normal(size=(4, 3, 1))
    trained.compile("adam", "mse")
    trained.fit(x, rng.normal(size=(4, 2)), verbose=0)
    store.write(folder, {"diverged_at": None}, HISTORY, PREDICTIONS, {}, trained)
    stored = keras.models.load_model(folder / "model.keras")
    np.testing.assert_array_equal(stored(x), trained(x))
    assert not stored.compiled


def test_a_diverged_run_has_no_predictions(folder):
    run = write(folder, predictions=None)
    assert run.diverged
    assert sorted(path.name for path in folder.iterdir()) == ["history.csv", "metrics.json", "run.json"]
    assert store.is_complete(run)


def test_a_run_without_its_model_is_not_complete(folder):
    run = write(folder)
    (folder / "model.keras").unlink()
    assert not store.is_complete(run)


@pytest.mark.parametrize("damage", [b"{", b"", b"\xff\xfe", b"[]"])
@pytest.mark.parametrize("name", ["run.json", "metrics.json"])
def test_a_damaged_record(folder, name, damage):
    write(folder)
    (folder / name).write_bytes(damage)
    with pytest.raises(UserError, match="delete the folder"):
        store.read(folder)
    assert store.read(folder.parent) is None
