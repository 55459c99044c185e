"""An exported model read again: damaged, changed, or answering otherwise."""

import dataclasses
import io
import shutil
import subprocess

import numpy as np
import pytest

from keras_ser.cli import commands
from keras_ser.errors import UserError
from keras_ser.serving import export, predict, verify
from keras_ser.serving.chain import stored_clips
from keras_ser.serving.exported import SUMS, TOLERANCE, compare_with_stored, opened, sums_of


def test_verify_sees_a_model_that_answers_otherwise(exported, tmp_path):
    folder = shutil.copytree(exported["tess_mfcc"], tmp_path / "model")
    path = folder / "assets.extra" / "selftest.npz"
    test = dict(np.load(path))
    test["probabilities"] = test["probabilities"] + np.float32(2e-4)
    np.savez_compressed(path, **test)
    sums = "".join(f"{digest}  {name}\n" for name, digest in sums_of(folder).items())
    (folder / SUMS).write_text(sums)
    with pytest.raises(UserError, match=r"probabilities differ .* serving_default"):
        verify.verify(folder)
    with pytest.raises(UserError, match="no model exported"):
        opened(tmp_path)


def test_an_export_is_compared_with_what_the_run_stored(runs, exported, embedded, tmp_path, capsys, monkeypatch):
    run, folder = runs["tess_mfcc"], str(runs["tess_mfcc"].folder)
    stored = stored_clips(run, embedded)
    assert set(stored["clip"]) == set(run.predictions().query("transform == 'none'")["clip"])
    signatures_and_facts = opened(exported["tess_mfcc"])
    ((said, difference),) = compare_with_stored(*signatures_and_facts, stored).items()
    assert said == f"serving_default, {len(stored)} test clips as the run stored them"
    assert difference < TOLERANCE
    otherwise = stored.assign(p_fear=stored["p_fear"] + 2e-3)
    with pytest.raises(UserError, match=rf"otherwise .* for {len(stored)} of {len(stored)} test clips"):
        compare_with_stored(*signatures_and_facts, otherwise)
    with pytest.raises(UserError, match="otherwise"):
        compare_with_stored(*signatures_and_facts, stored.assign(p_fear=np.nan))
    certain = dict.fromkeys(stored.filter(regex="^p_"), 0.0) | {"p_fear": 1.0}
    with pytest.raises(UserError, match="otherwise"):
        compare_with_stored(*signatures_and_facts, stored.assign(**certain))

    # Where they are not available, or are synthetic speech of the same names, that is said.
    assert stored_clips(run, tmp_path).empty
    real = dataclasses.replace(run, facts={**run.facts, "synthetic": False})
    assert stored_clips(real, embedded).empty
    assert commands.main(["export", folder, "--out", str(tmp_path / "a"), "--data", str(tmp_path)]) == 2
    assert "no recording of a test clip" in capsys.readouterr().err
    asked = []
    monkeypatch.setattr(export, "export", lambda *arguments: asked.append(arguments) or {})
    monkeypatch.delenv("KERAS_SER_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert commands.main(["export", folder, "--out", "a"]) == 0
    said, complaints = capsys.readouterr()  # nothing went wrong: it is said with the result
    assert "data: no recording of a test clip of this run: the model is not compared" in said
    assert complaints == ""
    assert commands.main(["export", folder, "--out", "a", "--data", str(embedded)]) == 0
    assert "no recording" not in "".join(capsys.readouterr())
    assert [len(stored) for *_, stored in asked] == [0, len(stored)]


def flipped(content):
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


EXPORTED_FILES = (
    "saved_model.pb",
    "variables/variables.data-00000-of-00001",
    "variables/variables.index",
    "assets.extra/selftest.npz",
    "assets.extra/keras_ser.json",
    "assets.extra/tf_serving_warmup_requests",
    "assets.extra/model.tflite",
    "assets.extra/model_float16.tflite",
    "SHA256SUMS",
)


@pytest.mark.parametrize("name", EXPORTED_FILES)
def test_a_damaged_file_of_an_export_is_named(name, exported, tmp_path):
    folder = shutil.copytree(exported["tess_mfcc"], tmp_path / "model")
    whole = (folder / name).read_bytes()
    for content in (None, b"", b"{}", b"text", whole[: len(whole) // 2], flipped(whole)):
        (folder / name).unlink()
        if content is not None:
            (folder / name).write_bytes(content)
        for read in (verify.verify, predict.load):
            with pytest.raises(UserError, match=r"export the run again$|SHA256SUMS is missing") as told:
                read(folder)
            assert name in str(told.value) or name == "SHA256SUMS"
            assert "\n" not in str(told.value)
        (folder / name).write_bytes(whole)


def test_what_systems_and_people_put_beside_an_export_does_no_harm(exported, tmp_path):
    folder = shutil.copytree(exported["tess_mfcc"], tmp_path / "model")
    for name in (".DS_Store", "notes.txt", "variables/.DS_Store"):
        (folder / name).write_text("mine")
    assert verify.verify(folder) == verify.verify(exported["tess_mfcc"])
    assert predict.is_model(folder)


def archived(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("saved_model.pb", b""),
        ("assets.extra/selftest.npz", b"text"),
        ("assets.extra/selftest.npz", archived(waveform=1)),
    ],
)
def test_what_someone_else_put_into_an_export_with_sums_of_his_own(name, content, exported, tmp_path):
    folder = shutil.copytree(exported["tess_mfcc"], tmp_path / "model")
    (folder / name).write_bytes(content)
    (folder / SUMS).write_text("".join(f"{sum_}  {name}\n" for name, sum_ in sums_of(folder).items()))
    with pytest.raises(UserError, match=r"cannot be read .*: the export is damaged: export the run again$"):
        verify.verify(folder)


def test_a_model_says_itself_what_it_is(exported, tmp_path):
    folder = shutil.copytree(exported["tess_mfcc"], tmp_path / "model")
    (folder / "assets.extra/keras_ser.json").write_text("{}")
    (folder / SUMS).write_text("".join(f"{sum_}  {name}\n" for name, sum_ in sums_of(folder).items()))
    assert predict.load(folder).labels == predict.load(exported["tess_mfcc"]).labels


def test_other_programs_can_check_an_export_whose_card_may_be_edited(exported, tmp_path):
    folder = shutil.copytree(exported["tess_mfcc"], tmp_path / "model")
    (folder / "README.md").write_text("mine")
    assert verify.verify(folder) == verify.verify(exported["tess_mfcc"])
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)
