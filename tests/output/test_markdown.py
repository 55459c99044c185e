"""What a person reads: from stored runs, whose numbers are checked where they are made."""

import re
from types import SimpleNamespace

import pandas as pd
import pytest

from keras_ser import reports
from keras_ser.analysis import reported
from keras_ser.corpora.corpus import SYNTHETIC_SPEECH
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.output import document, markdown, tables, words
from keras_ser.runs import passes, planning
from tests.words import house_words, without_code

REPORT, RECIPE = reports.load("emodb_losses"), reports.load("unseen_speakers")
CNN, LSTM = "cnn/mean_squared_error", "cnn_lstm/mean_squared_error"


def text_of(report, runs):
    """The table of a report's runs for people."""
    whole = passes.whole(runs)
    return document.as_markdown(markdown.report_table(report, reported.table(report, whole), whole))


def folds(made, experiment, protocol="speaker_independent", repetition=0, **options):
    return [made(REPORT, experiment, protocol, repetition, fold, 2, **options) for fold in range(2)]


def test_results_have_one_column_per_protocol(made, tmp_path):
    """Clip-disjoint figures of one report and sentence-independent ones of another are two things."""
    tess = reports.load("tess_mfcc")
    runs = [made(REPORT, CNN, "as_reported", k) for k in range(2)] + [made(REPORT, CNN, "clip_disjoint")]
    others = [made(tess, "cnn", "as_reported"), made(tess, "cnn", "sentence_independent", 0, 0, 1)]
    for report, found in ((REPORT, runs), (tess, others)):
        empty = document.Document(report.title, (), ())
        tables.write(reported.table(report, passes.whole(found)), empty, tmp_path / report.name)
    table = markdown.results(tables.accuracies([REPORT, tess], tmp_path))
    columns = ["report", "experiment", "reported", "verdict", "report's split", "unseen clips", "unseen sentences"]
    assert list(table.columns) == [*columns, "clips"]
    first, second = table.itertuples(index=False)
    assert first[5].endswith("(1)")
    assert first[6] == "–"
    assert second[5] == "–"
    assert second[6].endswith("(1)")
    assert first[4].endswith("(2)")
    assert "±" in first[4]
    assert "±" not in first[5]  # one repetition has no spread


def test_results_count_the_clips_of_each_experiment(made, tmp_path):
    """One that is of a single corpus among several is tested on its clips alone."""
    runs = [made(REPORT, CNN, "as_reported"), *folds(made, CNN), *folds(made, LSTM)]
    table = reported.table(REPORT, passes.whole(runs))
    table.loc[(table["experiment"] == LSTM) & (table["protocol"] == "speaker_independent"), "tested"] = 5
    tables.write(table, document.Document(REPORT.title, (), ()), tmp_path / REPORT.name)
    found = markdown.results(tables.accuracies([REPORT], tmp_path)).set_index("experiment")["clips"]
    assert found.to_dict() == {CNN: table["clips"].max(), LSTM: 5}


def test_results_of_synthetic_speech_are_marked(made, tmp_path):
    """The verdict does not say it where nothing is reported to compare with."""
    report = REPORT.of_classes(REPORT.labels)
    table = reported.table(report, passes.whole([made(report, CNN, "as_reported")]))
    title = f"the table a.csv ({SYNTHETIC_SPEECH})"  # as own recordings say it themselves
    for corpus, of, synthetic, mark in (
        ("emodb", "Emo-DB", False, ""),
        ("emodb", "Emo-DB", True, ", synthetic"),
        ("own", title, True, ", synthetic"),
    ):
        material = planning.Material(of, pd.DataFrame({"corpus": [corpus], "synthetic": [synthetic]}), [], False)
        tables.write(table.assign(corpus=material.description), document.Document("", (), ()), tmp_path / report.name)
        (row,) = markdown.results(tables.accuracies([report], tmp_path)).itertuples()
        assert f"{row.clips}" == f"{table['clips'].max()}{mark}"


def test_every_device_is_named(made):
    runs = [
        made(REPORT, CNN, "as_reported", 0),
        made(REPORT, CNN, "as_reported", 1, environment={"device": "a GPU"}),
        made(REPORT, CNN, "speaker_independent", 0, 0, 2, environment={"device": "a GPU"}),
        made(REPORT, CNN, "speaker_independent", 0, 1, 2),
    ]
    assert ", on CPU (x86_64), a GPU." in text_of(REPORT, runs)


def test_a_report_by_speakers_is_not_said_to_be_tested_otherwise(made):
    """The sheet's own split is by speakers: all speakers in turn is more of the same."""
    sheet = reports.load("spectral_features")
    runs = [made(sheet, "cnn_2d", "as_reported")]
    runs += [made(sheet, "cnn_2d", "speaker_independent", 0, fold, 2) for fold in range(2)]
    (sentence, *_) = markdown.summary_sentences(sheet, reported.table(sheet, passes.whole(runs)))
    assert "on all speakers, cross-validated" in sentence
    assert "unseen speakers" not in sentence


def test_an_interval_says_over_what(made):
    text = text_of(REPORT, [made(REPORT, CNN, "as_reported", k) for k in range(3)] + folds(made, CNN))
    row = next(line for line in text.splitlines() if line.startswith(f"| {CNN} "))
    own, unseen = row.split("|")[4:6]
    assert "over repetitions" in own
    assert "over speakers" in unseen
    assert "(n = 1;" in unseen


def test_scores_of_one_section_have_as_many_digits(made):
    """The interval of a verdict too, beside the reported value and ours."""
    whole = {"clips": 535, "clips_by_corpus": {"emodb": 535}, "corpus": "Emo-DB (a corpus)"}
    runs = [made(REPORT, CNN, "as_reported", k, right=0.9, **whole) for k in range(5)] + folds(made, CNN, **whole)
    text = text_of(REPORT, runs)
    for heading in ("Summary", *markdown.HEADINGS.values()):
        part = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
        numbers = re.findall(r"\d+\.\d+", part)
        assert numbers, heading
        assert all(len(number) == len("0.000") for number in numbers), heading
    assert re.search(r"\| reproduced, interval 0\.\d+ to \d\.\d+ \|", text)


def test_the_info_sheet_stands_in_the_table(made):
    text = text_of(REPORT, [made(REPORT, CNN, "as_reported"), *folds(made, CNN)])
    sheet = text.partition("## Model info sheet")[2].partition("\n## ")[0]
    rows = {line.split("|")[1].strip(): line.split("|")[2:4] for line in sheet.splitlines() if line.startswith("| L")}
    assert [name.split()[0] for name in rows] == ["L1.1", "L1.2", "L1.3", "L1.4", "L2", "L3.1", "L3.2", "L3.3"]
    own, unseen = rows["L3.2 dependence of train and test"]
    assert "112 of 112 test examples (100 %) have the speaker in train" in own
    assert "speaker" not in unseen
    assert "the sentence" in unseen


def test_of_an_unseen_corpus_the_chance_level_is_that_of_the_classes_that_are_tested():
    every = pd.DataFrame({"corpus": "emodb", "clip": list("abc"), "true": ["anger", "boredom", "fear"]})
    every = pd.concat([every, every.assign(corpus="crema_d", true=["anger", "fear", "fear"])])
    usual, unseen = (
        SimpleNamespace(
            facts={"corpora": ["emodb", "crema_d"], "protocol": protocol},
            diverged=False,
            predictions=lambda answers=answers: answers,
        )
        for protocol, answers in (
            ("speaker_independent", every),
            ("corpus_independent", every[every["true"] != "boredom"]),
        )
    )
    levels = "0.333 on Emo-DB (3 classes), 0.500 on CREMA-D (2 classes)"
    assert markdown.chance(RECIPE, [usual]) == levels
    assert markdown.chance(RECIPE, [usual, unseen]) == (
        f"{levels}; of an unseen corpus only the classes that the other corpora have are tested: "
        "0.500 on Emo-DB (2 classes, 2 clips)"
    )
    assert markdown.chance(RECIPE, [unseen]) == "0.500 on Emo-DB (2 classes), 0.500 on CREMA-D (2 classes)"


@pytest.mark.parametrize(("protocol", "said"), [("speaker_independent", False), ("corpus_independent", True)])
def test_that_not_every_clip_of_an_unseen_corpus_is_tested_is_said(protocol, said, made):
    text = text_of(RECIPE, [made(RECIPE, "mlp", protocol, 0, fold, 2) for fold in range(2)])
    assert ("once (of an unseen corpus every clip of the classes that the other corpora have);" in text) == said
    assert ("tests every clip once;" in text) != said


def test_how_many_different_clips_were_tested(made):
    runs = [made(REPORT, CNN, "as_reported", k) for k in range(2)] + folds(made, CNN)
    table = markdown.tested_clips(reported.table(REPORT, passes.whole(runs)))
    assert table.to_dict("records") == [
        {"protocol": "as_reported", "repetitions": "2", "different clips tested": "112", "of": 112},
        {"protocol": "speaker_independent", "repetitions": "1", "different clips tested": "112", "of": 112},
    ]


@pytest.mark.parametrize("name", reports.NAMES)
def test_what_diverged_has_a_dash(name, made):
    """A table is written though no run of the report's own split, or of any, has a score."""
    report = reports.load(name)
    diverged = [made(report, item.name, "as_reported", diverged_at=1) for item in report.listed]
    finished = [made(report, item.name, "clip_disjoint") for item in report.listed]
    for runs in (diverged, [*diverged, *finished]):
        table = text_of(report, runs)
        assert "–" in table
        assert house_words(without_code(table)) == []


def test_every_protocol_has_a_title():
    titles = [words.title_of(name) for name in PROTOCOLS]
    assert len(set(titles)) == len(PROTOCOLS)


@pytest.mark.slow
@pytest.mark.parametrize("name", reports.NAMES)
def test_no_table_says_house_words(name, made):
    report = reports.load(name)
    first = next(item.name for item in report.experiments if item.training.kind == "network")
    text = text_of(report, [made(report, first, "as_reported", k) for k in range(2)])
    assert house_words(without_code(text)) == []


def test_names_in_findings_are_words_and_stand_in_brackets_the_first_time():
    names = {"svm/energy", "cnn_1d/int16"}
    text = "`svm`: best `svm/energy` 0.5; `cnn_1d/int16` 0.4 and `svm/energy`, by `compare models`."
    text, table = words.spoken([text, pd.DataFrame({"what": ["`svm`, by others", "svm"], "UAR": "0.5"})], names)
    assert text == (
        "SVM (`svm`): best SVM, energy (`svm/energy`) 0.5; 1D CNN, int16 scale (`cnn_1d/int16`) 0.4 and "
        "SVM, energy, by `compare models`."
    )
    assert table.to_numpy().tolist() == [["SVM, by others", "0.5"], ["svm", "0.5"]]
