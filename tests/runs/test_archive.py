"""Runs in three files: what is read back is what was stored, and what lies in folders comes first."""

import dataclasses
import gzip

import pandas as pd
import pytest

from keras_ser import files, reports
from keras_ser.analysis import reported
from keras_ser.errors import UserError
from keras_ser.output import markdown, tables
from keras_ser.runs import archive, layout, passes, store
from keras_ser.serving import verify


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


def test_a_run_that_diverged_at_once_keeps_its_losses(tmp_path):
    """Which are no numbers, as in columns that are of other runs alone."""
    facts = {"experiment": "cnn", "protocol": "as_reported", "seed": 0, "fold": None, "kind": "network"}
    history = pd.DataFrame({"fit": 1, "epoch": [1], "loss": None, "accuracy": 0.1, "val_loss": None})
    history = history.assign(val_accuracy=0.2).astype({"loss": float, "val_loss": float})
    histories = {0: history, 1: history.drop(columns=["val_loss", "val_accuracy"]).assign(loss=0.5, learning_rate=0.1)}
    stored = []
    (tmp_path / archive.PREDICTIONS).write_bytes(b"of runs that did not diverge")
    for seed, table in histories.items():
        folder = tmp_path / f"seed-{seed}"
        folder.mkdir()
        table.to_csv(folder / "history.csv", index=False)
        stored.append(store.Run(folder, {**facts, "seed": seed, "diverged_at": 1, "epochs_run": 1}, {}))
    archive.write(stored, tmp_path)
    for run in stored:
        read = archive.ArchivedRun(run.folder, run.facts, {}, tmp_path)
        pd.testing.assert_frame_equal(read.history(), histories[run.facts["seed"]])
    assert not (tmp_path / archive.PREDICTIONS).exists()


@pytest.mark.parametrize("n_written", range(3))
def test_an_archive_is_that_of_before_until_all_of_it_is_written(archived, n_written, monkeypatch):
    run, folder, root = archived
    more = dataclasses.replace(run, facts={**run.facts, "seed": 1})
    replaced, written = files.replaced, []

    def interrupted(path):
        if len(written) == n_written:
            raise KeyboardInterrupt
        written.append(path)
        return replaced(path)

    monkeypatch.setattr(files, "replaced", interrupted)
    with pytest.raises(KeyboardInterrupt):
        archive.write([run, more], folder)
    (read,) = archive.read(folder, root, "tess_mfcc")
    pd.testing.assert_frame_equal(read.predictions(), run.predictions())
    pd.testing.assert_frame_equal(read.history(), run.history())


def read_everything(folder, root):
    runs = archive.read(folder, root, "tess_mfcc")
    return [(run.predictions(), run.history()) for run in runs]


def change(content, old, new):
    return gzip.compress(gzip.decompress(content).replace(old, new))


@pytest.mark.parametrize("name", archive.FILES)
@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"text",
        lambda _: b"",
        lambda _: None,
        lambda content: content[:-30],
        lambda content: content[: len(content) // 2],
        lambda _: gzip.compress(b"{}\n"),
        lambda _: gzip.compress(b"null"),
        lambda _: gzip.compress(b"a,b\n1,2\n"),
        lambda content: change(content, b"cnn_lstm", b"cnn_lst"),
        lambda content: change(content, b"0", b"x"),
        lambda content: gzip.compress(b"".join(gzip.decompress(content).splitlines(keepends=True)[:-1])[:-1]),
    ],
)
def test_a_damaged_archive_is_named(archived, name, damage):
    _, folder, root = archived
    content = damage((folder / name).read_bytes())
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}: cannot be read .*: get it anew, or delete it$"):
        read_everything(folder, root)
    with pytest.raises(UserError, match=name):
        verify.verify(folder)


def test_verify_reads_every_file_of_a_reports_results(archived, monkeypatch):
    run, folder, _ = archived
    frame, whole = reported.table(reports.load("tess_mfcc"), [*passes.whole([run])]), passes.whole([run])
    tables.write(frame, markdown.report_table(reports.load("tess_mfcc"), frame, whole), folder)
    monkeypatch.chdir(folder)
    assert verify.verify(folder) == verify.verify(".") == {"scores of 1 archived runs": 0.0}
    for name in tables.FILES:
        whole = (folder / name).read_bytes()
        for content in (
            None,
            b"",
            b"{}",
            b"\xff",
            whole[: len(whole) // 2],
            whole[:-20],
            whole.replace(b",1,", b",x,").replace(b"0.0", b"x"),
        ):
            (folder / name).unlink()
            if content is not None:
                (folder / name).write_bytes(content)
            with pytest.raises(UserError, match=rf"{name}: cannot be read"):
                verify.verify(folder)
            (folder / name).write_bytes(whole)
    for name in archive.FILES:
        (folder / name).unlink()
    with pytest.raises(UserError, match="no run of the table is archived beside it"):
        verify.verify(folder)
