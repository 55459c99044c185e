"""Runs in three files: what is read back is what was stored, and what lies in folders comes first."""

import pandas as pd
import pytest

from keras_ser.errors import UserError
from keras_ser.runs import archive, layout, passes, store


@pytest.fixture
def archived(runs, tmp_path):
    """A copy of a stored run, archived. → (the run, archive's folder, a root without runs)"""
    run = runs["tess_mfcc"]
    folder = tmp_path / "tess_mfcc"
    archive.write([run], folder)
    return run, folder, tmp_path / "runs"


def test_what_is_archived_is_what_was_stored(archived):
    run, folder, root = archived
    (read,) = archive.read(folder, root, "tess_mfcc")
    assert (read.facts, read.metrics) == (run.facts, run.metrics)
    pd.testing.assert_frame_equal(read.predictions(), run.predictions())
    pd.testing.assert_frame_equal(read.history(), run.history())
    assert read.folder == layout.run_folder(root, *(run.facts[name] for name in ("report", *archive.KEYS)))
    assert layout.root_of(read.folder, read.facts) == root
    assert passes.whole([read])[0].metrics == run.metrics


def test_the_same_runs_give_the_same_bytes(archived, tmp_path):
    run, folder, _ = archived
    for path in archive.write([run], tmp_path / "again"):
        assert path.read_bytes() == (folder / path.name).read_bytes()


def test_a_run_in_its_folder_comes_before_an_archived_one(archived):
    run, _, root = archived
    assert [type(item) for item in archive.read_all(root, "tess_mfcc")] == [archive.ArchivedRun]
    place = layout.run_folder(root, *(run.facts[name] for name in ("report", *archive.KEYS)))
    place.mkdir(parents=True)
    for name in ("run.json", "metrics.json", "history.csv", "predictions.csv"):
        (place / name).write_bytes((run.folder / name).read_bytes())
    assert [type(item) for item in archive.read_all(root, "tess_mfcc")] == [store.Run]


def test_words_stay_words(archived, monkeypatch):
    run, folder, root = archived
    table = run.predictions().assign(clip="0012", speaker="NA")
    monkeypatch.setattr(store.Run, "predictions", lambda _: table.copy())
    archive.write([run], folder)
    monkeypatch.undo()
    (read,) = archive.read(folder, root, "tess_mfcc")
    assert set(read.predictions()["clip"]) == {"0012"}
    assert set(read.predictions()["speaker"]) == {"NA"}


def read_everything(folder, root):
    runs = archive.read(folder, root, "tess_mfcc")
    return [run.predictions() for run in runs]


@pytest.mark.parametrize("name", [archive.RUNS, archive.PREDICTIONS])
@pytest.mark.parametrize("content", [b"text", None], ids=["text", "cut"])
def test_a_damaged_archive_is_named(archived, name, content):
    _, folder, root = archived
    path = folder / name
    path.write_bytes(path.read_bytes()[:-30] if content is None else content)
    with pytest.raises(UserError, match=name):
        read_everything(folder, root)
