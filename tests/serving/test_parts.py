"""Answers to many recordings, part by part."""

import io
import json
import os
import shutil
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from keras_ser import audio, corpora, files
from keras_ser.cli import commands
from keras_ser.errors import UserError
from keras_ser.serving import parts, predict
from keras_ser.serving.formats import Form

PARQUET = Form("parquet")


@pytest.fixture(scope="module")
def model(exported):
    return exported["tess_mfcc"]


@pytest.fixture(scope="module")
def paths(embedded, tmp_path_factory):
    """Eight clips and, in the middle, a file that is none."""
    clips = list(corpora.manifest("tess", embedded)["path"])[:8]
    bad = tmp_path_factory.mktemp("bad") / "bad.wav"
    bad.write_bytes(b"no sound")
    return [Path(path) for path in (*clips[:5], bad, *clips[5:])]


def written(n_parts, before, answered, failed):
    """What is returned for recordings of TESS, all of one rate."""
    return parts.Written(n_parts, before, Counter({24414: answered}), failed)


def records(folder):
    return [json.loads(line) for path in sorted(folder.glob("part-*.jsonl")) for line in path.open()]


def test_every_file_is_a_row_in_order(model, paths, tmp_path):
    assert parts.write(model, iter(paths), tmp_path, n_files=4) == written(3, 0, 8, 1)
    found = records(tmp_path)
    assert [row["path"] for row in found] == list(map(str, paths))
    assert found[5] == {"path": str(paths[5]), "error": found[5]["error"]}
    assert found[5]["error"].startswith("not a sound file that libsndfile reads")
    alone = [answer for answer in predict.predict(predict.load(model), paths) if not isinstance(answer, UserError)]
    for row, answer in zip([row for row in found if "error" not in row], alone, strict=True):
        assert row["top"][0]["label"] == answer.top(1)[0][0]
        assert row["sample_rate"] == answer.rate == 24414
        np.testing.assert_allclose(list(row["probabilities"].values()), answer.probabilities, rtol=0, atol=1e-5)


def test_what_is_done_is_not_done_again(model, paths, tmp_path, monkeypatch):
    expected = parts.write(model, paths, tmp_path, n_files=2)
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(whole) == expected.parts == 5
    lost = sorted(whole)[1:3]
    for name in lost:
        (tmp_path / name).unlink()
    (tmp_path / f"{files.PART}left").mkdir()  # by a process that was killed
    assert parts.write(model, paths, tmp_path, n_files=2) == written(5, 3, 3, 1)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("part-*")} == whole
    monkeypatch.setattr(parts, "loaded", None)
    assert parts.write(model, paths, tmp_path, n_files=2) == written(5, 5, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        lambda model, paths: {"paths": paths[1:]},
        lambda model, paths: {"paths": paths[:2]},
        lambda model, paths: {"form": Form(window_s=1.0)},
        lambda model, paths: {"n_files": 3},
        lambda model, paths: {"model": model["crema_1d_2d"]},
    ],
    ids=["other files", "fewer files", "windows", "other parts", "another model"],
)
def test_parts_of_something_else_are_not_mixed_in(change, exported, paths, tmp_path):
    asked = {"model": exported["tess_mfcc"], "paths": paths[:4], "n_files": 2}
    parts.write(**asked, folder=tmp_path)
    with pytest.raises(UserError, match=r"part-00000\d-\S+: a part of other files, another model or other options"):
        parts.write(**(asked | change(exported, paths)), folder=tmp_path)
    assert len(list(tmp_path.glob("part-*"))) == 2


def test_the_same_names_in_another_folder_are_something_else(model, paths, tmp_path, monkeypatch):
    for folder, path in zip(("a", "b"), paths, strict=False):
        (tmp_path / folder).mkdir()
        shutil.copy(path, tmp_path / folder / "x.wav")
    monkeypatch.chdir(tmp_path / "a")
    assert parts.write(model, ["x.wav"], tmp_path / "out").before == 0
    assert parts.write(model, ["x.wav"], tmp_path / "out").before == 1
    monkeypatch.chdir(tmp_path / "b")
    with pytest.raises(UserError, match="a part of other files"):
        parts.write(model, ["x.wav"], tmp_path / "out")


def test_parts_that_another_process_writes_meanwhile_are_not_mixed_in(model, paths, tmp_path):
    other = tmp_path / "part-000000-abcdef.jsonl"

    def while_reading():
        other.touch()
        yield from paths[:2]

    with pytest.raises(UserError, match=r"part-000000-abcdef\.jsonl: a part of other files, another model or other"):
        parts.write(model, while_reading(), tmp_path)
    assert list(tmp_path.iterdir()) == [other]
    other.unlink()
    parts.write(model, paths[:2], tmp_path)
    other.touch()  # by a process that did not look
    with pytest.raises(UserError, match=r"part-000000-abcdef\.jsonl: a part of other files"):
        parts.write(model, paths[:2], tmp_path)


def test_parquet_has_one_schema_whatever_is_in_it(model, paths, tmp_path):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow: pip install '.[parquet]'")
    odd = tmp_path / os.fsdecode(b"\xff.wav")
    shutil.copy(paths[0], odd)
    assert parts.write(model, [*paths[:3], paths[5], odd], tmp_path / "out", PARQUET, n_files=3).failed == 1
    assert parts.write(model, [paths[5]], tmp_path / "bad", PARQUET) == written(1, 0, 0, 1)
    table = pd.read_parquet(tmp_path / "out")
    assert list(table) == list(pd.read_parquet(tmp_path / "bad"))
    assert list(table["path"]) == [*map(str, paths[:3]), str(paths[5]), f"{tmp_path}/\\xff.wav"]
    assert table["error"].isna().tolist() == [True, True, True, False, True]
    good = table[table["error"].isna()]
    np.testing.assert_allclose(good.filter(like="p_").sum(axis=1), 1, atol=1e-5)
    assert (good["label"] == good.filter(like="p_").idxmax(axis=1).str.removeprefix("p_")).all()
    assert set(good["windows"]) == {1}
    assert set(good["sample_rate"]) == {24414}


def test_the_command_takes_a_list_and_goes_on(model, paths, tmp_path, monkeypatch, capsys):
    words = ["predict", str(model), "--files-from", "-", "--parts", str(tmp_path / "out"), "--per-part", "4"]
    words += ["--jobs", "1"]
    lines = b"".join(os.fsencode(path) + b"\n" for path in paths)
    for said in ("3 parts, 8 files predicted, 1 more could not", "3 parts, 3 of them were there; 0 files predicted"):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lines)))
        assert commands.main(words) == 0
        assert said in capsys.readouterr().out
    audio.write(tmp_path / "low.wav", audio.read(paths[0])[0], 8000)
    assert commands.main([*words[:2], *[str(tmp_path / "low.wav")] * 3, "--parts", str(tmp_path / "low")]) == 0
    lower = "caution: the model expects 22050 Hz; recorded at less: 3 at 8000 Hz (nothing above 4000 Hz)"
    assert capsys.readouterr().err.count(lower) == 1
    (tmp_path / "list").write_bytes(lines)
    assert commands.main([*words[:2], "--files-from", str(tmp_path / "list"), "--format", "csv"]) == 3
    said = capsys.readouterr()
    assert said.out.count("\n") == 9
    assert "8 files predicted, 1 skipped" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no recordings are named"),
        (["x.wav", "--jobs", "2"], "--jobs is for answers in parts"),
        (["x.wav", "--format", "parquet"], "parquet is written in parts"),
        (["x.wav", "--parts", "out", "--format", "csv"], "parts are written as jsonl or parquet, not as csv"),
        (["x.wav", "--parts", "out", "--output", "file"], "--output and --parts exclude one another"),
        (["--files-from", "nowhere"], "nowhere: No such file or directory"),
    ],
)
def test_options_that_contradict_one_another(words, said, model, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert commands.main(["predict", str(model), *words, "--quiet"]) == 2
    assert f"keras-ser: {said}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_two_processes_write_the_same(model, paths, tmp_path):
    for jobs in (1, 2):
        parts.write(model, paths, tmp_path / str(jobs), n_files=2, jobs=jobs)
    assert len(records(tmp_path / "1")) == 9
    for path in (tmp_path / "1").iterdir():
        assert (tmp_path / "2" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_a_cluster_writes_the_same(model, paths, start_cluster, tmp_path):
    parts.write(model, paths, tmp_path / "here", n_files=4)
    address = start_cluster(2).address
    assert parts.write(model, paths, tmp_path / "there", n_files=4, scheduler=address) == written(3, 0, 8, 1)
    for path in (tmp_path / "here").iterdir():
        assert (tmp_path / "there" / path.name).read_bytes() == path.read_bytes()


def test_long_recordings_are_not_decoded_ahead(tmp_path, monkeypatch):
    """However many are named: what waits is bounded by samples."""
    for name in range(12):
        audio.write(tmp_path / f"{name}.wav", np.full(60_000, 0.1), 16000)
    monkeypatch.setattr(audio, "AHEAD", 100_000)
    begun = []

    def read(path, **_):
        begun.append(path)
        return np.full(60_000, 0.1, np.float32), 16000

    monkeypatch.setattr(audio, "read", read)
    predictor = predict.Predictor("", "", ("a", "b"), None, False, None, lambda y, _: np.full((len(y), 2), 0.5))
    files = sorted(tmp_path.iterdir())
    for place, _ in enumerate(predict.predict(predictor, files, window_s=0.1), 1):
        assert len(begun) <= place + 1
    assert sorted(begun) == files
