"""Results to make pages of, that nobody had to train."""

import pytest

from keras_ser import corpora, reports
from keras_ser.analysis import paired, reported
from keras_ser.cli import commands
from keras_ser.output import comparison, markdown, tables
from keras_ser.output.figures import selection, style
from keras_ser.runs import archive, passes, planning

REPORT = reports.load("emodb_losses")
LOSSES = ("cnn/mean_squared_error", "cnn/categorical_crossentropy")
# As if of the whole corpus: then its scores are compared with the report's.
WHOLE = {"clips": 535, "clips_by_corpus": {"emodb": 535}, "corpus": "Emo-DB (a corpus)"}


def fill(out, made, **facts):
    """Runs of two experiments under three protocols, and their tables, into ``out``. → whole passes, their table"""
    for name in LOSSES:
        for repetition in range(2):
            made(REPORT, name, "as_reported", repetition, right=0.9, **facts)
            made(REPORT, name, "clip_disjoint", repetition, right=0.6, **facts)
        for fold in range(2):
            made(REPORT, name, "speaker_independent", 0, fold, 2, right=0.5, **facts)
    runs = archive.read_all(out / "runs", REPORT.name)
    whole = passes.whole(runs)
    table = reported.table(REPORT, whole)
    folder = out / REPORT.name
    tables.write(table, markdown.report_table(REPORT, table, whole), folder)
    archive.write(runs, folder)
    return whole, table


def draw(out, whole, table, manifest):
    """The figures, of fewer pixels, and a comparison, beside them."""
    folder = out / REPORT.name
    material = planning.gather(REPORT, "Emo-DB (a corpus)", manifest)
    found, beside = paired.compare(whole, [LOSSES], REPORT.labels), out / "compare" / "losses" / REPORT.name
    tables.write(found.scores, comparison.whole("Losses.", REPORT, "a corpus", found), beside)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "DPI", 50)
        selection.of_report(REPORT, material, whole, table, folder / "figures")
        selection.of_comparison(REPORT, "a corpus", found, beside)


@pytest.fixture(scope="session")
def results(embedded, runs_in, tmp_path_factory):
    """A folder of one report's results that are compared with it, and below it those of synthetic speech."""
    out = tmp_path_factory.mktemp("results")
    clips = corpora.manifest("emodb", embedded)
    draw(out, *fill(out, runs_in(out), **WHOLE), clips)
    fill(out / "synthetic", runs_in(out / "synthetic"), names=clips["clip"].tolist(), synthetic=True)
    return out


@pytest.fixture(scope="session")
def page(results, embedded):
    """The first page of those results."""
    assert commands.main(["page", "--data", str(embedded), "--out", str(results)]) == 0
    return results / "index.html"


@pytest.fixture(scope="session")
def page_to_hear(results, embedded):
    """A report's page with (synthetic) recordings to play."""
    assert commands.main(["page", "--data", str(embedded), "--out", str(results / "synthetic"), "--audio"]) == 0
    return results / "synthetic" / "pages" / f"{REPORT.name}.html"
