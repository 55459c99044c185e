"""The model card of an export: what the model is, what it was trained on, its scores, its limits, how to use it.

In: the run, and what :func:`keras_ser.serving.chain.describe` says of it. Out: Markdown, whose snippets run as they
stand in the exported folder.
"""

from keras_ser import audio, corpora, reports
from keras_ser.data import leakage
from keras_ser.reports import extensions
from keras_ser.serving import tflite
from keras_ser.serving.chain import ANY_RATE, trained_on
from keras_ser.serving.exported import FACTS, LITE


def card(run, facts, lite):
    """→ Markdown. ``lite``: what it says of TensorFlow Lite."""
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
        leakage.Fitting(
            tuple(run.facts["chosen_on"]),
            tuple(run.facts["from_all"]),
            frozenset(extensions.designed_on(run)),
            frozenset(extensions.known_of(run)),
        ),
        run.facts["test_speakers"],
        acted=acted,
    )
    limits = (
        "Acted speech recorded in silence; acted emotions differ from spontaneous ones."
        if acted
        else "What it was not trained on (other speakers, languages, rooms, microphones) it may answer worse."
    )
    made = "Trained" if facts["report"] in reports.RECIPES else "Re-implemented"
    as_reported = (
        "`as_reported` repeats the report's own split, in which train and test may share clips, words or speakers.\n"
        if "as_reported" in (facts["protocol"], *facts["by_protocol"])
        else ""
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

- Source: {report.source}. {made} and exported by keras_ser {facts["environment"]["keras_ser"]}.
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

{as_reported}For unseen speakers recorded like the training data, expect the `speaker_independent` score; for other
microphones, less.

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
cannot be decoded. The probabilities of such a file, as of a clip without a sample, are NaN and its label is ""; the
others are answered.

TensorFlow Serving: `{{"signature_name": "wav_bytes", "instances": [{{"wav_bytes": {{"b64": "…"}}}}]}}`.
`keras-ser verify DIR` repeats the self-test that the export ran.

{lite}
"""


def about_lite(facts, lite):
    """What the card says of the TensorFlow Lite model that there is. ``lite``: bits of a weight → content,
    difference of a probability
    """
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
print(json.load(open("{FACTS}"))["labels"][answer["probabilities"].argmax()])
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
            "- It standardises its features by its training data: recordings made with other microphones may all get "
            "the same\n  emotion. `keras-ser export --adapt` makes a model for those of your recordings.\n"
        )
    temperature, probabilities = "", "its probabilities were never calibrated"
    if facts["calibration"]:
        temperature, probabilities = ", and the temperature,", "adapted, expect it to be overconfident"
    return (
        f"- Adapted to {facts['adapted_to']:,} recordings: it standardises its features by theirs. The scores below"
        f"{temperature}\n  are those of the model as it was trained, on recordings like those of its training data: "
        f"{probabilities}.\n"
    )


def _scores(facts):
    """Rows of Markdown: this run, then the mean of the whole repetitions of its setup under each protocol."""
    scores = facts["scores"]
    yield f"| this model (`{facts['protocol']}`) | – | {scores['accuracy']:.3f} | {scores['uar']:.3f} |"
    for protocol, means in facts["by_protocol"].items():
        yield f"| `{protocol}` | {means['repetitions']} | {means['accuracy']:.3f} | {means['uar']:.3f} |"
