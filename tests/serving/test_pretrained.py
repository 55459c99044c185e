"""The model that comes with the package: small, in step with the code, and adapted to other microphones."""

import dataclasses

import keras
import numpy as np
import pytest
import soundfile

import keras_ser
from keras_ser import corpora, reports
from keras_ser.cli import commands
from keras_ser.errors import UserError
from keras_ser.runs import store
from keras_ser.serving import predict
from keras_ser.serving.chain import chain, describe, standardisation, stored_clips, trained_on
from keras_ser.serving.evaluate import evaluate


@pytest.fixture(scope="module")
def predictor():
    return keras_ser.load()


@pytest.fixture
def voices(tmp_path, rng):
    """Twelve sounds with the pitch and the syllables of voices, of different colour and level: to adapt to."""
    folder, t = tmp_path / "voices", np.arange(16000) / 16000
    folder.mkdir()
    for place in range(12):
        phase = 2 * np.pi * np.cumsum(110 + 12 * place + 30 * np.sin(2 * np.pi * (2 + place / 6) * t)) / 16000
        y = sum(np.sin(h * phase) / h ** (0.5 + place / 8) for h in range(1, 12))
        y = y * (1 + np.sin(2 * np.pi * 4 * t)) + 0.01 * rng.normal(size=16000)
        soundfile.write(folder / f"{place:02}.wav", 0.07 * (1 + place) * y / np.abs(y).max(), 16000)
    return folder


def test_it_is_small_and_tells_six_emotions_apart(predictor):
    assert sum(path.stat().st_size for path in predict.SHIPPED.iterdir()) < 3_000_000
    assert predictor.labels == ("anger", "disgust", "fear", "happiness", "neutral", "sadness")
    assert "trained on Emo-DB and CREMA-D (7976 clips)" in predictor.title
    accuracy = store.read(predict.SHIPPED).metrics["accuracy"]
    score = f"accuracy {accuracy:.2f} on its test clips without adaptation"
    assert predictor.title.endswith(f"protocol corpus_independent: {score}")
    assert trained_on(store.read(predict.SHIPPED)) == ["emodb", "crema_d"]


@pytest.mark.slow
def test_it_answers_what_was_stored_when_it_was_trained(predictor, real_data):
    stored = stored_clips(store.read(predict.SHIPPED), real_data).iloc[::20]
    assert len(stored) > 5
    found = dataclasses.replace(predictor, needs_speech=False).predict(list(stored["path"]))
    columns = [f"p_{label}" for label in predictor.labels]
    np.testing.assert_allclose(found[columns], stored[columns], atol=2e-3)


@pytest.mark.slow
def test_adapted_it_hears_another_microphone(predictor, real_data):
    clips = corpora.manifest("ravdess", real_data).iloc[::2]
    adapted = predictor.adapted(list(clips["path"]))
    as_it_is, better = (evaluate(model, clips).scores["uar"][0] for model in (predictor, adapted))
    assert better > as_it_is + 0.1
    assert predict.UNADAPTED in predictor.caution
    assert predict.UNADAPTED not in adapted.caution


@pytest.mark.slow
def test_features_are_standardised_by_the_recordings(predictor, voices):
    model = chain(store.read(predict.SHIPPED))
    adapted = predictor.adapted(voices)
    paths = sorted(voices.iterdir())
    clips = [soundfile.read(path, dtype="float32")[0] for path in paths]
    waveform, lengths = np.stack(clips), np.full(12, 16000, np.int32)
    values = np.asarray(predictor.features(waveform, lengths))
    (layer,) = [item for item in model._flatten_layers() if isinstance(item, keras.layers.BatchNormalization)]
    layer.moving_mean.assign(values.mean(axis=0))
    layer.moving_variance.assign(values.var(axis=0))
    np.testing.assert_allclose(adapted.answer(waveform, lengths), model([waveform, lengths]), atol=1e-4)
    assert np.abs(adapted.answer(waveform, lengths) - predictor.answer(waveform, lengths)).max() > 0.01
    mixed = predictor.adapted([*clips[:5], *paths[5:]], 16000)
    np.testing.assert_allclose(mixed.answer(waveform, lengths), adapted.answer(waveform, lengths), atol=1e-5)


def test_what_cannot_be_adapted(predictor, voices, runs, rng):
    few = sorted(voices.iterdir())[:9]
    with pytest.raises(UserError, match=r"9 different recordings .* can be used: adapting takes at least 10"):
        predictor.adapted(few)
    with pytest.raises(UserError, match=r"9 different recordings .* can be used, others not \(nowhere: no such file\)"):
        predictor.adapted([*few, "nowhere"])
    with pytest.raises(UserError, match="1 different recordings"):
        predictor.adapted(few[:1] * 12)
    with pytest.raises(UserError, match=r"0 different .*, others not \(a waveform: silent"):
        predictor.adapted([np.zeros(16000 + place) for place in range(12)], 16000)
    noises = [0.1 * rng.normal(size=16000).clip(-3, 3) for _ in range(12)]
    with pytest.raises(UserError, match=r"9 different .*, others not \(a waveform: no speech"):
        predictor.adapted([*few, *noises], 16000)
    # The network on spectrogram and functionals standardises a part of its features alone.
    assert standardisation(reports.load("unseen_speakers").experiment("cnn").model(9)) is None
    assert standardisation(reports.load("unseen_speakers").experiment("mlp").model(9)) is not None
    with pytest.raises(UserError, match="this model cannot be adapted"):
        keras_ser.load(runs["emodb_losses"].folder).adapted(voices)


@pytest.mark.parametrize(
    ("adapted_to", "said"),
    [
        (0, "an exported model cannot be adapted: adapt the run as it is exported: .* --adapt"),
        (12, "an exported model cannot be adapted"),
        (None, "this model cannot be adapted: it does not standardise its features"),
    ],
)
def test_an_export_is_adapted_as_it_is_made(adapted_to, said, monkeypatch, voices):
    facts = describe(store.read(predict.SHIPPED), adapted_to)
    monkeypatch.setattr(predict, "_is_exported", lambda _: True)
    monkeypatch.setattr(predict.exported, "opened", lambda _: ({"padded": None}, facts))
    with pytest.raises(UserError, match=said):
        keras_ser.load("exported").adapted(voices)


@pytest.mark.slow
def test_without_a_model_predict_asks_it(voices, tmp_path, rng, capsys):
    soundfile.write(tmp_path / "noise.wav", 0.1 * rng.normal(size=16000).clip(-3, 3), 16000)
    path = str(tmp_path / "noise.wav")
    assert not commands.main(["predict", path])
    assert "no answer" in (out := capsys.readouterr()).out  # it is noise
    assert "unseen_speakers mlp" in out.err
    assert not commands.main(["predict", "--adapt", "--format", "csv", str(voices)])
    adapted = capsys.readouterr()
    assert len(adapted.out.splitlines()) == 13
    assert predict.UNADAPTED in out.err
    assert predict.UNADAPTED not in adapted.err
    assert commands.main(["predict", str(tmp_path / "missing.wav")]) == 2
    assert "missing.wav" in capsys.readouterr().err
    assert commands.main(["predict", "--adapt", path]) == 2
    assert "0 different recordings (or windows) can be used" in capsys.readouterr().err


@pytest.mark.slow
def test_it_is_exported_for_a_microphone(predictor, voices, tmp_path, capsys):
    assert not commands.main(["export", "--out", str(tmp_path / "model"), "--adapt", str(voices)])
    assert "test clips" not in capsys.readouterr().out  # those that the run stored were answered otherwise
    found = keras_ser.load(tmp_path / "model")
    assert found.title == predictor.title + ", adapted to 12 recordings"
    assert predict.UNADAPTED not in found.caution
    waveform = np.stack([soundfile.read(path, dtype="float32")[0] for path in sorted(voices.iterdir())])
    lengths = np.full(12, 16000, np.int32)
    expected = predictor.adapted(voices).answer(waveform, lengths)
    np.testing.assert_allclose(found.answer(waveform, lengths), expected, atol=1e-4)
    card = (tmp_path / "model" / "README.md").read_text()
    assert "Adapted to 12 recordings" in card
    assert "`keras-ser export --adapt`" not in card

    few = [str(path) for path in sorted(voices.iterdir())[:9]]
    assert commands.main(["export", "--out", str(tmp_path / "few"), "--adapt", *few]) == 2
    assert "9 different recordings (or windows) can be used" in capsys.readouterr().err
    assert not (tmp_path / "few").exists()


@pytest.mark.slow
def test_exported_as_it_is_it_says_what_it_does_not_hear(predictor, voices, tmp_path):
    keras_ser.export(None, tmp_path / "model")
    found = keras_ser.load(tmp_path / "model")
    assert (found.title, found.caution) == (predictor.title, predictor.caution)
    assert "`keras-ser export --adapt`" in (tmp_path / "model" / "README.md").read_text()
    with pytest.raises(UserError, match="an exported model cannot be adapted"):
        found.adapted(voices)
