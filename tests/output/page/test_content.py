import dataclasses
import html
import io
import json
import logging
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_ser import corpora, progress, reports
from keras_ser.analysis import QUESTIONS, reported, statistics
from keras_ser.data.digests import digest
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.errors import UserError
from keras_ser.output import markdown, tables, words
from keras_ser.output.document import Document
from keras_ser.output.figures.style import short
from keras_ser.output.page import chart, clips, content, images
from keras_ser.runs import archive, passes, store

REPORT = reports.load("emodb_losses")
CNN = "cnn/mean_squared_error"
EMPTY = Document("Title", (), ())


def passes_of(results):
    return passes.whole(store.read_all(results / "runs", REPORT.name))


def test_the_first_page_says_what_was_found(page, results):
    text = page.read_text()
    what, _ = re.findall(r'<p class="lead">(?:<strong>)?(.*?)</', text)
    assert what.startswith(
        "keras_ser re-implements five reports on speech emotion recognition in Keras and sets every "
    )
    assert re.findall(r"\.(?!\w)", what) == ["."]  # one sentence
    frame = tables.accuracies([REPORT], results).set_index(["experiment", "protocol"])
    lines = frame.loc["cnn/categorical_crossentropy"]
    own, clip, speaker = (lines.loc[name] for name in ("as_reported", "clip_disjoint", "speaker_independent"))
    assert (
        f"For the CNN on Emo-DB an accuracy of 0.906 is reported; we obtain {own['mean']:.3f}\u00a0±\u00a0"
        f"{own['std']:.3f} with the report's own split, {clip['mean']:.3f}\u00a0±\u00a0{clip['std']:.3f} with no "
        f"augmented version of a test clip in the training set, and {speaker['mean']:.3f} on unseen speakers, where "
        "chance level is 0.143."
    ) in text
    assert text.index("How the models are tested") < text.index('<svg class="chart"')
    for name in reports.NAMES:
        assert f'href="pages/{name}.html"' in text
    assert text.count("Not run here yet") == len(reports.NAMES) - 1
    assert len(text) < 100e3


def test_a_card_says_title_source_and_corpus(page):
    cards = re.findall(r"<li>\n<h3>(.*?)</li>", html.unescape(page.read_text()), re.S)
    for name, text in zip(reports.NAMES, cards, strict=True):
        report = reports.load(name)
        assert text.startswith(f'<a href="pages/{name}.html">{report.title}</a></h3>')
        assert f"{report.source}. Corpus: {short(corpora.titles(report.corpora))}." in text


def test_a_page_says_by_what_it_was_made_and_the_licence(page):
    about = content.colophon()
    for path in (page, *(page.parent / "pages").iterdir()):
        text = path.read_text().partition("<footer>")[2]
        made = f"Written on {about['date']} by <code>keras-ser page</code>, keras_ser {about['version']}"
        commit = f", commit <code>{about['commit']}</code>" if about["commit"] else ""  # none without Git
        assert f"{made}{commit}. Code under the Apache License 2.0" in text
        assert "To cite: keras_ser, version" in text


def test_what_stands_in_a_reports_page(page):
    text = (page.parent / "pages" / f"{REPORT.name}.html").read_text()
    for said in (
        REPORT.title,
        "Summary",
        "Losses compared on the same clips",
        "Every number that the report prints, next to the one obtained",
        content.inline(REPORT.not_stated[0].choice),
        "0.906",
        "../emodb_losses/figures/protocols_accuracy.png",
        "../compare/losses/emodb_losses/ladder.png",
        "Clips are split first",
    ):
        assert said in text, said
    assert text.count("Model info sheet</summary>") == 1
    captions = re.findall(r'<p class="caption" id="(.*?)">.*?: UAR \d\.\d{3}<br>', text)
    assert captions == re.findall(r'<table class="matrix" aria-labelledby="(.*?)">', text) != []
    assert len(text) < 300e3


def test_protocols_are_defined_before_they_are_named(page, results):
    text = html.unescape((page.parent / "pages" / f"{REPORT.name}.html").read_text()).partition("<main")[2]
    used = set(tables.read(results / REPORT.name / "table.csv")["protocol"])
    assert len(used) == 3
    for name in used:
        before, _, after = text.partition(PROTOCOLS[name].title)
        assert before.endswith("<dt>")
        assert after.startswith(f"</dt><dd>{PROTOCOLS[name].definition}</dd>")


def test_of_a_report_that_was_not_run_it_says_what_it_states(page):
    text = (page.parent / "pages" / "tess_mfcc.html").read_text()
    assert "This report was not run here yet" in text
    assert "<span>0.982</span>" in text
    assert "<img" not in text


def test_synthetic_results_have_pages_of_their_own(page, page_to_hear):
    assert "Synthetic speech: it shows that everything works" not in page.read_text()
    for path in (page_to_hear, page_to_hear.parents[1] / "index.html"):
        assert "Synthetic speech: it shows that everything works" in path.read_text()
    assert "is reported; we obtain" not in (page_to_hear.parents[1] / "index.html").read_text()


def test_nothing_compared_nothing_found():
    rows = [("cnn", p, 0.9 if p == "as_reported" else None, "not comparable (535 of 1000 clips)") for p in PROTOCOLS]
    frame = pd.DataFrame(rows, columns=["experiment", "protocol", "reported", "verdict"])
    frame = frame.assign(report=REPORT.name, mean=0.5, std=0.1, n=2, ci_low=None, ci_high=None)
    assert content.finding([REPORT], frame) == ""
    (group,) = chart.layout([REPORT], frame)["groups"]
    assert group["rows"][0]["reported"] == []
    assert content.verdict(REPORT, frame) == "Not comparable (535 of 1000 clips)."
    frame = frame.assign(verdict="higher")
    assert "0.900 is reported; we obtain 0.500 ± 0.100" in content.finding([REPORT], frame)
    assert content.verdict(REPORT, frame) == "The reported accuracy is lower than obtained."


def test_the_chart_is_of_the_reports_alone(results):
    """Recipes have cards and numbers; and no interval is spoken of where none is drawn."""
    recipe = reports.load(reports.RECIPES[0])
    of_recipe = pd.DataFrame(
        {"report": recipe.name, "experiment": ["cnn"], "protocol": "speaker_independent", "mean": 0.7}
    )
    of_recipe = of_recipe.assign(metric="accuracy", n=1, clips=1, tested=1, ci_low=0.6, ci_high=0.8)
    of_recipe = of_recipe.reindex(columns=reported.COLUMNS)
    with pytest.MonkeyPatch.context() as patch:
        frame = pd.concat([tables.accuracies([REPORT], results), of_recipe], ignore_index=True)
        patch.setattr(tables, "accuracies", lambda known, out, corpus="": frame[:0] if corpus else frame)
        first = content.of_all([REPORT, recipe], results)
    assert [group["title"] for group in first["chart"]["groups"]] == ["Emo-DB"]
    assert [card["name"] for card in first["cards"]] == [REPORT.name, recipe.name]
    assert recipe.name in set(first["results"]["report"])
    assert first["chart"]["intervals"]
    assert not chart.layout([REPORT], frame.assign(ci_low=None))["intervals"]


def test_a_card_of_corpora_with_other_classes_gives_the_accuracies_on_each(tmp_path):
    recipe = reports.load("unseen_speakers")
    scores = {("cnn", "accuracy"): 0.7, ("cnn", "emodb: accuracy"): 0.8, ("cnn", "crema_d: accuracy"): 0.6}
    scores |= {("svm/emodb", "accuracy"): 0.9, ("svm/emodb", "emodb: accuracy"): 0.9}
    table = pd.DataFrame([(*key, mean) for key, mean in scores.items()], columns=["experiment", "metric", "mean"])
    facts = {"report": recipe.name, "protocol": "speaker_independent", "corpus": "a corpus", "verdict": "not stated"}
    tables.write(table.reindex(columns=reported.COLUMNS).assign(n=1, **facts), EMPTY, tmp_path / recipe.name)
    found = content.card(recipe, tables.accuracies([recipe], tmp_path), tmp_path)
    assert found["scores"] == [("unseen speakers, Emo-DB", "0.800 to 0.900"), ("unseen speakers, CREMA-D", "0.600")]


def test_verdicts_are_counted():
    rows = [("a", "reproduced"), ("b", "not decided (one repetition)"), ("c", "not decided (interval too wide)")]
    frame = pd.DataFrame(rows, columns=["experiment", "verdict"]).assign(protocol="as_reported", reported=0.9)
    said = "Of 3 reported accuracies 2 are not decided by so few repetitions, 1 is reproduced."
    assert content.verdict(REPORT, frame) == said
    assert content.verdict(REPORT, frame[1:]) == "All 2 reported accuracies are not decided by so few repetitions."


def test_what_a_verdict_was_reached_without_is_said():
    missing = "without SAVEE, 4 % of the clips"
    rows = [("a", f"reproduced ({missing})"), ("b", f"not decided (one repetition, {missing})")]
    frame = pd.DataFrame(rows, columns=["experiment", "verdict"]).assign(protocol="as_reported", reported=0.9)
    assert content.verdict(REPORT, frame[:1]) == f"The reported accuracy is reproduced ({missing})."
    counted = "1 is reproduced, 1 is not decided by so few repetitions"
    assert content.verdict(REPORT, frame) == f"Of 2 reported accuracies {counted} ({missing})."


def test_the_first_page_says_what_accuracy_and_its_intervals_are(page):
    text = page.read_text()
    assert "the emotion, in <code>four_corpora</code> gender and emotion together;" in text
    assert f"tested once and {statistics.FEW_SPEAKERS} or more speakers are tested, else over repetitions" in text


def test_marks_lie_where_their_numbers_are(results):
    frame = tables.accuracies([REPORT], results)
    (group,) = chart.layout([REPORT], frame)["groups"]
    assert group["chance"] == chart.place(1 / 7)
    row = next(row for row in group["rows"] if row["label"] == "CNN, mean squared error")
    assert [said for _, said in row["reported"]] == ["0.909 reported"]
    lines = frame[frame["experiment"] == CNN].set_index("protocol")
    assert len({mark["y"] for mark in row["marks"]}) == len(lines)  # none hides another
    for mark in row["marks"]:
        line = lines.loc[mark["protocol"]]
        assert float(mark["x"].rstrip("%")) == pytest.approx(chart.LEFT + chart.WIDTH * line["mean"], abs=0.01)
        assert mark["title"].startswith(f"{line['mean']:.3f}")
        assert row["top"] < mark["y"] < row["bottom"]


def test_the_level_of_chance_is_of_the_classes_that_have_clips():
    report = reports.load("four_corpora")
    rows = pd.DataFrame({"experiment": ["cnn"], "protocol": "as_reported", "mean": 0.5, "std": 0.1, "reported": 0.55})
    frame = rows.assign(report=report.name, verdict="lower", n=2, ci_low=None, ci_high=None)
    (group,) = chart.layout([report], frame)["groups"]
    assert group["chance"] == chart.place(1 / 14)
    assert markdown.chance(report, []) == "0.071 (14 classes that have clips)"


def test_experiments_have_names_in_words():
    names = [item.name for name in reports.NAMES for item in reports.load(name).experiments]
    assert not any(re.search(r"[_/]|cnn|lstm|svm", words.in_words(name)) for name in names)
    assert words.in_words("cnn_lstm/categorical_crossentropy") == "CNN-LSTM, cross-entropy"
    assert words.in_words("cnn@mean_squared_error") == "CNN, mean squared error"
    assert len({words.in_words(name) for name in names}) == len(set(names))


def test_speed_is_that_of_the_benchmarks(tmp_path):
    assert content.speed(tmp_path).empty
    ratios = "ratio,ratio_min,ratio_max"
    (tmp_path / "benchmark.csv").write_text(f"work,reference,{ratios}\nMFCC,librosa.feature.mfcc,4.379,4.043,4.395\n")
    (tmp_path / "serving.csv").write_text(f"model,call,{ratios}\ntess_mfcc cnn,one clip,23.6,20.9,27.9\n")
    assert content.speed(tmp_path).to_numpy().tolist() == [
        ["features", "MFCC", "librosa.feature.mfcc", "4.4 (4.0 to 4.4)"],
        ["prediction", "tess_mfcc: CNN", "librosa, then model.predict: one clip", "23.6 (20.9 to 27.9)"],
    ]


def test_matrices_are_those_of_the_predictions(results):
    whole = passes_of(results)
    shown = dict(content.matrices(REPORT, whole))
    assert list(shown) == ["report's split", "unseen clips", "unseen speakers"]
    matrix = next(item for item in shown["report's split"] if item["name"] == CNN)
    own = [item for item in whole if (item.facts["experiment"], item.facts["protocol"]) == (CNN, "as_reported")]
    answers = pd.concat([item.predictions() for item in own])
    expected = pd.crosstab(answers["true"], answers["predicted"], normalize="index").reindex(columns=REPORT.labels)
    assert matrix["repetitions"] == 2
    for label, examples, cells in matrix["rows"]:
        assert examples == (answers["true"] == label).sum()
        assert [share for share, _ in cells] == pytest.approx(expected.loc[label].fillna(0).to_list())
    assert float(matrix["uar"]) == pytest.approx(np.diag(expected.loc[list(REPORT.labels)].fillna(0)).mean(), abs=6e-4)


def test_a_printed_matrix_stands_before_the_one_obtained(results):
    report = dataclasses.replace(REPORT, confusions={CNN: np.eye(7, dtype=int)})
    shown = content.matrices(report, passes_of(results))
    as_reported, *others = [[(item["name"], item["repetitions"]) for item in group] for _, group in shown]
    place = as_reported.index((CNN, 0))
    assert as_reported[place + 1] == (CNN, 2)
    assert [repetitions for _, repetitions in as_reported].count(0) == 1
    assert all(repetitions for group in others for _, repetitions in group)


def test_a_page_takes_the_runs_of_its_table_alone(results, tmp_path):
    """A run of `--epochs 1`, of another model, or a fold without its others, left where the runs are."""
    out = shutil.copytree(results, tmp_path / "results")

    def shown():
        result, _ = content._result(*content._ran(REPORT, out), out, None, False)
        return {
            (protocol, item["name"]): item["repetitions"] for protocol, group in result["matrices"] for item in group
        }

    before = shown()
    assert before["report's split", CNN] == 2
    runs = out / "runs" / REPORT.name / CNN
    other = shutil.copytree(runs / "as_reported" / "seed-1", runs / "as_reported" / "seed-2")
    facts = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**facts, "seed": 2, "setup": "of another model"}))
    fold = runs / "speaker_independent" / "seed-2" / "fold-0"
    shutil.copytree(runs / "speaker_independent" / "seed-0" / "fold-0", fold)
    facts = json.loads((fold / "run.json").read_text())
    (fold / "run.json").write_text(json.dumps({**facts, "seed": 2}))
    assert shown() == before
    # A run of the same setup is shown: what was left out was left out for its setup.
    facts = json.loads((runs / "as_reported" / "seed-1" / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**facts, "seed": 2}))
    assert shown()["report's split", CNN] == 3


def test_a_table_without_runs_is_said_to_be_one(results, tmp_path):
    out = shutil.copytree(results, tmp_path / "results")
    shutil.rmtree(out / "runs")
    for path in (out / REPORT.name).glob("*.gz"):
        path.unlink()
    with pytest.raises(UserError, match=r"no run of its table is stored; reproduce emodb_losses again"):
        content._result(*content._ran(REPORT, out), out, None, False)


def test_steps_between_protocols_are_shown_once(results, tmp_path):
    out = shutil.copytree(results, tmp_path / "results")
    losses = out / "compare" / "losses" / REPORT.name
    protocols = shutil.copytree(losses, out / "compare" / "protocols" / REPORT.name)
    assert list(content._compared(REPORT, out)) == ["losses"]
    table = pd.read_csv(losses / "table.csv")
    table[table["protocol"] == "as_reported"].to_csv(losses / "table.csv", index=False)
    assert list(content._compared(REPORT, out)) == ["losses", "protocols"]
    shutil.rmtree(losses)
    assert list(content._compared(REPORT, out)) == ["protocols"]
    result, _ = content._result(*content._ran(REPORT, out), out, None, False)
    ((question, _, document, images),) = result["comparisons"]
    assert (question, document.title) == ("protocols", QUESTIONS["protocols"].heading)
    assert {image["name"] for image in images} == {path.stem for path in protocols.glob("*.png")}


def test_a_comparison_has_what_no_report_lists(runs_in, tmp_path):
    """An SVM and another loss on the same features stand in no report's table; runs of other clips stay out."""
    report, made = reports.load("tess_mfcc"), runs_in(tmp_path)
    for name in ("cnn", "lstm"):
        made(report, name, "clip_disjoint", decided_by={"manifest": "a"}, identity=digest({"manifest": "a"}))
    runs = archive.read_all(tmp_path / "runs", report.name)
    frame = reported.table(report, passes.whole(runs))
    tables.write(frame, markdown.report_table(report, frame, passes.whole(runs)), tmp_path / report.name)
    for name in ("svm", "lstm@mean_squared_error"):
        for repetition, manifest in enumerate("ab"):
            decided_by = {"manifest": manifest}
            facts = {"decided_by": decided_by, "identity": digest(decided_by), "setup": name + manifest}
            made(report, name, "clip_disjoint", repetition, **facts)
    names = ("cnn", "lstm", "svm")
    rows = "".join(f"{name},clip_disjoint\n" for name in names)
    (tmp_path / "compare" / "models" / report.name).mkdir(parents=True)
    (tmp_path / "compare" / "models" / report.name / "table.csv").write_text(f"experiment,protocol\n{rows}")
    result, _ = content._result(*content._ran(report, tmp_path), tmp_path, None, False)
    ((_, _, document, _),) = result["comparisons"]
    (differences,) = [
        part
        for item in document.sections
        if item.heading == "Differences on the same clips"
        for part in item.parts
        if not isinstance(part, str)
    ]
    assert differences["A − B"].tolist() == ["CNN − LSTM", "CNN − SVM", "LSTM − SVM"]
    assert [row["repetitions"] for _, row in document.lead[-1].iterrows()] == ["1", "1", "1"]


def test_every_figure_stands_beside_the_one_obtained(results):
    table = content.stated(REPORT, tables.read(results / REPORT.name / "table.csv"))
    assert len(table) == len(REPORT.figures)
    row = table[(table["experiment"] == CNN) & (table["metric"] == "accuracy")].iloc[0]
    assert row["reported"] == "0.909"
    assert "±" in row["obtained"]
    others = table[table["experiment"].str.startswith("cnn_lstm") & (table["metric"] == "accuracy")]
    assert (others["obtained"] == "–").all()  # was not run


@pytest.mark.parametrize(
    ("value", "std", "count", "said"),
    [
        (535, None, True, "535"),
        (126.8, 2.04, True, "126.8 ± 2.0"),
        (2105094, 0.0, True, "2105094"),
        (0.97, None, False, "0.970"),
        (0.0, 0.0, False, "0.000 ± 0.000"),
        ("fear", None, False, "fear"),
        (float("nan"), None, True, "–"),
    ],
)
def test_numbers(value, std, count, said):
    assert content._number(value, std, count=count) == said


def test_markdown_in_cells_and_sentences():
    assert content.inline("`a_b` <i> 1 ± 2") == "<code>a_b</code> &lt;i&gt; 1\u00a0±\u00a02"
    assert content.inline("(n = 5; 4 % of it)") == "(n\u00a0=\u00a05; 4\u00a0% of it)"
    assert content.prose("- x `y`\n- z") == "<ul>\n<li>x <code>y</code></li>\n<li>z</li>\n</ul>\n"
    assert content.slug("Unweighted average recall (UAR)") == "unweighted-average-recall-uar"


def test_figures_of_every_name_have_a_caption():
    names = {"splits", "ladder", "differences", "reliability", "class_counts", "listeners"}
    assert names | {name for r in reports.NAMES for name in reports.load(r).clip_figures} <= set(images.CAPTIONS)


def test_a_caption_promises_no_interval():
    """What may be drawn with or without one says so: "if there is one"."""
    promising = [caption for caption in images.CAPTIONS.values() if "interval" in caption]
    assert promising
    assert all(re.search("if there is one|where there are any", caption) for caption in promising)


def test_images_in_a_page(tmp_path, rng):
    pixels = np.kron(rng.integers(0, 255, (20, 30, 3), dtype=np.uint8), np.ones((10, 10, 1), np.uint8))
    (tmp_path / "figures").mkdir()
    path = tmp_path / "figures" / "ladder.png"
    Image.fromarray(pixels).save(path)
    image = images.image(path, tmp_path / "pages")
    assert (image["width"], image["height"], image["src"]) == (300, 200, "../figures/ladder.png")
    assert images.embedded(Image.open(path))["src"].startswith("data:image/webp;base64,")


def test_the_most_confident_answers_are_chosen(results):
    whole = passes_of(results)
    found = clips.chosen(whole)
    assert found["run"]["protocol"] == "speaker_independent"
    assert found["run"]["seed"] == 0
    answers = next(item for item in whole if item.facts == found["run"]).predictions()
    answers["confidence"] = answers.filter(regex="^p_").max(axis=1)
    for is_right in (True, False):
        of_kind = answers[(answers["true"] == answers["predicted"]) == is_right]
        cards = [card for card in found["cards"] if card["right"] == is_right]
        assert len(cards) == min(clips.EACH, of_kind["true"].nunique())
        assert len({card["true"] for card in cards}) == len(cards)
        assert cards[0]["confidence"] == of_kind["confidence"].max()
    assert not any(card["sound"] or card["image"] for card in found["cards"])


def test_recordings_are_played_only_when_asked_for(page, page_to_hear):
    assert "<audio" not in (page.parent / "pages" / f"{REPORT.name}.html").read_text()
    text = page_to_hear.read_text()
    assert text.count('<audio controls preload="none" src="data:audio/flac;base64,') == 2 * clips.EACH
    assert text.count('src="data:image/webp;base64,') == 2 * clips.EACH


@pytest.mark.slow
def test_recordings_of_people_come_with_their_licence(real_data, tmp_path):
    found = clips.chosen([pass_of_people(tmp_path)], real_data)
    assert found["licences"][0][1] == "CC BY-NC-ND 4.0"
    assert [bool(card["sound"]) for card in found["cards"]] == [True] * 3
    assert clips.chosen([pass_of_people(tmp_path)], tmp_path)["licences"] == []  # no recordings there


def test_of_several_corpora_one_that_is_there_is_heard(embedded, tmp_path):
    """Its clips are called by the name of their corpus in the run, and not among its own."""
    known = corpora.manifest("tess", embedded)["clip"].tolist()[:3]
    several = {"corpora": ["ravdess", "tess"]}
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tess").symlink_to(embedded / "tess")
    item = pass_of_people(tmp_path, [f"tess_{clip}" for clip in known], **several)
    found = clips.chosen([item], tmp_path / "data")
    assert [bool(card["sound"]) for card in found["cards"]] == [True] * 3
    assert [title.partition(" ")[0] for title, _ in found["licences"]] == ["TESS"]
    unheard = clips.chosen([pass_of_people(tmp_path, **several)], tmp_path / "data")
    assert not any(card["sound"] for card in unheard["cards"])
    assert unheard["licences"] == []  # which would promise recordings


def pass_of_people(tmp_path, names=("OAF_back_angry", "OAF_back_fear", "YAF_back_sad"), **facts):
    """One repetition with three answers about real clips."""
    answers = pd.DataFrame(
        {
            "clip": names,
            "speaker": ["OAF", "OAF", "YAF"],
            **{"corpus": "tess", "copy": 0, "transform": "none", "parameter": 0},
            "true": ["anger", "fear", "sadness"],
            "predicted": ["anger", "anger", "sadness"],
            "p_anger": [0.9, 0.6, 0.1],
            "p_fear": [0.1, 0.4, 0.1],
            "p_sadness": [0.0, 0.0, 0.8],
        }
    )
    answers.to_csv(tmp_path / "predictions.csv", index=False)
    facts = {
        **{"experiment": "cnn", "protocol": "speaker_independent", "seed": 0, "kind": "network", "synthetic": False},
        **{"labels": ["anger", "fear", "sadness"], "examples": {"test": 3}, "corpora": ["tess"]},
        **facts,
    }
    run = store.Run(tmp_path, facts, {"accuracy": 2 / 3})
    return passes.Pass((run,), run.facts, run.metrics)


def test_the_pages_tables_are_those_of_the_command(results):
    """table.md and the page are two renderings of one document."""
    whole = passes_of(results)
    table = tables.read(results / REPORT.name / "table.csv")
    written = (results / REPORT.name / "table.md").read_text()
    result, sections = content._result(*content._ran(REPORT, results), results, None, False)
    assert reported.table(REPORT, whole)["experiment"].to_list() == table["experiment"].to_list()
    for item in [*result["first"], *sections]:
        assert f"## {item.heading}" in written
        for part in item.parts:
            block = part if isinstance(part, str) else part.to_markdown(index=False, disable_numparse=True)
            assert block in written, item.heading


def test_an_error_stands_on_a_line_of_its_own_not_behind_the_progress_bar(results, monkeypatch):
    def damaged(*_):
        raise UserError("damaged")

    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(content, "of_report", damaged)
    with progress.on_stderr(logging.INFO):
        try:
            content.gather(results, results, audio=False)
        except UserError:
            drawn = terminal.getvalue()
    assert "page:   0%" in drawn
    assert drawn.endswith("\n")
