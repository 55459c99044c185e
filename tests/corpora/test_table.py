"""Recordings of one's own: tables, and what is said of them."""

import gzip

import numpy as np
import pandas as pd
import pytest
import soundfile

from keras_ser import audio
from keras_ser.corpora import own, table
from keras_ser.corpora.check import check
from keras_ser.corpora.corpus import COLUMNS, SYNTHETIC_MARKER
from keras_ser.errors import UserError


def written(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def sound(tmp_path):
    """name → a file of 2 s of noise there, at 16 kHz."""

    def write(name):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        y = np.random.default_rng(len(name)).uniform(-0.5, 0.5, 32000)
        soundfile.write(path, y, 16000, format="FLAC" if path.suffix == ".flac" else "WAV")
        return path

    return write


def test_a_table_with_everything(tmp_path, sound):
    for name in ("b/two.wav", "a/one.wav"):
        sound(name)
    text = (
        "path,emotion,speaker,gender,sentence,split\nb/two.wav,Angry,s1,F,hello,dev\na/one.wav,sad,unknown,m,,Test1\n"
    )
    clips = table.manifest(written(tmp_path / "mine.csv", text))
    assert set(clips.columns) == {*COLUMNS, "split"}
    assert list(clips["clip"]) == ["a/one", "b/two"]
    assert clips["emotion"].tolist() == ["sadness", "anger"]
    assert clips["label"].tolist() == ["sad", "Angry"]
    assert clips["speaker"].tolist() == ["", "s1"]
    assert clips["gender"].tolist() == ["male", "female"]
    assert clips["sentence"].tolist() == ["", "hello"]
    assert clips["split"].tolist() == ["test", "validation"]
    assert not clips["synthetic"].any()
    assert [len(y) for y, _ in audio.read_many(clips["path"])] == [32000, 32000]


def test_several_clips_of_a_file_as_audformat_writes_them(tmp_path, sound):
    y, _ = audio.read(sound("audio/dialog.wav"))
    text = (
        "file;start;end;emotion\n"
        "audio/dialog.wav;0 days 00:00:00;0 days 00:00:00.5;anger\n"
        "audio/dialog.wav;0 days 00:00:00.500000;0 days 00:00:01.25;fear\n"
        "audio/dialog.wav;1.25;NaT;fear\n"
        "audio/dialog.wav;1.25;;fear\n"
    )
    clips = table.manifest(written(tmp_path / "db.csv", text))
    assert list(clips["clip"]) == ["dialog_0-0.5", "dialog_0.5-1.25", "dialog_1.25-"]
    parts = [waveform for waveform, _ in audio.read_many(clips["path"])]
    assert [len(part) for part in parts] == [8000, 12000, 12000]
    np.testing.assert_array_equal(np.concatenate(parts), y)


def test_the_names_of_msp_podcast(tmp_path, sound, caplog):
    rows = [("A", "7", "Train"), ("C", "7", "Train"), ("X", "8", "Development"), ("O", "Unknown", "Test2")]
    rows.append(("N", "9", "Test1"))
    lines = []
    for number, (label, speaker, split) in enumerate(rows):
        sound(f"Audios/MSP-PODCAST_000{number}.wav")
        lines.append(f"MSP-PODCAST_000{number}.wav,{label},4.2,{speaker},Male,{split}")
    text = "FileName,EmoClass,EmoAct,SpkrID,Gender,Split_Set\n" + "\n".join(lines)
    clips = table.manifest(written(tmp_path / "Labels" / "labels_consensus.csv", text))
    assert clips["emotion"].tolist() == ["anger", "contempt", "neutral"]
    assert clips["split"].tolist() == ["train", "train", "test"]
    assert clips["speaker"].tolist() == ["7", "7", "9"]
    assert "unknown labels excluded: X (1), O (1); map them with --labels X=anger" in caplog.text
    assert all(audio.part_of(path) is None and len(audio.read(path)[0]) for path in clips["path"])


def test_rows_of_no_split_are_named_where_the_others_have_one(tmp_path, caplog):
    splits = ["Train", "Unknown", "", "Test2", "unknown", "Unknown"]
    rows = [f"{number}.wav,sad,{split}\n" for number, split in enumerate(splits)]
    path = written(tmp_path / "mine.csv", "path,emotion,split\n" + "".join(rows) + "x.wav,xxx,\n")
    assert table.manifest(path)["split"].tolist() == ["train", "", "", "test", "", ""]
    said = "4 rows have no known split (Unknown (2), empty (1), unknown (1)) and are excluded under the table's own"
    assert f"{path}: {said} split (as_reported), the first in line 3" in caplog.text
    caplog.clear()
    table.manifest(written(path, "path,emotion,split\n" + rows[0] + rows[3]))
    table.manifest(written(path, "path,emotion,split\n" + rows[0] + rows[1]))  # without test it is no split
    assert not caplog.messages


def test_labels_are_mapped_joined_and_kept(tmp_path, sound, caplog):
    for name in "abcd":
        sound(f"{name}.wav")
    path = written(tmp_path / "iemocap.csv", "path,emotion\na.wav,hap\nb.wav,exc\nc.wav,fru\nd.wav,xxx\n")
    labels = {"hap": "happiness", "exc": "happy", "fru": "frustration"}
    assert table.manifest(path, labels=labels)["emotion"].tolist() == ["happiness", "happiness", "frustration"]
    assert caplog.text.count("unknown labels excluded: xxx (1)") == 1
    with pytest.raises(UserError, match=r"no clip has the label ang; its labels are hap \(1\), exc"):
        table.manifest(path, labels={"ang": "anger"})
    with pytest.raises(UserError, match=r"none of its labels is a known emotion: hap \(1\), exc \(1\)"):
        table.manifest(path)


@pytest.mark.parametrize("columns", ["emotion,Emotion", "Emotion,emotion"])
def test_of_columns_that_differ_in_case_alone_the_exact_one_is_used(columns, tmp_path, caplog):
    cells = {"emotion": "sad", "Emotion": "happy"}
    row = ",".join(cells[name] for name in columns.split(","))
    path = written(tmp_path / "mine.csv", f"path,{columns},LABEL,Label\nx.wav,{row},,\n")
    assert table.manifest(path)["emotion"].tolist() == ["sadness"]
    said = f"the columns {columns.replace(',', ' and ')} differ in case alone: emotion is used"
    assert caplog.messages == [f"{path}: {said}"]  # nothing of columns that no one reads
    with pytest.raises(UserError, match="columns Emotion and EMOTION differ in case alone: rename all but the one"):
        table.manifest(written(path, "path,Emotion,EMOTION\nx.wav,sad,happy\n"))


def test_rows_of_no_emotion(tmp_path, caplog):
    rows = ["a.wav,sad", "b.wav,", "c.wav,nan", "d.wav,Unknown", "e.wav,xxx", "f.wav,happy"]
    path = written(tmp_path / "mine.csv", "path,emotion\n" + "\n".join(rows))
    assert table.manifest(path)["clip"].tolist() == ["a", "f"]
    assert f"{path}: 3 rows have no emotion and are excluded, the first in line 3" in caplog.messages
    assert "unknown labels excluded: xxx (1); map them with --labels xxx=anger" in caplog.text
    caplog.clear()
    kept = table.manifest(path, labels={"Unknown": "unknown"})
    assert kept["emotion"].tolist() == ["sadness", "unknown", "happiness"]
    assert f"{path}: 2 rows have no emotion and are excluded, the first in line 3" in caplog.messages
    with pytest.raises(UserError, match="all its 2 rows have no emotion"):
        table.manifest(written(path, "path,emotion\na.wav,\nb.wav,nan\n"))


def test_files_of_one_name_and_rows_that_are_there_again(tmp_path, sound, caplog):
    for name in ("x.wav", "x.flac"):
        sound(name)
    rows = "x.wav,xxx\nx.wav,sad\nx.flac,happy\nx.wav,sadness\ny.wav,sad\ny.wav,angry\n"
    path = written(tmp_path / "mine.csv", f"path,emotion\n{rows}")
    clips = table.manifest(path)
    assert clips["clip"].tolist() == ["x.flac", "x.wav"]
    assert clips["emotion"].tolist() == ["happiness", "sadness"]  # what no emotion is says nothing of it
    assert "1 rows repeat earlier ones" in caplog.text
    assert (
        f"1 recordings have rows of different emotions and are excluded, the first {tmp_path / 'y.wav'}" in caplog.text
    )
    with pytest.raises(UserError, match="all its 1 recordings have rows of different emotions: choose one for each"):
        table.manifest(written(path, "path,emotion\nx.wav,sad\nx.wav,happy\n"))


def test_rows_that_end_before_they_begin(tmp_path, sound, caplog):
    sound("x.wav")
    path = tmp_path / "mine.csv"
    written(path, "path,emotion,start,end\nx.wav,sad,0,0.5\nx.wav,sad,0.5,0.5\nx.wav,sad,2,1\n")
    assert table.manifest(path)["clip"].tolist() == ["x_0-0.5"]
    assert f"{path}: 2 rows end no later than they begin and are excluded, the first in line 3" in caplog.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"cannot be read \(No columns to parse from file\): a CSV table is needed"),
        ("path,emotion\n", "the table has no row"),
        (
            "name,class\nx,sad\n",
            "no column path and emotion; its columns are name, class; known names are path: path",
        ),
        ("path,emotion,start,end\nx.wav,sad,2,1\n", r"all its 1 rows end no later than they begin"),
        ("path,emotion,start,end\nx.wav,sad,early,1\n", r"line 2: 'early' is no time"),
        ("path,emotion,start,end\nx.wav,sad,-1,1\n", r"line 2: '-1' is no time"),
        ("path,emotion,start,end\nx.wav,sad,inf,1\n", r"line 2: 'inf' is no time"),
        ("path;emotion;start;end\nx.wav;sad;0,5;1,0\n", r"line 2: '0,5' is no time in seconds: a decimal point is"),
        ("path,emotion,end\n\nx.wav,sad,1\n  \nx.wav,sad,late\n", r"line 5: 'late' is no time"),
        ('path,emotion,text,end\nx.wav,sad,"two\nlines",1\nx.wav,sad,,late\n', r"line 4: 'late' is no time"),
        (
            'path,emotion,text,split\r\nx.wav,sad,"two\r\nlines",\r\nx.wav,sad,,none\r\ny.wav,sad,,best',
            "line 5: no split",
        ),
        ("path,emotion,text\nx.wav,sad,yes\nx.wav,sad,no, never\n", "line 3: 4 cells, and the first line has 3: put"),
        ('path,emotion\nx.wav,sad\n"y.wav,sad\nz.wav,sad\n', "a quotation mark of line 3 is never closed"),
        ("path,emotion\n,sad\n,\n", "the table has no row with a path"),
        ("path,emotion,split\nx.wav,sad,holdout\n", r"line 2: no split is called 'holdout': choose from train"),
        ("path,emotion,speaker\nx.wav,sad,\0\n", "a NUL byte in line 2"),
        ("path,emotion\nx.wav,sad\ny\0.wav,sad\n", "a NUL byte in line 3"),
        ("path,emotion,\0\nx.wav,sad,\n", "a NUL byte in line 1"),
    ],
)
def test_what_is_no_table(text, said, tmp_path):
    path = written(tmp_path / "mine.csv", text)
    with pytest.raises(UserError, match=said):
        table.manifest(path)


def test_what_spreadsheets_and_programs_write(tmp_path, sound, caplog):
    """Separators at the end of rows, rows of separators alone, rows without their last cells, numbers of any form."""
    for name in ("a/x.wav", "a/y.wav", "a/z.wav"):
        sound(name)
    text = (
        "path,emotion,start,end,speaker\n"
        "a/x.wav,sad,1e-05,1.5e0,s1,\n"
        "a/y.wav,happy,+0.5,00:00:01.25,s2,\n"
        ",,,,,\n"
        "a/z.wav,sad\n"
    )
    clips = table.manifest(written(tmp_path / "mine.csv", text)).set_index("clip")
    assert clips["speaker"].to_dict() == {"x_0.00001-1.5": "s1", "y_0.5-1.25": "s2", "z": ""}
    assert clips["emotion"].tolist() == ["sadness", "happiness", "sadness"]
    assert [len(y) for y, _ in audio.read_many(clips["path"])] == [24000, 12000, 32000]
    assert "mine.csv: 1 rows have no path and are excluded, the first in line 4" in caplog.text


def test_the_speaker_is_found_in_the_path_that_the_table_gives(tmp_path):
    """A path below the folder that all files lie in says no more than their names."""
    path = written(tmp_path / "mine.csv", "path,emotion,speaker\nanna/x.wav,sad,\nanna/y.wav,sad,s1\n")
    clips = table.manifest(path, speaker_from=r"(\w+)/")
    assert clips["clip"].tolist() == ["x", "y"]
    assert clips["speaker"].tolist() == ["anna", "s1"]


def test_folders_above_all_files_say_no_speaker(tmp_path):
    rows = "".join(f"{tmp_path}/spk00_project/wav/spk0{n}_x.wav,sad\n" for n in (1, 2))
    path = written(tmp_path / "tables" / "mine.csv", "path,emotion\n" + rows)
    for pattern in (r"(spk\d+)_", r"^(spk\d+)_"):
        assert table.manifest(path, speaker_from=pattern)["speaker"].tolist() == ["spk01", "spk02"]
    assert table.manifest(path, speaker_from="(project)")["speaker"].tolist() == ["", ""]


def test_a_compressed_table(tmp_path):
    plain = written(tmp_path / "mine.csv", "path,emotion\nx.wav,sad\n")
    (tmp_path / "mine.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    pd.testing.assert_frame_equal(table.cells(tmp_path / "mine.csv.gz"), table.cells(plain))


def test_a_quotation_mark_that_opens_a_whole_table(tmp_path):
    path = written(tmp_path / "mine.csv", 'path,emotion\n"x.wav,sad\n' + "y.wav,sad\n" * 20_000)
    with pytest.raises(UserError, match="in line 2: is a quotation mark closed there"):
        table.cells(path)


def test_paths_below_the_data_root(tmp_path, sound):
    sound("data/wav/x.wav")
    path = written(tmp_path / "tables" / "mine.csv", "path,emotion\nwav/x.wav,sad\n")
    (clip,) = table.manifest(path, data_root=tmp_path / "data")["path"]
    assert len(audio.read(clip)[0]) == 32000
    with pytest.raises(audio.AudioError, match="no such file"):
        audio.read(table.manifest(path)["path"][0])


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("3,4", "holds 2.00 s only"),
        ("1,2.5", "holds 2.00 s only"),
        ("1,1.00001", "no sample lies"),
        ("1.5,1", "no sample lies"),
        ("1.5,0", "no sample lies"),
    ],
)
def test_parts_that_a_file_does_not_hold(part, said, sound):
    with pytest.raises(audio.AudioError, match=said):
        audio.read(f"{sound('x.wav')}#t={part}")
    odd = sound(f"y.wav#t={part}")  # a file may be called so
    assert len(audio.read(odd)[0]) == 32000


def test_what_is_said_of_speakers_and_where_results_lie(tmp_path, sound):
    for name in ("one/mine/sad/a_1.wav", "two/mine/sad/a_1.wav", "two/mine/happy/b_1.wav"):
        sound(name)
    title, place, _ = own.read(tmp_path / "one" / "mine")
    assert title == "the folder mine (speakers unknown: not speaker-independent)"
    other, other_place, _ = own.read(tmp_path / "two" / "mine", speaker_from=r"(\w)_1")
    assert other == "the folder mine"
    assert place.startswith("mine-")
    assert other_place.startswith("mine-")
    assert place != other_place
    some, _, _ = own.read(tmp_path / "two" / "mine", speaker_from=r"(a)_1")
    assert some == "the folder mine (speakers of 1 of 2 clips unknown: not speaker-independent)"
    with pytest.raises(UserError, match="'spk' finds no speaker: no group"):
        own.read(tmp_path / "two" / "mine", speaker_from="spk")
    (tmp_path / "one" / "mine" / SYNTHETIC_MARKER).touch()
    title, _, _ = own.read(tmp_path / "one" / "mine")
    assert title == "the folder mine (synthetic speech) (speakers unknown: not speaker-independent)"


@pytest.mark.parametrize(
    "labels", [{"ang": None}, {"ang": ""}, {"ang": 1}, {None: "anger"}, "ang=anger", [("ang", "anger")], ["ang"], []]
)
def test_what_maps_no_label_to_an_emotion(labels, tmp_path):
    path = written(tmp_path / "mine.csv", "path,emotion\nx.wav,ang\n")
    with pytest.raises(UserError, match=r"labels must map labels to emotions, as in \{'ang': 'anger'\}, not"):
        own.read(path, labels=labels)
    with pytest.raises(UserError, match="3 finds no speaker"):
        own.read(path, speaker_from=3)


def test_a_label_may_be_a_number(tmp_path):
    path = written(tmp_path / "mine.csv", "path,emotion\nx.wav,0\ny.wav,1\n")
    assert own.read(path, labels={0: "anger", "1": "fear"})[2]["emotion"].tolist() == ["anger", "fear"]


def test_an_empty_name_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="'' names no recordings"):
        own.read("")


def test_a_name_of_a_corpus_is_no_path(tmp_path, monkeypatch):
    """Whatever lies where the caller is."""
    monkeypatch.chdir(tmp_path)
    for name in ("tess", "mine"):
        (tmp_path / name).mkdir()
    assert [own.is_own(name) for name in ("tess", "mine", "nowhere", tmp_path / "tess")] == [False, True, False, True]


def test_check(tmp_path, sound):
    for name in ("a.wav", "b.wav", "c.wav"):
        sound(name)
    path = written(tmp_path / "mine.csv", "path,emotion,end\na.wav,sad,1\nb.wav,angry,9\nc.wav,angry,\nd.wav,sad,\n")
    result = check(str(path), tmp_path)
    assert result.usable
    text = result.text()
    assert "the table mine.csv (speakers unknown: not speaker-independent)" in text
    assert "found    4 clips, 0 speakers, 0.1 minutes" in text
    assert "part: 1, a part of a file that the file does not hold" in text
    assert "missing: 1," in text
    assert result.classes.set_index("emotion")["usable"].to_dict() == {"anger": 1, "sadness": 1}
    assert "licence" not in text
