"""The descriptions beside the report modules."""

import json

import pytest

from keras_ser import reports
from keras_ser.reports import description


@pytest.mark.slow
@pytest.mark.parametrize("name", [*reports.NAMES, *reports.RECIPES])
def test_it_is_that_of_the_module(name):
    """Where it is not: python -m keras_ser.reports.description"""
    described = json.loads(description.as_text(description.describe(reports.load(name))))
    assert description.read(name) == described
