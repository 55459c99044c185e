"""check: every kind of fault is found, named and explained."""

import os

import numpy as np
import pytest
import soundfile

from keras_ser import audio, corpora
from keras_ser.corpora.check import DOUBTFUL, UNUSABLE, check
from keras_ser.corpora.corpus import SYNTHETIC_MARKER
from keras_ser.data import features
from keras_ser.errors import UserError

RATE = 16000


@pytest.fixture
def emodb(tmp_path, rng):
    """Four good clips: two speakers, two emotions."""
    folder = tmp_path / "emodb"
    folder.mkdir()
    for clip in ("03a01Fa", "03a01Wa", "08a01Fa", "08a01Wa"):
        audio.write(folder / f"{clip}.wav", rng.uniform(-0.5, 0.5, RATE // 2), RATE)
    return folder


def kinds(result, clip):
    return set(result.problems.loc[result.problems["clip"] == clip, "kind"])


def test_counts_a_class_and_a_speaker(emodb):
    result = check("emodb", emodb.parent)
    classes = result.classes.set_index("emotion")
    assert classes.loc["anger"].to_dict() == {"published": 127, "found": 2, "missing": 125, "usable": 2}
    assert classes.loc["boredom"].to_dict() == {"published": 81, "found": 0, "missing": 81, "usable": 0}
    assert list(result.speakers.itertuples(index=False, name=None)) == [
        ("03", "male", 31, 2, 2),
        ("08", "female", 34, 2, 2),
    ]
    assert result.minutes == pytest.approx(2 / 60)
    assert result.problems.empty
    assert result.usable


def write_fault(kind, folder, rng):
    """Write clip 09a01Na with one fault."""
    path = folder / "09a01Na.wav"
    sound = rng.uniform(-0.5, 0.5, RATE)
    if kind == "quiet":
        audio.write(path, sound * 1e-3, RATE)
    elif kind == "silent":
        audio.write(path, sound * 0, RATE)
    elif kind == "silent as a whole":
        soundfile.write(path, np.stack([sound, -sound], axis=1), RATE)
    elif kind == "one sample":
        audio.write(path, sound[:1], RATE)
    elif kind == "clipped":
        sound[100:103] = 1
        audio.write(path, sound, RATE)
    elif kind == "stereo":
        soundfile.write(path, np.stack([sound, -sound / 2], axis=1), RATE)
    elif kind == "odd_rate":
        audio.write(path, sound, 44100)
    elif kind == "other_format":
        soundfile.write(path, sound, RATE, format="AIFF")
    elif kind == "duplicate_content":
        soundfile.write(path.with_suffix(".flac"), *soundfile.read(folder / "08a01Wa.wav"))
    elif kind == "empty":
        audio.write(path, sound[:0], RATE)
    elif kind == "truncated":
        audio.write(path, sound, RATE)
        path.write_bytes(path.read_bytes()[:1000])
    elif kind == "lfs_pointer":
        path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n")
    elif kind == "nan":
        soundfile.write(path, np.array([0.1, np.nan]), RATE, subtype="FLOAT")
    elif kind == "scale":
        soundfile.write(path, sound * 32768, RATE, subtype="FLOAT")
    elif kind == "missing":
        path.symlink_to("nowhere.wav")
    elif kind == "no_file":
        os.mkfifo(path)
    elif kind == "rate":
        audio.write(path, sound, 10)
    elif kind == "unreadable":
        path.write_bytes(b"RIFF and nothing more of it")


@pytest.mark.parametrize("kind", ["quiet", "clipped", "stereo", "odd_rate", "other_format", "duplicate_content"])
def test_doubtful_clips_are_named_and_stay(emodb, rng, kind):
    write_fault(kind, emodb, rng)
    result = check("emodb", emodb)
    assert kinds(result, "09a01Na") == {kind}
    assert len(result.problems) == 1
    assert result.classes["usable"].sum() == 5
    assert f"{kind}: 1" in result.text()


@pytest.mark.parametrize("kind", sorted(set(UNUSABLE) - {"part", "too_long", "disputed"}))  # of tables, of a machine
def test_unusable_clips_are_named_and_do_not_count(emodb, rng, kind):
    write_fault(kind, emodb, rng)
    result = check("emodb", emodb)
    assert kinds(result, "09a01Na") == {kind}
    assert f"{kind}: 1, " in result.text()
    assert "  09a01Na  " in result.text()
    assert result.classes["found"].sum() == 5
    assert result.classes["usable"].sum() == 4
    assert result.usable  # one bad clip does not spoil a corpus


FAULTS = sorted((UNUSABLE | DOUBTFUL).keys() - {"part", "too_long", "disputed", "repeated_name", "unknown_name"})


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*FAULTS, "silent as a whole", "one sample"])
def test_what_can_be_used_is_what_is_trained_on(emodb, rng, kind):
    write_fault(kind, emodb, rng)
    result, (used, excluded) = check("emodb", emodb), features.with_audio_hash(corpora.manifest("emodb", emodb))
    unusable = result.problems[result.problems["kind"].isin(UNUSABLE)]
    assert len(used) + len(excluded) == result.classes["found"].sum() == 5
    assert set(used["clip"]) == set(corpora.manifest("emodb", emodb)["clip"]) - set(unusable["clip"])
    assert used["emotion"].value_counts().to_dict() == {
        emotion: n for emotion, n in result.classes.set_index("emotion")["usable"].items() if n
    }


def test_the_same_samples_under_two_emotions(emodb, tmp_path):
    """Of one's own recordings none of them can be used; a corpus is taken as it was published."""
    own = tmp_path / "mine"
    for emotion, names in {"happy": "abcd", "sad": "efgh"}.items():
        (own / emotion).mkdir(parents=True)
        for name in names:
            audio.write(own / emotion / f"{name}.wav", np.full(RATE, ord(name) / 200), RATE)
    for name, copied in {"happy/i": "happy/a", "sad/j": "happy/a", "sad/k": "sad/e"}.items():
        (own / f"{name}.wav").write_bytes((own / f"{copied}.wav").read_bytes())
    result = check(str(own), tmp_path)
    found = result.problems[result.problems["kind"].isin(("disputed", "duplicate_content"))]
    assert list(found.itertuples(index=False, name=None)) == [
        ("disputed", "happy/a", "= sad/j, happiness and sadness"),
        ("disputed", "happy/i", "= sad/j, happiness and sadness"),
        ("disputed", "sad/j", "= happy/a, sadness and happiness"),
        ("duplicate_content", "sad/k", "= sad/e"),
    ]
    assert result.classes.set_index("emotion")["usable"].to_dict() == {"happiness": 3, "sadness": 5}
    (emodb / "03a01Wa.wav").write_bytes((emodb / "03a01Fa.wav").read_bytes())
    result = check("emodb", emodb)
    assert result.problems.values.tolist() == [["duplicate_content", "03a01Wa", "= 03a01Fa, anger and happiness"]]
    assert result.classes["usable"].sum() == 4


def test_two_full_samples_in_a_row_are_no_clipping(emodb, rng):
    sound = rng.uniform(-0.5, 0.5, RATE)
    sound[[100, 101, 500]] = -1
    audio.write(emodb / "09a01Na.wav", sound, RATE)
    assert check("emodb", emodb).problems.empty


def test_stray_files_and_repeats(tmp_path, rng):
    actor = tmp_path / "Actor_01"
    actor.mkdir()
    (tmp_path / "copy").mkdir()
    for name in ("03-01-05-01-01-01-01", "03-02-05-01-01-01-01", "voice"):
        audio.write(actor / f"{name}.wav", rng.uniform(-0.5, 0.5, 4800), 48000)
    audio.write(tmp_path / "copy" / "03-01-05-01-01-01-01.wav", rng.uniform(-0.5, 0.5, 4800), 48000)
    result = check("ravdess", tmp_path)
    assert list(result.problems.itertuples(index=False, name=None)) == [
        ("unknown_name", "Actor_01/03-02-05-01-01-01-01.wav", "RAVDESS song"),
        ("unknown_name", "Actor_01/voice.wav", ""),
        ("repeated_name", "copy/03-01-05-01-01-01-01.wav", ""),
    ]


def test_a_name_that_is_no_text_is_named(emodb):
    path = emodb / os.fsdecode(b"\xff\n.wav")
    audio.write(path, np.zeros(100), RATE)
    assert "  \\udcff\\n.wav" in check("emodb", emodb).text()


def test_a_corpus_of_pointers_cannot_be_used(emodb):
    for path in emodb.iterdir():
        path.write_text("version https://git-lfs.github.com/spec/v1\n")
    result = check("emodb", emodb)
    assert not result.usable
    assert "NOT USABLE: clips that can be used: 0 emotion(s)" in result.text()
    assert "git lfs pull" in result.text()


def test_one_speaker_is_too_few(emodb):
    for path in emodb.glob("08*"):
        path.unlink()
    result = check("emodb", emodb)
    assert result.obstacle == "clips that can be used: 1 speaker(s) only, two or more are needed"


def test_text_states_terms_and_origin(emodb):
    (emodb / SYNTHETIC_MARKER).touch()
    text = check("emodb", emodb).text()
    for part in (
        "SYNTHETIC",
        "free to use",
        "http://emodb.bilderbar.info",
        "4 of 535 clips, 2 of 10 speakers",
        "No problems.",
        "\n03 ",
    ):
        assert part in text


def test_long_lists_are_cut(emodb):
    for number in range(20):
        (emodb / f"noise{number:02}.wav").touch()
    text = check("emodb", emodb).text()
    assert "unknown_name: 20" in text
    assert "noise09" in text
    assert "noise10" not in text
    assert "and 10 more" in text


def test_many_speakers_are_counted(emodb, monkeypatch):
    monkeypatch.setattr("keras_ser.corpora.check.N_SPEAKERS", 1)
    text = check("emodb", emodb).text()
    assert "2 speakers: 2 to 2 clips each, median 2" in text
    assert "\n03 " not in text


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match="no audio file"):
        check("emodb", tmp_path)


# What the published recordings are known to hold.
REAL = {
    "emodb": set(),
    "ravdess": {
        ("stereo", "03-01-02-01-01-02-01"),
        ("stereo", "03-01-02-01-02-02-05"),
        ("duplicate_content", "03-01-03-01-02-02-07"),
    },
    "tess": {
        ("odd_rate", "OAF_food_fear"),
        ("clipped", "OAF_pad_ps"),
        ("other_format", "YAF_germ_angry"),
        ("other_format", "YAF_neat_fear"),
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_real_corpora(real_data, name):
    result = check(name, real_data)
    assert set(zip(result.problems["kind"], result.problems["clip"], strict=True)) == REAL[name]
    assert result.usable
