"""The commands as a user calls them: what they print, what they leave, and one line for what the user got wrong."""

import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

import keras_ser
from keras_ser import api, corpora
from keras_ser.cli import commands, parser
from keras_ser.corpora import synthetic
from keras_ser.corpora.download import HOMES
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.runs.passes import Pass
from tests.words import house_words

CNN = "cnn/mean_squared_error"


def call(*words):
    """Exit code of a command, argparse's own included."""
    try:
        return commands.main([str(word) for word in words])
    except SystemExit as stop:
        return stop.code


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Figures of fewer pixels, which no test here looks at."""
    monkeypatch.setattr("keras_ser.output.figures.style.DPI", 30)


@pytest.fixture
def data(embedded, tmp_path):
    """A copy of the embedded data root that a test may spoil."""
    return shutil.copytree(embedded, tmp_path / "data")


def complaint(capsys, *words):
    """What a command that must fail says: one line on stderr after what it reported on its way, exit code 2."""
    assert call(*words) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error.replace("\r", "\n").strip().splitlines()[-1]


def test_help_names_every_command():
    text = subprocess.run([sys.executable, "-m", "keras_ser", "--help"], capture_output=True, text=True, check=True)
    for command in ("reports", "show", "reproduce", "augment", "corpus", "benchmark"):
        assert command in text.stdout


def helps(of):
    """The help of a parser and of those below it."""
    yield of.format_help()
    for action in of._actions:
        if isinstance(action.choices, dict):
            for below in action.choices.values():
                yield from helps(below)


def test_no_help_says_house_words():
    texts = list(helps(parser.arguments()))
    assert len(texts) > 20
    assert [said for text in texts if (said := house_words(re.sub(r"--\w+", "", text)))] == []


def test_help_names_every_protocol(capsys):
    assert call("reproduce", "--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"--protocols A,B {', '.join(PROTOCOLS)} (default" in shown


def test_help_names_the_corpora(capsys):
    """Which it cannot ask of the package: that needs pandas."""
    for action, known in (("check", set(corpora.CORPORA)), ("download", set(HOMES))):
        assert call("corpus", action, "--help") == 0
        said = capsys.readouterr().out.partition("NAME")[2].partition("--")[0]
        assert set(re.findall(r"\w+", said)) & set(corpora.CORPORA) == known


def test_alone_it_explains_itself(capsys):
    assert call() == 0
    assert "reproduce" in capsys.readouterr().out
    assert call("--version") == 0
    assert capsys.readouterr().out == f"keras-ser {keras_ser.__version__}\n"
    assert call("predict", "--help") == 0
    assert "Exit code: 0; 3 if a file could not be used" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
@pytest.mark.parametrize("words", [["reports"], ["show", "emodb_losses"], ["show", "four_corpora", "--json"]])
def test_what_a_report_states_is_read_without_heavy_libraries(words):
    code = f"import sys; from keras_ser.cli.commands import main; code = main({words}); print(*sys.modules); exit(code)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "keras_ser.reports.description" in loaded
    assert not loaded & {"tensorflow", "keras", "pandas", "scipy", "sklearn", "librosa", "matplotlib"}


@pytest.mark.slow
def test_a_report_that_does_not_exist_is_refused_before_tensorflow_is_loaded():
    code = """
import sys
from keras_ser.cli.commands import main
try:
    main(["reproduce", "tess_mfcc", "nosuch"])
finally:
    print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "there is no report 'nosuch': choose from emodb_losses, tess_mfcc" in done.stderr
    assert not set(done.stdout.split()) & {"tensorflow", "keras", "pandas"}


def test_show_for_programs(capsys):
    assert call("show", "emodb_losses", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    models = {item["name"]: (item["input_shape"], item["parameters"]) for item in shown["experiments"]}
    assert models["cnn/categorical_crossentropy"] == ([13, 150, 1], 314759)
    assert models["cnn_lstm/categorical_crossentropy"] == ([13, 150, 1, 1], 1479047)
    assert all(item["trainable_parameters"] == item["parameters"] for item in shown["experiments"])


def test_show_for_people(capsys):
    assert call("show", "emodb_losses") == 0
    text = capsys.readouterr().out
    for words in ("314,759", "0.9057", "left open", "disagree", "cepstral"):
        assert words in text
    assert "and 42 figures of single classes: --figures" in text
    assert not re.search(r" (tp|fp|fn) ", text)
    assert call("show", "emodb_losses", "--figures") == 0
    assert len(re.findall(r" (tp|fp|fn) ", capsys.readouterr().out)) == 42


def test_show_what_a_sheet_without_figures_leaves_open(capsys):
    assert call("show", "spectral_features") == 0
    text = capsys.readouterr().out
    assert "left open" in text
    assert "Where its text, code and tables disagree:\n- " in text
    assert call("show", "unseen_speakers") == 0
    text = capsys.readouterr().out
    assert "left open" not in text
    assert "disagree" not in text


def test_the_spread_is_missed_where_a_network_has_one_repetition_alone():
    """Among all that the table is made of: a call for one may find four."""

    def repetitions(experiment, protocol, n, kind="network"):
        facts = [{"experiment": experiment, "protocol": protocol, "seed": k, "kind": kind} for k in range(n)]
        return [Pass((), of_one, {}) for of_one in facts]

    whole = [*repetitions("cnn", "as_reported", 5), *repetitions("svm", "as_reported", 1, "svm")]
    assert commands._trained_once(whole) == set()
    whole += [*repetitions("lstm", "as_reported", 2), *repetitions("cnn", "clip_disjoint", 1)]
    assert commands._trained_once(whole) == {"clip_disjoint"}


@pytest.mark.parametrize("shown", [True, False])
def test_verdicts_are_coloured_on_a_terminal_that_wants_it(shown, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    row = "| cnn higher | reproduced, interval 0.8 to 0.9 | not decided (one repetition) |"
    assert commands.coloured(row) == row  # pytest's stdout is none
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    if not shown:
        monkeypatch.setenv("NO_COLOR", "1")
    expected = (
        "| cnn higher | \x1b[32mreproduced\x1b[0m, interval 0.8 to 0.9 | \x1b[36mnot decided\x1b[0m (one repetition) |"
    )
    assert commands.coloured(row) == (expected if shown else row)


def test_its_output_may_be_read_by_a_program():
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert commands.main(["reports"]) == 0
    assert "emodb_losses" in printed.getvalue()


def test_what_is_not_installed_is_named_with_its_extra(monkeypatch, capsys):
    def needs(_):
        raise ModuleNotFoundError("No module named 'seaborn'", name="seaborn")

    for command, of_command, extra in (("reports", "list_reports", "figures"), ("demo", "demo", "demo")):
        monkeypatch.setattr(commands, of_command, needs)
        said = f"seaborn is not installed, which this command needs: pip install 'keras-ser[{extra}]'"
        assert said in complaint(capsys, command)


@pytest.mark.slow
def test_reproduce_with_features_made_while_training(data, tmp_path, capsys):
    out = tmp_path / "out"
    for path in sorted((data / "emodb").glob("*.wav"))[::2]:
        path.unlink()
    words = ("reproduce", "emodb_losses", "--data", data, "--out", out, "--protocols", "clip_disjoint", "--epochs", 1)
    words += ("--experiments", CNN, "--features", "fresh")
    assert "leave out --backend" in complaint(capsys, *words, "--backend", "librosa")
    assert call(*words) == 0
    folder = out / "fresh" / "synthetic"
    shown = capsys.readouterr().out
    assert str(folder / "emodb_losses" / "table.csv") in shown
    assert (folder / "runs" / "emodb_losses" / CNN / "clip_disjoint" / "seed-0" / "model.keras").is_file()
    assert not (out / "synthetic").exists()
    assert not (out / "cache" / "features").exists()
    assert call(*words, "--stored") == 0
    assert "no whole repetition" in complaint(capsys, *words[:-1], "streamed", "--stored")


@pytest.mark.slow
def test_reproduce_prints_and_writes_the_table(data, tmp_path, capsys):
    out = tmp_path / "out"
    (data / "emodb" / "03a07Wa.wav").write_bytes(b"RIFF")
    words = ("reproduce", "emodb_losses", "--data", data, "--out", out, "--experiments", CNN, "--epochs", 1)
    assert call(*words, "--jobs", 2) == 0
    shown = capsys.readouterr()
    lines = shown.err.splitlines()  # whole lines, as a log file keeps them
    assert "\r" not in shown.err
    assert sum(line.startswith("excluded: ") and "03a07Wa.wav" in line for line in lines) == 1
    done = [line for line in lines if re.match(r"emodb_losses: \d of 4: cnn/mean.*: accuracy 0\.\d+ \(\d+ s\)$", line)]
    assert [line.split()[1] for line in done] == ["1", "2", "3", "4"]
    assert len(lines) == 5
    assert "SYNTHETIC" in shown.out
    assert "One repetition does not show the spread over repetitions: add --seeds 5" in shown.out
    table = pd.read_csv(out / "synthetic" / "emodb_losses" / "table.csv")
    assert set(table["verdict"]) == {"not comparable (synthetic speech)", "not stated"}
    assert set(table["protocol"]) == {"as_reported", "clip_disjoint", "speaker_independent"}
    assert set(table["clips"]) == {42}
    assert table["corpus"].str.contains("synthetic").all()
    assert not (out / "emodb_losses").exists()
    assert "synthetic" in (out / "synthetic" / "emodb_losses" / "table.md").read_text()
    figures = out / "synthetic" / "emodb_losses" / "figures"
    assert len(list(figures.glob("*.png"))) == 11

    # A fresh clone has no models: its tables and images come from what is stored.
    models = list(out.rglob("model.keras"))
    for model in models:
        model.unlink()
    table.to_csv(figures.parent / "table.csv", index=False)
    (figures / "curves_sentence_independent.png").write_bytes(b"of an earlier run")
    (figures / "mine.png").write_bytes(b"of the user")
    shutil.rmtree(out / "synthetic" / "tensorboard")
    capsys.readouterr()
    assert call(*words, "--stored", "--quiet") == 0
    assert capsys.readouterr().err.startswith("excluded: ")  # a warning, and nothing else
    assert len(models) == 1 + 1 + 2  # of the speakers, a training per fold: two on synthetic speech
    assert not list(out.rglob("model.keras"))
    pd.testing.assert_frame_equal(pd.read_csv(figures.parent / "table.csv"), table)
    assert len(list(figures.glob("*.png"))) == 12
    assert not (figures / "curves_sentence_independent.png").exists()
    assert (figures / "mine.png").exists()
    assert len(list((out / "synthetic" / "tensorboard").rglob("seed-*"))) == 3
    assert len(list((out / "synthetic" / "tensorboard").rglob("fold-*"))) == 2

    # A fresh clone has no runs' folders either: what is archived is enough.
    shutil.rmtree(out / "synthetic" / "runs")
    assert call(*words, "--stored") == 0
    pd.testing.assert_frame_equal(pd.read_csv(figures.parent / "table.csv"), table)

    # Runs of another number of epochs share no table with those of one.
    words = [2 if word == 1 else word for word in words]
    assert "no whole repetition" in complaint(capsys, *words, "--stored")


def test_nothing_is_stored(data, tmp_path, capsys):
    said = complaint(capsys, "reproduce", "emodb_losses", "--data", data, "--out", tmp_path / "out", "--stored")
    assert "no whole repetition of bundled synthetic speech in place of Emo-DB" in said
    assert said.endswith("is stored: train one first")


@pytest.mark.slow
def test_a_substitute_is_called_so(data, tmp_path, capsys):
    out = tmp_path / "out"
    words = ("reproduce", "emodb_losses", "--corpus", "tess", "--data", data, "--out", out, "--experiments", CNN)
    assert call(*words, "--epochs", 1, "--protocols", "clip_disjoint") == 0
    assert "SUBSTITUTE" in capsys.readouterr().out
    table = pd.read_csv(out / "substitute" / "tess" / "synthetic" / "emodb_losses" / "table.csv")
    assert table["corpus"].str.startswith("bundled synthetic speech in place of TESS").all()
    assert set(table["clips"]) == {36}  # of the report's emotions: surprise is none
    assert not (out / "emodb_losses").exists()


@pytest.mark.slow
def test_folders_of_classes_whatever_their_files_are_called(data, tmp_path, capsys):
    folders = {"05": "Angry", "02": "Calm", "03": "Happy", "04": "Sad"}
    for number, path in enumerate(sorted((data / "ravdess").rglob("*.wav"))):
        facts = path.stem.split("-")
        if facts[2] in folders:
            split = "Train" if int(facts[6]) <= 4 else "Test"
            folder = tmp_path / "EmotionSpeech" / split / folders[facts[2]]
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / f"recording {number}.wav")
    words = ("reproduce", "spectral_features", "--corpus", tmp_path / "EmotionSpeech", "--out", tmp_path / "out")
    options = ("--protocols", "as_reported", "--experiments", "svm/energy,svm_grid/energy")
    assert call(*words, *options) == 0
    (place,) = (tmp_path / "out" / "own").glob("EmotionSpeech-*")
    table = pd.read_csv(place / "spectral_features" / "table.csv")
    assert set(table["experiment"]) == {"svm/energy", "svm_grid/energy"}
    title = "the folder EmotionSpeech (speakers unknown: not speaker-independent)"
    assert table["corpus"].str.startswith(f"{title} in place of RAVDESS").all()
    assert set(table["clips"]) == {32}
    complaint(capsys, *words, "--protocols", "speaker_independent", "--experiments", "svm/energy")


@pytest.mark.slow
def test_of_several_corpora_those_that_are_there_are_used(data, tmp_path, capsys):
    for name in ("savee", "crema_d"):
        shutil.rmtree(data / name)
    (data / "tess" / "SYNTHETIC.txt").unlink()
    (data / "ravdess" / "SYNTHETIC.txt").unlink()
    words = ("reproduce", "four_corpora", "--data", data, "--out", tmp_path / "out", "--epochs", 1)
    assert call(*words, "--protocols", "as_reported") == 0
    shown = capsys.readouterr()
    assert "savee and crema_d not found; only ravdess and tess are used" in shown.err
    assert not (tmp_path / "out" / "cache" / "synthetic").exists()
    table = pd.read_csv(tmp_path / "out" / "four_corpora" / "table.csv")
    assert set(table["corpus"]) == {"RAVDESS speech and TESS, without SAVEE and CREMA-D"}
    assert set(table["verdict"]) == {"not stated", "not comparable (106 of 12162 clips)"}
    mean = table[table["experiment"] == "data"].set_index("metric")["mean"]
    assert mean[["ravdess", "tess", "savee", "clips"]].tolist() == [64, 42, 0, 106]


@pytest.mark.slow
def test_features_by_the_libraries(data, tmp_path, capsys):
    for path in sorted((data / "emodb").glob("*.wav"))[14:]:
        path.unlink()
    words = ("reproduce", "emodb_losses", "--data", data, "--out", tmp_path / "out", "--experiments", CNN)
    assert call(*words, "--epochs", 1, "--protocols", "as_reported", "--backend", "librosa") == 0
    path = next((tmp_path / "out").rglob("run.json"))
    assert json.loads(path.read_text())["features"] == "librosa"
    said = complaint(capsys, "export", path.parent, "--out", tmp_path / "model")
    assert "reproduce the run with --backend tensorflow" in said
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_compare_runs_what_is_missing_and_says_what_it_found(data, tmp_path, capsys):
    for path in sorted((data / "emodb").glob("*.wav"))[::2]:
        path.unlink()
    words = ("--data", data, "--out", tmp_path / "out", "--protocols", "clip_disjoint,as_reported", "--epochs", 1)
    losses = ("compare", "losses", "emodb_losses", *words)
    assert call(*losses, "--experiments", "cnn/categorical_crossentropy") == 0
    shown = capsys.readouterr().out
    assert "CNN, cross-entropy − CNN, mean squared error" in shown
    assert "SYNTHETIC" in shown
    folder = tmp_path / "out" / "synthetic" / "compare" / "losses" / "emodb_losses"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("differences.png", "ladder.png", "reliability.png", "table.csv", "table.md")
    ]
    table = pd.read_csv(folder / "table.csv")
    assert list(table["protocol"]) == ["as_reported"] * 2 + ["clip_disjoint"] * 2
    for model in (tmp_path / "out").rglob("model.keras"):
        model.unlink()  # as in the repository
    assert call("compare", "protocols", "emodb_losses", *words, "--experiments", "cnn/categorical_crossentropy") == 0
    assert "cnn/mean_squared_error" not in capsys.readouterr().out
    stored = list((tmp_path / "out" / "synthetic" / "runs").rglob("run.json"))
    assert len(stored) == 4  # the second question needed no new one
    assert "exchange" in complaint(capsys, *losses, "--experiments", "svm")
    run = next(path.parent for path in stored if "clip_disjoint" in str(path))
    assert call("leaks", run) == 0
    assert re.search(r"\| speaker +\| L3\.2 dependence: the same speaker +\| +\d", capsys.readouterr().out)
    said = complaint(capsys, "leaks", run, "--protocol", "speaker_independent")
    assert said.endswith("speaker in both train and test, which speaker_independent does not allow")


LEAKS = {
    "clip,split,speaker\na,train,1\nb,test,2\n": None,
    "clip,split,speaker\na,train,1\nb,test,1\n": "LEAK: {path}: speaker in both train and test; if intended, name a",
    "clip,split\na,train\na,test\nb,test\n": "LEAK: {path}: clip in both train and test",
    "clip,split\na,train\n": "no row has the split test",
    "name,split\na,train\n": "needs a column split and one of clip",
    "": "cannot be read (No columns to parse from file): a CSV table is needed",
    "clip,split\na,train,1\nb,test\n1,2,3,4,5\n": "{path}, line 2: 3 cells, and the first line has 2: put cells",
}


@pytest.mark.parametrize(("table", "said"), LEAKS.items())
def test_leaks_of_a_table(table, said, tmp_path, capsys):
    (tmp_path / "splits.csv").write_text(table)
    if said is None:
        assert call("leaks", tmp_path / "splits.csv") == 0
        assert "share nothing" in capsys.readouterr().out
    else:
        assert said.format(path=tmp_path / "splits.csv") in complaint(capsys, "leaks", tmp_path / "splits.csv")


def test_what_a_protocol_declares_is_no_leak(tmp_path, capsys):
    (tmp_path / "splits.csv").write_text("clip,split,speaker,sentence\na,train,1,x\nb,test,1,y\nc,test,2,x\n")
    assert call("leaks", tmp_path / "splits.csv", "--protocol", "clip_disjoint") == 0
    found = capsys.readouterr().out
    assert re.search(r"\| speaker +\| L3\.2 dependence: the same speaker +\| 1 +\| +1 \| +1 \|", found)
    said = complaint(capsys, "leaks", tmp_path / "splits.csv", "--protocol", "speaker_independent")
    assert "speaker in both train and test, which speaker_independent does not allow" in said
    assert "choose from as_reported" in complaint(capsys, "leaks", tmp_path / "splits.csv", "--protocol", "loso")
    assert "no run is stored there" in complaint(capsys, "leaks", tmp_path)


@pytest.mark.slow
def test_augment_writes_audio_and_splits(data, tmp_path, capsys):
    out = tmp_path / "augmented"
    for path in sorted((data / "emodb").glob("*.wav"))[14:]:
        path.unlink()
    assert call("augment", "emodb_losses", "--data", data, "--out", out) == 0
    table = pd.read_csv(out / "audio_labels_augmented.csv")
    assert len(table) == 7 * 14 == len(list(out.rglob("*.wav")))
    splits = [pd.read_csv(out / f"{split}.csv") for split in ("train", "validation", "test")]
    assert sorted(pd.concat(splits)["file_path"]) == sorted(table["file_path"])
    stretched = table[table["transform"] == "time_stretch"].iloc[0]
    before = soundfile.info(data / "emodb" / f"{stretched['clip']}.wav")
    after = soundfile.info(out / stretched["file_path"])
    assert after.samplerate == before.samplerate == 16000
    assert after.frames == round(before.frames / stretched["parameter"])


@pytest.mark.slow
def test_corpus_make_and_check(tmp_path, capsys, monkeypatch):
    few = synthetic.plan("savee")[::5]
    monkeypatch.setitem(synthetic._PLANS, "savee", lambda: few)
    assert call("corpus", "make", "savee", "--out", tmp_path) == 0
    assert call("corpus", "check", "savee", "--data", tmp_path, "--out", tmp_path / "out") == 0
    text = capsys.readouterr().out
    assert "synthetic" in text.lower()
    assert "licence" in text.lower()


def parsed(line):
    return parser.arguments().parse_args(line.split())


@pytest.mark.parametrize(
    "words",
    [
        *("M a b --window 2 --adapt", "--window 2 --adapt M a b", "M --window 2 a b --adapt"),
        *("M --adapt a --window 2 b", "M a --window 2 --adapt b", "M --window 2 --adapt -- a b"),
        "--adapt M --window 2 a b",
    ],
)
def test_recordings_stand_wherever_one_likes(words):
    options = parsed(f"predict {words}")
    assert (options.model, options.paths) == (Path("M"), [Path("a"), Path("b")])
    assert (options.window, options.adapt) == (2, True)


def test_every_list_may_stand_between_options():
    options = parsed("predict M --quiet - -- -a.wav --adapt")
    assert (options.paths, options.adapt) == ([Path("-"), Path("-a.wav"), Path("--adapt")], False)
    assert parsed("reproduce tess_mfcc --seeds 2 emodb_losses").reports == ["tess_mfcc", "emodb_losses"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("predict M --adapt a --wnd 2 b", "unrecognized arguments: --wnd 2 b"),
        ("demo M --port 80 b", "unrecognized arguments: b"),
        ("reproduce tess_mfcc --seeds 2 emodb", "there is no report 'emodb': choose from"),
    ],
)
def test_what_stands_behind_an_option_and_in_no_list(line, said, capsys):
    assert said in complaint(capsys, *line.split())


def test_a_repetition_with_folds_names_them(data, tmp_path, capsys):
    for fold in (10, 2):
        (tmp_path / "seed-0" / f"fold-{fold}").mkdir(parents=True)
        (tmp_path / "seed-0" / f"fold-{fold}" / "run.json").touch()
    folder = tmp_path / "seed-0"
    said = f"keras-ser: {folder}: it has folds, each a run: fold-2, fold-10: name one, {folder / 'fold-2'}"
    calls = ["predict x.wav", "predict", "verify", "export --out x", "leaks", "calibrate --out x", "robustness"]
    for words in [*calls, "robustness --corpus emodb", "evaluate --corpus emodb"]:
        command, *others = words.split()
        assert complaint(capsys, command, folder, *others, *["--data", data] * ("emodb" in others)) == said


BAD_ARGUMENTS = {
    "no such report": ("reproduce", "emodb"),
    "no such protocol": ("reproduce", "--protocols", "random"),
    "no such protocol to compare": ("compare", "models", "emodb_losses", "--protocols", "random"),
    "no such protocol to share under": ("leaks", "/no/such.csv", "--protocol", "random"),
    "no such experiment": ("reproduce", "--experiments", "rnn"),
    "an experiment of the first report alone": ("reproduce", "--experiments", "svm,cnn/mean_squared_error"),
    "no experiment": ("reproduce", "--experiments", ","),
    "no protocol": ("reproduce", "--protocols", ""),
    "no such folder": ("reproduce", "--data", "/no/such/folder"),
    "no epoch": ("reproduce", "--epochs", "0"),
    "half a seed": ("reproduce", "--seeds", "0.5"),
    "no such substitute": ("reproduce", "emodb_losses", "--corpus", "iemocap"),
    "no such backend": ("reproduce", "--backend", "torch"),
    "no question": ("compare",),
    "no such command": ("train",),
    "no such corpus": ("corpus", "check", "iemocap"),
    "no public home": ("corpus", "download", "savee"),
    "no such port": ("demo", "model", "--port", "99999"),
    "a seed that nothing takes": ("augment", "emodb_losses", "--out", "out", "--seed", str(2**70)),
    "a seed that is too great for folds": ("augment", "emodb_losses", "--out", "out", "--seed", str(2**32 - 1)),
    "a seed below 0": ("augment", "emodb_losses", "--out", "out", "--seed", "-1"),
    "no such table": ("reproduce", "emodb_losses", "--corpus", "mine.csv"),
    "labels of a corpus": ("reproduce", "emodb_losses", "--labels", "ang=anger"),
    "labels of a corpus that is checked": ("corpus", "check", "emodb", "--labels", "ang=anger"),
    "labels of a corpus that is evaluated": ("evaluate", "--corpus", "emodb", "--speaker-from", "(..)"),
    "labels of a run's clips": ("robustness", "--labels", "ang=anger"),
    "labels of no recordings of one's own": ("export", "--out", "out", "--labels", "ang=anger"),
    "nothing to compare an adapted model with": ("export", "--out", "out", "--adapt", ".", "--corpus", "nowhere.csv"),
    "labels of nothing": ("reproduce", "--corpus", ".", "--labels", "ang"),
    "a label that means two things": ("corpus", "check", ".", "--labels", "ang=anger,neu=neutral,ang=fear"),
    "no corpus": ("reproduce", "emodb_losses", "--corpus", ""),
    "no recordings to compare a model on": ("export", "--out", "out", "--corpus", ""),
    "a corpus that cannot be made after one that can": ("corpus", "make", "savee", "nope", "--out", "out"),
    "speakers found by no group": ("corpus", "check", ".", "--speaker-from", "spk"),
    "more seeds than digits": ("reproduce", "--seeds", "9" * 5000),
}


@pytest.mark.parametrize("words", BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_bad_arguments(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = complaint(capsys, *words)
    assert line.startswith("keras-ser")
    assert len(line) < 300
    if "random" in words:
        assert "there is no protocol 'random': choose from as_reported, clip_disjoint" in line
    assert list(tmp_path.iterdir()) == []  # nothing was made before it was said


def spoil_wrong_corpus(folder):
    for number, path in enumerate(sorted(folder.glob("*.wav"))):
        path.rename(folder / f"03-01-01-01-01-01-{number + 1:02}.wav")


def spoil_empty(folder):
    for path in folder.glob("*.wav"):
        path.unlink()


def spoil_pointers(folder):
    for path in folder.glob("*.wav"):
        path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")


def spoil_silence(folder):
    for path in folder.glob("*.wav"):
        soundfile.write(path, np.zeros(8000), 16000)


def spoil_one_class(folder):
    for path in folder.glob("*.wav"):
        if path.stem[5] != "W":
            path.unlink()


def spoil_one_speaker(folder):
    for path in folder.glob("*.wav"):
        if not path.stem.startswith("03"):
            path.unlink()
    for path in list(folder.glob("03*.wav")):  # enough clips, of one person
        shutil.copy(path, folder / f"03b0{len(path.stem) % 9}{path.stem[5]}z.wav")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_wrong_corpus, "looks like ravdess"),
        (spoil_empty, "no audio file"),
        (spoil_pointers, "git lfs pull"),
        (spoil_silence, "silent"),
        (spoil_one_class, "6 usable clips of 1 emotion"),
        (spoil_one_speaker, "one speaker"),
    ],
)
def test_bad_corpora(spoil, said, data, tmp_path, capsys):
    spoil(data / "emodb")
    words = ("--data", data, "--out", tmp_path / "out", "--epochs", 1, "--experiments", CNN)
    assert said in complaint(capsys, "reproduce", "emodb_losses", *words, "--protocols", "speaker_independent")


def test_a_folder_that_cannot_be_written(data, tmp_path, capsys):
    (tmp_path / "out").write_text("a file stands where the folder should be")
    words = ("--data", data, "--out", tmp_path / "out", "--epochs", 1, "--experiments", CNN)
    assert "out" in complaint(capsys, "reproduce", "emodb_losses", *words)


@pytest.mark.parametrize("command", ["predict", "evaluate --corpus x", "robustness"])
def test_what_cannot_be_written_to_is_said_before_the_work(command, tmp_path, capsys):
    (tmp_path / "file").touch()
    name, *words = command.split()
    for output, said in (
        (tmp_path, "is a directory: name a file to write to"),
        (tmp_path / "file" / "out.csv", "a file is where a folder is needed"),
        ("/dev/null", "is a pipe, a socket or a device"),
    ):
        assert said in complaint(capsys, name, *words, "x", "--output", output)  # there is no such model either
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_timeline_that_cannot_be_written_or_drawn_is_said_before_the_work(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "lines"):
        said = complaint(capsys, "predict", "no/such/model", "x.wav", "--timeline", folder)
        assert f"cannot write {folder}: Not a directory: a file is where a folder is needed" in said
    monkeypatch.setitem(sys.modules, "keras_ser.output.figures.recordings", None)
    with pytest.raises(ModuleNotFoundError):
        call("predict", "no/such/model", "x.wav", "--timeline", tmp_path / "lines")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--hop 1", "a hop of 1 s without a window: give the window too"),
        ("--window 2 --hop 3", "a hop of 3 s leaves gaps between windows of 2 s: give one of at most 2 s"),
    ],
)
def test_a_hop_without_a_window_and_one_that_leaves_gaps(words, said, tmp_path, capsys):
    for parts in ((), ("--parts", tmp_path / "parts")):
        assert said in complaint(capsys, "predict", "no/such/model", "x.wav", *words.split(), *parts)
    assert not list(tmp_path.iterdir())


def test_a_table_is_written_though_nobody_reads_what_is_printed(tmp_path, monkeypatch):
    class Closed(io.StringIO):
        def write(self, _):
            raise BrokenPipeError

    monkeypatch.setattr(api, "robustness", lambda *_, **__: pd.DataFrame({"uar": [0.5]}))
    monkeypatch.setattr(sys, "stdout", Closed())
    assert call("robustness", "--output", tmp_path / "x.csv") == 0
    assert pd.read_csv(tmp_path / "x.csv")["uar"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("predict x.wav", "the answers end here: use --parts to be able to go on"),
        ("predict x.wav --output x.csv", "x.csv is as it was before: use --parts to be able to go on"),
        ("predict x.wav --adapt", "the answers end here"),
        ("predict x.wav --parts out", "what was finished is kept, run the same command to go on"),
        ("evaluate --corpus x", "nothing was written: run the same command to begin again"),
        ("robustness", "nothing was written: run the same command to begin again"),
        ("reproduce", "what was finished is kept, run the same command to go on"),
        ("benchmark", "nothing was written: run the same command to begin again"),
        ("page", "run the same command to begin again"),
    ],
)
def test_an_interruption_says_what_is_kept(words, said, capsys, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, words.split()[0], interrupt)
    assert call(*words.split()) == 130
    assert capsys.readouterr().err == f"keras-ser: interrupted; {said}\n"


@pytest.mark.slow
def test_interruption_says_how_to_go_on(data, tmp_path, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_ser.training.networks.fit", interrupt)
    words = ("--data", data, "--out", tmp_path / "out", "--epochs", 1, "--experiments", "cnn", "--jobs", 1)
    assert call("reproduce", "tess_mfcc", *words, "--protocols", "clip_disjoint") == 130
    assert "go on" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("run.json"))
