"""The rows of docs/parity.md hold, and the page is complete."""

import re

import pytest

from keras_ser import layers
from tests.parity import MEASURES, NOTHING_TO_COMPARE, PAGE, PARITY, measured


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Empty filters")
@pytest.mark.parametrize("parity", PARITY, ids=lambda parity: f"{parity.name}: {parity.equals}")
def test_holds(parity):
    assert measured(parity) <= parity.tolerance


def test_the_page_names_every_feature_layer_and_what_is_asserted():
    text = PAGE.read_text()
    modules = ("keras_ser.layers.features", "keras_ser.layers.signal")
    feature_layers = {n for n in layers.__all__ if getattr(layers, n).__module__ in modules} - {"SignalLayer"}
    assert feature_layers - NOTHING_TO_COMPARE <= {parity.name for parity in PARITY}
    assert all(f"`{name}`" in text for name in feature_layers)
    rows = re.findall(r"^\| `(\w+)` \| `(.*)` \| (.*) \| (.*) \| (.*) \|$", text, re.MULTILINE)
    asserted = [(p.name, p.equals, MEASURES[p.measure], f"{p.tolerance:.0e}") for p in PARITY]
    assert [(name, equals, measure, tolerance) for name, equals, measure, _, tolerance in rows] == asserted
    assert all(float(found) <= float(tolerance) for *_, found, tolerance in rows)
