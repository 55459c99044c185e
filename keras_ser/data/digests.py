"""Digests of what decides a result: values, tables, code and Keras models.

Code is compared by definitions, not by files: the syntax trees, without docstrings and comments, of the functions and
classes that are used, and of everything in this package that they use in turn. Moving a function or explaining it
better changes nothing; changing what it computes does.
"""

import ast
import functools
import hashlib
import inspect
import json
import textwrap
import types

import keras
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
    """Digest of the definitions of functions, classes, functools.partial objects and constants."""
    seen = {}
    for value in objects:
        _visit(value, seen)
    return digest(sorted(seen.values()))


def _visit(value, seen):
    """Add the definition of ``value`` to ``seen`` (id or name → text), and of what it uses."""
    if isinstance(value, functools.partial):
        _visit(value.func, seen)
        for part in (*value.args, *value.keywords.values()):
            _visit(part, seen)
        return
    if isinstance(value, (list, tuple, set, frozenset)):
        for part in value:
            _visit(part, seen)
        return
    if isinstance(value, dict):
        for key, part in value.items():
            _visit(key, seen)
            _visit(part, seen)
        return
    value = inspect.unwrap(value) if callable(value) else value
    if isinstance(value, types.MethodType):
        value = value.__func__
    if not isinstance(value, (types.FunctionType, type)):
        if isinstance(value, (str, bytes, int, float, bool, type(None))):
            seen[repr(value)] = repr(value)
        return
    name = f"{value.__module__}.{value.__qualname__}"
    if not value.__module__.startswith(PACKAGE) or name in seen:
        return
    tree = _definition(value)
    seen[name] = ast.dump(tree)
    scope = vars(inspect.getmodule(value))
    if isinstance(value, types.FunctionType):
        cells = dict(zip(value.__code__.co_freevars, value.__closure__ or (), strict=True))
        scope = {**scope, **{free: cell.cell_contents for free, cell in cells.items() if _filled(cell)}}
    for used in _uses(tree, scope):
        _visit(used, seen)


def _filled(cell):
    try:
        cell.cell_contents  # noqa: B018 - an empty cell raises
    except ValueError:
        return False
    return True


@functools.cache
def _definition(value):
    """Syntax tree of a function or class, without docstrings."""
    tree = ast.parse(textwrap.dedent(_source(value)))
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


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
    """Values of ``scope`` that the names and dotted names of a syntax tree stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in scope:
            value = scope[node.id]
            if not isinstance(value, types.ModuleType):
                yield value
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = scope.get(node.value.id)
            if isinstance(module, types.ModuleType) and module.__name__.startswith(PACKAGE):
                yield getattr(module, node.attr, None)


# Where a configuration names layers: an argument of a layer may be called like one.
_REFERENCES = ("inbound_nodes", "input_layers", "output_layers")


def _plain(config, numbers, referring=False):
    """A Keras configuration without what a version of Keras adds, and with layers numbered instead of named."""
    if isinstance(config, dict):
        kept = config
        if "class_name" in config and "config" in config:
            kept = {key: config[key] for key in ("class_name", "config", "inbound_nodes") if key in config}
        return {
            key: _plain(value, numbers, referring or key in _REFERENCES) for key, value in kept.items() if key != "name"
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
    ours = sorted({str(part.get("registered_name")) for part in parts})
    ours = [keras.saving.get_registered_object(name) for name in ours if name.startswith(f"{PACKAGE}>")]
    return {"architecture": digest(_plain(config, numbers)), "code": code(*ours)}
