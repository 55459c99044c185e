"""Examples whose features are made when a step needs them: nothing is in memory but the batches under way.

tf.data decodes recordings ahead, several at a time, to padded waveforms (:meth:`Stream.batches`). A layer makes
features of them inside the compiled step, on whatever device it runs: :func:`in_front_of` puts it before a network.
What is streamed is what :func:`keras_ser.data.features.compute` gives, to rounding: other clips share a batch.

A :class:`Stream` stands where an array of features [examples, …] would: it has its shape, is cut by the same indices,
and NumPy makes an array of it (of a batch that is to be answered, say).
"""

import contextlib
import functools
from dataclasses import dataclass, field, replace

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from keras_ser.data import augmentation, features
from keras_ser.dsp.graph import LENGTHS, PARAMETER, WAVEFORM, graph
from keras_ser.errors import UserError

BATCHES_AHEAD = 2
INPUTS = (WAVEFORM, LENGTHS, PARAMETER, tf.TensorSpec([None], tf.int32, "kind"))


class FeaturesOfKinds(keras.layers.Layer):
    """Features of a batch of clips of several kinds: (transform, sample rate in Hz) of each. float32 always.

    Inputs: waveform [batch, samples], lengths int32 [batch], parameter [batch], kind int32 [batch] (index of
    ``kinds``). Output: [batch, …feature shape]. The clips of a kind are transformed together; a kind costs nothing
    where no clip is of it.
    """

    def __init__(self, front_end, kinds):
        super().__init__(dtype="float32", trainable=False)
        self.front_end = front_end.graph()
        self.kinds = [{"transform": name, "rate": rate, "sample_rate": front_end.sample_rate} for name, rate in kinds]
        # Traced once, for training, testing and statistics.
        self.graph = graph(self._features, *INPUTS)

    def call(self, inputs):
        return self.graph(*inputs)

    def _features(self, waveform, lengths, parameter, kind):
        def of_rows(rows, of_kind):
            row_lengths = tf.gather(lengths, rows)
            clips = tf.gather(waveform, rows)[:, : tf.reduce_max(row_lengths)]
            return features.prepared(clips, tf.gather(parameter, rows), row_lengths, **of_kind)

        def nothing():
            return tf.zeros([0, 0]), tf.zeros([0], tf.int32)

        places = [tf.cast(tf.where(kind == number)[:, 0], tf.int32) for number in range(len(self.kinds))]
        parts = [
            tf.cond(tf.size(rows) > 0, functools.partial(of_rows, rows, of_kind), nothing)
            for rows, of_kind in zip(places, self.kinds, strict=True)
        ]
        width = tf.reduce_max([tf.shape(clips)[1] for clips, _ in parts])
        padded = [tf.pad(clips, [[0, 0], [0, width - tf.shape(clips)[1]]]) for clips, _ in parts]
        lengths = tf.dynamic_stitch(places, [row_lengths for _, row_lengths in parts])
        return tf.ensure_shape(
            self.front_end([tf.dynamic_stitch(places, padded), lengths]), self.front_end.output_shape
        )

    def compute_output_shape(self, input_shape):
        return self.front_end.output_shape


# Tracing takes seconds: one layer, and one step of a model, for all fits of a process that are alike.
@functools.lru_cache(maxsize=8)
def _layer(front_end, kinds):
    return FeaturesOfKinds(front_end, kinds)


@functools.lru_cache(maxsize=8)
def _in_front_of(model, front_end, kinds):
    inputs = [keras.Input(spec.shape[1:], dtype=spec.dtype.name, name=spec.name) for spec in INPUTS]
    return keras.Model(inputs, model(_layer(front_end, kinds)(inputs)), name="streamed")


@dataclass(frozen=True, eq=False)
class Stream:
    """The examples ``rows`` of ``table`` (columns of :mod:`~keras_ser.data.augmentation`, ``path, audio_hash, rate``).

    ``kinds``: every (transform, sample rate) of the table. ``seed``: of the draws of ``fresh`` examples. ``failed``:
    why a recording could not be decoded.
    """

    table: pd.DataFrame
    front_end: object
    kinds: tuple[tuple[str, int], ...]
    seed: int
    fresh: bool
    rows: np.ndarray
    failed: list = field(default_factory=list)

    @property
    def layer(self):
        """What makes features of a batch: :class:`FeaturesOfKinds`."""
        return _layer(self.front_end, self.kinds)

    @property
    def shape(self):
        return len(self.rows), *self.layer.compute_output_shape(None)[1:]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, places):
        return replace(self, rows=self.rows[places])

    def __array__(self, dtype=None, copy=None):
        """Features as the table lists them. → float32 [examples, …]"""
        batches = self.batches(self.numbered(), features.BATCH_CLIPS)
        return np.concatenate([self.layer(inputs).numpy() for inputs, _ in batches]).astype(dtype or np.float32)

    def numbered(self):
        """tf.data of (row, nothing) for :meth:`batches`."""
        return tf.data.Dataset.from_tensor_slices((self.rows, np.zeros((len(self), 0), np.float32)))

    def computed(self):
        """tf.data of features [batch, …] as the table lists them, for statistics."""
        return self.batches(self.numbered(), features.BATCH_CLIPS).map(lambda inputs, _: self.layer(inputs))

    def batches(self, examples, batch_size, epoch=None):
        """Decode ``examples``, a tf.data of (row of the table, target), ahead and in their order.

        ``epoch``: a function that tells the number of the epoch, for which the augmentation is drawn; None: its
        parameters are those of the table.
        → tf.data of ((waveform float32 [batch, samples], lengths int32 [batch], parameter [batch], kind [batch]),
        targets)
        """

        def decode(row):
            example = self.table.iloc[int(row)]
            try:
                waveform = features.decode(example["path"], example["audio_hash"], self.front_end.first_channel)
            except UserError as error:
                self.failed.append(str(error))
                raise
            parameter = augmentation.draw_in_epoch(self.seed, epoch(), example) if epoch else example["parameter"]
            kind = self.kinds.index((example["transform"], int(example["rate"])))
            return waveform.astype(np.float32), np.float32(parameter), np.int32(kind)

        def decoded(row, target):
            # Where a function has a state (the epoch in a variable, say), TensorFlow decodes one clip after the other.
            waveform, parameter, kind = tf.numpy_function(
                decode, [row], (tf.float32, tf.float32, tf.int32), stateful=False
            )
            for tensor, shape in ((waveform, [None]), (parameter, []), (kind, [])):
                tensor.set_shape(shape)
            return (waveform, tf.shape(waveform)[0], parameter, kind), target

        clips = examples.map(decoded, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return clips.padded_batch(batch_size).prefetch(BATCHES_AHEAD)


def stream(examples, manifest, front_end, *, seed, fresh=False):
    """A table of examples, with the manifest they come from (:func:`keras_ser.data.features.with_audio_hash`). → Stream

    Raises UserError where ``fresh`` is asked of examples whose augmentation states no range.
    """
    missing = [name for name in augmentation.RANGE if name not in examples]
    if fresh and missing:
        raise UserError(f"the augmentation states no {', '.join(missing)} of its parameters to draw them anew from")
    table = examples.merge(manifest[["clip", "path", "audio_hash", "rate"]], on="clip", how="left")
    kinds = table[["transform", "rate"]].drop_duplicates().sort_values(["transform", "rate"])
    kinds = tuple((transform, int(rate)) for transform, rate in kinds.itertuples(index=False))
    return Stream(table, front_end, kinds, seed, fresh, np.arange(len(table)))


def in_front_of(model, values, *, loss, metrics):
    """The compiled ``model`` with what makes its features of waveforms before it: same weights and optimizer.

    ``values``: a Stream. ``loss``, ``metrics``: as the model was compiled with. → compiled keras.Model of what
    :meth:`Stream.batches` gives
    """
    whole = _in_front_of(model, values.front_end, values.kinds)
    if not whole.compiled:
        # Keras would compile it by XLA, which wants a graph for each length of the batches.
        whole.compile(optimizer=model.optimizer, loss=loss, metrics=metrics, jit_compile=False)
    return whole


def joined(parts):
    """Streams of one table, one after the other. → Stream"""
    return replace(parts[0], rows=np.concatenate([part.rows for part in parts]))


@contextlib.contextmanager
def explained(values):
    """Where a recording of ``values`` cannot be decoded in the block, a UserError says which and why.

    ``values``: a Stream, or an array, of which nothing is decoded.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if isinstance(values, Stream) and values.failed:
            raise UserError(values.failed[0]) from error
        raise
