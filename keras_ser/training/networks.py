"""Fit one Keras model as a report says. Knows nothing of corpora, protocols or files.

In: features float32 [examples, …], or a :class:`~keras_ser.data.streaming.Stream` in their place, and targets float32
[examples, n_classes] (:func:`keras_ser.training.losses.targets`) for train and validation. Out: a :class:`Fit`; the
model holds the weights that the report's callbacks chose.
"""

import os
import tempfile
import time
from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from keras_ser.data import streaming
from keras_ser.data.streaming import Stream
from keras_ser.training import losses

WATCH_BATCH = 256


@dataclass(frozen=True)
class Fit:
    """``history``: one row per epoch, of a network that is refitted too: ``fit`` is 1 for the fit that validation
    watches and 2 for the one that is kept. ``diverged_at``: the epoch in which a loss ceased to be finite, else None.
    ``epochs_run``: of the fit that is kept; 0 for an SVM.
    """

    history: pd.DataFrame
    diverged_at: int | None
    seconds: float
    epochs_run: int = 0


class EpochTimer(keras.callbacks.Callback):
    """Writes the ``seconds`` of each epoch into its logs."""

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        logs["seconds"] = time.perf_counter() - self.started


class EpochNumber(keras.callbacks.Callback):
    """Tells the number of the epoch, from 0: Keras asks tf.data for an epoch's batches once it has begun."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def __call__(self):
        return self.epoch


class Watch(keras.callbacks.Callback):
    """Writes ``test_loss`` and ``test_accuracy`` of each epoch into its logs: to tell afterwards what choosing by them
    would have gained. Nothing is chosen by them. Where the weights that are tested are a moving average, they are its.
    """

    def __init__(self, test):
        super().__init__()
        self.test = test

    def on_epoch_end(self, epoch, logs=None):
        averaged = self.model.trainable_variables if self.model.optimizer.use_ema else []
        trained = [variable.numpy() for variable in averaged]
        self.model.optimizer.finalize_variable_values(averaged)
        scores = self.model.evaluate(self.test, verbose=0, return_dict=True)
        for variable, value in zip(averaged, trained, strict=True):
            variable.assign(value)
        logs.update({f"test_{name}": value for name, value in scores.items()})


class BestCheckpoint(keras.callbacks.ModelCheckpoint):
    """ModelCheckpoint that keeps the weights of the best epoch by ``monitor``, and goes back to them at the end."""

    def __init__(self, monitor):
        self.folder = tempfile.TemporaryDirectory()
        path = f"{self.folder.name}/best.weights.h5"
        super().__init__(path, monitor=monitor, save_best_only=True, save_weights_only=True)

    def on_train_end(self, logs=None):
        super().on_train_end(logs)
        if os.path.exists(self.filepath):  # no epoch was ever better than none if the loss was never a number
            self.model.load_weights(self.filepath)
        self.folder.cleanup()


class Models:
    """Compiled models for many fits: one per key is traced, and takes over the initial state of each fit's own.

    Keras traces a new model's train, test and predict steps anew, which takes longer than a small fit does.
    """

    def __init__(self):
        self._compiled = {}

    def initialised(self, key, build, *, training, loss):
        """A compiled model with the variables that ``build()`` gives a new one (weights, states of its random layers).

        The model of a key is the same object each time: what is to be kept of it is taken before the next call.
        """
        new = build()
        if key not in self._compiled:
            compile_ready(new, training.optimizer, **losses.get(loss))
            self._compiled[key] = new, new.optimizer.get_config()
            return new
        model, config = self._compiled[key]
        _assign(model, new)
        _restart(model, config)
        return model


def compile_ready(model, optimizer, loss, metrics=()):
    """Compile ``model``, and make the optimizer's variables: TensorFlow traces a step that makes some twice."""
    model.compile(optimizer=optimizer, loss=loss, metrics=list(metrics))
    model.optimizer.build(model.trainable_variables)


def _restart(model, config):
    """Set the optimizer of a compiled model back to where one of this configuration begins: step, rate and moments."""
    new = model.optimizer.from_config(config)
    new.build(model.trainable_variables)
    _assign(model.optimizer, new)


def _assign(target, source):
    """Give the variables of ``target`` the values of those of ``source``, which is built alike."""
    for variable, value in zip(target.variables, source.variables, strict=True):
        variable.assign(value)


def dataset(features, targets, batch_size, *, shuffle_seed=None, epoch=None):
    """tf.data of (features, targets) batches; shuffled anew each epoch when a seed is given.

    Of a Stream: of what :func:`keras_ser.data.streaming.in_front_of` takes; ``epoch``: what tells the
    epoch, where it is fresh.
    """
    streamed = isinstance(features, Stream)
    examples = tf.data.Dataset.from_tensor_slices((features.rows if streamed else features, targets))
    if shuffle_seed is not None:
        examples = examples.shuffle(len(features), seed=shuffle_seed, reshuffle_each_iteration=True)
    if streamed:
        return features.batches(examples, batch_size, epoch)
    return examples.batch(batch_size).prefetch(tf.data.AUTOTUNE)


def fit(model, train, validation, *, training, seed, test=None, epochs=None):
    """Fit ``model``, which is compiled and has not been fitted since, in place.

    Args:
        train, validation: (features, targets).
        test: the same, to be watched in each epoch (columns ``test_loss``, ``test_accuracy`` of the history).
        training: the report's :class:`~keras_ser.reports.specification.Training`; ``epochs`` overrides its number of
            epochs.
        seed: of the shuffling (weights and dropout are those of the model: :func:`keras_ser.training.seeds.seeded`).

    Returns: Fit.
    """
    initial, optimizer = model.get_weights() if training.refit else None, model.optimizer.get_config()
    started = time.perf_counter()
    # The fit whose weights are kept is watched.
    watch = [Watch(dataset(*test, WATCH_BATCH))] if test else []

    streamed, number = isinstance(train[0], Stream), EpochNumber()
    trained = streaming.in_front_of(model, train[0], **losses.get(model.loss)) if streamed else model
    epoch = number if streamed and train[0].fresh else None

    def run(examples, n_epochs, watch, **options):
        return trained.fit(
            dataset(*examples, training.batch_size, shuffle_seed=seed, epoch=epoch),
            epochs=n_epochs,
            callbacks=[number, EpochTimer(), *watch, *training.callbacks(), keras.callbacks.TerminateOnNaN()],
            shuffle=False,  # the batches are
            verbose=0,
            **options,
        )

    first_watch = [] if training.refit else watch

    def both():
        joined = streaming.joined if streamed else np.concatenate
        return joined([train[0], validation[0]]), np.concatenate([train[1], validation[1]])

    if training.validates:
        watched = {"validation_data": dataset(*validation, training.batch_size)}
        history = _table(run(train, epochs or training.epochs, first_watch, **watched), fit=1)
    else:
        history = _table(run(both(), epochs or training.epochs, first_watch), fit=1)
    epochs_run = len(history)
    lost = history["epoch"][~np.isfinite(history.filter(["loss", "val_loss"])).all(axis=1)]
    diverged_at = int(lost.iloc[0]) if len(lost) else None
    if training.refit and diverged_at is None:
        model.set_weights(initial)
        _restart(model, optimizer)
        again = _table(run(both(), epochs_run, watch), fit=2)
        if not np.isfinite(again["loss"]).all():
            diverged_at = len(again)
        history = pd.concat([history, again], ignore_index=True)
    return Fit(history, diverged_at, time.perf_counter() - started, epochs_run)


def _table(history, fit):
    """A Keras History as a DataFrame, one row per epoch."""
    table = pd.DataFrame(history.history)
    table.insert(0, "epoch", np.arange(1, len(table) + 1))
    table.insert(0, "fit", fit)
    return table
