import re

import numpy as np
import pandas as pd
import pytest

import keras_ser
from keras_ser import api, audio, corpora
from keras_ser.cli import commands
from keras_ser.errors import UserError
from keras_ser.serving.evaluate import evaluate
from keras_ser.serving.predict import Predictor

LABELS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "relief")


@pytest.fixture
def clips(embedded):
    """42 synthetic clips of seven speakers, six emotions."""
    return corpora.manifest("crema_d", embedded)


@pytest.fixture
def predictor():
    """Answers by the loudness of a clip alone, of one class too that no clip is of."""

    def answer(waveform, lengths):
        level = np.sqrt(np.square(waveform).sum(axis=1) / lengths)
        return np.stack([(1 + place) * level % 0.37 + 0.01 for place in range(7)], axis=1)

    return Predictor("a model", "", LABELS, 16000, False, None, answer)


def test_scores_are_those_of_its_predictions(predictor, clips):
    found = evaluate(predictor, clips)
    table = found.predictions
    assert list(table["clip"]) == list(clips["clip"])
    assert found.labels == LABELS[:6]
    probabilities = table[[f"p_{label}" for label in found.labels]]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert list(table["predicted"]) == list(probabilities.idxmax(axis=1).str.removeprefix("p_"))
    whole, *parts = found.scores.to_dict("records")
    right = table["true"] == table["predicted"]
    assert (whole["part"], whole["clips"], whole["speakers"]) == ("all", 42, 7)
    assert whole["accuracy"] == pytest.approx(right.mean())
    assert whole["uar"] == pytest.approx(right.groupby(table["true"]).mean().mean())
    assert whole["accuracy_low"] < whole["accuracy"] < whole["accuracy_high"]
    assert {part["part"] for part in parts} == {"female", "male"}
    assert sum(part["clips"] for part in parts) == 42
    assert found.confusion.uar == pytest.approx(whole["uar"])
    np.testing.assert_allclose(found.classes["recall"], right.groupby(table["true"]).mean())


def test_all_classes_may_be_answered(predictor, clips):
    found = evaluate(predictor, clips, all_classes=True)
    assert found.labels == LABELS
    assert "relief" in set(found.predictions["predicted"])


def test_emotions_that_the_model_does_not_know_are_left_out(predictor, clips):
    renamed = clips.replace({"emotion": {"anger": "contempt"}})
    found = evaluate(predictor, renamed)
    assert found.unknown == {"contempt": 7}
    assert len(found.predictions) == 35
    assert "anger" not in found.labels
    with pytest.raises(UserError, match=r"the clips are of contempt, the model knows anger, .*--labels"):
        evaluate(predictor, renamed[renamed["emotion"] == "contempt"])


def test_what_cannot_be_read_is_left_out_and_said(predictor, clips, tmp_path, caplog):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no audio")
    clips = pd.concat([clips.iloc[:1].assign(path=str(broken)), clips.iloc[1:]], ignore_index=True)
    found = evaluate(predictor, clips)
    assert list(found.predictions["clip"]) == list(clips["clip"][1:])
    assert f"skipped: {broken}" in caplog.text
    with pytest.raises(UserError, match="no recording is there that can be used"):
        evaluate(predictor, clips.assign(path=str(broken)))


def test_silence_is_left_out_and_said(predictor, clips, tmp_path, caplog):
    audio.write(tmp_path / "silent.wav", np.zeros(16000), 16000)
    clips = pd.concat([clips.iloc[:1].assign(path=str(tmp_path / "silent.wav")), clips.iloc[1:]], ignore_index=True)
    assert list(evaluate(predictor, clips).predictions["clip"]) == list(clips["clip"][1:])
    assert f"skipped: {tmp_path / 'silent.wav'}: silent" in caplog.text


def test_unknown_speakers_are_not_counted_and_said(predictor, clips, caplog):
    some = clips.assign(speaker=clips["speaker"].mask(clips.index < 12, ""))
    found = evaluate(predictor, some).scores
    assert list(found["speakers"]) == [clips["speaker"][12:].nunique(), *found["speakers"][1:]]
    assert found["speakers"].max() < 7
    assert found["accuracy_low"].isna()[0]
    assert "caution: speakers of 12 of 42 clips unknown: no intervals over speakers of a part that has" in caplog.text
    assert set(evaluate(predictor, clips.assign(speaker="")).scores["speakers"]) == {0}
    assert "caution: speakers unknown: no intervals over speakers" in caplog.text
    caplog.clear()
    evaluate(predictor, clips)
    assert "unknown" not in caplog.text


def test_synthetic_speech_is_called_so(predictor, clips, caplog):
    assert evaluate(predictor, clips).synthetic
    assert "caution: SYNTHETIC speech: a smoke test; the numbers mean nothing" in caplog.text
    caplog.clear()
    assert not evaluate(predictor, clips.assign(synthetic=False)).synthetic
    assert not caplog.records


def test_where_no_class_in_common_gets_anything_they_are_as_likely(clips):
    def answer(waveform, lengths):
        return np.tile(np.eye(7)[6], (len(waveform), 1))

    found = evaluate(Predictor("a model", "", LABELS, 16000, False, None, answer), clips)
    np.testing.assert_allclose(found.predictions[[f"p_{label}" for label in found.labels]], 1 / 6)


def test_command_and_function(runs, embedded, tmp_path, capsys):
    model, out, figure = runs["emodb_losses"].folder, tmp_path / "predictions.csv", tmp_path / "matrix.png"
    words = ["evaluate", str(model), "--corpus", "tess", "--data", str(embedded)]
    assert not commands.main([*words, "--output", str(out), "--figure", str(figure)])
    printed, said = capsys.readouterr()
    assert "\ncaution: clip_disjoint: their speakers were in its training data; expect less of unseen speakers" in said
    assert "excluded: 6 clips of surprise, which the model does not know" in printed
    assert "nan" not in printed  # of two speakers there is no interval
    found = keras_ser.evaluate("tess", model, data=embedded)
    assert f"{found.scores['uar'][0]:.3f}" in printed
    pd.testing.assert_frame_equal(pd.read_csv(out)[["clip", "predicted"]], found.predictions[["clip", "predicted"]])
    assert figure.stat().st_size > 10_000


def test_the_command_says_where_speakers_are_unknown(predictor, clips, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(api, "evaluate", lambda *_, **__: evaluate(predictor, clips.assign(speaker="", gender="")))
    assert not commands.main(["evaluate", "--corpus", "x"])
    said = capsys.readouterr()
    assert re.search(r"^all +42 +unknown +0\.\d{3} ", said.out, re.MULTILINE)
    assert said.err.count("caution: ") == 2
