import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_ser import reports
from keras_ser.output.page import clips, content, pictures
from keras_ser.runs import store

REPORT = reports.load("tess_mfcc")


def runs_of(results):
    return store.read_all(results / "synthetic" / "runs", "tess_mfcc")


def test_what_stands_in_it(page):
    text = page.read_text()
    for words in (
        REPORT.title,
        "Synthetic speech: it shows that everything works",
        "In words",
        "Losses: Mean squared error against cross-entropy.",
        "What choosing by the test clips would add",
        "Every number that it prints, beside ours",
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
    runs = runs_of(results)
    found = dict(content.matrices(REPORT, runs))
    assert list(found) == ["as_reported", "speaker_independent"]
    matrix = next(item for item in found["speaker_independent"] if item["name"] == "cnn")
    own = [r for r in runs if (r.facts["experiment"], r.facts["protocol"]) == ("cnn", "speaker_independent")]
    answers = pd.concat([run.predictions() for run in own])
    expected = pd.crosstab(answers["true"], answers["predicted"]).reindex(columns=REPORT.labels, fill_value=0)
    assert matrix["seeds"] == 2
    assert matrix["clips"] == len(answers)
    for label, cells in matrix["rows"]:
        assert [count for count, _ in cells] == expected.loc[label].to_list()
        assert sum(share for _, share in cells) == pytest.approx(1)


def test_every_figure_stands_beside_ours(results):
    table = content.stated(REPORT, results / "synthetic" / "tess_mfcc" / "table.csv")
    assert len(table) == len(REPORT.figures)
    row = table[(table["of"] == "cnn") & (table["metric"] == "accuracy")].iloc[0]
    assert row["reported"] == "0.970"
    assert row["verdict"] == "not comparable (synthetic speech)"
    assert "±" in row["ours"]
    assert (table.loc[table["of"] == "lstm", "ours"] == "–").all()  # was not run


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
        "sides",
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
    runs = runs_of(results)
    found = clips.chosen(runs, names=("tess",), root=embedded, audio=False)
    assert found["run"]["protocol"] == "speaker_independent"
    assert found["run"]["seed"] == 0
    answers = next(run for run in runs if run.facts == found["run"]).predictions()
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
    run = runs_of_people(real_data, tmp_path)
    for audio in (False, True):
        found = clips.chosen([run], names=("tess",), root=real_data, audio=audio)
        assert found["heard"] == audio
        assert [bool(card["sound"]) for card in found["cards"]] == [audio] * len(found["cards"])
        assert found["licences"][0][1] == "CC BY-NC-ND 4.0"


def runs_of_people(real_data, tmp_path):
    """One run with three answers about real clips."""
    answers = pd.DataFrame(
        {
            "clip": ["OAF_back_angry", "OAF_back_fear", "YAF_back_sad"],
            "copy": 0,
            "true": ["anger", "fear", "sadness"],
            "predicted": ["anger", "anger", "sadness"],
            "p_anger": [0.9, 0.6, 0.1],
            "p_fear": [0.1, 0.4, 0.1],
            "p_sadness": [0.0, 0.0, 0.8],
        }
    )
    answers.to_csv(tmp_path / "predictions.csv", index=False)
    facts = {"experiment": "cnn", "protocol": "speaker_independent", "seed": 0, "epochs_run": 3, "synthetic": False}
    return store.Run(tmp_path, facts, {"accuracy": 2 / 3})


def test_without_recordings_there_are_no_clips(results, tmp_path):
    assert clips.chosen(runs_of(results), names=("tess",), root=tmp_path, audio=True) is None


def test_sections_are_called_as_in_the_tables(results):
    sections = content.document(results / "synthetic" / "tess_mfcc" / "table.md")["sections"]
    assert {*content.FIRST, *content.OF_THE_REPORT} - {"What it answers"} <= set(sections)
