"""Fixtures that every test may use."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest


@pytest.fixture
def rng():
    """A generator with a fixed seed: a failing test fails again."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def real_data():
    """The folder of real recordings (emodb, tess, ravdess, names); tests that need it are skipped without it."""
    beside = Path(__file__).parents[2] / "shared" / "corpora"
    root = Path(os.environ.get("KERAS_SER_DATA") or beside)
    if not (root / "emodb").is_dir():
        pytest.skip(f"no real recordings in {root}: set KERAS_SER_DATA")
    return root
