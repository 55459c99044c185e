import keras
import pandas as pd
import pytest

from keras_ser import records
from keras_ser.errors import UserError

HISTORY = pd.DataFrame({"epoch": [1, 2], "loss": [1.5, 1.25]})
PREDICTIONS = pd.DataFrame({"clip": ["03a01Fa"], "true": ["anger"], "p_anger": [0.5]})


def model():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])


def write(folder, predictions=PREDICTIONS, **facts):
    facts = {"seed": 0, "diverged_at": None if predictions is not None else 1, **facts}
    return records.write(
        folder, facts, HISTORY, predictions, {"accuracy": 0.5} if predictions is not None else {}, model()
    )


@pytest.fixture
def folder(tmp_path):
    return records.folder_of(tmp_path, "emodb_losses", "cnn/mean_squared_error", "as_reported", 3)


def test_round_trip(folder, tmp_path):
    run = write(folder)
    assert folder == tmp_path / "emodb_losses/cnn/mean_squared_error/as_reported/seed-3"
    assert records.read(folder) == run
    assert records.read_all(tmp_path, "emodb_losses") == [run]
    pd.testing.assert_frame_equal(run.history(), HISTORY)
    pd.testing.assert_frame_equal(run.predictions(), PREDICTIONS)
    assert records.is_complete(run)
    assert not keras.models.load_model(folder / "model.keras").compiled


def test_a_run_takes_the_place_of_the_old_one_as_a_whole(folder):
    write(folder, seed=1)
    (folder / "stray").write_text("")
    write(folder, seed=2)
    assert records.read(folder).facts["seed"] == 2
    assert not (folder / "stray").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["seed-3"]


def test_an_interrupted_write_leaves_the_old_run(folder, monkeypatch):
    old = write(folder)
    monkeypatch.setattr(pd.DataFrame, "to_csv", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(UserError, match="No space left"):
        write(folder, seed=9)
    assert records.read(folder) == old
    assert [path.name for path in folder.parent.iterdir()] == ["seed-3"]


def test_leftovers_of_a_killed_process_are_removed(folder, tmp_path):
    write(folder)
    (folder.parent / ".part-x" / "run").mkdir(parents=True)
    records.remove_leftovers(tmp_path)
    assert [path.name for path in folder.parent.iterdir()] == ["seed-3"]


def test_a_diverged_run_has_no_predictions(folder):
    run = write(folder, predictions=None)
    assert run.diverged
    assert sorted(path.name for path in folder.iterdir()) == ["history.csv", "metrics.json", "run.json"]
    assert records.is_complete(run)


def test_a_run_without_its_model_is_not_complete(folder):
    run = write(folder)
    (folder / "model.keras").unlink()
    assert not records.is_complete(run)


def test_a_damaged_record(folder):
    write(folder)
    (folder / "run.json").write_text("{")
    with pytest.raises(UserError, match="delete the folder"):
        records.read(folder)
    assert records.read(folder.parent) is None
