"""The architectures by name."""

import importlib
import inspect
import pkgutil

import pytest

from keras_ser import models


@pytest.mark.parametrize("name", models.__all__)
def test_a_name_is_its_function_whatever_was_imported_before(name):
    module = importlib.import_module(f"keras_ser.models.{name}")
    assert getattr(models, name) is getattr(module, name)
    first, second, *_ = inspect.signature(getattr(models, name)).parameters
    assert (first, second) == ("input_shape", "n_classes")


def test_every_architecture_is_there():
    modules = {module.name for module in pkgutil.iter_modules(models.__path__)}
    assert modules - set(models.__all__) == {"columns", "calibrated"}
