import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_ser import reports
from keras_ser.output.page import clips, content, pictures
from keras_ser.runs import passes, store

REPORT = reports.load("tess_mfcc")


def passes_of(results):
    return passes.whole(store.read_all(results / "synthetic" / "runs", "tess_mfcc"))


def test_what_stands_in_it(page):
    text = page.read_text()
    for words in (
        REPORT.title,
        "Synthetic speech: it shows that everything works",
        "Summary",
        "Losses: Mean squared error against cross-entropy.",
        "Bias from selecting the epoch on test data",
        "Model info sheet",
        "Every number that it prints, beside the one obtained",
        REPORT.not_stated[0].choice,
        "CC BY-NC-ND 4.0",
        "0.97",
    ):
        assert words in text, words
    assert page.stat().st_size < 3e6


def test_a_document_is_cut_at_its_headings(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("# Title\n\nLead, 1 ± 2.\n\n## One & two\n\n| a |\n|:--|\n| <b> |\n\n## Three\n\n- x `y`\n")
    found = content.document(path)
    assert found["title"] == "Title"
    assert found["lead"] == "<p>Lead, 1\u00a0±\u00a02.</p>\n"
    assert list(found["sections"]) == ["One & two", "Three"]
    assert "&lt;b&gt;" in found["sections"]["One & two"]  # no HTML comes through
    assert found["sections"]["One & two"].count("<table>") == 1
    assert "<code>y</code>" in found["sections"]["Three"]


def test_matrices_count_the_predictions(results):
    found = passes_of(results)
    shown = dict(content.matrices(REPORT, found))
    assert list(shown) == ["as_reported", "speaker_independent"]
    matrix = next(item for item in shown["speaker_independent"] if item["name"] == "cnn")
    own = [p for p in found if (p.facts["experiment"], p.facts["protocol"]) == ("cnn", "speaker_independent")]
    answers = pd.concat([item.predictions() for item in own])
    expected = pd.crosstab(answers["true"], answers["predicted"]).reindex(columns=REPORT.labels, fill_value=0)
    assert matrix["n"] == 2
    assert matrix["clips"] == len(answers) == 2 * 42  # a repetition tests every clip once
    for label, cells in matrix["rows"]:
        assert [count for count, _ in cells] == expected.loc[label].to_list()
        assert sum(share for _, share in cells) == pytest.approx(1)


def test_a_page_takes_the_runs_of_its_table_alone(results, embedded, tmp_path):
    """A run of `--epochs 1`, of another model, or a fold without its others, left where the runs are."""
    out = shutil.copytree(results, tmp_path / "results")
    place = out / "synthetic"

    def shown():
        found = content.result(REPORT, place, "synthetic", out, embedded, False)["matrices"]
        return {(protocol, item["name"]): (item["n"], item["rows"]) for protocol, group in found for item in group}

    before = shown()
    assert {n for n, _ in before.values()} == {2}
    runs = place / "runs" / "tess_mfcc" / "cnn"
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
    assert shown()["as_reported", "cnn"][0] == 3


def test_the_overview_has_one_column_per_protocol(results):
    table = content.overview([REPORT], results)["table"]
    columns = ["report", "experiment", "reported", "verdict", "as reported", "unseen speakers", "clips", "speech"]
    assert list(table.columns) == columns
    assert set(table["speech"]) == {"synthetic"}
    assert table["unseen speakers"].str.fullmatch(r"0\.\d{3} ± 0\.\d{3} \(2\)").all()


def test_every_figure_stands_beside_the_one_obtained(results):
    table = content.stated(REPORT, results / "synthetic" / "tess_mfcc" / "table.csv")
    assert len(table) == len(REPORT.figures)
    row = table[(table["of"] == "cnn") & (table["metric"] == "accuracy")].iloc[0]
    assert row["reported"] == "0.970"
    assert row["verdict"] == "not comparable (synthetic speech)"
    assert "±" in row["obtained"]
    assert (table.loc[table["of"] == "lstm", "obtained"] == "–").all()  # was not run


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


def test_pictures_of_every_name_have_a_caption():
    for name in (
        "splits",
        "ladder",
        *{name for r in reports.NAMES for name in reports.load(r).pictures},
    ):
        assert name in pictures.CAPTIONS


def test_pictures_become_smaller(tmp_path, rng):
    pixels = np.kron(rng.integers(0, 255, (20, 30, 3), dtype=np.uint8), np.ones((10, 10, 1), np.uint8))
    Image.fromarray(pixels).save(tmp_path / "ladder.png")
    found = pictures.picture(tmp_path / "ladder.png")
    assert (found["width"], found["height"], found["name"]) == (300, 200, "ladder")
    assert found["src"].startswith("data:image/webp;base64,")


def test_the_surest_answers_are_chosen(results, embedded):
    of_results = passes_of(results)
    found = clips.chosen(of_results, names=("tess",), root=embedded, audio=False)
    assert found["run"]["protocol"] == "speaker_independent"
    assert found["run"]["seed"] == 0
    answers = next(item for item in of_results if item.facts == found["run"]).predictions()
    answers["confidence"] = answers.filter(regex="^p_").max(axis=1)
    for is_right in (True, False):
        of_kind = answers[(answers["true"] == answers["predicted"]) == is_right]
        cards = [card for card in found["cards"] if card["right"] == is_right]
        assert len(cards) == min(clips.EACH, of_kind["true"].nunique())
        assert len({card["true"] for card in cards}) == len(cards)
        if cards:
            assert cards[0]["confidence"] == of_kind["confidence"].max()
    assert all(card["sound"].startswith("data:audio/flac") for card in found["cards"])  # nobody's voice


def test_recordings_of_people_are_heard_only_when_asked_for(real_data, tmp_path):
    of_people = pass_of_people(tmp_path)
    for audio in (False, True):
        found = clips.chosen([of_people], names=("tess",), root=real_data, audio=audio)
        assert found["heard"] == audio
        assert [bool(card["sound"]) for card in found["cards"]] == [audio] * len(found["cards"])
        assert found["licences"][0][1] == "CC BY-NC-ND 4.0"


def pass_of_people(tmp_path):
    """One repetition with three answers about real clips."""
    answers = pd.DataFrame(
        {
            "clip": ["OAF_back_angry", "OAF_back_fear", "YAF_back_sad"],
            **{"corpus": "tess", "speaker": "OAF", "copy": 0, "transform": "none", "amount": 0},
            "true": ["anger", "fear", "sadness"],
            "predicted": ["anger", "anger", "sadness"],
            "p_anger": [0.9, 0.6, 0.1],
            "p_fear": [0.1, 0.4, 0.1],
            "p_sadness": [0.0, 0.0, 0.8],
        }
    )
    answers.to_csv(tmp_path / "predictions.csv", index=False)
    facts = {"experiment": "cnn", "protocol": "speaker_independent", "seed": 0, "kind": "network", "synthetic": False}
    facts |= {"labels": ["anger", "fear", "sadness"], "examples": {"test": 3}}
    run = store.Run(tmp_path, facts, {"accuracy": 2 / 3})
    return passes.Pass((run,), run.facts, run.metrics)


def test_without_recordings_there_are_no_clips(results, tmp_path):
    assert clips.chosen(passes_of(results), names=("tess",), root=tmp_path, audio=True) is None


def test_sections_are_called_as_in_the_tables(results):
    sections = content.document(results / "synthetic" / "tess_mfcc" / "table.md")["sections"]
    assert {*content.FIRST, *content.OF_THE_REPORT} - {"Findings"} <= set(sections)
