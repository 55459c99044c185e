"""Signals to try things on, and what must hold for every signal layer, and every model made of them, however
run.
"""

import inspect

import keras
import numpy as np
import soundfile
import tensorflow as tf

from keras_ser.dsp.spectrum import frame_count


def generated(seed=0):
    """Name → float32 [samples] at 16 kHz, of lengths that are no multiples of anything."""
    rng, t = np.random.default_rng(seed), np.arange(17003) / 16000
    noise = rng.normal(size=t.shape)
    signals = {
        "silence": np.zeros(9001),
        "impulse": np.eye(1, 11003, 5000)[0],
        "chirp": 0.8 * np.sin(2 * np.pi * (100 * t + 3500 * t**2)),
        "noise": 0.2 * noise,
        "loud then silent": np.where(t < 0.5, noise.clip(-1, 1), 0.0),
        "quiet": 1e-4 * noise[:13007],
    }
    return {name: y.astype(np.float32) for name, y in signals.items()}


def recordings(real_data, n=6):
    """Name → float32 [samples] at 16 kHz: ``n`` clips of Emo-DB, from all over the corpus."""
    paths = sorted((real_data / "emodb" / "wav").iterdir())
    paths = [paths[i] for i in np.linspace(0, len(paths) - 1, n, dtype=int)]
    return {path.stem: soundfile.read(path, dtype="float32")[0] for path in paths}


def padded(signals):
    """→ waveform float32 [batch, samples] with noise in the padding, lengths int32 [batch]"""
    lengths = np.array([len(y) for y in signals.values()], np.int32)
    waveform = np.random.default_rng(1).uniform(-1, 1, (len(signals), lengths.max())).astype(np.float32)
    for row, y in zip(waveform, signals.values(), strict=True):
        row[: len(y)] = y
    return waveform, lengths


def check_layer(layer, x, lengths, tmp_path, atol, **rows):
    """Alone = in a batch = batched or unbatched in ``tf.data`` = saved and reloaded = exported and served
    with another batch size and length; eager = graph; padding is not read and comes out as 0; the
    configuration makes a round trip.

    ``layer``: called as layer(x, lengths, **rows), or a model of [waveform, lengths]. ``x``: [batch,
    samples], or features [batch, frames, ...] of a layer with ``hop_length``; the clips should differ in
    length. ``rows``: further arguments, one value a clip. ``atol``: greatest difference to the batched
    result. Returns that result.
    """
    x, lengths = np.asarray(x, np.float32), np.asarray(lengths, np.int32)
    ends = lengths if x.ndim == 2 else frame_count(lengths, layer.hop_length)
    inputs = {"x": x, "lengths": lengths, **{name: np.asarray(row) for name, row in rows.items()}}
    model = _model(layer, inputs)
    batched = _run(model, inputs)

    def check(outputs, what, rows=slice(None)):
        for whole, output in zip(batched, outputs, strict=True):
            whole = whole[rows]
            assert output.dtype == whole.dtype, what
            if whole.ndim > 1:  # time may be padded further in one than in the other: with zeros
                n = min(whole.shape[1], output.shape[1])
                assert not whole[:, n:].any(), f"{what}: not zero in the padding"
                assert not output[:, n:].any(), f"{what}: not zero in the padding"
                whole, output = whole[:, :n], output[:, :n]
            assert np.isfinite(output).all(), what
            np.testing.assert_allclose(output, whole, rtol=0, atol=atol, err_msg=what)

    padding = np.arange(x.shape[1]) >= ends[:, None]
    padding = padding.reshape(padding.shape + (1,) * (x.ndim - 2))
    check(_run(model, {**inputs, "x": np.where(padding, np.float32(7), x)}), "other padding")
    check(_run(tf.function(model), inputs), "graph")

    alone = [{name: value[i : i + 1] for name, value in inputs.items()} for i in range(len(x))]
    for i, end in enumerate(ends):
        alone[i]["x"] = alone[i]["x"][:, :end]
        check(_run(model, alone[i]), f"clip {i} alone", slice(i, i + 1))

    clips = tf.data.Dataset.from_tensor_slices(inputs)
    (outputs,) = clips.batch(len(x)).map(lambda batch: tf.nest.flatten(model(batch)))
    check([output.numpy() for output in outputs], "batched in tf.data")
    single = clips.map(lambda clip: tf.nest.flatten(model({k: v[None] for k, v in clip.items()})))
    for i, outputs in enumerate(single):
        check([output.numpy() for output in outputs], f"clip {i} in tf.data", slice(i, i + 1))

    model.save(tmp_path / "model.keras")
    check(_run(keras.saving.load_model(tmp_path / "model.keras"), inputs), "reloaded")

    model.export(tmp_path / "exported", verbose=False)
    served = tf.saved_model.load(tmp_path / "exported")
    check(_run(served.serve, inputs), "exported")
    check(_run(served.serve, alone[0]), "exported, another batch", slice(0, 1))

    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    check(_run(_model(again, inputs), inputs), "from its configuration")
    return batched[0] if len(batched) == 1 else batched


def check_without_lengths(layer, x, **rows):
    """Without lengths a layer returns one tensor, the same as with the lengths of full rows; its shape is known before
    any data, in a graph and by ``compute_output_shape``.

    ``x``: the first input, [batch, ...], or a list of such. ``rows``: further inputs, one value for each clip.
    """
    output = layer(x, **rows)
    assert isinstance(output, tf.Tensor)
    shapes = keras.tree.map_structure(lambda array: array.shape, x)
    shape = layer.compute_output_shape(shapes)
    assert tf.TensorShape(shape).is_compatible_with(output.shape)
    open_axes = set(np.flatnonzero([size is None for size in shape]))
    assert open_axes <= ({1} if rows else set())  # only the rate of a time stretch leaves a length open

    symbols = keras.tree.map_structure(lambda array: keras.Input(array.shape[1:]), x)
    symbol = layer(symbols, **{name: keras.Input(()) for name in rows})
    assert symbol.shape == (None, *shape[1:])
    assert symbol.dtype == output.dtype.name
    data = tf.data.Dataset.from_tensors((tuple(x),) if isinstance(x, list) else (x,))
    data = data.map(lambda x: layer(list(x) if isinstance(x, tuple) else x, **rows))
    assert data.element_spec.shape.is_compatible_with(shape)
    assert set(np.flatnonzero([size is None for size in data.element_spec.shape])) <= open_axes
    (in_data,) = data.as_numpy_iterator()
    np.testing.assert_allclose(in_data, output, rtol=0, atol=1e-4)

    if "lengths" in inspect.signature(layer.call).parameters:
        n, size = output.shape[0], keras.tree.flatten(x)[0].shape[1]
        full = [size if keras.tree.flatten(x)[0].ndim == 2 else layer.hop_length * size] * n
        with_lengths = tf.nest.flatten(layer(x, np.array(full), **rows))  # int64
        np.testing.assert_allclose(with_lengths[0], output, rtol=0, atol=1e-4)


def _model(layer, inputs):
    """The layer as a model of a dictionary of inputs whose batch and time axes are open."""
    symbols = {
        name: keras.Input((None, *array.shape[2:])[: array.ndim - 1], dtype=str(array.dtype), name=name)
        for name, array in inputs.items()
    }
    arguments = dict(symbols)
    x, lengths = arguments.pop("x"), arguments.pop("lengths")
    output = layer([x, lengths]) if isinstance(layer, keras.Model) else layer(x, lengths, **arguments)
    return keras.Model(symbols, output)


def _run(function, inputs):
    outputs = function({name: tf.constant(array) for name, array in inputs.items()})
    return [output.numpy() for output in tf.nest.flatten(outputs)]


def examples_of(matrix):
    """True and predicted class of each example of a confusion matrix, rows true. → two int arrays"""
    counts = np.asarray(matrix)
    return tuple(np.repeat(classes.ravel(), counts.ravel()) for classes in np.indices(counts.shape))
