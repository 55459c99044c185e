"""What the README promises exists."""

import re
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from keras_ser import corpora, reports
from keras_ser.api.reproducing import RESULTS_BEGIN, RESULTS_END
from keras_ser.cli import commands, parser
from keras_ser.data import protocols
from keras_ser.output import tables, words
from keras_ser.runs import archive
from tests.words import house_words, without_code

ROOT = Path(__file__).parents[1]
ARTIFACTS = ROOT / "artifacts"
README = (ROOT / "README.md").read_text()


def first_cells(heading):
    """What stands in backquotes in the first column of the table under a heading."""
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.M)


@pytest.mark.parametrize("words", first_cells("Commands"))
def test_commands_exist(words, capsys):
    with pytest.raises(SystemExit) as stop:
        commands.main([*re.findall(r"(?<![-\w])[a-z]+", words), "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in re.findall(r"--[a-z]+", words))


@pytest.mark.slow
def test_its_python_runs_as_it_stands(embedded, tmp_path, monkeypatch):
    (tmp_path / "data").symlink_to(embedded)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KERAS_SER_DATA", raising=False)
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert "".join(blocks).count("\n") > 15
    found = {}
    for block in blocks:
        exec(block, found)
    assert found["result"].facts["n_folds"] == 2  # synthetic speech
    assert len(found["result"].predictions) == 42
    assert len(found["table"]) == 42
    assert set(found["clips"]["split"]) == {"train", "validation", "test"}
    assert found["model"].output_shape == (None, 7)


def test_what_it_says_first():
    """What it is in two sentences, the finding with its image; then one part after the other."""
    first, *parts = README.split("\n## ")
    what, finding, image = first.partition("\n\n")[2].strip().split("\n\n")
    assert what.startswith("Five reports on speech emotion recognition, re-implemented in Keras")
    assert len(re.findall(r"\.(?=\s|$)", what)) == 2
    assert len(re.findall(r"\d\.\d{3}", finding)) >= 3
    assert image.startswith("![")
    headings = [part.partition("\n")[0] for part in parts]
    assert headings[:5] == ["Install", "In Python", "Reproduce", "Your own recordings", "Recognise"]
    assert headings[5:7] == ["Where to go on", "What comes out"]
    assert all("```" in part for part in parts[:5])


@pytest.mark.parametrize(
    "said",
    [
        "course and student work, chosen because",
        *("H. Mohammadi Alashti", "U. Wasowska and M. Kapitan", "project report of 2023", "Data 690", "SIT789"),
        *("No GPU is needed", "2.5 GB", "hours of training", "1.5 MB", "Its weights are under the Apache License 2.0"),
        *("The code is under the Apache License 2.0", "How to cite: `CITATION.cff`"),
    ],
)
def test_it_says_by_whom_what_it_takes_and_what_is_allowed(said):
    assert said in " ".join(README.split())


def row_of(report, experiment, protocol, metric="accuracy"):
    frame = tables.read(ARTIFACTS / report / tables.CSV)
    (row,) = frame.set_index(["experiment", "protocol", "metric"]).loc[[(experiment, protocol, metric)]].itertuples()
    return row


def test_figures_in_its_sentences_are_those_of_the_tables():
    """At the digits that are printed; the results between the marks have a test of their own."""
    cnn = {p: row_of("emodb_losses", "cnn/categorical_crossentropy", p) for p in ("as_reported", "clip_disjoint")}
    own, clips = (words.describe(row.mean, row.std) for row in cnn.values())
    unseen = row_of("emodb_losses", "cnn/categorical_crossentropy", "speaker_independent")
    tess = [f"{row_of('tess_mfcc', 'cnn', p).mean:.3f}" for p in ("as_reported", "speaker_independent")]
    reported = f"{cnn['as_reported'].reported:.3f}"
    three = [row_of("four_corpora", "cnn", p) for p in ("as_reported", "speaker_independent")]
    of_tess = [row_of("four_corpora", "cnn", p, "tess: joint accuracy") for p in ("as_reported", "speaker_independent")]
    crema = [row_of("crema_1d_2d", "cnn_2d/run_a", p) for p in ("as_reported", "speaker_independent")]
    baseline = row_of("crema_1d_2d", "svm_compare", "speaker_independent")
    compared = tables.read(ARTIFACTS / "compare" / "models" / "emodb_losses" / tables.CSV, ["experiment", "accuracy"])
    svm = compared.set_index(["experiment", "protocol"]).at[("svm", "speaker_independent"), "accuracy"]
    sentences = [
        f"CNN has an accuracy of {reported}; we obtain {own} under its own split, and {unseen.mean:.3f} on unseen "
        "speakers",
        f"CNN reaches an accuracy of {reported}; we obtain {own} under its own split",
        f"Once none has, {clips} remain, and {unseen.mean:.3f} on unseen speakers (95 % interval "
        f"{words.between(unseen.ci_low, unseen.ci_high)} over ten speakers; chance level {1 / 7:.3f})",
        f"larger: {tess[0]} under the report's split, {tess[1]} on unseen speakers",
        f"gender and emotion together with an accuracy of {three[0].reported:.3f}; without SAVEE (4 % of the clips) we "
        f"obtain {words.describe(three[0].mean, three[0].std)} (on TESS alone {of_tess[0].mean:.3f}), and "
        f"{three[1].mean:.3f} on unseen speakers (on TESS {of_tess[1].mean:.3f})",
        f"2D CNN has {crema[0].reported:.3f}; we obtain {words.describe(crema[0].mean, crema[0].std)}, and "
        f"{crema[1].mean:.3f} on unseen speakers, where a linear SVM on openSMILE's features has {baseline.mean:.3f}",
        f"fitted to the same clips, has {svm:.3f} on unseen speakers",
    ]
    for corpus in ("emodb", "ravdess", "crema_d"):
        found = [row_of("unseen_speakers", name, "speaker_independent", f"{corpus}: uar") for name in ("cnn", "mlp")]
        for kind in ("svm", "svm_compare"):
            found.append(row_of("unseen_speakers", f"{kind}/{corpus}", "speaker_independent", "uar"))
        sentences.append(" | ".join(f"{row.mean:.3f} ({words.between(row.ci_low, row.ci_high)})" for row in found))
    card = (ROOT / "keras_ser" / "pretrained" / "README.md").read_text()
    scores = r"RAVDESS (\S+) as it is,\s+(\S+) adapted .*?TESS (\S+) as it is, (\S+) adapted"
    ravdess, ravdess_adapted, tess, tess_adapted = re.search(scores, card, re.DOTALL).groups()
    sentences += [
        f"over six emotions is {ravdess} on RAVDESS as it is, and {ravdess_adapted} adapted to all clips",
        f"on TESS {tess} and {tess_adapted} (chance level {1 / 6:.3f})",
    ]
    before, _, after = README.partition(RESULTS_BEGIN)
    rest = " ".join((before + after.partition(RESULTS_END)[2]).split())
    for sentence in sentences:
        assert sentence in rest
        rest = rest.replace(sentence, "")
    assert re.findall(r"\d\.\d{3}", rest) == []


def test_the_hours_of_training_are_those_of_the_runs():
    words = r"in (\S+) hours of training for Emo-DB, (\S+) for TESS, (\S+) for RAVDESS, (\S+) for CREMA-D, (\S+) for "
    words += r"the three corpora together and (\S+) for the recipe"
    stated = re.search(words, " ".join(README.split())).groups()
    names = ("emodb_losses", "tess_mfcc", "spectral_features", "crema_1d_2d", "four_corpora", "unseen_speakers")
    for hours, name in zip(stated, names, strict=True):
        runs = archive.read_all(ARTIFACTS / "runs", name)
        assert f"{sum(run.facts['seconds'] for run in runs) / 3600:.1f}" == hours


def test_its_commands_are_understood(tmp_path, embedded, monkeypatch, capsys):
    """Every line by the parser; and of those on own recordings the first as it stands, on a table of such labels."""
    blocks = "".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    labels = re.search(r"^LABELS=(\S+)", blocks, re.MULTILINE)[1]
    blocks = blocks.replace("$LABELS", labels)
    lines = [line for line in map(partial(shlex.split, comments=True), blocks.splitlines()) if line]
    called = [line[1:] for line in lines if line[0] == "keras-ser"]
    called += [["reproduce", *line[2:]] for line in lines if line[:2] == ["bash", "scripts/reproduce.sh"]]
    assert len(called) > 6
    for line in called:
        parser.arguments().parse_args(line)
    own = [line for line in called if "turns.csv" in line]
    assert [line[:2] for line in own] == [["corpus", "check"], ["reproduce", "tess_mfcc"]]
    assert parser.arguments().parse_args(own[1]).seeds == 5
    clips = corpora.manifest("emodb", embedded)
    labels = {"anger": "ang", "happiness": "exc", "sadness": "hap", "neutral": "neu", "fear": "fru", "boredom": "xxx"}
    table = clips.assign(emotion=clips["emotion"].replace(labels))[["path", "emotion", "speaker"]]
    table.to_csv(tmp_path / "turns.csv", index=False)
    monkeypatch.chdir(tmp_path)
    assert commands.main(own[0]) == 0
    assert "xxx (6)" in capsys.readouterr().err


def test_options_of_reproduce_exist(capsys):
    with pytest.raises(SystemExit):
        commands.main(["reproduce", "--help"])
    options = re.findall(r"--[a-z]+", README.split("`reproduce` takes")[1].split("saved runs)")[0])
    assert {"--seeds", "--stored"} <= set(options)  # the first and the last of the sentence
    shown = capsys.readouterr().out
    assert all(option in shown for option in options)


def test_its_results_are_those_of_the_tables(tmp_path):
    copy = tmp_path / "README.md"
    copy.write_text(README)
    assert commands.main(["results", "--out", str(ARTIFACTS), "--readme", str(copy)]) == 0
    assert copy.read_text() == README
    assert README.count("| emodb_losses ") == 4


def test_its_results_have_one_column_per_protocol():
    table = README.partition(RESULTS_BEGIN)[2].partition(RESULTS_END)[0].strip()
    columns = [cell.strip() for cell in table.splitlines()[0].split("|")[1:-1]]
    titles = [protocol.title for protocol in protocols.PROTOCOLS.values()]
    assert columns[:5] == ["report", "experiment", "reported", "verdict", titles[0]]
    assert columns[4:-1] == [title for title in titles if title in columns]
    assert columns[-1] == "clips"


def test_it_says_no_house_words():
    assert house_words(without_code(README)) == []


def test_every_report_is_named():
    assert set(reports.NAMES) <= set(first_cells("What comes out"))


def test_protocols_are_those_of_the_code():
    assert first_cells("Protocols") == list(protocols.PROTOCOLS)


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "scripts").glob("*.py")))
def test_scripts_call_the_command_of_their_name(script):
    command = [sys.executable, str(ROOT / "scripts" / script), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.startswith(f"usage: keras-ser {script.removesuffix('.py').replace('_', ' ')}")


@pytest.mark.skipif(not (ROOT / ".venv").is_dir(), reason="no .venv made by the scripts")
def test_reproduce_sh_passes_its_arguments_on():
    command = ["bash", str(ROOT / "scripts" / "reproduce.sh"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.startswith("usage: keras-ser reproduce")
