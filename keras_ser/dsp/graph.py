"""Functions of clips as TensorFlow graphs, for batches of every shape.

In: a function of tensors. Out: the same, compiled once. ``WAVEFORM`` [batch, samples], ``LENGTHS`` [batch] and
``PARAMETER`` [batch] are what most of them take.
"""

import tensorflow as tf

WAVEFORM = tf.TensorSpec([None, None], tf.float32, "waveform")
LENGTHS = tf.TensorSpec([None], tf.int32, "lengths")
PARAMETER = tf.TensorSpec([None], tf.float32, "parameter")


def graph(function, *signature):
    """``function`` of tensors like ``signature`` as one graph, traced once: all graphs that call it share it.

    AutoGraph, which takes longer than the tracing, rewrites nothing: what depends on a tensor's value is a ``tf.cond``.
    """
    return tf.function(function, input_signature=signature, autograph=False)
