"""Examples → features: read, transform (pitch, tempo), front end, in batches on the device; kept in the cache.

In: a table of examples (``keras_ser.data.augmentation``) and the manifest they come from. Out: float32
[examples, …feature shape], in the table's order. Beside this array, which is in memory as a whole, what is needed while
computing does not grow with the number of clips.
"""

import functools
from importlib.metadata import version

import joblib
import numpy as np
import pandas as pd
import tensorflow as tf

from keras_ser import audio, corpora, librosa_reference
from keras_ser.corpora import index
from keras_ser.data import BACKENDS
from keras_ser.data.cache import FeatureCache
from keras_ser.data.digests import code, digest, model_facts
from keras_ser.dsp import effects, resample
from keras_ser.dsp.graph import LENGTHS, PARAMETER, WAVEFORM, graph
from keras_ser.errors import UserError
from keras_ser.progress import bar, log

TRANSFORMS = ("none", "pitch_shift", "time_stretch")
LIBRARIES = {  # that compute features
    "tensorflow": ("tensorflow",),
    "librosa": ("librosa", "noisereduce", "soxr", "scipy"),
    "opensmile": ("opensmile",),
}

# A padded batch holds at most so many clips and samples (16 clips of 5 s at 16 kHz): its spectra then stay near the
# processor's cache. A clip much shorter than the longest begins another batch.
BATCH_CLIPS = 16
BATCH_SAMPLES = 1_250_000
SHORTEST_SHARE = 0.75


def with_audio_hash(manifest, index_folder=None):
    """The manifest with what its files hold: ``audio_hash`` (hash of samples and rate), ``rate`` (Hz), ``samples``.

    ``index_folder``: of the index (:mod:`keras_ser.corpora.index`), by which files that have been looked at before are
    not decoded again; None: none is kept. Clips without sound (digital silence) and files that cannot be read are
    excluded, and with one warning a user's own recordings whose samples others have under a different emotion.
    → (manifest, list of one line for each excluded file). Raises UserError when none is left.
    """
    problems, usable, facts = [], [], []
    looks = index.looks(manifest["path"], index_folder)
    looks = bar(looks, desc="reading", total=len(manifest), unit="clip", leave=False)
    for path, look in zip(manifest["path"], looks, strict=True):
        usable.append(isinstance(look, index.Look) and not look.silent)
        if usable[-1]:
            facts.append((look.audio_hash, look.rate, look.samples))
        else:
            silent = f"{path}: silent, every sample is 0"
            problems.append(silent if isinstance(look, index.Look) else str(look))
    if not facts:
        raise UserError(f"none of the {len(manifest)} files can be used; the first: {problems[0]}")
    facts = pd.DataFrame(facts, columns=["audio_hash", "rate", "samples"])
    return _undisputed(pd.concat([manifest[usable].reset_index(drop=True), facts], axis=1)), problems


def _undisputed(manifest):
    """The manifest without a user's own recordings whose samples are there under several emotions, under other names:
    nothing says which of them is right. Corpora are taken as they were published.
    """
    of_own = manifest[~manifest["corpus"].isin(corpora.CORPORA)]
    disputed = of_own[of_own.groupby("audio_hash")["emotion"].transform("nunique") > 1]
    if disputed.empty:
        return manifest
    first = disputed.iloc[0]
    twins = disputed[disputed["audio_hash"] == first["audio_hash"]]
    other = twins[twins["emotion"] != first["emotion"]].iloc[0]
    said = "recordings have the samples of another one that has a different emotion"
    example = f"{first['path']} ({first['emotion']}), as {other['path']} ({other['emotion']})"
    if len(disputed) == len(manifest):
        raise UserError(f"all {len(manifest)} {said}: choose one emotion for each; the first: {example}")
    log.warning("%d %s and are excluded, the first %s: choose one emotion for each", len(disputed), said, example)
    return manifest.drop(index=disputed.index).reset_index(drop=True)


def transform_in_graph(transform, waveform, parameter, lengths, sample_rate):
    """Apply one kind of transform to a batch. → (waveform [batch, samples], lengths [batch])."""
    if transform == "pitch_shift":
        return effects.pitch_shift(waveform, parameter, sample_rate=sample_rate, lengths=lengths), lengths
    if transform == "time_stretch":
        return effects.time_stretch(waveform, parameter, lengths=lengths)
    if transform != "none":
        raise ValueError(f"`transform` must be one of {TRANSFORMS}. Received: transform={transform!r}")
    return waveform, lengths


def transform_by_librosa(transform, waveform, parameter, sample_rate):
    """The same for one clip by librosa. → [samples]"""
    if transform == "pitch_shift":
        return librosa_reference.pitch_shift(waveform, sample_rate, parameter)
    if transform == "time_stretch":
        return librosa_reference.time_stretch(waveform, parameter)
    if transform != "none":
        raise ValueError(f"`transform` must be one of {TRANSFORMS}. Received: transform={transform!r}")
    return waveform


@functools.cache  # to build a graph for its description takes up to a second
def front_end_facts(front_end, backend):
    """What decides what features come out of a :class:`~keras_ser.reports.specification.FrontEnd`. JSON

    Raises UserError for the libraries where there is no listing by them.
    """
    backend = front_end.backend(backend)
    if backend != "tensorflow" and front_end.reference is None:
        raise UserError(
            f"the features {front_end.name} are computed by TensorFlow alone: leave out --backend {backend}"
        )
    facts = model_facts(front_end.graph()) if backend == "tensorflow" else {"code": code(front_end.reference)}
    return {
        **facts,
        "backend": backend,
        "sample_rate": front_end.sample_rate,
        "first_channel": front_end.first_channel,
        "resampling": code(resample.resample) if backend == "tensorflow" and front_end.sample_rate else None,
    }


def recipe(front_end, backend):
    """Everything but the audio, the transform and its parameter that decides what features come out. JSON"""
    backend = front_end.backend(backend)
    apply = transform_in_graph if backend == "tensorflow" else transform_by_librosa
    libraries = LIBRARIES[backend]
    return {
        **front_end_facts(front_end, backend),
        "transforms": code(apply),
        "versions": {name: version(name) for name in ("numpy", *libraries)},
    }


def batches(table):
    """Cut a table of examples (with ``rate``, ``transform``, ``samples``) into batches of similar length.

    A batch has one rate and one transform. → list of index arrays.
    """
    out = []
    for _, group in table.groupby(["rate", "transform"], sort=False):
        order = group.sort_values("samples", ascending=False, kind="stable").index.to_numpy()
        start = 0
        while start < len(order):
            longest = table.at[order[start], "samples"]
            step = order[start : start + max(1, min(BATCH_CLIPS, BATCH_SAMPLES // longest))]
            out.append(step[table.loc[step, "samples"] >= SHORTEST_SHARE * longest])
            start += len(out[-1])
    return out


def padded(waveforms):
    """→ (float32 [batch, longest], int32 [batch] lengths)"""
    lengths = np.array([len(waveform) for waveform in waveforms], np.int32)
    batch = np.zeros((len(waveforms), lengths.max()), np.float32)
    for row, waveform in zip(batch, waveforms, strict=True):
        row[: len(waveform)] = waveform
    return batch, lengths


def prepared(waveform, parameter, lengths, *, transform, rate, sample_rate):
    """What comes before a front end: the transform at ``rate``, then resampling to ``sample_rate`` (None: as it is).

    → (waveform [batch, samples], lengths [batch])
    """
    waveform, lengths = transform_in_graph(transform, waveform, parameter, lengths, rate)
    if sample_rate not in (None, rate):
        waveform, lengths = resample.resample(waveform, orig_sr=rate, target_sr=sample_rate, lengths=lengths)
    return waveform, lengths


def _graph_of(front_end, transform, rate, sample_rate):
    """Waveforms at ``rate`` → :func:`prepared` → ``front_end``, a :func:`graph`."""

    def of_batch(waveform, parameter, lengths):
        kind = {"transform": transform, "rate": rate, "sample_rate": sample_rate}
        return front_end(*prepared(waveform, parameter, lengths, **kind))

    return graph(of_batch, WAVEFORM, PARAMETER, LENGTHS)


def decode(path, audio_hash, first_channel):
    """The waveform of a recording that has been looked at before. → float32 [samples]

    Raises UserError where it cannot be decoded, or is another than it was then.
    """
    channels, rate = audio.read_channels(path)
    if audio.digest(audio.to_mono(channels), rate) != audio_hash:
        raise UserError(f"{path}: the file has changed since it was first read: run again")
    return audio.to_mono(channels, first_channel)


def _read(table, steps, first_channel):
    """The waveforms of each batch of rows of ``table`` (with ``path`` and ``audio_hash``), read ahead in threads.

    → iterator of lists of float32 [samples]
    """
    rows = table.loc[np.concatenate(steps)]
    sounds = list(zip(rows["path"], rows["audio_hash"], strict=True))
    waveforms = audio.in_threads(lambda sound: decode(*sound, first_channel), sounds)
    for step in steps:
        yield [next(waveforms) for _ in step]


def compute(examples, manifest, front_end, *, cache_root, backend="tensorflow"):
    """Features of every example by a :class:`~keras_ser.reports.specification.FrontEnd`.

    ``manifest``: from :func:`with_audio_hash`. Batches are those of all examples, whichever of them are in the cache:
    what is computed is the same to the bit, whatever was there before. Several are computed at a time, one per core.

    → float32 [examples, …].

    Raises UserError when a file has changed or vanished since, or the cache cannot be written.
    """
    if backend not in BACKENDS:
        raise UserError(f"there is no backend {backend!r}: choose from {', '.join(BACKENDS)}")
    table = examples.merge(manifest[["clip", "path", "audio_hash", "rate", "samples"]], on="clip", how="left")
    cache, backend = FeatureCache(cache_root, recipe(front_end, backend)), front_end.backend(backend)
    features = np.empty((len(table), *front_end.output_shape()), np.float32)
    missing = []  # (key, rows) of the batches that are to be computed
    for rows in batches(table) if backend == "tensorflow" else np.arange(len(table))[:, None]:
        key = digest(table.loc[rows, ["audio_hash", "transform", "parameter"]].to_numpy().tolist())
        stored = cache.load(key, (len(rows), *features.shape[1:]))
        if stored is None:
            missing.append((key, rows))
        else:
            features[rows] = stored
    if not missing:
        return features

    @functools.cache
    def front_end_graph():
        model = front_end.graph()
        return graph(lambda waveform, lengths: model([waveform, lengths]), WAVEFORM, LENGTHS)

    @functools.cache
    def by_graph(transform, rate):
        of_batch = _graph_of(front_end_graph(), transform, rate, front_end.sample_rate).get_concrete_function()

        def of(waveforms, parameters):
            waveform, lengths = map(tf.constant, padded(waveforms))
            return of_batch(waveform, tf.constant(parameters, tf.float32), lengths).numpy()

        return of

    def by_library(transform, rate):
        def of(waveforms, parameters):
            changed = transform_by_librosa(transform, waveforms[0], parameters[0], rate)
            return np.asarray(front_end.reference(changed, rate), np.float32)[None]

        return of

    def work():
        waveforms = _read(table, [rows for _, rows in missing], front_end.first_channel)
        for (key, rows), of_batch in zip(missing, waveforms, strict=True):
            transform, rate = table.at[rows[0], "transform"], int(table.at[rows[0], "rate"])
            yield key, rows, of_batch, (by_graph if backend == "tensorflow" else by_library)(transform, rate)

    def one_batch(item):
        key, rows, waveforms, features_of = item
        results = features_of(waveforms, table.loc[rows, "parameter"].to_numpy())
        cache.store(key, results)
        return rows, results

    n_threads = joblib.cpu_count() if backend == "tensorflow" else 1  # the libraries are not made for threads
    n_missing = sum(len(rows) for _, rows in missing)
    with bar(total=n_missing, desc="features", unit="clip", leave=False) as progress:
        for rows, results in audio.in_threads(one_batch, work(), n_threads):
            features[rows] = results
            progress.update(len(rows))
    return features
