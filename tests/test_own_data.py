"""A user's own recordings from a table to an exported model that predicts, on layouts such as IEMOCAP's (several clips
in a file, labels of its own) and MSP-Podcast's (official splits, unknown speakers), with the synthesis's speech.
"""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import keras_ser
from keras_ser import audio, corpora
from keras_ser.cli import commands

CNN = "cnn/mean_squared_error"
IEMOCAP = {
    **{"anger": "ang", "happiness": "hap", "boredom": "exc", "sadness": "sad"},
    **{"neutral": "neu", "fear": "fru", "disgust": "xxx"},
}
MSP = {"anger": "A", "happiness": "H", "sadness": "S", "neutral": "N", "fear": "F", "disgust": "D", "boredom": "X"}


@pytest.fixture
def dialogs(embedded, tmp_path):
    """One file per speaker with all that the speaker says, 42 clips of 6 speakers, and the table of its turns."""
    rows = []
    for speaker, clips in corpora.manifest("emodb", embedded).groupby("speaker"):
        turns, start = [], 0
        for row in clips.itertuples():
            y, rate = audio.read(row.path)
            rows.append((f"Ses{speaker}.wav", start / rate, (start + len(y)) / rate, IEMOCAP[row.emotion], speaker))
            turns.append(y)
            start += len(y)
        audio.write(tmp_path / "iemocap" / f"Ses{speaker}.wav", np.concatenate(turns), rate)
    path = tmp_path / "iemocap" / "turns.csv"
    pd.DataFrame(rows, columns=["file", "start", "end", "emotion", "speaker"]).to_csv(path, index=False)
    return path


@pytest.fixture
def podcast(embedded, tmp_path):
    """MSP-Podcast's folders, names and columns; no speaker is known."""
    rows = []
    for number, row in enumerate(corpora.manifest("emodb", embedded).itertuples()):
        name = f"MSP-PODCAST_{number:04}.wav"
        (tmp_path / "msp" / "Audios").mkdir(parents=True, exist_ok=True)
        shutil.copy(row.path, tmp_path / "msp" / "Audios" / name)
        split = {"03": "Development", "08": "Test1", "09": "Test2"}.get(row.speaker, "Train")
        rows.append((name, MSP[row.emotion], "Unknown", split))
    path = tmp_path / "msp" / "Labels" / "labels_consensus.csv"
    path.parent.mkdir()
    pd.DataFrame(rows, columns=["FileName", "EmoClass", "SpkrID", "Split_Set"]).to_csv(path, index=False)
    return path


@pytest.mark.slow
def test_from_a_table_of_turns_to_a_model_that_predicts(dialogs, tmp_path, capsys):
    out = tmp_path / "out"
    labels = "ang=anger,hap=happiness,exc=happiness,sad=sadness,neu=neutral,fru=frustration"
    words = ["emodb_losses", "--corpus", str(dialogs), "--labels", labels, "--out", str(out), "--epochs", "1"]
    words += ["--experiments", CNN, "--protocols", "clip_disjoint,speaker_independent"]
    assert commands.main(["reproduce", *words]) == 0
    said = capsys.readouterr()
    assert said.err.count("unknown labels excluded: xxx (6)") == 1
    assert "SUBSTITUTE corpus" in said.out
    (place,) = (out / "own").iterdir()
    table = pd.read_csv(place / "emodb_losses" / "table.csv")
    assert set(table["clips"]) == {36}
    assert set(table["verdict"]) == {"not stated"}
    assert set(table["corpus"]) == {"the table turns.csv in place of Emo-DB (Berlin Database of Emotional Speech)"}
    assert "Chance level: 0.200 (5 classes)" in (place / "emodb_losses" / "table.md").read_text()

    assert commands.main(["compare", "protocols", *words, "--stored"]) == 0
    assert len(pd.read_csv(place / "compare" / "protocols" / "emodb_losses" / "table.csv")) == 2
    assert commands.main(["compare", "losses", *words[:-1], "clip_disjoint", "--jobs", "1"]) == 0
    compared = pd.read_csv(place / "compare" / "losses" / "emodb_losses" / "table.csv")
    assert set(compared["experiment"]) == {"cnn/categorical_crossentropy", CNN}
    said = capsys.readouterr().out
    assert "the table turns.csv in place of Emo-DB" in said
    assert "CNN, cross-entropy − CNN, mean squared error" in said

    run = place / "runs" / "emodb_losses" / CNN / "clip_disjoint" / "seed-0"
    capsys.readouterr()
    words = ["--corpus", str(dialogs), "--labels", labels]
    assert commands.main(["export", str(run), "--out", str(tmp_path / "model"), *words]) == 0
    assert "test clips as the run stored them" in capsys.readouterr().out
    card = (tmp_path / "model" / "README.md").read_text()
    assert "Trained on the table turns.csv in place of Emo-DB" in card
    assert "Acted speech" not in card
    assert "Burkhardt" not in card  # of whose corpus it has heard nothing
    predictor = keras_ser.load(tmp_path / "model")
    assert predictor.labels == ("anger", "happiness", "sadness", "neutral", "frustration")
    turns = keras_ser.load_corpus(
        dialogs, labels={"ang": "anger", "fru": "frustration", "sad": "sadness"}, out=tmp_path
    )
    found = predictor.predict(turns["path"].tolist())
    stored = pd.read_csv(run / "predictions.csv").query("transform == 'none'").set_index("clip")
    tested = turns["clip"].isin(stored.index).to_numpy()
    assert tested.any()
    expected = stored.loc[turns.loc[tested, "clip"], [f"p_{label}" for label in predictor.labels]]
    np.testing.assert_allclose(found.loc[tested, expected.columns], expected, atol=1e-3)


@pytest.mark.slow
def test_official_splits_of_unknown_speakers(podcast, tmp_path, capsys):
    words = ["spectral_features", "--corpus", str(podcast), "--out", str(tmp_path / "out")]
    assert commands.main(["reproduce", *words, "--experiments", "svm/energy"]) == 0
    said = capsys.readouterr()
    assert "spectral_features: speaker_independent not possible on these clips" in said.err
    assert "(speakers unknown: not speaker-independent) in place of RAVDESS" in said.out
    (place,) = (tmp_path / "out" / "own").iterdir()
    table = pd.read_csv(place / "spectral_features" / "table.csv")
    assert set(table["protocol"]) == {"as_reported"}
    assert table["corpus"].str.contains("speakers unknown: not speaker-independent").all()
    assert "speakers unknown" in (place / "spectral_features" / "table.md").read_text()
    options = ["--protocols", "as_reported", "--experiments", "svm/energy,svm/centroid", "--jobs", "1"]
    assert commands.main(["compare", "models", *words, *options]) == 0
    for said in (
        capsys.readouterr().out,
        (place / "compare" / "models" / "spectral_features" / "table.md").read_text(),
    ):
        assert "(speakers unknown: not speaker-independent) in place of RAVDESS" in said
        assert len(re.findall(r"\| speakers unknown +\|", said)) == 3  # an interval of each model, a finding
    assert set(table["tested"]) == {12}  # of Test1 and Test2, six of seven emotions
    assert commands.main(["verify", str(place / "spectral_features")]) == 0
    assert commands.main(["page", "--out", str(tmp_path / "out")]) == 2
    assert f"(results of other speech: --out {place})" in capsys.readouterr().err
    assert commands.main(["page", "--out", str(place)]) == 0
    page = (place / "pages" / "spectral_features.html").read_text()
    for label in ("anger", "happiness", "sadness", "neutral", "fear", "disgust"):
        assert f'<tr><th scope="row">{label} <small>(2)</small></th>' in page
    assert "chance level 0.167" in page
    assert "speech of test speakers that are not known, under the report's split" in page
    assert "acted speech" not in page
    assert "calm" not in page.partition("More tables")[0]  # a class of the report, which these recordings lack
    assert [path.stem for path in (place / "pages").iterdir()] == ["spectral_features"]
    assert commands.main(["reproduce", *words, "--protocols", "speaker_independent"]) == 2
    assert "36 of 36 clips have no speaker information" in capsys.readouterr().err


@pytest.mark.slow
def test_augmented_audio_of_own_recordings(dialogs, tmp_path, capsys):
    labels = "ang=anger,hap=happiness,exc=happiness,sad=sadness,neu=neutral"
    words = ["augment", "crema_1d_2d", "--corpus", str(dialogs), "--labels", labels, "--out", str(tmp_path / "out")]
    assert commands.main(words) == 0
    table = pd.read_csv(tmp_path / "out" / "audio_labels_augmented.csv")
    assert set(table["emotion"]) == {"anger", "happiness", "sadness", "neutral"}
    assert set(table["label"]) == {0, 1, 2, 3}
    assert "the table turns.csv in place of CREMA-D" in capsys.readouterr().out
    for path in table["file_path"]:
        assert (tmp_path / "out" / path).is_file()


def test_check_as_a_command(podcast, tmp_path, capsys):
    assert commands.main(["corpus", "check", str(podcast), "--out", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "the table labels_consensus.csv (speakers unknown: not speaker-independent)" in said.out
    assert "unknown labels excluded: X (6)" in said.err


@pytest.fixture
def folder(embedded, tmp_path):
    """One subdirectory per emotion; the names say the speaker."""
    for row in corpora.manifest("emodb", embedded).itertuples():
        path = tmp_path / "mine" / row.emotion / f"spk{row.speaker}_{row.clip}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(row.path, path)
    return tmp_path / "mine"


@pytest.mark.slow
def test_a_folder_by_unseen_speakers_and_what_its_model_says_of_itself(folder, tmp_path, capsys):
    words = [
        "spectral_features",
        "--corpus",
        str(folder),
        "--speaker-from",
        r"(spk\d+)_",
        "--out",
        str(tmp_path / "out"),
    ]
    words += ["--experiments", "svm/energy", "--protocols", "clip_disjoint,speaker_independent", "--jobs", "1"]
    assert commands.main(["reproduce", *words]) == 0
    assert "speakers unknown" not in capsys.readouterr().out
    (place,) = (tmp_path / "out" / "own").iterdir()
    table = pd.read_csv(place / "spectral_features" / "table.csv").query("metric == 'accuracy'").set_index("protocol")
    assert table.at["speaker_independent", "interval_over"] == "speakers"
    of_run, unseen = table.loc[["clip_disjoint", "speaker_independent"], "mean"]
    assert f"{of_run:.2f}" != f"{unseen:.2f}"
    run = place / "runs" / "spectral_features" / "svm" / "energy" / "clip_disjoint" / "seed-0"
    assert commands.main(["predict", str(run), *map(str, folder.glob("anger/*"))]) == 0
    said = capsys.readouterr().err
    assert said.count("model: ") == said.count("caution: clip_disjoint") == 1
    assert f"protocol clip_disjoint: accuracy {of_run:.2f} on its test clips" in said
    assert f"expect less of unseen speakers (speaker_independent: accuracy {unseen:.2f})" in said


@pytest.mark.slow
def test_an_archive_whose_names_are_no_utf_8(folder, tmp_path):
    """From its table of results to the answers of the package's model."""
    latin_1 = [Path(os.fsdecode(os.fsencode(tmp_path) + name)) for name in (b"/t\xfcte", b"/t\xfcte/f\xfcr")]
    folder.rename(latin_1[0])
    (latin_1[0] / "fear").rename(latin_1[1])
    for number, path in enumerate(sorted(latin_1[1].iterdir())):
        path.rename(os.fsdecode(os.fsencode(path.parent) + f"/fröhlich_{number}.wav".encode("latin-1")))
    own = ["--corpus", str(latin_1[0]), "--labels", f"{latin_1[1].name}=fear"]
    words = ["reproduce", "spectral_features", *own, "--out", str(tmp_path / "out"), "--jobs", "1"]
    assert commands.main([*words, "--experiments", "svm/energy", "--protocols", "clip_disjoint"]) == 0
    (place,) = (tmp_path / "out" / "own").iterdir()
    assert set(pd.read_csv(place / "spectral_features" / "table.csv")["clips"]) == {42}
    (stored,) = place.rglob("seed-0/predictions.csv")
    assert r"f\xfcr/fr\xf6hlich_" in stored.read_text()
    assert commands.main(["evaluate", *own, "--output", str(tmp_path / "answers.csv")]) == 0
    assert pd.read_csv(tmp_path / "answers.csv")["clip"].str.contains(r"f\xfcr/fr\xf6hlich_", regex=False).sum() == 6


@pytest.mark.slow
def test_sentences_of_a_table(folder, tmp_path):
    """Every speaker says both sentences, every other emotion the same."""
    paths = sorted(folder.rglob("*.wav"))
    rows = [(path, path.parent.name, path.name[:5], f"s{(i + i // 6) % 2}") for i, path in enumerate(paths)]
    pd.DataFrame(rows, columns=["path", "emotion", "speaker", "sentence"]).to_csv(tmp_path / "mine.csv", index=False)
    words = ["spectral_features", "--corpus", str(tmp_path / "mine.csv"), "--out", str(tmp_path / "out"), "--jobs", "1"]
    words += ["--experiments", "svm/energy", "--protocols", "sentence_independent,speaker_sentence_independent"]
    assert commands.main(["compare", "protocols", *words]) == 0
    (table,) = (tmp_path / "out" / "own").rglob("compare/protocols/spectral_features/table.csv")
    assert list(pd.read_csv(table)["protocol"]) == ["sentence_independent", "speaker_sentence_independent"]
    for run in (tmp_path / "out").rglob("run.json"):
        facts = json.loads(run.read_text())
        assert facts["shared"]["sentence"] == 0
        assert (facts["shared"]["speaker"] == 0) == (facts["protocol"] == "speaker_sentence_independent")


def test_check_a_folder_whose_names_say_the_speaker(folder, tmp_path, capsys):
    words = ["corpus", "check", str(folder), "--out", str(tmp_path / "out")]
    assert commands.main(words) == 0
    assert "the folder mine (speakers unknown: not speaker-independent)" in capsys.readouterr().out
    assert commands.main([*words, "--speaker-from", r"(spk\d+)_"]) == 0
    said = capsys.readouterr().out
    assert "speakers unknown" not in said
    assert "spk03" in said


def test_gender_and_emotion_need_the_gender(podcast, tmp_path, capsys):
    words = ["reproduce", "four_corpora", "--corpus", str(podcast), "--out", str(tmp_path / "out"), "--epochs", "1"]
    assert commands.main(words) == 2
    assert "predicts gender and emotion: 36 of 36 clips have no gender" in capsys.readouterr().err
