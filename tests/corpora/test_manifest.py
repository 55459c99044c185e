"""Folders → manifest."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from keras_ser import audio, corpora
from keras_ser.corpora import own
from keras_ser.corpora.corpus import COLUMNS, SYNTHETIC_MARKER, audio_files
from keras_ser.corpora.folders import manifest as folder_manifest
from keras_ser.errors import UserError


def touch(root, *names):
    """Files of those names: a manifest never opens them."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_columns_types_and_order(tmp_path):
    touch(tmp_path, "emodb/wav/08a01Na.wav", "emodb/wav/03a01Fa.flac", "emodb/readme.txt")
    clips = corpora.manifest("emodb", tmp_path)
    assert tuple(clips.columns) == COLUMNS
    assert list(clips["clip"]) == ["03a01Fa", "08a01Na"]
    assert list(clips["path"]) == [str(tmp_path / "emodb/wav" / name) for name in ("03a01Fa.flac", "08a01Na.wav")]
    assert clips["age"].dtype == "Int64"
    assert clips["synthetic"].dtype == bool
    assert not clips["synthetic"].any()


def test_unknown_age_is_na(tmp_path):
    touch(tmp_path, "Actor_01/03-01-01-01-01-01-01.wav")
    assert corpora.manifest("ravdess", tmp_path)["age"].isna().all()


def test_the_data_root_is_named_or_that_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SER_DATA", str(tmp_path))
    assert corpora.data_root() == tmp_path
    with pytest.raises(UserError, match="new: no such folder; --data and KERAS_SER_DATA name a directory"):
        corpora.data_root(tmp_path / "new")
    assert corpora.data_root(tmp_path / "new", new=True) == tmp_path / "new"
    touch(tmp_path, "savee/DC/a01.wav", "mine/a.wav")
    assert corpora.present(["tess", "savee", "mine"], tmp_path) == ["savee"]
    monkeypatch.delenv("KERAS_SER_DATA")
    assert str(corpora.data_root()) == "data"


def test_root_is_the_data_root_or_the_corpus(tmp_path):
    touch(tmp_path, "savee/DC/a01.wav", "savee/KL/a01.wav")
    pd.testing.assert_frame_equal(corpora.manifest("savee", tmp_path), corpora.manifest("savee", tmp_path / "savee"))


def test_several_corpora_as_one(tmp_path):
    touch(tmp_path, "savee/DC_a01.wav", "emodb/03a01Fa.wav", "tess/OAF_back_fear.wav")
    clips = corpora.joined(["tess", "savee"], tmp_path)
    assert list(clips["clip"]) == ["tess_OAF_back_fear", "savee_DC_a01"]
    assert list(clips["speaker"]) == ["tess_OAF", "savee_DC"]
    assert list(clips["sentence"]) == ["tess_back", "savee_common-01"]
    assert tuple(clips.columns) == COLUMNS
    pd.testing.assert_frame_equal(corpora.joined(["emodb"], tmp_path), corpora.manifest("emodb", tmp_path))
    with pytest.raises(UserError, match="no clip of CREMA-D"):
        corpora.joined(["tess", "crema_d"], tmp_path)
    assert corpora.titles(["tess", "savee", "crema_d"]) == "TESS, SAVEE and CREMA-D"
    assert corpora.titles(["tess"]) == "TESS (Toronto Emotional Speech Set)"


def test_hidden_files_and_shadows_are_passed_over(tmp_path):
    touch(tmp_path, "03a01Fa.wav", "._08a01Na.wav", "__MACOSX/08a01Na.wav", ".trash/09a01Na.wav")
    assert list(corpora.manifest("emodb", tmp_path)["clip"]) == ["03a01Fa"]


def test_songs_and_videos_are_told_apart(tmp_path):
    touch(tmp_path, "03-01-05-01-01-01-01.wav", "03-02-05-01-01-01-01.wav", "01-01-05-01-01-01-01.mp4")
    assert list(corpora.manifest("ravdess", tmp_path)["clip"]) == ["03-01-05-01-01-01-01"]


def test_a_clip_that_is_there_twice_counts_once(tmp_path):
    touch(tmp_path, "a/03a01Fa.wav", "b/03a01Fa.wav", "a/03a01Fa.flac")
    found = corpora.listing("emodb", tmp_path)
    assert list(found.clips["path"]) == [str(tmp_path / "a/03a01Fa.flac")]
    assert [str(path) for path in found.repeats] == ["a/03a01Fa.wav", "b/03a01Fa.wav"]


def test_folders_do_not_change_the_order(tmp_path):
    touch(tmp_path, "flat/03a01Fa.wav", "flat/08a01Na.wav", "deep/1/08a01Na.wav", "deep/2/03a01Fa.wav")
    flat, deep = (corpora.manifest("emodb", tmp_path / name) for name in ("flat", "deep"))
    assert list(flat["clip"]) == list(deep["clip"])


def test_synthetic_clips_are_marked(tmp_path):
    touch(tmp_path, "emodb/wav/03a01Fa.wav", f"emodb/{SYNTHETIC_MARKER}", "tess/OAF_back_fear.wav")
    assert corpora.manifest("emodb", tmp_path)["synthetic"].all()
    assert corpora.manifest("emodb", tmp_path / "emodb" / "wav")["synthetic"].all()
    assert not corpora.manifest("tess", tmp_path)["synthetic"].any()


def test_wrong_folder_says_what_it_holds(tmp_path):
    touch(tmp_path, "tess/Actor_01/03-01-05-01-01-01-01.wav", "tess/Actor_01/03-01-05-01-01-02-01.wav")
    with pytest.raises(UserError, match=r"2 audio files.*03-01-05-01-01-01-01\.wav.*looks like ravdess"):
        corpora.manifest("tess", tmp_path)


def test_empty_and_missing_folders(tmp_path):
    with pytest.raises(UserError, match="no audio file"):
        corpora.manifest("emodb", tmp_path)
    with pytest.raises(UserError, match=r"no such folder.*emodb\.bilderbar"):
        corpora.manifest("emodb", tmp_path / "nowhere")
    with pytest.raises(UserError, match="emodb, ravdess, tess, savee, crema_d"):
        corpora.manifest("iemocap", tmp_path)


@pytest.mark.parametrize(("name", "n_clips"), [("emodb", 535), ("tess", 2800), ("ravdess", 256)])
def test_real_corpora(real_data, name, n_clips):
    clips = corpora.manifest(name, real_data)
    assert len(clips) == n_clips
    assert clips["clip"].is_unique


def test_folders_of_classes(tmp_path):
    touch(
        tmp_path,
        "Train/Angry/03-01-05-01-01-01-01.wav",
        "Test/Calm/03-01-02-02-02-01-08.flac",
        "Test/Pleasant surprise/voice.wav",
    )
    clips = folder_manifest(tmp_path).set_index("clip")
    assert list(clips["split"]) == ["test", "test", "train"]
    assert list(clips["emotion"]) == ["calm", "surprise", "anger"]
    assert list(clips["label"]) == ["Calm", "Pleasant surprise", "Angry"]
    assert list(clips["speaker"]) == ["08", "", "01"]
    assert clips.loc["Train/Angry/03-01-05-01-01-01-01", "gender"] == "male"
    assert set(clips.columns) == {*COLUMNS, "split"} - {"clip"}


def test_folders_without_a_split_above(tmp_path):
    touch(tmp_path, "sad/x.wav", "happy/x.wav")
    clips = folder_manifest(tmp_path)
    assert list(clips["emotion"]) == ["happiness", "sadness"]
    assert set(clips["split"]) == {""}


def test_folders_below_those_of_classes(tmp_path, caplog):
    touch(tmp_path, "Train/happy/anna/x.wav", "sad/fun/take 1/x.wav", "loose.wav")
    assert folder_manifest(tmp_path, labels={"fun": "joy"})["emotion"].tolist() == ["happiness", "happiness"]
    assert caplog.messages == [
        f"{tmp_path}: 1 recordings lie in no folder of a class and are excluded, the first loose.wav"
    ]
    touch(tmp_path / "other", "loose.wav")
    with pytest.raises(UserError, match="its 1 recordings lie in no folder of a class; put one folder per class there"):
        folder_manifest(tmp_path / "other")


def test_sound_of_other_forms_is_not_passed_over_in_silence(tmp_path, caplog):
    touch(tmp_path, "sad/x.oga", "sad/y.WAVE", "sad/b.m4a", "sad/a.M4A", "sad/notes.txt")
    assert folder_manifest(tmp_path)["clip"].tolist() == ["sad/x", "sad/y"]
    first = tmp_path / "sad" / "a.M4A"
    assert caplog.messages == [
        f"2 files excluded, the first {first}: not a form that libsndfile reads: convert to WAV or FLAC "
        "(ffmpeg -i a.m4a a.wav)"
    ]
    first.write_bytes(b"....ftypM4A ")
    with pytest.raises(audio.AudioError, match=r"a\.M4A: not a form that libsndfile reads: convert"):
        audio.read(first)


def test_folders_that_name_no_emotion(tmp_path, caplog):
    with pytest.raises(UserError, match="no audio file"):
        folder_manifest(tmp_path)
    touch(tmp_path, "sad/x.wav", "misc/y.wav")
    assert list(folder_manifest(tmp_path)["clip"]) == ["sad/x"]
    assert caplog.messages == [
        f"{tmp_path}: unknown labels excluded: misc (1); map them with --labels misc=anger,…, or keep one as a class "
        "with --labels misc=misc"
    ]
    assert list(folder_manifest(tmp_path, labels={"misc": "tired"})["emotion"]) == ["tired", "sadness"]
    shutil.rmtree(tmp_path / "sad")
    with pytest.raises(UserError, match=r"none of its labels is a known emotion: misc \(1\); map them"):
        folder_manifest(tmp_path)


def test_recordings_beside_the_folders_of_a_split(tmp_path, caplog):
    touch(tmp_path, "Train/sad/x.wav", "Test/sad/y.wav", "more/sad/z.wav")
    assert list(folder_manifest(tmp_path)["split"]) == ["test", "train", ""]
    assert caplog.messages == [
        f"{tmp_path}: 1 recordings lie below no folder of a split and are excluded under the folders' own split "
        f"(as_reported), the first {tmp_path / 'more' / 'sad' / 'z.wav'}"
    ]


def test_a_folder_of_a_published_corpus_is_not_mapped_by_its_folders(tmp_path):
    ravdess = [f"Actor_0{n}/03-01-0{n}-01-01-01-0{n}.wav" for n in (1, 2, 3)]
    for files in (ravdess, ["wav/03a01Fa.wav"], ["03a01Fa.wav"], ["OAF_angry/OAF_back_angry.wav"]):
        shutil.rmtree(tmp_path / "mine", ignore_errors=True)
        touch(tmp_path / "mine", *files, "Actor_01/notes.wav" if len(files) > 1 else "notes.txt")
        with pytest.raises(UserError, match=r"mine: its files are those of the corpus (\w+): name that .* \(\1 --data"):
            folder_manifest(tmp_path / "mine")
    touch(tmp_path / "other", "one/a.wav", "two/b.wav", ravdess[0])
    with pytest.raises(UserError, match="none of its labels is a known emotion"):
        folder_manifest(tmp_path / "other")
    labels = {"one": "anger"}
    assert list(folder_manifest(tmp_path / "other", labels=labels)["clip"]) == ["one/a"]


def test_the_speaker_of_a_path(tmp_path):
    touch(tmp_path, "sad/anna_1.wav", "sad/07-x.wav", "happy/03-01-05-01-01-01-01.wav")
    clips = folder_manifest(tmp_path, speaker_from=r"/(?:(\w+)_|(\d+)-x)").set_index("clip")
    assert clips["speaker"].to_dict() == {"happy/03-01-05-01-01-01-01": "01", "sad/07-x": "07", "sad/anna_1": "anna"}


def test_files_of_one_name_keep_their_suffix(tmp_path):
    touch(tmp_path, "sad/x.wav", "sad/x.flac", "happy/y.wav")
    assert list(folder_manifest(tmp_path)["clip"]) == ["happy/y.wav", "sad/x.flac", "sad/x.wav"]


def latin_1(folder, name):
    """A path as an archive in Latin-1 leaves it."""
    return Path(os.fsdecode(os.fsencode(folder) + b"/" + name.encode("latin-1")))


def test_names_that_are_no_utf_8_are_text_in_a_manifest(tmp_path):
    folder = latin_1(tmp_path, "tüte")
    for name in ("für/fröhlich_1.wav", "sad/anna_2.wav"):
        path = latin_1(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write(path, np.full(100, 0.5), 16000)
    labels = {os.fsdecode("für".encode("latin-1")): "happiness"}  # as a shell in Latin-1 gives it
    title, place, clips = own.read(folder, labels=labels, speaker_from=r"/(\S+)_")
    assert list(clips["clip"]) == [r"f\xfcr/fr\xf6hlich_1", "sad/anna_2"]
    assert list(clips["label"]) == [r"f\xfcr", "sad"]
    assert list(clips["speaker"]) == [r"fr\xf6hlich", "anna"]
    assert title == r"the folder t\xfcte"
    assert place.startswith("t_xfcte-")
    assert not clips["synthetic"].any()
    assert [len(waveform) for waveform, _ in audio.read_many(clips["path"])] == [100, 100]
    assert list(own.read(folder, labels={r"f\xfcr": "happiness"})[2]["emotion"]) == ["happiness", "sadness"]


AS_NO_ROOT = """
import os
from pathlib import Path
from keras_ser.corpora.corpus import audio_files
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    print(*audio_files(Path(".")))
except ValueError as error:
    print(error)
"""


def test_folders_that_cannot_be_read_are_named(tmp_path):
    """0o444: what is in a folder is listed, and nothing more can be known of it."""
    touch(tmp_path, "sad/x.wav", "happy/closed/y.wav", "happy/listed/below/z.wav")
    (tmp_path / "happy" / "closed").chmod(0)
    (tmp_path / "happy" / "listed").chmod(0o444)

    def said(mode):
        tmp_path.chmod(mode)
        done = subprocess.run([sys.executable, "-c", AS_NO_ROOT], cwd=tmp_path, capture_output=True, text=True)
        if "os.seteuid" in done.stderr:
            pytest.skip("root cannot become another user here")
        return done.stdout, done.stderr

    assert said(0o755) == (
        "sad/x.wav\n",
        "./happy/closed (Permission denied) and 1 more: cannot be read, recordings there are excluded; allow "
        "reading and run again\n",
    )
    assert said(0o311) == (". (Permission denied): cannot be read; allow reading, or name another folder\n", "")


def test_names_that_are_no_path_and_paths_that_are_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a" * 300, "", "nowhere", "a\0b"):
        assert not own.is_own(name)
    assert own.is_own(".")
    assert corpora.get(Path("tess")) is corpora.CORPORA["tess"]
    with pytest.raises(UserError, match="no such folder; --data"):
        corpora.data_root("a" * 300)


def test_a_manifest_leads_to_sound(tmp_path):
    (tmp_path / "sad").mkdir()
    audio.write(tmp_path / "sad" / "x.wav", np.zeros(100), 16000)
    shutil.copy(tmp_path / "sad" / "x.wav", tmp_path / "sad" / "y.wav")
    assert [len(waveform) for waveform, _ in audio.read_many(folder_manifest(tmp_path)["path"])] == [100, 100]


def test_links_to_folders_are_followed_to_each_folder_once(tmp_path):
    """Two links to a folder above made a tree without end; one listed every clip as often as the system follows."""
    (tmp_path / "elsewhere" / "wav").mkdir(parents=True)
    (tmp_path / "elsewhere" / "wav" / "08a01Wa.wav").touch()
    folder = tmp_path / "emodb"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "03a01Fa.wav").touch()
    for place, target in (("up", folder), ("a/up", folder), ("a/above", tmp_path), ("linked", tmp_path / "elsewhere")):
        (folder / place).symlink_to(target)
    (folder / "z").symlink_to("nowhere")
    found = [str(path) for path in audio_files(folder)]
    assert found == ["a/03a01Fa.wav", "linked/wav/08a01Wa.wav"]
    assert [str(path) for path in audio_files(tmp_path / "emodb" / "linked")] == ["wav/08a01Wa.wav"]
