import numpy as np
import pandas as pd
import pytest

from keras_ser import reports
from keras_ser.data import protocols
from keras_ser.layers import Descriptors, Functionals
from keras_ser.recipes import unseen_speakers as recipe
from tests.harness import generated, padded


@pytest.fixture(scope="module")
def clips():
    """waveform [batch, samples], lengths [batch]"""
    return padded({name: y[: 16000 - 1700 * number] for number, (name, y) in enumerate(generated().items())})


def test_the_spectrogram_is_that_of_pairs_of_frames_and_the_functionals_follow(clips):
    waveform, lengths = clips
    found = recipe.features(True)([waveform, lengths]).numpy()
    size = recipe.N_FRAMES * recipe.N_MELS
    spectrogram = found[:, :size].reshape(len(found), recipe.N_FRAMES, recipe.N_MELS)
    descriptors = Descriptors(16000)(waveform, lengths)
    np.testing.assert_allclose(found[:, size:], Functionals()(descriptors, lengths), rtol=1e-4, atol=1e-4)
    for row, own, length in zip(spectrogram, descriptors.numpy(), lengths, strict=True):
        n_frames = 1 + length // 160
        mel = own[:n_frames, :64] / 3 + 2
        whole = n_frames // 2
        np.testing.assert_allclose(row[:whole], mel[: 2 * whole].reshape(whole, 2, 64).mean(axis=1), atol=1e-5)
        assert not row[-(-n_frames // 2) :].any()


@pytest.mark.slow
def test_a_clip_alone_is_what_it_is_in_a_batch(clips):
    waveform, lengths = clips
    graph = recipe.features(True)
    together = graph([waveform, lengths]).numpy()
    for y, length, expected in zip(waveform, lengths, together, strict=True):
        alone = graph([y[None, :length], np.array([length], np.int32)]).numpy()[0]
        np.testing.assert_allclose(alone, expected, rtol=1e-3, atol=1e-3)


def test_small_corpora_are_repeated():
    corpora = ["emodb"] * 2 + ["ravdess"] * 3 + ["crema_d"]
    manifest = pd.DataFrame({"corpus": corpora, "clip": [f"{number}" for number in range(6)]})
    examples = recipe.balanced(manifest, 0)
    counts = examples["clip"].map(manifest.set_index("clip")["corpus"]).value_counts().to_dict()
    assert counts == {"emodb": 8, "ravdess": 6, "crema_d": 1}
    assert set(examples["transform"]) == {"none"}
    assert not examples.duplicated(["clip", "copy"]).any()
    assert sorted(examples["clip"][examples["copy"] == 0]) == sorted(manifest["clip"])


def test_every_clip_that_a_network_is_fitted_to_is_repeated():
    rows = [
        {"corpus": corpus, "speaker": f"{corpus}_{speaker}", "gender": "mf"[speaker % 2], "emotion": emotion}
        for corpus in recipe.CORPORA
        for speaker in range(10)
        for emotion in ("anger", "fear")
    ]
    manifest = pd.DataFrame(rows)
    manifest["clip"] = manifest["audio_hash"] = [f"{number:03d}" for number in range(len(rows))]
    training, protocol = recipe.REPORT.experiment("mlp").training, protocols.get("speaker_independent")
    examples = recipe.balanced(manifest, 0)
    table = protocol.assign(examples, manifest, recipe.REPORT.split, augmented=training.augmented)
    counts = (
        table.groupby("clip").size().groupby([manifest["corpus"].to_numpy(), table.groupby("clip")["split"].first()])
    )
    times = {"emodb": 4, "ravdess": 2, "crema_d": 1}
    for (corpus, split), sizes in counts:
        assert set(sizes) == {times[corpus] if split in training.fitted_on else 1}, (corpus, split)


def test_no_speaker_is_left_to_compare_two_designs_on():
    assert all(item.selected_on == dict.fromkeys(recipe.CORPORA, ()) for item in recipe.EXPERIMENTS)


def test_the_rate_rises_and_falls():
    rates = [recipe.learning_rate(epoch) for epoch in range(recipe.EPOCHS)]
    assert rates[0] < rates[1] == recipe.RATE
    assert (np.diff(rates[1:]) < 0).all()
    assert rates[-1] == pytest.approx(recipe.LEAST_RATE)
    assert recipe.learning_rate(2 * recipe.EPOCHS) == pytest.approx(recipe.LEAST_RATE)


def test_scores_of_each_corpus():
    predictions = pd.DataFrame(
        {
            "corpus": ["emodb"] * 3 + ["crema_d"],
            "true": ["anger", "anger", "boredom", "fear"],
            "predicted": ["anger", "fear", "boredom", "anger"],
        }
    )
    assert recipe.scores(predictions) == {
        "emodb: accuracy": pytest.approx(2 / 3),
        "emodb: uar": 0.75,
        "crema_d: accuracy": 0.0,
        "crema_d: uar": 0.0,
    }
    of_own = pd.DataFrame({"corpus": "table", "true": ["tired", "anger"], "predicted": ["tired", "tired"]})
    assert recipe.scores(of_own) == {"table: accuracy": 0.5, "table: uar": 0.5}


def test_what_is_of_one_corpus_says_so():
    of_each = pd.DataFrame({"corpus": recipe.CORPORA, "clip": recipe.CORPORA})
    for item in recipe.EXPERIMENTS:
        _, _, corpus = item.name.partition("/")
        assert item.corpus == corpus
        assert set(item.augmentation(of_each)["clip"]) == ({corpus} if corpus else set(recipe.CORPORA))


def test_it_is_found_by_name_and_at_most_two_million_parameters():
    found = reports.load("unseen_speakers")
    assert found is recipe.REPORT
    assert found.experiment("cnn").model(len(found.labels)).count_params() < 2_000_000
