"""What ``import keras_ser`` promises."""

import functools
import inspect
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import keras_ser
from keras_ser import api, audio, corpora, reports
from keras_ser.api import running
from keras_ser.api.settings import listed, whole_number
from keras_ser.cli import commands
from keras_ser.data import GREATEST_SEED
from keras_ser.data.protocols import SENTENCE_GROUPS, training_seed
from keras_ser.errors import UserError

CNN = "cnn/mean_squared_error"


def modules(code):
    """Names of the top-level modules that are loaded after ``code`` in a fresh process."""
    code += "\nimport sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.slow
def test_importing_brings_nothing_beyond_keras():
    bare = modules("import keras_ser; dir(keras_ser)")
    assert not bare & {"keras", "tensorflow", "numpy", "pandas", "tqdm"}
    assert modules("import keras_ser.layers, keras_ser.models") - modules("import keras") == {"keras_ser"}


@pytest.mark.slow
def test_to_predict_loads_no_library_that_only_reports_need():
    loaded = modules("import keras_ser; keras_ser.load; keras_ser.run; keras_ser.export")
    assert not loaded & {"librosa", "noisereduce", "seaborn", "statsmodels", "pooch", "jinja2"}


def test_every_promise_is_there_and_documented():
    for name in keras_ser.__all__:
        promised = getattr(keras_ser, name)
        assert f"keras_ser.{name}" in keras_ser.__doc__
        assert len(promised.__doc__) > 50
        if inspect.isfunction(promised) and name not in ("load", "report"):
            assert "Raises" in promised.__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        keras_ser.train  # noqa: B018 - the access is the test
    assert set(keras_ser.__all__) <= set(dir(keras_ser))


@pytest.fixture(scope="module")
def predictor(exported):
    return keras_ser.load(exported["tess_mfcc"])


@pytest.fixture(scope="module")
def paths(embedded):
    return list(corpora.manifest("tess", embedded)["path"])


def test_files_waveforms_and_folders_are_answered_alike(predictor, paths, embedded, tmp_path):
    table = predictor.predict(paths[:3])
    probabilities = [f"p_{label}" for label in predictor.labels]
    assert list(table.columns) == ["file", "start", "end", "label", *probabilities]
    assert list(table["file"]) == paths[:3]
    assert set(table["start"]) == {0}
    np.testing.assert_allclose(table["end"], [len(y) / rate for y, rate in audio.read_many(paths[:3])])
    np.testing.assert_allclose(table[probabilities].sum(axis=1), 1, atol=1e-5)
    assert list(table["label"]) == [predictor.labels[place] for place in table[probabilities].to_numpy().argmax(axis=1)]

    y, rate = audio.read(paths[0])
    alike = [
        predictor.predict(paths[0]),
        predictor.predict(y, sample_rate=rate),
        predictor.predict(np.int16(np.rint(y * 32768)), sample_rate=rate),
        predictor.predict(np.stack([y, y], axis=1).astype(np.float64), sample_rate=rate),
        predictor.predict([y, y], rate).iloc[:1],
        predictor.predict(keras.ops.convert_to_tensor(y), rate),
    ]
    for of_table in (pd.Series(paths[:3]), np.array(paths[:3]), np.array(paths[:3], object)):
        np.testing.assert_allclose(predictor.predict(of_table)[probabilities], table[probabilities], atol=1e-5)
    for other in alike:
        assert len(other) == 1
        np.testing.assert_allclose(other[probabilities], table[probabilities].iloc[:1], atol=1e-5)
    assert list(alike[1]["file"]) == [""]
    windows = predictor.predict(paths[0], window_s=1.0)
    assert len(windows) > 1
    np.testing.assert_allclose(windows["end"] - windows["start"], 1, atol=1e-3)

    folder = shutil.copytree(embedded / "tess", tmp_path / "recordings")
    (folder / "broken.wav").write_bytes(b"RIFF")
    whole = predictor.predict_folder(folder)
    assert len(whole) == len(paths)
    assert not whole["file"].str.contains("broken").any()


@pytest.mark.parametrize(
    ("recording", "rate", "said"),
    [
        ("nowhere.wav", None, "no such file"),
        (np.zeros(1000), None, "needs its sample_rate"),
        (np.zeros(1000), -1, "1000 to 768000 Hz; received: -1"),
        (np.full(1000, np.nan), 16000, "finite"),
        (np.full(1000, 20000.0), 16000, r"up to 20000: finite numbers in \[-1, 1\]"),
        (np.zeros((2, 3, 4)), 16000, "shape"),
        (np.zeros(0), 16000, "shape"),
        ([0.1, 0.2], 16000, "a path, or a waveform"),
        ([], 16000, "no recording is there"),
        (None, None, "NoneType"),
        (np.zeros((2, 1000)), 16000, r"\(2, 1000\) has more channels than samples: transpose it"),
        (np.zeros(1000), 22050.5, "received: 22050.5"),
    ],
)
def test_what_is_no_recording(recording, rate, said, predictor):
    with pytest.raises(UserError, match=said):
        predictor.predict(recording, rate)


def test_a_model_that_is_loaded_is_one(predictor, embedded, monkeypatch):
    asked = []
    monkeypatch.setattr("keras_ser.serving.evaluate.evaluate", lambda model, *_, **__: asked.append(model))
    monkeypatch.setattr("keras_ser.serving.robustness.measure", lambda model, *_, **__: asked.append(model))
    keras_ser.evaluate("tess", predictor, data=embedded)
    keras_ser.robustness(predictor, "tess", data=embedded)
    assert asked == [predictor, predictor]
    with pytest.raises(UserError, match="name the folder of its run, or a corpus"):
        keras_ser.robustness(predictor)
    assert keras_ser.load(None).title == keras_ser.load().title


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (keras_ser.evaluate, "a corpus is a name, or a table"),
        (keras_ser.load_corpus, "a corpus is a name, or a table"),
        (lambda table: keras_ser.robustness(None, table), "a corpus is a name, or a table"),
        (lambda table: keras_ser.run("emodb_losses", CNN, corpus=table), "a corpus is a name, or a table"),
        (lambda table: keras_ser.export(None, "nowhere", corpus=table), "a corpus is a name, or a table"),
        (keras_ser.leaks, "leaks takes the folder of a run, or a table of splits as a CSV file"),
        (keras_ser.load, "a model is named by its folder, or is what load gives"),
        (keras_ser.robustness, "a run is named by its folder"),
        (lambda table: keras_ser.export(table, "nowhere"), "a run is named by its folder"),
        (lambda table: keras_ser.calibrate(table, "nowhere"), "a run is named by its folder"),
    ],
)
def test_a_table_in_memory_is_refused_in_one_line(call, said):
    with pytest.raises(UserError, match=f"{re.escape(said)}.*; received: DataFrame$"):
        call(pd.DataFrame({"path": ["a.wav"]}))


def test_a_window_is_a_number(predictor, paths):
    for options, said in (({"window_s": "1"}, "a window of '1'"), ({"window_s": 1, "hop_s": "1"}, "a hop of '1'")):
        with pytest.raises(UserError, match=f"{said}: a number of seconds is needed"):
            predictor.predict(paths[0], **options)


def test_an_empty_folder(predictor, tmp_path):
    with pytest.raises(UserError, match="no recording is there"):
        predictor.predict_folder(tmp_path)
    with pytest.raises(UserError, match="nowhere: no such folder"):
        predictor.predict_folder(tmp_path / "nowhere")


@pytest.mark.parametrize("call", [keras_ser.reproduce, functools.partial(keras_ser.compare, "models")])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seeds": 0}, "seeds must be a whole number of at least 1, not 0"),
        ({"epochs": 0}, "epochs must be a whole number of at least 1, not 0"),
        ({"jobs": 0}, "jobs must be a whole number of at least 1, not 0"),
        ({"jobs": "2"}, "jobs must be a whole number of at least 1, not '2'"),
        ({"jobs": 2.5}, r"jobs must be a whole number of at least 1, not 2\.5"),
        ({"corpus": ""}, "no corpus is called ''"),
        ({"protocols": "loso"}, "there is no protocol 'loso'"),  # one name alone
        ({"experiments": "svn"}, "no experiment 'svn'"),
    ],
)
def test_arguments_that_nothing_can_be_done_with(call, options, said, embedded, tmp_path):
    with pytest.raises(UserError, match=said):
        call("emodb_losses", data=embedded, out=tmp_path, **options)


def test_what_is_named_twice_is_meant_once():
    assert listed(["cnn", "lstm", "cnn"]) == ["cnn", "lstm"]
    assert listed("cnn") == ["cnn"]
    assert listed(None) == listed(()) == []


def test_a_repetition_is_a_whole_number():
    with pytest.raises(UserError, match="seed must be a whole number of at least 0, not -1"):
        keras_ser.run("emodb_losses", CNN, seed=-1)
    with pytest.raises(UserError, match="seed must be at most 100000000, not 4294967295"):
        keras_ser.run("emodb_losses", CNN, seed=2**32 - 1)
    # Of the greatest the last fold of any report has a seed of 32 bits.
    most_folds = max(reports.load(name).split.n_folds for name in reports.NAMES) * SENTENCE_GROUPS
    assert training_seed(GREATEST_SEED, most_folds - 1, most_folds) < 2**32


def test_a_number_of_numpy_is_a_number():
    for given in (3, np.int64(3), np.uint8(3)):
        assert type(whole_number("seed", given, 0)) is int
    with pytest.raises(UserError, match="seed must be a whole number of at least 0, not None"):
        whole_number("seed", None, 0)


def test_a_leaky_score_is_qualified(exported):
    assert "their speakers were in its training data; expect less of unseen speakers" in (
        keras_ser.load(exported["tess_mfcc"]).caution
    )


def read(result):
    """The predictions of its first fold as they are stored."""
    return pd.read_csv(result.folders[0] / "predictions.csv")


@pytest.mark.slow
def test_a_run_leaves_the_caller_alone_and_gives_its_results(embedded, tmp_path):
    mine = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    before = mine.predict(np.ones((1, 3)), verbose=0)
    name_before = keras.layers.Dense(1).name
    keras.config.set_dtype_policy("float64")
    random.seed(5)
    np.random.seed(5)
    expected = random.random(), np.random.random()
    random.seed(5)
    np.random.seed(5)
    try:
        result = keras_ser.run(
            "emodb_losses", CNN, protocol="clip_disjoint", data=embedded, epochs=1, out=tmp_path / "out"
        )
        assert keras.config.dtype_policy().name == "float64"
    finally:
        keras.config.set_dtype_policy("float32")
    assert (random.random(), np.random.random()) == expected
    assert keras.layers.Dense(1).name != name_before  # Keras still counts layers: nothing was cleared
    np.testing.assert_array_equal(mine.predict(np.ones((1, 3)), verbose=0), before)

    assert result.metrics["accuracy"] == np.mean(result.predictions["true"] == result.predictions["predicted"])
    assert list(result.history[["fold", "epoch"]].itertuples(index=False, name=None)) == [(0, 1)]
    assert result.facts["protocol"] == "clip_disjoint"
    row = result.predictions.iloc[0]
    path = corpora.manifest("emodb", embedded).set_index("clip").at[row["clip"], "path"]
    y, _ = audio.read(path)
    answer = result.model([y[None], np.array([len(y)], np.int32)])
    np.testing.assert_allclose(answer[0], row[[f"p_{label}" for label in result.facts["labels"]]].tolist(), atol=1e-4)
    again = keras_ser.run("emodb_losses", CNN, protocol="clip_disjoint", data=embedded, epochs=1, out=tmp_path / "out")
    pd.testing.assert_frame_equal(again.history, result.history)  # its seconds too: nothing was trained again

    options = {"protocol": "clip_disjoint", "data": embedded, "epochs": 1, "out": tmp_path / "other"}
    of_numpy = options | {"epochs": np.int64(1)}  # what a loop over np.arange gives
    second = keras_ser.run("emodb_losses", CNN, seed=np.int64(1), **of_numpy)
    words = ["reproduce", "emodb_losses", "--experiments", CNN, "--protocols", "clip_disjoint", "--epochs", "1"]
    words += ["--data", str(embedded), "--out", str(tmp_path / "out"), "--seeds", "2", "--jobs", "1"]
    assert commands.main(words) == 0
    of_command = {folder.name: folder for folder in result.folders[0].parent.iterdir()}
    assert sorted(of_command) == ["seed-0", "seed-1"]
    pd.testing.assert_frame_equal(pd.read_csv(of_command["seed-1"] / "predictions.csv"), read(second), check_exact=True)
    assert not read(second).equals(read(result))

    differences = keras_ser.export(result.folders[0], tmp_path / "model", embedded)
    assert max(differences.values()) < 1e-3
    found = keras_ser.load(tmp_path / "model").predict(path)
    assert found["label"][0] == row["predicted"]


@pytest.mark.slow
def test_a_table_and_a_comparison(embedded, tmp_path):
    options = {"data": embedded, "epochs": 1, "out": tmp_path / "out", "protocols": ["clip_disjoint"]}
    done = keras_ser.reproduce("emodb_losses", experiments=[CNN], **options)
    assert set(done.table["experiment"]) == {CNN}
    assert all(path.is_file() for path in (*done.files, *done.figures))
    answer = keras_ser.compare("models", "emodb_losses", experiments=[CNN, "svm"], **options)
    assert len(answer.differences) == 1
    assert len(answer.table) == 2
    written = {path: path.read_bytes() for path in (*done.files, *answer.files) if path.suffix != ".png"}
    for folder in ("runs", "tensorboard"):  # as a clone of the repository has neither
        shutil.rmtree(done.setting.out / folder)
    keras_ser.reproduce("emodb_losses", stored=True, **options)
    keras_ser.compare("models", "emodb_losses", experiments=[CNN, "svm"], stored=True, **options)
    assert {path: path.read_bytes() for path in written} == written
    with pytest.raises(UserError, match="there is no question 'speed': choose from losses, models, protocols"):
        keras_ser.compare("speed", "emodb_losses")


def test_clips_and_splits_for_models_of_ones_own(embedded, tmp_path):
    clips = keras_ser.load_corpus("emodb", embedded, out=tmp_path)
    assert {"clip", "path", "speaker", "emotion", "audio_hash", "rate", "samples"} <= set(clips)
    tested = []
    for fold in range(3):
        table = keras_ser.split(clips, "speaker_independent", fold=fold, n_folds=3)
        assert set(table["split"]) == {"train", "validation", "test"}
        of_speaker = table.groupby("speaker")["split"].nunique()
        assert set(of_speaker) == {1}
        tested += list(table.loc[table["split"] == "test", "clip"])
    assert sorted(tested) == sorted(clips["clip"])
    with pytest.raises(UserError, match=r"there is no fold 3, these clips give 3 \(from 0\)"):
        keras_ser.split(clips, fold=3, n_folds=3)
    with pytest.raises(UserError, match=r"fold must be a whole number of at least 0, not 0\.5"):
        keras_ser.split(clips, fold=0.5)
    again = keras_ser.split(table, "speaker_independent", fold=2, n_folds=3)
    pd.testing.assert_frame_equal(again, table)
    first = keras_ser.split(clips, "as_reported")
    table.to_csv(tmp_path / "table.csv", index=False)  # what a first split gave is none of the corpus
    assert list(keras_ser.split(pd.read_csv(tmp_path / "table.csv"), "as_reported")["split"]) == list(first["split"])
    split = np.resize(["train", "train", "train", "validation", "test", ""], len(clips))
    unknown = clips.assign(split=split, gender=np.resize(["female", ""], len(clips)))
    unknown.to_csv(tmp_path / "unknown.csv", index=False)
    from_file = pd.read_csv(tmp_path / "unknown.csv", dtype={"speaker": str})
    for protocol in ("as_reported", "speaker_independent"):
        expected = keras_ser.split(unknown, protocol)
        assert keras_ser.split(from_file, protocol)["split"].tolist() == expected["split"].tolist()
    assert set(keras_ser.split(clips.drop(columns="gender"), "clip_disjoint")["split"]) == set(first["split"])
    with pytest.raises(UserError, match="seed must be a whole number of at least 0, not None"):
        keras_ser.split(clips, seed=None)
    mine = clips.assign(split=np.resize(["train", "train", "test", "validation"], len(clips)))
    kept = keras_ser.split(keras_ser.split(mine, "clip_disjoint"), "as_reported")
    assert list(kept["split"]) == list(kept["split_of_corpus"]) == list(mine["split"])
    with pytest.raises(UserError, match="without speaker"):
        keras_ser.split(clips.drop(columns="speaker"))
    with pytest.raises(UserError, match="there is no protocol 'loso'"):
        keras_ser.split(clips, "loso")
    with pytest.raises(UserError, match="without audio_hash: split takes clips as load_corpus gives them"):
        keras_ser.split(clips.drop(columns="audio_hash"))
    with pytest.raises(UserError, match="of no clips"):
        keras_ser.split(clips[:0])
    for shares in (
        {"validation": 0.5, "test": 0.5},
        {"validation": float("nan")},
        {"test": float("nan")},
        {"validation": "a"},
        {"test": None},
        {"test": 0},
    ):
        with pytest.raises(UserError, match="must be shares of the clips, above 0, and leave clips to train on, not"):
            keras_ser.split(clips, "clip_disjoint", **shares)
    with pytest.raises(UserError, match=f"42 clips have the name of an earlier one, the first {clips['clip'][0]}"):
        keras_ser.split(pd.concat([clips, clips.assign(corpus="table")]))
    with pytest.raises(UserError, match="no corpus is called 'iemocap'"):
        keras_ser.load_corpus("iemocap", embedded)
    for of_own in ({"labels": {"nosuch": "x"}}, {"speaker_from": "(..)"}):
        with pytest.raises(UserError, match="are of recordings of your own"):
            keras_ser.load_corpus("emodb", embedded, out=tmp_path, **of_own)


def test_an_empty_name_is_no_corpus(embedded, tmp_path, monkeypatch):
    """Neither whatever lies where the caller is, nor what is taken where none is named."""
    monkeypatch.chdir(tmp_path)
    for call in (
        lambda: keras_ser.load_corpus("", embedded),
        lambda: keras_ser.evaluate("", data=embedded),
        lambda: keras_ser.export(None, "out", corpus=""),
        lambda: keras_ser.run("emodb_losses", CNN, data=embedded, corpus="", out=tmp_path),
    ):
        with pytest.raises(UserError, match=r"no corpus is called ''|'' names no recordings"):
            call()
    assert not list(tmp_path.iterdir())


def test_a_readme_keeps_its_line_ends(tmp_path):
    artifacts, readme = Path(__file__).parents[1] / "artifacts", tmp_path / "README.md"
    readme.write_bytes(b"# Mine\r\n<!-- results -->\r\n<!-- end of results -->\r\n")
    for _ in range(2):
        keras_ser.results(artifacts, readme)
        written = readme.read_bytes()
        assert written.count(b"\n") == written.count(b"\r\n") > 4


def test_what_a_report_is_run_on(embedded, tmp_path):
    found = api.setting("emodb_losses", data=embedded, out=tmp_path)
    assert len(found.material.manifest) == 42
    assert (found.out, found.cache) == (tmp_path / "synthetic", tmp_path / "cache" / "features")
    assert (found.epochs, found.report.split.n_folds) == (1, 2)  # of synthetic speech
    named = api.setting("emodb_losses", data=embedded, out=tmp_path, corpus=Path("emodb"))
    assert (named.out, named.material.substitute) == (found.out, False)
    streamed = api.setting("emodb_losses", data=embedded, out=tmp_path, features="streamed")
    assert streamed.root == tmp_path / "streamed" / "synthetic" / "runs"
    with pytest.raises(TypeError, match="datum"):
        api.setting("emodb_losses", datum=embedded)
    rows = found.material.manifest[["path", "emotion", "speaker"]]
    rows.to_csv(tmp_path / "mine.csv", index=False)
    own = api.setting("emodb_losses", data=embedded, corpus=tmp_path / "mine.csv", out=tmp_path)
    title = "Emo-DB (Berlin Database of Emotional Speech)"
    assert own.material.description == f"the table mine.csv (synthetic speech) in place of {title}"
    assert found.material.description == f"bundled synthetic speech in place of {title}"


def test_what_is_of_a_corpus_that_is_not_there_is_not_run(embedded, tmp_path, caplog):
    shutil.copytree(embedded / "emodb", tmp_path / "data" / "emodb")
    of_one = {"data": tmp_path / "data", "out": tmp_path / "out"}
    setting = api.setting("unseen_speakers", **of_one)
    caplog.clear()
    assert [item.name for item in running.with_clips(setting).listed] == ["cnn", "mlp", "svm/emodb"]
    assert caplog.messages == [
        "unseen_speakers: svm/ravdess, svm/crema_d excluded: there are no clips of ravdess, crema_d"
    ]
    with pytest.raises(UserError, match="svm/ravdess needs clips of ravdess, of which there are none"):
        keras_ser.reproduce("unseen_speakers", experiments="svm/ravdess", **of_one)
    with pytest.raises(UserError, match="svm_compare/crema_d needs clips of crema_d, of which there are none"):
        keras_ser.run("unseen_speakers", "svm_compare/crema_d", **of_one)
    of_three = api.setting("unseen_speakers", data=embedded, out=tmp_path / "out")
    caplog.clear()
    assert running.with_clips(of_three).experiments == of_three.report.experiments
    assert not caplog.messages


def test_results_are_written_between_the_marks_of_a_file(tmp_path):
    artifacts, readme = Path(keras_ser.__file__).parents[1] / "artifacts", tmp_path / "README.md"
    readme.write_text("# Mine\n")
    with pytest.raises(UserError, match=r"README\.md: has no lines <!-- results --> and <!-- end of results -->"):
        keras_ser.results(artifacts, readme)
    assert readme.read_text() == "# Mine\n"
    with pytest.raises(UserError, match="no table of any of the five reports is there: reproduce one first"):
        keras_ser.results(tmp_path)


def test_models_by_name():
    assert keras_ser.models.cnn((13, 150, 1), 7).count_params() == 314759
    assert keras_ser.report("emodb_losses").experiment(CNN).model(7).count_params() == 314759
