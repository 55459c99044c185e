"""What the reports print: ``figures.csv`` beside this file, facts only, against which their ``FIGURES`` are held."""

from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def printed_figures():
    """Name of a report → DataFrame ``report, experiment, item, value, unit, note`` of strings, one row per figure."""
    table = pd.read_csv(Path(__file__).with_name("figures.csv"), dtype=str, keep_default_na=False)
    return lambda report: table[table["report"] == report]
