"""What changes a digest of code or of a model, and what does not."""

import ast
import functools

import keras
import pandas as pd
import pytest

from keras_ser import reports
from keras_ser.data import features
from keras_ser.data.digests import code, digest, model_facts, syntax, table_digest

SOURCE = '''"""An example."""

from keras_ser.dsp import decibel

LEVEL = 3.0
FLOOR, CEILING = 0.5, 9.0
NAMES = ("a", "b")


def helper(x):
    """Something."""
    return min(max(x + LEVEL, FLOOR), CEILING)


def main(x, factor=2):
    return factor * helper(x) if NAMES else decibel.power_to_db(x)


class Layer:
    def call(self, x):
        return main(x)


def chosen(value):
    return lambda x: x * value
'''


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ('"""Something."""', '"""Something else."""', False),
        ("    return min", "    # Why.\n    return  min", False),
        ("LEVEL = 3.0", "UNUSED = 1\nLEVEL = 3.0", False),
        ("x + LEVEL", "x - LEVEL", True),
        ("FLOOR, CEILING = 0.5, 9.0", "CEILING, FLOOR = 0.5, 9.0", True),
        ("LEVEL = 3.0", "LEVEL = 3.5", True),
        ('("a", "b")', '("a", "c")', True),
        ("factor=2", "factor=3", True),
        ("factor * helper(x)", "helper(factor * x)", True),
        ("helper(x) if NAMES else decibel.power_to_db(x)", "decibel.power_to_db(x) if NAMES else helper(x)", True),
    ],
)
def test_code_is_compared_by_what_it_computes(package_module, old, new, changes):
    before, after = (package_module(source) for source in (SOURCE, SOURCE.replace(old, new)))
    for name in ("main", "Layer"):
        assert (code(getattr(before, name)) != code(getattr(after, name))) == changes


def test_a_function_may_be_moved(package_module):
    whole = package_module(SOURCE)
    start, end = SOURCE.index("LEVEL"), SOURCE.index("def main")
    elsewhere = package_module(SOURCE[start:end])
    moved = package_module(
        f"from {elsewhere.__name__} import helper\n{SOURCE.replace(SOURCE[start:end], '')}".replace(
            "def main", 'NAMES = ("a", "b")\n\n\ndef main'
        )
    )
    assert code(moved.Layer) == code(whole.Layer)


def test_arguments_and_closures_are_part_of_it(package_module):
    module = package_module(SOURCE)
    parts = [functools.partial(module.main, factor=factor) for factor in (2, 3)]
    assert code(parts[0]) == code(functools.partial(module.main, factor=2)) != code(parts[1])
    values = functools.partial(module.main, 1, 2), functools.partial(module.main, 2, 1)
    assert code(values[0]) != code(values[1])
    assert code(module.chosen(1)) == code(module.chosen(1)) != code(module.chosen(2))


def test_another_version_of_python_reads_the_same():
    tree = ast.parse("def identity(x):\n    return x")
    of_this_version = syntax(tree)
    tree.body[0]._fields = (*tree.body[0]._fields, "added")
    tree.body[0].added = []  # as Python 3.12 has type_params, empty where none are given
    assert syntax(tree) == of_this_version


def test_a_library_is_not_read(package_module):
    module = package_module("import numpy as np\n\n\ndef mean(x):\n    return np.mean(x)\n")
    assert code(module.mean) == code(package_module("import numpy as np\n\n\ndef mean(x):\n    return np.mean(x)").mean)


def network(rate=0.5, activation="relu", name="a"):
    inputs = keras.Input((4,))
    dense = keras.layers.Dense(3, activation=activation, name=f"{name}_dense")(inputs)
    return keras.Model(inputs, keras.layers.Dropout(rate)(dense), name=name)


def test_a_model_is_its_architecture_and_not_its_names():
    facts = model_facts(network())
    assert facts == model_facts(network()) == model_facts(network(name="b"))
    assert facts != model_facts(network(rate=0.4))
    assert facts != model_facts(network(activation="tanh"))


def test_a_later_keras_that_says_more_means_the_same(monkeypatch):
    model = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()])
    facts = model_facts(model)
    for layer, said in ((keras.layers.InputLayer, "optional"), (keras.layers.BatchNormalization, "renorm")):
        config = layer.get_config
        for value, same in ((False, True), (True, False)):  # False is what Keras 3.12 does, which says nothing of it
            monkeypatch.setattr(layer, "get_config", lambda self, c=config, more={said: value}: {**c(self), **more})
            assert (model_facts(model) == facts) == same
        monkeypatch.setattr(layer, "get_config", config)


def test_a_digest_ignores_the_order_of_keys():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})


def test_a_table_is_its_rows_in_order():
    table = pd.DataFrame({"clip": ["a", "b"], "parameter": [0.0, 1.5]})
    assert table_digest(table) == table_digest(table.set_axis([7, 8]))
    assert len({table_digest(other) for other in (table, table[::-1], table.assign(parameter=1.5))}) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", [*reports.NAMES, *reports.RECIPES])
def test_every_front_end_of_a_report_is_another(name):
    front_ends = {item.front_end.name: item.front_end for item in reports.load(name).experiments}
    facts = [features.front_end_facts(front_end, "tensorflow") for front_end in front_ends.values()]
    assert len({digest(of_one) for of_one in facts}) == len(front_ends)


def test_an_argument_may_be_called_like_a_layer():
    def built(activation):
        inputs = keras.Input((4,), name="relu")
        return keras.Model(inputs, keras.layers.Dense(2, activation=activation, name="tanh")(inputs))

    assert model_facts(built("relu")) != model_facts(built("tanh"))
