import dataclasses
import hashlib

import numpy as np
import pandas as pd
import pytest

from keras_ser import audio, corpora, reports
from keras_ser.data import augmented_audio, features, protocols
from keras_ser.errors import UserError

REPORT = reports.load("emodb_losses")


@pytest.fixture(scope="module")
def manifest(embedded):
    return features.with_audio_hash(corpora.manifest("emodb", embedded)[:12])[0]


@pytest.fixture(scope="module")
def folder(manifest, tmp_path_factory):
    folder = tmp_path_factory.mktemp("augmented")
    assert augmented_audio.write(REPORT, manifest, folder, seed=0) == 84
    return folder


@pytest.mark.slow
def test_a_file_for_every_example_and_nothing_else(folder):
    table = pd.read_csv(folder / "audio_labels_augmented.csv")
    assert len(table) == 84
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.wav")} == set(table["file_path"])
    tables = {"audio_labels_augmented.csv", "train.csv", "validation.csv", "test.csv"}
    assert {path.name for path in folder.iterdir() if path.is_file()} == tables
    assert [REPORT.labels[label] for label in table["label"]] == list(table["emotion"])


def test_the_tables_are_the_splits_that_the_runs_have(folder, manifest):
    examples = REPORT.augmentation(manifest, 0)
    assigned = protocols.get("as_reported").assign(examples, manifest, REPORT.split)
    for split in protocols.SPLITS:
        table = pd.read_csv(folder / f"{split}.csv")
        expected = assigned[assigned["split"] == split]
        np.testing.assert_array_equal(table[["clip", "copy"]], expected[["clip", "copy"]])
        np.testing.assert_allclose(table["parameter"], expected["parameter"])


def test_the_sounds(folder, manifest):
    table = pd.read_csv(folder / "audio_labels_augmented.csv").merge(manifest[["clip", "path", "samples"]], on="clip")
    for row in table.itertuples():
        waveform, rate = audio.read(folder / row.file_path)
        original, original_rate = audio.read(row.path)
        assert rate == original_rate
        if row.transform == "none":
            np.testing.assert_array_equal(waveform, original)
        elif row.transform == "pitch_shift":
            assert len(waveform) == row.samples
        else:
            assert len(waveform) == round(row.samples / row.parameter)
        assert waveform.any()


@pytest.mark.slow
def test_a_seed_repeats_and_clips_may_be_named_by_folders(folder, manifest, tmp_path):
    clips = manifest.assign(clip="Anger/" + manifest["clip"])
    plain = REPORT.augmentation(manifest, 0)
    # The draw goes by the clip's name, so the nested names are given the plain ones' parameters.
    report = dataclasses.replace(REPORT, augmentation=lambda *_: plain.assign(clip="Anger/" + plain["clip"]))
    augmented_audio.write(report, clips, tmp_path, seed=0)

    def sounds(root):
        return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*.wav"))

    assert sounds(tmp_path) == sounds(folder)
    assert (tmp_path / "none" / "Anger" / f"{manifest['clip'][0]}-0.wav").is_file()


def test_a_folder_that_cannot_be_made(manifest, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        augmented_audio.write(REPORT, manifest, tmp_path / "file", seed=0)


@pytest.mark.parametrize("n_bytes", [20, 1000])
def test_a_full_disk_is_one_line_and_leaves_nothing_partial(manifest, tmp_path, small_disk, n_bytes):
    with small_disk(n_bytes), pytest.raises(UserError, match=r"cannot write .*: File too large$"):
        augmented_audio.write(REPORT, manifest, tmp_path / "out", 0)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
