"""Digests of what decides a result: values, tables, code and Keras models.

Code is compared by definitions, not by files: the syntax trees, without docstrings and comments, of the functions and
classes that are used, and of everything in this package that they use in turn, name by name. Moving a function or
explaining it better changes nothing, nor does another version of Python; changing what it computes does.
"""

import ast
import functools
import hashlib
import inspect
import json
import textwrap
import types

import keras
import numpy as np
import pandas as pd

PACKAGE = "keras_ser"


def digest(value):
    """Short stable hash of anything JSON can hold."""
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=12).hexdigest()


def table_digest(table):
    """Digest of the rows of a DataFrame, in order."""
    rows = pd.util.hash_pandas_object(table.reset_index(drop=True), index=False).to_numpy()
    return hashlib.blake2b(rows.tobytes(), digest_size=12).hexdigest()


def code(*objects):
    """Digest of the definitions of functions, classes, functools.partial objects and constants, in this order."""
    return digest([_reference(value, ()) for value in objects])


def _reference(value, inside):
    """What a value is, so that it can be compared. JSON

    ``inside``: the definitions that are being read at this moment; one that refers to itself is not read twice.
    """
    if isinstance(value, functools.partial):
        arguments = {name: _reference(part, inside) for name, part in value.keywords.items()}
        return [_reference(value.func, inside), [_reference(part, inside) for part in value.args], arguments]
    if isinstance(value, (list, tuple)):
        return [_reference(part, inside) for part in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_reference(part, inside) for part in value), key=json.dumps)
    if isinstance(value, dict):
        return [[_reference(key, inside), _reference(part, inside)] for key, part in value.items()]
    if isinstance(value, np.ndarray):
        return [value.dtype.str, value.tolist()]
    value = inspect.unwrap(value) if callable(value) else value
    value = value.__func__ if isinstance(value, types.MethodType) else value
    if isinstance(value, (types.FunctionType, type)):
        return _definition(value, inside)
    # Of objects of libraries (a dtype, a regular expression) the definition that uses them says enough.
    return repr(value) if isinstance(value, (str, bytes, int, float, bool, type(None))) else type(value).__name__


def _definition(value, inside):
    """Syntax of a function or class, and what each name in it stands for; of one of a library its name alone. JSON"""
    if not value.__module__.startswith(PACKAGE):
        return f"{value.__module__}.{value.__qualname__}"
    if value in inside:
        return value.__qualname__
    tree = _tree(value)
    scope = vars(inspect.getmodule(value))
    if isinstance(value, types.FunctionType):
        cells = dict(zip(value.__code__.co_freevars, value.__closure__ or (), strict=True))
        scope = {**scope, **{free: cell.cell_contents for free, cell in cells.items() if _filled(cell)}}
    used = dict(_uses(tree, scope))
    return [syntax(tree), {name: _reference(meaning, (*inside, value)) for name, meaning in used.items()}]


def _filled(cell):
    try:
        cell.cell_contents  # noqa: B018 - an empty cell raises
    except ValueError:
        return False
    return True


@functools.cache
def _tree(value):
    """Syntax tree of a function or class, without docstrings."""
    tree = ast.parse(textwrap.dedent(_source(value)))
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def syntax(node):
    """A syntax tree as JSON, the same from every version of Python: those that came later have more empty fields."""
    if isinstance(node, ast.AST):
        fields = {name: syntax(value) for name, value in ast.iter_fields(node) if value not in (None, [])}
        return [type(node).__name__, fields]
    if isinstance(node, list):
        return [syntax(part) for part in node]
    return repr(node)


def _source(value):
    """Source of a definition; of a lambda, all of the statement that holds it."""
    source = inspect.getsource(value)
    if getattr(value, "__name__", "") != "<lambda>":
        return source
    start = source.index("lambda")
    for end in range(len(source), start, -1):
        try:
            ast.parse(source[start:end], mode="eval")
        except SyntaxError:
            continue
        return source[start:end]
    return source


def _uses(tree, scope):
    """The names and dotted names of a syntax tree with the values of ``scope`` that they stand for. → pairs"""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in scope:
            if not isinstance(scope[node.id], types.ModuleType):
                yield node.id, scope[node.id]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = scope.get(node.value.id)
            if isinstance(module, types.ModuleType) and module.__name__.startswith(PACKAGE):
                yield f"{node.value.id}.{node.attr}", getattr(module, node.attr, None)


# What later versions of Keras (3.13 to 3.15) write of a layer that is what it was without them.
_LATER = {"optional": False, "renorm": False, "renorm_momentum": 0.99}
# Where a configuration names layers: an argument of a layer may be called like one.
_REFERENCES = ("inbound_nodes", "input_layers", "output_layers")


def _plain(config, numbers, referring=False):
    """A Keras configuration without what a version of Keras adds, and with layers numbered instead of named."""
    if isinstance(config, dict):
        kept = config  # what a later Keras adds is None, or in _LATER, where it is not used
        if "class_name" in config and "config" in config:
            kept = {key: config[key] for key in ("class_name", "config", "inbound_nodes") if key in config}
        return {
            key: _plain(value, numbers, referring or key in _REFERENCES)
            for key, value in kept.items()
            if key != "name" and value is not None and _LATER.get(key) != value
        }
    if isinstance(config, list):
        return [_plain(value, numbers, referring) for value in config]
    return numbers.get(config, config) if referring and isinstance(config, str) else config


def _parts(config):
    """All serialised objects in a Keras configuration, outer ones first."""
    if isinstance(config, dict):
        if "class_name" in config and "config" in config:
            yield config
        for value in config.values():
            yield from _parts(value)
    elif isinstance(config, list):
        for value in config:
            yield from _parts(value)


def model_facts(model):
    """What decides what a Keras model computes, but for its weights. JSON"""
    config = json.loads(model.to_json())
    parts = list(_parts(config))
    # A model may be called like one of its layers: the inner one, which comes last, is what others refer to.
    names = [part["config"].get("name") for part in parts if isinstance(part["config"], dict)]
    numbers = {name: f"#{place}" for place, name in enumerate(names) if name}
    registered = sorted({str(part.get("registered_name")) for part in parts})
    of_package = [keras.saving.get_registered_object(name) for name in registered if name.startswith(f"{PACKAGE}>")]
    return {"architecture": digest(_plain(config, numbers)), "code": code(*of_package)}
