from importlib.util import find_spec
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
import soundfile

from keras_ser import benchmark, corpora, reports
from keras_ser.benchmark import serving, signal, table, training
from keras_ser.errors import UserError
from keras_ser.reports import emodb_losses


@pytest.fixture(autouse=True)
def short_turns(monkeypatch):
    """One call per turn: what is tested is the table, not the times in it."""
    monkeypatch.setattr(table, "TURN_S", 1e-9)
    monkeypatch.setattr(table, "SETTLE_S", 0)


@pytest.fixture
def clips(tmp_path, rng):
    paths = [tmp_path / f"{i}.wav" for i in range(3)]
    for i, path in enumerate(paths):
        soundfile.write(path, 0.1 * rng.normal(size=8000 + 100 * i), 16000)
    return paths


def test_as_many_clips_as_are_asked_for_from_all_over_the_corpus(embedded, tmp_path, monkeypatch):
    found, asked = pd.DataFrame(), []
    monkeypatch.setattr(signal, "run", lambda *args, **options: asked.append((args, options)) or found)
    same, written = benchmark.run(tmp_path, embedded, n_clips=10, rounds=2)
    ((paths, folder), options) = asked[0]
    assert same is found
    assert paths == list(corpora.manifest("emodb", embedded)["path"][::4][:10])
    assert written == [folder / "benchmark.csv", folder / "benchmark.md"]
    assert options["corpus"].startswith("bundled synthetic speech in place of Emo-DB")
    assert options["rounds"] == 2


@pytest.mark.slow
def test_the_table_is_whole_and_on_disk(clips, tmp_path):
    found = signal.run(clips, tmp_path / "out", corpus="three clips of noise", rounds=2)
    assert list(found.columns) == [
        *("work", "reference", "reference_ms_per_clip", "graph_ms_per_clip"),
        *("ratio", "ratio_min", "ratio_max", "first_call_s"),
    ]
    times = found[["reference_ms_per_clip", "graph_ms_per_clip", "ratio", "first_call_s"]]
    assert (times > 0).all(axis=None)
    assert (found.ratio_min <= found.ratio).all()
    assert (found.ratio <= found.ratio_max).all()
    stored = pd.read_csv(tmp_path / "out" / "benchmark.csv")
    np.testing.assert_allclose(stored.ratio, found.ratio, rtol=1e-3)
    page = (tmp_path / "out" / "benchmark.md").read_text(encoding="utf-8")
    assert "3 clips of three clips of noise" in page
    assert "CPU cores" in page
    assert all(work in page for work in found.work)


@pytest.mark.slow
def test_training_beside_the_listings(clips, tmp_path, monkeypatch):
    works = training.works(clips)
    assert [name for name, *_ in works] == [
        *("emodb_losses cnn_lstm", "crema_1d_2d cnn_1d", "crema_1d_2d cnn_2d"),
        *("tess_mfcc cnn", "tess_mfcc lstm", "tess_mfcc cnn_lstm", "four_corpora cnn"),
    ]
    for _, _, experiment, features, _ in works:
        assert experiment.model(6).count_params() > 0
        assert features.size % np.prod(experiment.model(6).input_shape[1:]) == 0
    quick = {"crema_1d_2d cnn_2d", "tess_mfcc cnn"}  # one fitted on arrays, one by a generator
    monkeypatch.setattr(training, "works", lambda paths: [work for work in works if work[0] in quick])
    found = training.run(clips, tmp_path, corpus="three clips of noise", rounds=1)
    assert set(found["model"]) == quick
    assert (found.drop(columns=["model", "listing"]) > 0).all(axis=None)
    assert (tmp_path / "training.csv").is_file()
    assert "3 examples" in (tmp_path / "training.md").read_text()


def test_a_batch_holds_no_more_than_there_are_clips():
    times = pd.DataFrame({"model": ["tess_mfcc cnn"], "ratio": 1.0})
    assert "batches of 32 (four_corpora: 320), from epochs of 320 " in training._markdown(times, "noise", 320, 1)
    assert "batches of 32 (four_corpora: 512), from epochs of 600 " in training._markdown(times, "noise", 600, 1)
    assert "batches of 3 (four_corpora: 3), from epochs of 3 " in training._markdown(times, "noise", 3, 1)


def test_a_recipe_has_no_listing_to_time_beside(clips, tmp_path, monkeypatch):
    monkeypatch.setattr(serving.export, "export", lambda *args: pytest.fail("exported first"))
    runs = [SimpleNamespace(folder=tmp_path, facts={"report": name, "experiment": "mlp"}) for name in reports.RECIPES]
    with pytest.raises(UserError, match="unseen_speakers has no listing by librosa"):
        serving.run(runs, clips, tmp_path / "out", corpus="noise", rounds=1)
    assert not (tmp_path / "out").exists()


def test_the_listing_that_is_timed_is_made_of_keras_layers(rng):
    model = emodb_losses.REPORT.experiment("cnn_lstm/mean_squared_error").model(7)
    listed = training.as_listed(model)
    assert {type(layer).__module__.split(".")[0] for layer in listed.layers} == {"keras"}
    assert type(listed.layers[0].layer) is keras.layers.Conv2D
    listed.set_weights(model.get_weights())
    x = rng.normal(size=(2, 13, 150, 1, 1)).astype(np.float32)
    np.testing.assert_allclose(listed(x), model(x), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_serving_beside_the_reports_own_way(clips, runs, tmp_path):
    found = serving.run([runs["tess_mfcc"]], clips, tmp_path, corpus="three clips of noise", rounds=1)
    assert list(found["call"]) == [
        "one clip",
        "one clip as WAV bytes",
        "3 clips at once",
        "one clip by TensorFlow Lite",
    ]
    times = found.drop(columns=["model", "call"])
    if find_spec("ai_edge_litert") is None:
        assert np.isnan(times.pop("graph_start_s").iloc[-1])
    assert (times > 0).all(axis=None)
    assert "three clips of noise" in (tmp_path / "serving.md").read_text()
