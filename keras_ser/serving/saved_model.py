"""Functions of a Keras model as a SavedModel: its signatures, and nothing beside them.

``keras.export.ExportArchive`` also stores each function as an attribute, for which TensorFlow traces it once more: the
file is then twice as large, and takes twice as long to write and to load.
"""

import tensorflow as tf


def write(folder, model, functions):
    """``functions``: name of a signature → a ``tf.function`` with an input signature, of ``model`` or of none."""
    saved = tf.Module()
    saved.weights = [variable.value for variable in model.variables]
    signatures = {name: function.get_concrete_function() for name, function in functions.items()}
    tf.saved_model.save(saved, str(folder), signatures=signatures)
