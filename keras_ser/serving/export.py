"""A stored run as a SavedModel of the whole chain: raw audio in, probabilities out, TensorFlow alone.

``<out>/``: the SavedModel; ``README.md``, its model card; ``assets.extra/keras_ser.json`` (what it is, for programs),
``assets.extra/tf_serving_warmup_requests`` and ``assets.extra/selftest.npz`` (signals and the probabilities that the
training path gives them), from which :mod:`keras_ser.serving.exported` can tell at any time, anywhere, whether the
model still answers as it should; where TensorFlow Lite has the operators, ``assets.extra/model.tflite`` and
``model_float16.tflite`` (see :mod:`keras_ser.serving.tflite`);
``SHA256SUMS`` of all of them but the card, as ``sha256sum --check`` reads it.
Signatures, all of which answer ``probabilities`` [batch, classes], ``class_index`` and ``label`` [batch]:

- ``serving_default``: ``waveform`` float32 [batch, samples] at the model's rate (one without a rate takes recordings as
  they are), every clip filling its row;
- ``padded``: ``waveform`` and ``lengths`` int32 [batch], for clips that differ in length; where a clip has no sample,
  ``probabilities`` are NaN, ``class_index`` is -1 and ``label`` "";
- ``wav_bytes``: ``wav_bytes`` string [batch], each a WAV file as :mod:`keras_ser.serving.wav` decodes them: PCM or
  float, any rate, any number of channels. It also answers ``status`` [batch]: "ok", or why a file cannot be decoded,
  whose ``probabilities`` are then NaN, its ``class_index`` -1 and its ``label`` "";
- ``describe``: nothing → ``json``, the content of keras_ser.json.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_ser import audio, files
from keras_ser.data import features
from keras_ser.dsp.graph import LENGTHS, WAVEFORM, graph
from keras_ser.dsp.resample import resample, resample_any
from keras_ser.errors import UserError
from keras_ser.serving import exported, saved_model, tflite, wav
from keras_ser.serving.card import about_lite, card
from keras_ser.serving.chain import ANY_RATE, adapted_to, chain, describe


def export(run, out, stored=None, statistics=None):
    """Write ``run`` to the folder ``out``, whole or not at all. → dict: greatest differences that the self-test found.

    ``stored``: from :func:`keras_ser.serving.chain.stored_clips`, to compare the exported model with too.
    ``statistics``: as of :func:`keras_ser.serving.chain.chain`; what the run stored was answered by those of train.

    Raises UserError if there is something at ``out`` already, the disk does not take it, or the self-test fails.
    """
    out = Path(out)
    check_is_free(out)
    model = chain(run, statistics)
    facts = describe(run, statistics.recordings if statistics else adapted_to(model))
    with files.replaced(out) as folder, files.temporary(folder.parent):
        _write_saved_model(model, facts, folder)
        (folder / exported.EXTRA).mkdir()
        (folder / exported.FACTS).write_text(json.dumps(facts, indent=1) + "\n")
        test = _self_test(model, facts)
        np.savez_compressed(folder / exported.SELF_TEST, **test)
        lite, why_not = tflite.convert(model, facts["sample_rate"] or ANY_RATE)
        lite = {bits: (content, exported.lite_difference(content, test)) for bits, content in lite.items()}
        if lite and not lite[32][1] <= tflite.TOLERANCE[32]:  # of a difference that is no number neither is true
            lite, why_not = {}, "There is no TensorFlow Lite model: TensorFlow Lite answers otherwise than TensorFlow."
        elif lite and not lite[16][1] <= tflite.TOLERANCE[16]:  # some of its numbers have no room in 16 bits
            del lite[16]
        for bits, (content, _) in lite.items():
            (folder / exported.LITE[bits]).write_bytes(content)
        text = card(run, facts, why_not or about_lite(facts, lite))
        (folder / exported.CARD).write_text(text, encoding="utf-8")
        _write_warmup(test, folder / exported.WARMUP)
        sums = "".join(f"{digest}  {name}\n" for name, digest in exported.sums_of(folder).items())
        (folder / exported.SUMS).write_text(sums)
        return exported.verify(folder, stored)


def check_is_free(out):
    """Raises UserError where there is something at ``out`` already."""
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"output directory {out} is not empty: choose another or delete it")


def _write_saved_model(model, facts, folder):
    labels = tf.constant(facts["labels"])
    text = json.dumps(facts)

    in_groups = _in_groups(model)

    def answers(good, probabilities, place, label):
        """Of clips that are not ``good`` [batch] there are none."""
        return {
            "probabilities": tf.where(good[:, None], probabilities, np.nan),
            "class_index": tf.where(good, place, -1),
            "label": tf.where(good, label, ""),
        }

    def padded(waveform, lengths):
        probabilities = in_groups(waveform, lengths)
        place = tf.argmax(probabilities, axis=1)
        return answers(lengths > 0, probabilities, place, tf.gather(labels, place))

    answer = graph(padded, WAVEFORM, LENGTHS)  # of all signatures: the model is traced, and stored, once

    def serving_default(waveform):
        return answer(waveform, tf.fill(tf.shape(waveform)[:1], tf.shape(waveform)[1]))

    def wav_bytes(wav_bytes):
        def decode(content):
            waveform, rate, status = wav.decode(content, first_channel=facts["first_channel"])
            own_rate = facts["sample_rate"]

            def sound():
                return resample_any(waveform, rate, target_sr=own_rate) if own_rate else waveform

            def silence():  # for a second, which the model answers in place of what cannot be decoded
                return tf.zeros([own_rate or ANY_RATE])

            return tf.cond(tf.equal(status, wav.OK), sound, silence), status

        clip = tf.RaggedTensorSpec([None], tf.float32, 0)
        clips, status = tf.map_fn(decode, wav_bytes, fn_output_signature=(clip, tf.TensorSpec([], tf.string)))
        found = answer(clips.to_tensor(), tf.cast(clips.row_lengths(), tf.int32))
        good = tf.equal(status, wav.OK)
        return {**answers(good, found["probabilities"], found["class_index"], found["label"]), "status": status}

    functions = {
        "serving_default": graph(serving_default, WAVEFORM),
        "padded": answer,
        "wav_bytes": graph(wav_bytes, tf.TensorSpec([None], tf.string, "wav_bytes")),
        "describe": graph(lambda: {"json": tf.constant(text)}),
    }
    saved_model.write(folder, model, functions)


def _in_groups(model):
    """(waveform [batch, samples], lengths [batch]) → probabilities: by groups of clips of similar lengths, each padded
    to its longest. A group is as large as a batch of :mod:`keras_ser.data.features`, for the same reason.
    """
    size, n_classes = features.BATCH_CLIPS, model.output_shape[1]

    def answer(waveform, lengths):
        order = tf.argsort(lengths)
        n_groups = -(-tf.size(order) // size)

        def group(number, answers):
            rows = order[number * size : (number + 1) * size]
            own_lengths = tf.gather(lengths, rows)
            clips = tf.gather(waveform[:, : tf.reduce_max(own_lengths)], rows)
            return number + 1, answers.write(number, model([clips, own_lengths]))

        empty = tf.TensorArray(model.output.dtype, n_groups, infer_shape=False, element_shape=[None, n_classes])
        # One at a time: several would share the cache.
        _, answers = tf.while_loop(lambda number, _: number < n_groups, group, (0, empty), parallel_iterations=1)
        return tf.gather(answers.concat(), tf.argsort(order))

    return answer


def _self_test(model, facts):
    """Signals of different lengths, levels and rates, and what the training path answers. → arrays for savez

    ``facts``: from :func:`describe`.
    """
    sample_rate = facts["sample_rate"] or ANY_RATE

    def answer(y):
        return model([y[None], np.array([len(y)], np.int32)]).numpy()

    def answer_to_file(content):
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(content)
            y, rate = audio.read(file.name, first_channel=facts["first_channel"])
        resampled, _ = resample(y[None], orig_sr=rate, target_sr=facts["sample_rate"] or rate)
        return answer(resampled.numpy()[0])

    rng = np.random.default_rng(0)
    clips = []
    for seconds, level in ((1.3, 0.2), (0.4, 0.02), (2.1, 0.5)):
        t = np.arange(int(seconds * sample_rate)) / sample_rate
        tone = np.sin(2 * np.pi * (120 * t + 60 * np.sin(2 * np.pi * 3 * t) + 400 * t**2))
        clips.append((level * (tone + 0.1 * rng.normal(size=t.shape)) / 1.5).astype(np.float32))
    waveform, lengths = features.padded(clips)
    recordings = []
    for y, rate, n_channels in zip(clips, (sample_rate, 44100, 12000), (1, 2, 1), strict=True):
        resampled, _ = resample(y[None], orig_sr=sample_rate, target_sr=rate)
        channels = resampled[0][:, None] * tf.linspace(0.5, 1.0, n_channels)
        recordings.append(tf.audio.encode_wav(channels, rate).numpy())
    return {
        "waveform": waveform,
        "lengths": lengths,
        "probabilities": np.concatenate([answer(y) for y in clips]),
        "wav_bytes": np.concatenate([np.frombuffer(content, np.uint8) for content in recordings]),
        "wav_lengths": np.array([len(content) for content in recordings]),
        "wav_probabilities": np.concatenate([answer_to_file(content) for content in recordings]),
    }


def _write_warmup(test, path):
    """Requests that TensorFlow Serving sends when it loads the model, as tensorflow.serving.PredictionLog records.

    The messages are put together here, field by field: the package with their classes is larger than everything else.
    """
    first = test["wav_bytes"][: test["wav_lengths"][0]].tobytes()
    requests = {
        "serving_default": {"waveform": test["waveform"][:1]},
        "padded": {"waveform": test["waveform"], "lengths": test["lengths"]},
        "wav_bytes": {"wav_bytes": np.array([first], object)},
    }
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests.items():
            spec = _field(3, signature.encode())  # ModelSpec.signature_name
            request = _field(1, spec)  # PredictRequest.model_spec
            for name, value in inputs.items():
                tensor = tf.make_tensor_proto(value).SerializeToString()
                request += _field(2, _field(1, name.encode()) + _field(2, tensor))  # .inputs: key, value
            writer.write(_field(6, _field(1, request)))  # PredictionLog.predict_log, PredictLog.request


def _field(number, payload):
    """One length-delimited field of a protocol buffer."""
    length, size = len(payload), b""
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + payload
