import json
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from keras_ser import files
from keras_ser.data.digests import digest
from keras_ser.errors import UserError
from keras_ser.runs import layout, schema, store
from keras_ser.serving import verify
from keras_ser.training import evaluation

HISTORY = pd.DataFrame({"fit": 1, "epoch": [1, 2], "loss": [1.5, 1.25], "accuracy": 0.5})
PREDICTIONS = pd.DataFrame(
    {
        **{"clip": ["03a01Fa"], "corpus": "emodb", "speaker": "03", "copy": 0, "transform": "none", "parameter": 0},
        **{"true": "anger", "predicted": "fear", "p_anger": 0.25, "p_fear": 0.75},
    }
)
LABELS = ["anger", "fear"]
FACTS = {
    **{"identity": digest({}), "setup": "x", "decided_by": {}, "report": "emodb_losses"},
    **{"experiment": "cnn/mean_squared_error", "protocol": "as_reported", "seed": 3, "fold": None, "n_folds": 1},
    **{
        "extension": False,
        "corpus": "a corpus",
        "corpora": ["emodb"],
        "substitute": False,
        "synthetic": True,
        "clips": 1,
    },
    **{"clips_by_corpus": {"emodb": 1}, "labels": LABELS, "sample_rate": None, "features": "tensorflow"},
    **{"kind": "network", "loss": "mse", "optimizer": "adam", "batch_size": 4, "epochs": 2, "epochs_run": 2},
    **{"fitted_on": ["train"], "chosen_on": [], "selected_on": {}, "from_all": [], "parameters": 8, "seconds": 0.5},
    **{"examples": {"train": 1, "validation": 0, "test": 1}, "test_speakers": ["03"], "shared": {"test": 1}},
    **{"environment": {"device": "CPU"}, "diverged_at": None},
}


def model(function=None, inputs=3):
    layers = [keras.layers.Lambda(function)] if function and function(1) else []
    return keras.Sequential([keras.Input((inputs,)), *layers, keras.layers.Dense(2)])


def write(folder, predictions=PREDICTIONS, *, trained=None, **facts):
    facts = {**FACTS, **facts}
    if predictions is None:
        return store.write(folder, {**facts, "diverged_at": 1}, HISTORY, None, {}, model())
    facts["examples"] = {**FACTS["examples"], "test": len(predictions)}
    return store.write(folder, facts, HISTORY, predictions, evaluation.score(predictions, LABELS), trained or model())


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
    with files.replaced(folder.parent / "seed-4") as part:
        shutil.copytree(folder, part)
        assert store.read_all(tmp_path, "emodb_losses") == [run]
        assert part.exists()


def test_what_a_killed_process_left_is_removed_and_what_it_moved_away_is_brought_back(folder, tmp_path):
    run = write(folder)
    for name in ("old", "new"):
        (folder.parent / f"{files.PART}killed" / name).mkdir(parents=True)
    folder.rename(folder.parent / f"{files.PART}killed" / "old" / folder.name)
    assert store.read_all(tmp_path, "emodb_losses") == [run]
    assert [path.name for path in folder.parent.iterdir()] == ["seed-3"]


@pytest.mark.parametrize("clip", ["0012", "NA", "1e3"])
def test_a_clip_keeps_its_name(folder, clip):
    run = write(folder, PREDICTIONS.assign(clip=clip))
    assert list(run.predictions()["clip"]) == [clip]


def test_the_stored_model_predicts_the_same_and_lacks_the_optimizer(folder, rng):
    keras.utils.set_random_seed(0)  # asked for once a test has trained a run in this process
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    trained = keras.Sequential([keras.Input((3, 1)), keras.layers.Reshape((3,)), inner])
    x = rng.normal(size=(4, 3, 1))
    trained.compile("adam", "mse")
    trained.fit(x, rng.normal(size=(4, 2)), verbose=0)
    stored = write(folder, trained=trained).model()
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


def half(content):
    return content[: len(content) // 2]


@pytest.mark.slow
@pytest.mark.parametrize("damage", [b"{", b"", b"\xff\xfe", b"[]", b"{}", b"null", half, None])
@pytest.mark.parametrize("name", ["run.json", "metrics.json"])
def test_a_damaged_record(folder, tmp_path, name, damage):
    write(folder)
    content = damage(path.read_bytes()) if callable(damage) and (path := folder / name) else damage
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}: cannot be read .*: delete the folder and run again$"):
        store.read(folder)
    with pytest.raises(UserError, match=name):
        store.read_all(tmp_path, "emodb_losses")  # never dropped in silence
    assert store.read(folder.parent) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", schema.FACTS)
def test_a_record_with_a_fact_of_another_kind(folder, name):
    write(folder)
    (folder / "run.json").write_text(json.dumps({**FACTS, name: [{}]}))
    with pytest.raises(UserError, match=rf"run\.json: cannot be read \({name} is"):
        store.read(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    "scores",
    [
        *({name: "x"} for name in schema.METRICS),
        *({"accuracy": value} for value in (None, True, float("nan"), 1.5)),
        *({"confusion": value} for value in ([], [[1]], [[1, 0], [0]], [[2, 0], [0, 0]])),
        *({"classes": value} for value in ([], [{}], {})),
        {"train": 1},
        {"test": 2},
    ],
)
def test_scores_that_cannot_be(folder, scores):
    run = write(folder)
    (folder / "metrics.json").write_text(json.dumps({**run.metrics, **scores}))
    with pytest.raises(UserError, match=r"metrics\.json: cannot be read"):
        store.read(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((name, content) for name in store.FILES[2:] for content in (b"", b"\xff\x00text", b"{}", half, None)),
        ("history.csv", b"a,b\n1,2\n"),
        ("history.csv", b"fit,epoch,loss,accuracy\n1,1,x,0.5\n1,2,1,1\n"),
        ("history.csv", b"fit,epoch,loss,accuracy\n1,1,0.5,0.5\n"),
        ("predictions.csv", b"a,b\n1,2\n"),
        ("predictions.csv", PREDICTIONS.assign(p_fear="x").to_csv().encode()),
        ("predictions.csv", PREDICTIONS.assign(p_fear=np.inf).to_csv().encode()),
        ("predictions.csv", PREDICTIONS.assign(true="joy").to_csv().encode()),
        ("predictions.csv", pd.concat([PREDICTIONS] * 2).to_csv().encode()),
        ("model.keras", "another shape"),
        ("model.keras", "not finite"),
        ("model.keras", "lambda"),
    ],
)
def test_a_damaged_table_or_model_is_named(folder, name, damage):
    write(folder)
    path = folder / name
    whole = path.read_bytes()
    path.unlink()
    if isinstance(damage, str):
        other = model(inputs=4) if damage == "another shape" else model(lambda x: x if damage == "lambda" else None)
        if damage == "not finite":
            other.set_weights([weight * np.nan for weight in other.get_weights()])
        other.save(path)
    elif damage is not None:
        path.write_bytes(damage(whole) if callable(damage) else damage)
    run = store.read(folder)
    readers = {"history.csv": run.history, "predictions.csv": run.predictions, "model.keras": run.model}
    with pytest.raises(UserError, match=rf"{name}: cannot be read \(.*\): delete the folder and run again$") as told:
        readers[name]()
    assert len(str(told.value)) < 500
    if damage is not None:  # models are not part of the repository
        with pytest.raises(UserError, match=name):
            verify.verify(folder)


def test_a_run_in_a_folder_of_another_name_is_named(folder, tmp_path):
    write(folder, protocol="clip_disjoint")
    with pytest.raises(UserError, match=r"seed-3/run\.json: is of the run .*/clip_disjoint/seed-3"):
        store.read_all(tmp_path, "emodb_losses")


def test_verify_reads_every_file_of_a_run(folder):
    run = write(folder)
    assert verify.verify(folder) == {"scores of the predictions": 0.0}
    (folder / "metrics.json").write_text(json.dumps({**run.metrics, "uar": 0.75}))
    with pytest.raises(UserError, match="not those of its predictions"):
        verify.verify(folder)
    with pytest.raises(UserError, match="no exported model, no run"):
        verify.verify(folder.parent)
