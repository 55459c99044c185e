"""A stored run as a SavedModel of the whole chain: raw audio in, probabilities out, TensorFlow alone.

``<out>/``: the SavedModel; ``README.md``, its model card; ``assets.extra/keras_ser.json`` (what it is, for programs),
``assets.extra/tf_serving_warmup_requests`` and ``assets.extra/selftest.npz`` (signals and the probabilities that the
training path gives them), from which :func:`verify` can tell at any time, anywhere, whether the model still answers as
it should; where TensorFlow Lite has the operators, ``assets.extra/model.tflite`` and ``model_float16.tflite`` (see
:mod:`keras_ser.serving.tflite`);
``SHA256SUMS`` of all of them but the card, as ``sha256sum --check`` reads it.
Signatures, all of which answer ``probabilities`` [batch, classes], ``class_index`` and ``label`` [batch]:

- ``serving_default``: ``waveform`` float32 [batch, samples] at the model's rate (one without a rate takes recordings as
  they are), every clip filling its row;
- ``padded``: ``waveform`` and ``lengths`` int32 [batch], for clips that differ in length;
- ``wav_bytes``: ``wav_bytes`` string [batch], each a WAV file as :mod:`keras_ser.serving.wav` decodes them: PCM or
  float, any rate, any number of channels. It also answers ``status`` [batch]: "ok", or why a file cannot be decoded,
  whose ``probabilities`` are then NaN, its ``class_index`` -1 and its ``label`` "";
- ``describe``: nothing → ``json``, the content of keras_ser.json.
"""

import hashlib
import json
import math
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_ser import audio, corpora, files, reports
from keras_ser.data import features, leakage
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.dsp.graph import LENGTHS, WAVEFORM, graph
from keras_ser.dsp.resample import resample, resample_any
from keras_ser.errors import UserError
from keras_ser.layers import Decimate, FixFrames, FixSamples
from keras_ser.reports import extensions
from keras_ser.runs import archive, layout, passes, store
from keras_ser.serving import saved_model, tflite, wav
from keras_ser.training.metrics import SCORES

TOLERANCE = 1e-4  # of a probability
STORED_TOLERANCE = 1e-3  # of one that the run stored, which another device may have computed
STORED_CLIPS = 16  # so many of a run's test clips are compared with what it stored
EXTRA = "assets.extra"
LITE = {bits: f"{EXTRA}/{name}" for bits, name in tflite.FILES.items()}
SUMS = "SHA256SUMS"
CARD = "README.md"
ADVICE = "the export is damaged: export the run again"
ANY_RATE = 16000  # Hz, of the self-test of a model that takes recordings at their own rate


@dataclass(frozen=True)
class Statistics:
    """By what a model standardises its features in place of those of train: ``mean`` and ``variance`` [features] of so
    many ``recordings`` (or windows of them).
    """

    mean: np.ndarray
    variance: np.ndarray
    recordings: int


def open_run(folder):
    """The complete run stored in ``folder``. Raises UserError where it is none, or one that cannot be exported."""
    run = store.read(folder)
    if run is None:
        raise UserError(f"{folder}: no run is stored there (a run is a folder …/seed-<k> with run.json)")
    if run.diverged:
        raise UserError(f"{folder}: this run diverged in epoch {run.facts['diverged_at']} and left no model")
    if not store.is_complete(run):
        raise UserError(f"{folder}: model.keras is missing (models are not part of the repository): reproduce the run")
    return run


def standardisation(network):
    """The layer by which a network standardises all its features before anything is learnt of them, None if it has
    none. ``network``: features [batch, features] → probabilities.
    """
    normalizations = [
        layer for layer in network._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)
    ]
    of_all = [layer for layer in normalizations if layer.moving_mean.shape == network.input_shape[1:]]
    return next((layer for layer in of_all if not layer.center and not layer.scale), None)


def chain(run, statistics=None):
    """The training path of a run as one model: waveform [batch, samples], lengths [batch] → probabilities.

    ``statistics``: :class:`Statistics`, of a network that has a :func:`standardisation`.

    Raises UserError if the report's front end is no longer the one that the run was trained with.
    """
    front_end = extensions.experiment_of(run.facts).front_end
    if run.facts["features"] != "tensorflow":
        advice = "reproduce the run with --backend tensorflow" if front_end.graph else "export another experiment"
        raise UserError(
            f"{run.folder}: trained on features of {run.facts['features']}, which an exported model cannot compute: "
            f"{advice}"
        )
    if features.front_end_facts(front_end, "tensorflow") != run.facts["decided_by"]["front_end"]:
        raise UserError(f"{run.folder}: trained on other features than this version computes: reproduce the run")
    graph = front_end.graph()
    network = run.model()
    if statistics:
        layer = standardisation(network)
        layer.moving_mean.assign(statistics.mean)
        layer.moving_variance.assign(statistics.variance)
    if network.input_shape != graph.output_shape:
        raise UserError(
            f"{run.folder / store.MODEL}: takes features {network.input_shape}, the report's are {graph.output_shape}: "
            f"{store.ADVICE}"
        )
    # Keras's image layers take themselves to be in training, and what follows them too, unless told otherwise.
    return keras.Model(graph.inputs, network(graph.output, training=False), name=run.facts["report"])


def adapted_to(model):
    """Of a :func:`chain` without statistics: 0 where it could be adapted to recordings, None where it cannot."""
    return None if standardisation(model.layers[-1]) is None else 0  # what comes after the front end


def describe(run, adapted_to=None):
    """What a program that uses the model must know. JSON.

    ``hears_samples``: how many samples from the start of a clip, at ``sample_rate``, the model takes in, None for all;
    ``sample_rate``: None for a model that takes recordings at their own rate; ``scores``: on the run's own test clips;
    ``by_protocol``: protocol → number of the whole ``repetitions`` of the same experiment that are stored, and their
    mean ``accuracy`` and ``uar``; ``common_labels``: those of ``labels`` that every corpus has that it was trained on;
    ``calibration``: of :func:`keras_ser.serving.calibrate.calibrate`, None of a run that is as it was trained;
    ``adapted_to``: how many recordings, 0 where it could be and is not (:func:`adapted_to`), None where it cannot be.
    """
    facts = run.facts
    front_end = extensions.experiment_of(facts).front_end
    layers = front_end.graph().layers
    divisor = math.prod(layer.factor for layer in layers if isinstance(layer, Decimate))
    cuts = [layer.n_samples for layer in layers if isinstance(layer, FixSamples)]
    cuts += [layer.n_frames * layer.hop_length * divisor for layer in layers if isinstance(layer, FixFrames)]
    names = "report experiment protocol seed fold fitted_on corpus synthetic clips labels sample_rate loss epochs_run"
    trained_on_corpora, of_train = trained_on(run), {}
    if trained_on_corpora != facts["corpora"]:
        n_clips = sum(facts["clips_by_corpus"][name] for name in trained_on_corpora)
        of_train = {"corpus": corpora.titles(trained_on_corpora), "clips": n_clips}
    return {
        **{name: facts[name] for name in [*names.split(), "parameters"]},
        **of_train,
        "first_channel": front_end.first_channel,
        "hears_samples": min(cuts, default=None),
        "scores": {name: run.metrics[name] for name in SCORES},
        "by_protocol": facts.get("by_protocol") or by_protocol(run),
        "common_labels": facts.get("common_labels", facts["labels"]),
        "calibration": facts.get("calibration"),
        "adapted_to": adapted_to,
        "environment": {**facts["environment"], "tensorflow_of_export": version("tensorflow")},
    }


def trained_on(run):
    """The corpora whose clips are not all test clips. → list of names"""
    facts = run.facts
    if PROTOCOLS[facts["protocol"]].held_out != ("corpus",):
        return facts["corpora"]
    tested = set(run.predictions()["corpus"])
    return [name for name in facts["corpora"] if name not in tested]


def stored_clips(run, root, table=None):
    """What a run stored for its test clips (those without a transform) whose recordings lie in the data root ``root``,
    or stand in ``table``, the manifest of a user's own recordings.

    → DataFrame of :meth:`keras_ser.runs.store.Run.predictions` and ``path``; empty if there are none
    """
    names = [name for name in run.facts["corpora"] if name in corpora.CORPORA and (Path(root) / name).is_dir()]
    if table is None and not names:
        return run.predictions().iloc[:0].assign(path=[])
    recordings = corpora.joined(names, root) if table is None else table
    recordings = recordings[recordings["synthetic"] == run.facts["synthetic"]]
    return run.predictions().query("transform == 'none'").merge(recordings[["clip", "path"]], on="clip")


def export(run, out, stored=None, statistics=None):
    """Write ``run`` to the folder ``out``, whole or not at all. → dict: greatest differences that the self-test found.

    ``stored``: from :func:`stored_clips`, to compare the exported model with too. ``statistics``: as of :func:`chain`;
    what the run stored was answered by those of train.

    Raises UserError if there is something at ``out`` already, the disk does not take it, or the self-test fails.
    """
    out = Path(out)
    check_is_free(out)
    model = chain(run, statistics)
    facts = describe(run, statistics.recordings if statistics else adapted_to(model))
    with files.replaced(out) as folder, files.temporary(folder.parent):
        _write_saved_model(model, facts, folder)
        extra = folder / EXTRA
        extra.mkdir()
        (extra / "keras_ser.json").write_text(json.dumps(facts, indent=1) + "\n")
        test = _self_test(model, facts)
        np.savez_compressed(extra / "selftest.npz", **test)
        lite, why_not = tflite.convert(model, facts["sample_rate"] or ANY_RATE)
        lite = {bits: (content, _lite_difference(content, test)) for bits, content in lite.items()}
        if lite and not lite[16][1] <= tflite.TOLERANCE[16]:  # some of its numbers have no room in 16 bits
            del lite[16]
        for bits, (content, _) in lite.items():
            (folder / LITE[bits]).write_bytes(content)
        (folder / CARD).write_text(_card(run, facts, why_not or _about_lite(facts, lite)), encoding="utf-8")
        _write_warmup(test, extra / "tf_serving_warmup_requests")
        (folder / SUMS).write_text("".join(f"{digest}  {name}\n" for name, digest in _sums(folder).items()))
        return verify(folder, stored)


def check_is_free(out):
    """Raises UserError where there is something at ``out`` already."""
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"output directory {out} is not empty: choose another or delete it")


def _write_saved_model(model, facts, folder):
    labels = tf.constant(facts["labels"])
    text = json.dumps(facts)

    def padded(waveform, lengths):
        probabilities = model([waveform, lengths])
        place = tf.argmax(probabilities, axis=1)
        return {"probabilities": probabilities, "class_index": place, "label": tf.gather(labels, place)}

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
        answers = answer(clips.to_tensor(), tf.cast(clips.row_lengths(), tf.int32))
        good = tf.equal(status, wav.OK)
        return {
            "probabilities": tf.where(good[:, None], answers["probabilities"], np.nan),
            "class_index": tf.where(good, answers["class_index"], -1),
            "label": tf.where(good, answers["label"], ""),
            "status": status,
        }

    functions = {
        "serving_default": graph(serving_default, WAVEFORM),
        "padded": answer,
        "wav_bytes": graph(wav_bytes, tf.TensorSpec([None], tf.string, "wav_bytes")),
        "describe": graph(lambda: {"json": tf.constant(text)}),
    }
    saved_model.write(folder, model, functions)


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


def _sums(folder):
    """→ dict: path in an exported folder → SHA-256 of the file"""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in paths]
    hashes = (hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    return {name: digest for name, digest in zip(names, hashes, strict=True) if name not in (SUMS, CARD)}


def opened(folder):
    """An exported model whose files are what was exported. → its signatures, and what :func:`describe` says of it

    Raises UserError if ``folder`` is no exported model, or a file of it is damaged or missing.
    """
    folder = Path(folder)
    if not (folder / SUMS).is_file():
        raise UserError(f"{folder}: no model exported by this version of keras-ser ({SUMS} is missing)")
    with files.reading(folder / SUMS, ADVICE):
        stated = {name: digest for digest, name in (line.split("  ", 1) for line in _lines(folder / SUMS))}
        sums = _sums(folder)
    for name in [*stated, *(name for name in sums if name not in stated)]:
        if stated.get(name) != sums.get(name):
            problem = "missing" if name not in sums else "not what was exported"
            raise UserError(f"{folder / name}: {problem}: {ADVICE}")
    with files.reading(folder, ADVICE):
        served = tf.saved_model.load(str(folder)).signatures
        return served, json.loads(served["describe"]()["json"].numpy())


def _lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def _lite_difference(content, test):
    return tflite.difference(content, test["waveform"], test["lengths"], test["probabilities"])


def verify(folder, stored=None):
    """Run the stored self-test of an exported model. → dict: what was asked → greatest difference of a probability.

    ``stored``: from :func:`stored_clips`; then also as :func:`compare_with_stored`.

    Raises UserError if ``folder`` is no exported model, a file of it is damaged, or one probability differs by more
    than ``TOLERANCE`` (of TensorFlow Lite: ``tflite.TOLERANCE``).
    """
    folder = Path(folder)
    served, facts = opened(folder)
    with files.reading(folder / EXTRA / "selftest.npz", ADVICE):
        test = dict(np.load(folder / EXTRA / "selftest.npz"))
        waveform, lengths, expected = test["waveform"], test["lengths"], test["probabilities"]
        recordings = np.split(test["wav_bytes"], np.cumsum(test["wav_lengths"])[:-1])
    recordings = tf.constant([file.tobytes() for file in recordings])

    def ask(signature, **inputs):
        return served[signature](**{name: tf.constant(value) for name, value in inputs.items()})["probabilities"]

    alone = [ask("serving_default", waveform=y[None, :n])[0] for y, n in zip(waveform, lengths, strict=True)]
    answers = {
        "serving_default, one clip at a time": (np.stack(alone), expected),
        "padded, a batch of all": (ask("padded", waveform=waveform, lengths=lengths), expected),
        "padded, a batch of two": (ask("padded", waveform=waveform[:2], lengths=lengths[:2]), expected[:2]),
        "wav_bytes, a batch of all": (ask("wav_bytes", wav_bytes=recordings), test["wav_probabilities"]),
        "wav_bytes, one file": (ask("wav_bytes", wav_bytes=recordings[1:2]), test["wav_probabilities"][1:2]),
    }
    differences = {name: float(np.abs(obtained - known).max()) for name, (obtained, known) in answers.items()}
    allowed = dict.fromkeys(differences, TOLERANCE)
    for bits, name in LITE.items():
        if (folder / name).is_file():
            asked = f"TensorFlow Lite, weights of {bits} bits, one clip at a time"
            differences[asked] = _lite_difference((folder / name).read_bytes(), test)
            allowed[asked] = tflite.TOLERANCE[bits]
    # Not a number is not within the tolerance.
    wrong = [f"{name}: {difference:.2g}" for name, difference in differences.items() if not difference <= allowed[name]]
    if wrong:
        raise UserError(f"{folder}: probabilities differ from those of the training path by {'; '.join(wrong)}")
    if stored is not None and len(stored):
        differences |= compare_with_stored(served, facts, stored)
    return differences


def compare_with_stored(served, facts, stored):
    """Put test clips of a run to its exported model. → dict: what was compared → greatest difference of a probability.

    ``served``, ``facts``: the model, from :func:`opened`. ``stored``: from :func:`stored_clips`; ``STORED_CLIPS`` of
    them are taken, evenly.

    Raises UserError if one differs by more than ``STORED_TOLERANCE``, or a recording cannot be read.
    """
    ask = served["serving_default"]
    chosen = stored.iloc[:: math.ceil(len(stored) / STORED_CLIPS)].reset_index(drop=True)
    answers = []
    for path in chosen["path"]:
        y, rate = audio.read(path, first_channel=facts["first_channel"])
        waveform, _ = resample(y[None], orig_sr=rate, target_sr=facts["sample_rate"] or rate)
        answers.append(ask(waveform=waveform)["probabilities"][0])
    expected = chosen[[f"p_{label}" for label in facts["labels"]]].to_numpy()
    # Of classes that some corpora alone have the run asked where the clip's corpus has them, and stored 0 elsewhere.
    of_some = [label not in facts["common_labels"] for label in facts["labels"]]
    answers = np.where((expected == 0) & of_some, 0, np.stack(answers))
    differences = np.abs(answers / answers.sum(axis=1, keepdims=True) - expected).max(axis=1)  # [clips]
    # Not a number is not within the tolerance.
    wrong = chosen["clip"][~(differences <= STORED_TOLERANCE)].tolist()
    if wrong:
        raise UserError(
            f"the model answers otherwise than the run stored for {len(wrong)} of {len(chosen)} test clips, by up to "
            f"{differences.max():.2g} ({wrong[0]}): the recordings or the code have changed since: run it again"
        )
    return {f"serving_default, {len(chosen)} test clips as the run stored them": float(differences.max())}


def _field(number, payload):
    """One length-delimited field of a protocol buffer."""
    length, size = len(payload), b""
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + payload


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


def _card(run, facts, about_lite):
    """The model card."""
    report = reports.load(facts["report"])
    labels = ", ".join(facts["labels"])
    used = "\n".join(
        f"- {corpus.title}: {corpus.citation}. Licence: {corpus.licence}. {corpus.home}"
        for corpus in [corpora.get(name) for name in trained_on(run) if name in corpora.CORPORA]
    )
    rate = f"{facts['sample_rate']} Hz" if facts["sample_rate"] else "at the recording's own rate"
    hears = "the whole"
    if facts["hears_samples"]:
        seconds = f" ({facts['hears_samples'] / facts['sample_rate']:.1f} s)" if facts["sample_rate"] else ""
        hears = f"the first {facts['hears_samples']} samples{seconds}"
    channels = "the first is used" if facts["first_channel"] else "they are averaged"
    rows = "\n".join(_scores(facts))
    rate_hz = facts["sample_rate"] or ANY_RATE
    fold = "" if facts["fold"] is None else f", fold {facts['fold']}"
    acted = corpora.are_known(run.facts["corpora"])
    info = leakage.sheet(
        facts["protocol"],
        run.facts["shared"],
        leakage.Fitting(tuple(run.facts["chosen_on"]), tuple(run.facts["from_all"])),
        run.facts["test_speakers"],
        acted=acted,
    )
    limits = (
        "Acted speech, in one language, of few speakers, recorded in silence. Acted emotions are not felt ones."
        if acted
        else "What it was not trained on (other speakers, languages, rooms, microphones) it may answer worse."
    )
    warning = (
        "\n**Trained on synthetic speech: it says nothing about people. For trying out software only.**\n"
        if facts["synthetic"]
        else ""
    )
    guard = "; `keras-ser predict` gives no answer to what is no speech" if facts["calibration"] else ""
    return f"""# {report.title}: {facts["experiment"]}
{warning}
Waveform in (mono, {rate}, [-1, 1]), probabilities of {len(facts["labels"])} classes out: {labels}.

- Source: {report.source}. Re-implemented and exported by keras_ser {facts["environment"]["keras_ser"]}.
- Trained on {facts["corpus"]}, {facts["clips"]} clips, protocol `{facts["protocol"]}`, repetition
  {facts["seed"]}{fold}, fitted on {" and ".join(facts["fitted_on"])}.
{used}
- It uses {hears} of a clip.
- {facts["parameters"]:,} parameters, {facts["epochs_run"]} epochs, loss {facts["loss"]}.
{_calibration(facts)}{_adaptation(facts)}
## Scores

This model on its own test clips, then all whole repetitions of the same experiment under each protocol (means).

| protocol | repetitions | accuracy | UAR |
|---|---|---|---|
{rows}

`as_reported` repeats the report's own split, in which train and test may share clips, words or speakers. For unseen
speakers expect the `speaker_independent` score.

## Model info sheet

Types of leakage (Kapoor and Narayanan, Patterns, 2023) in the split that this model was scored with.

{info.to_markdown(index=False)}

## Limits

{limits}
Do not use it for decisions about people. Input of another kind (telephone, noise, music, other languages)
still gets probabilities, which then mean nothing{guard}.

## Use

```python
import numpy as np
import tensorflow as tf

model = tf.saved_model.load(".")  # this directory
waveform = np.zeros([2, {rate_hz}], np.float32)  # one second each of two sounds in [-1, 1], at {rate_hz} Hz
answer = model.signatures["serving_default"](waveform=tf.constant(waveform))
print(answer["label"].numpy(), answer["probabilities"].numpy())

lengths = np.array([{rate_hz}, {rate_hz} // 2], np.int32)  # clips of different lengths, padded to one
model.signatures["padded"](waveform=tf.constant(waveform), lengths=tf.constant(lengths))

riff = tf.audio.encode_wav(waveform[0][:, None], {rate_hz})  # or tf.io.read_file("a.wav")
model.signatures["wav_bytes"](wav_bytes=tf.stack([riff]))
```

`wav_bytes` takes WAV files of 8, 16, 24 or 32-bit PCM or of 32 or 64-bit floats, {audio.RATES[0]} to
{audio.RATES[1]} Hz, with any number of channels ({channels}). It also answers `status`: "ok", or why a file
cannot be decoded. The probabilities of such a file are NaN and its label is ""; the others are answered.

TensorFlow Serving: `{{"signature_name": "wav_bytes", "instances": [{{"wav_bytes": {{"b64": "…"}}}}]}}`.
`python -m keras_ser verify DIR` repeats the self-test that the export ran.

{about_lite}
"""


def _about_lite(facts, lite):
    """What the card says of TensorFlow Lite. ``lite``: bits of a weight → content, difference of a probability"""
    rate = facts["sample_rate"] or ANY_RATE
    size = {bits: f"`{LITE[bits]}`, {len(content) / 1e6:.1f} MB" for bits, (content, _) in lite.items()}
    half = (
        f"{size[16]},\nholds its weights in 16 bits: probabilities differ by up to {lite[16][1]:.1g}.\n"
        if 16 in lite
        else ""
    )
    return f"""TensorFlow's runtime for small devices answers without TensorFlow: {size[32]},
takes a clip of at most {tflite.LONGEST_S:g} s in a row of that length. {half}
```python
import json
import numpy as np
from ai_edge_litert.interpreter import Interpreter  # pip install ai-edge-litert

runner = Interpreter("{LITE[32]}").get_signature_runner("{tflite.SIGNATURE}")
waveform = np.zeros([1, {round(tflite.LONGEST_S * rate)}], np.float32)  # at {rate} Hz, of which the clip comes first
answer = runner(waveform=waveform, lengths=np.array([{rate}], np.int32))  # a clip of one second
print(json.load(open("{EXTRA}/keras_ser.json"))["labels"][answer["probabilities"].argmax()])
```"""


def _calibration(facts):
    """What the card says of the probabilities, and of classes that one corpus alone has."""
    text, calibration = "", facts["calibration"]
    if calibration:
        text += (
            f"- Calibrated: temperature {calibration['temperature']:.2f}, fitted to the answers of the same experiment "
            f"for {calibration['clips']:,} clips of speakers\n  who are not in the training set of the network that "
            f"answered. Expected calibration error for such speakers {calibration['error_before']:.3f} before,\n  "
            f"{calibration['error_after']:.3f} after.\n"
        )
    some = [label for label in facts["labels"] if label not in facts["common_labels"]]
    if some:
        text += (
            f"- Classes that only some of its corpora have: {', '.join(some)}. Their probabilities mean nothing for "
            "other speech:\n  `keras-ser calibrate` makes a model of the classes that all have.\n"
        )
    return text


def _adaptation(facts):
    """What the card says of the recordings that the features are standardised by."""
    if facts["adapted_to"] is None:
        return ""
    if facts["adapted_to"] == 0:
        return (
            "- It standardises its features by its training data, and gives nearly all recordings made with other "
            "microphones the same\n  emotion: `keras-ser export --adapt` makes a model for those of your recordings.\n"
        )
    return (
        f"- Adapted to {facts['adapted_to']:,} recordings: it standardises its features by theirs. The scores below, "
        "and the temperature,\n  are those of the model as it was trained, on recordings like those of its training "
        "data: adapted, it is overconfident.\n"
    )


def by_protocol(run):
    """The whole repetitions of a run's setup that are stored beside it. → dict, see :func:`describe`"""
    facts, scores = run.facts, {}
    place = layout.place("", facts)
    folder = run.folder.resolve()
    if folder.parts[-len(place.parts) :] != place.parts:  # a copy, whose siblings are elsewhere
        return scores
    siblings = archive.read_all(layout.root_of(folder, facts), facts["report"])
    same = passes.whole([item for item in siblings if item.facts["setup"] == facts["setup"]])
    for protocol in PROTOCOLS:
        group = [item for item in same if item.facts["protocol"] == protocol and not item.diverged]
        if group:
            means = {name: float(np.mean([item.metrics[name] for item in group])) for name in ("accuracy", "uar")}
            scores[protocol] = {"repetitions": len(group), **means}
    return scores


def _scores(facts):
    """Rows of Markdown: this run, then the mean of the whole repetitions of its setup under each protocol."""
    scores = facts["scores"]
    yield f"| this model (`{facts['protocol']}`) | – | {scores['accuracy']:.3f} | {scores['uar']:.3f} |"
    for protocol, means in facts["by_protocol"].items():
        yield f"| `{protocol}` | {means['repetitions']} | {means['accuracy']:.3f} | {means['uar']:.3f} |"
