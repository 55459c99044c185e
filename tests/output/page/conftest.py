"""Results to make pages of."""

import pytest

from keras_ser.cli import commands


@pytest.fixture(scope="session")
def results(embedded, tmp_path_factory):
    """A folder with one report's runs of one epoch on synthetic speech, compared, and a benchmark's table."""
    out = tmp_path_factory.mktemp("results")
    options = ["--data", str(embedded), "--out", str(out), "--epochs", "1", "--experiments", "cnn,cnn_lstm"]
    protocols = ["--protocols", "as_reported,speaker_independent"]
    assert commands.main(["reproduce", "tess_mfcc", *options, *protocols, "--seeds", "2"]) == 0
    assert commands.main(["compare", "losses", "tess_mfcc", *options, *protocols]) == 0
    (out / "benchmark").mkdir()
    (out / "benchmark" / "benchmark.md").write_text(
        "# Speed\n\nOf clips.\n\n| work | ratio |\n|:--|--:|\n| MFCC | 4.4 |\n"
    )
    return out


@pytest.fixture(scope="session")
def page(results, embedded):
    """The page of those results."""
    assert commands.main(["page", "--data", str(embedded), "--out", str(results)]) == 0
    return results / "index.html"
