"""A training step as it is done here beside one as the reports list it."""

import keras
import numpy as np
import pandas as pd

from keras_ser import audio
from keras_ser.benchmark.table import cells, machine, seconds, write
from keras_ser.models.columns import ColumnConv2D, ColumnMaxPooling2D, FoldedTimeDistributed
from keras_ser.progress import bar
from keras_ser.reports import crema_1d_2d, emodb_losses, four_corpora, tess_mfcc
from keras_ser.training import networks


def run(paths, out_dir, *, corpus, rounds=5):
    """Time an epoch of training as the reports' listings do it and as it is done here; write training.csv and
    training.md in ``out_dir``.

    ``paths``: clips for the TESS and the four-corpora report, whose generators read files and compute MFCC in each
    epoch anew; the models of the other reports are fitted to as many arrays of noise. → pd.DataFrame, one row per model
    """
    classes = np.arange(len(paths)) % 6
    chosen = works(paths)
    with bar(total=len(chosen) * rounds, desc="training", unit="round") as progress:
        rows = [_time(*work, classes, rounds, progress) for work in chosen]
    table = pd.DataFrame(rows)
    write(out_dir, "training", table, _markdown(table, corpus, len(paths), rounds))
    return table


def works(paths):
    """What is timed, each as (model, how the listing trains it, experiment, features, paths or None)."""
    rng = np.random.default_rng(0)
    experiment = emodb_losses.REPORT.experiment("cnn_lstm/categorical_crossentropy")
    images = rng.normal(size=(len(paths), 13, 150)).astype(np.float32)
    timed = [("emodb_losses cnn_lstm", "TimeDistributed, fit on arrays", experiment, images, None)]
    for name in ("cnn_1d/run_a", "cnn_2d/run_a"):
        experiment = crema_1d_2d.REPORT.experiment(name)
        noise = rng.normal(size=(len(paths), *experiment.model(6).input_shape[1:])).astype(np.float32)
        timed.append((f"crema_1d_2d {name.partition('/')[0]}", "fit on arrays", experiment, noise, None))
    for report, name in (*((tess_mfcc, name) for name in ("cnn", "lstm", "cnn_lstm")), (four_corpora, "cnn")):
        experiment = report.REPORT.experiment(name)
        features = np.stack([_by_librosa(path, experiment) for path in paths])
        timed.append((f"{report.REPORT.name} {name}", "Python generator, librosa", experiment, features, paths))
    return timed


def _by_librosa(path, experiment):
    return experiment.front_end.reference(*audio.read(path))


class FileGenerator(keras.utils.PyDataset):
    """Batches as the reports' generators give them: files read and MFCC computed when they are asked for."""

    def __init__(self, paths, one_hot, experiment):
        super().__init__()
        self.paths, self.one_hot, self.experiment = paths, one_hot, experiment

    def __len__(self):
        return -(-len(self.paths) // self.experiment.training.batch_size)

    def __getitem__(self, index):
        size = self.experiment.training.batch_size
        rows = slice(index * size, (index + 1) * size)
        features = np.stack([_by_librosa(path, self.experiment) for path in self.paths[rows]])
        return (features - features.mean()) / features.std(), self.one_hot[rows]


def as_listed(model):
    """The model with Keras's own layers in place of those of ``keras_ser.models.columns``."""
    plain = {ColumnConv2D: keras.layers.Conv2D, ColumnMaxPooling2D: keras.layers.MaxPooling2D}

    def layer_of_keras(layer):
        if isinstance(layer, FoldedTimeDistributed):
            return keras.layers.TimeDistributed(layer_of_keras(layer.layer))
        return plain.get(type(layer), type(layer)).from_config(layer.get_config())

    return keras.models.clone_model(model, clone_function=layer_of_keras)


def _time(name, listing, experiment, features, paths, classes, rounds, progress):
    """One row of the table. ``paths`` None: the listing is fitted to the arrays."""
    one_hot = keras.utils.to_categorical(classes, 6)
    model = experiment.model(6)
    listed = as_listed(model)
    features = features.reshape(-1, *model.input_shape[1:])
    data = {
        listed: FileGenerator(paths, one_hot, experiment) if paths else (features, one_hot),
        model: networks.dataset(features, one_hot, experiment.training.batch_size, shuffle_seed=0),
    }

    def epoch(network):
        arrays = {"batch_size": experiment.training.batch_size} if isinstance(data[network], tuple) else {}
        x, y = data[network] if isinstance(data[network], tuple) else (data[network], None)
        return seconds(lambda: network.fit(x, y, verbose=0, **arrays))

    listed.compile(optimizer=experiment.training.optimizer, loss=experiment.loss)
    networks.compile_ready(model, experiment.training.optimizer, experiment.loss)
    first = [epoch(of) for of in data]
    times = np.empty((rounds, 2))
    for i in range(rounds):
        times[i] = epoch(listed), epoch(model)
        progress.update()
    ratios = times[:, 0] / times[:, 1]
    steps = -(-len(classes) // experiment.training.batch_size)
    listing_ms, graph_ms = np.median(times, axis=0) * 1e3 / steps
    return {
        "model": name,
        "listing": listing,
        "listing_ms_per_step": listing_ms,
        "graph_ms_per_step": graph_ms,
        "ratio": np.median(ratios),
        "ratio_min": ratios.min(),
        "ratio_max": ratios.max(),
        "listing_first_epoch_s": first[0],
        "graph_first_epoch_s": first[1],
    }


def _markdown(table, corpus, n_clips, rounds):
    sizes = (report.REPORT.experiments[0].training.batch_size for report in (tess_mfcc, four_corpora))
    usual, of_four_corpora = (min(size, n_clips) for size in sizes)  # no batch holds more than there are
    return f"""# Speed of training

A training step of batches of {usual} (four_corpora: {of_four_corpora}), from epochs of {n_clips} examples: {rounds}
rounds, both in turn. Left the model and the input as a report lists them, right as they are trained here: features
computed once, batches by tf.data, the one-column convolutions of the Emo-DB report folded. The generators of the TESS
and the four-corpora report read their files ({corpus}) and compute MFCC by librosa in every epoch. `ratio` is the
median over the rounds, with the least and the greatest.

{cells(table)}

{machine()}
"""
