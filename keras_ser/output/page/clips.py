"""Predictions of the results page to look at and, where asked for, to hear.

Chosen by a rule, not by hand: of the network that does best on average under the strictest protocol that was run, from
its first repetition, the most confident correct and wrong predictions, one per class.
"""

import base64

import numpy as np
import pandas as pd
from PIL import Image

from keras_ser import audio as recordings
from keras_ser import corpora
from keras_ser.analysis import examples, reported
from keras_ser.data.protocols import ordered
from keras_ser.output.figures.recordings import recording
from keras_ser.output.page.images import embedded

EACH = 3  # correct predictions, and as many wrong ones
IMAGE = (5, 3)  # inches


def chosen(passes, root=None):
    """→ dict ``run, cards, licences``, None where no network was run

    ``root``: data root whose recordings are shown and played; None: no recording is opened.
    """
    run = _example(passes)
    if run is None:
        return None
    answers = run.predictions()
    answers = answers[answers["copy"] == 0]
    answers = answers.assign(confidence=answers.filter(regex="^p_").max(axis=1))
    right = answers["true"] == answers["predicted"]
    sure = [
        part.sort_values("confidence", ascending=False, kind="stable").drop_duplicates("true").head(EACH)
        for part in (answers[right], answers[~right])
    ]
    names = corpora.present(run.facts["corpora"], root) if root else []
    paths = {clip: path for name in names for clip, path in _paths(name, run.facts["corpora"], root)}
    cards = [_card(row, paths) for row in pd.concat(sure).itertuples()]
    heard = names if any(card["sound"] for card in cards) else []
    return {
        "run": run.facts,
        "cards": cards,
        "licences": [(corpora.get(name).title, corpora.get(name).licence) for name in heard],
    }


def _paths(name, of_run, root):
    """The recordings of a corpus by what a run on the corpora ``of_run`` calls its clips. → iterator of (clip, path)"""
    manifest = corpora.manifest(name, root)
    prefix = f"{name}_" if len(of_run) > 1 else ""
    return zip(prefix + manifest["clip"], manifest["path"], strict=True)


def _example(passes):
    """The pass whose answers are shown."""
    groups = reported.groups([item for item in passes if item.facts["kind"] == "network"])
    if not groups:
        return None
    strictest = ordered(protocol for _, protocol in groups)[-1]
    of_strictest = [group for (_, protocol), group in groups.items() if protocol == strictest]
    best = max(of_strictest, key=lambda group: np.mean([item.metrics["accuracy"] for item in group]))
    return min(best, key=lambda item: item.facts["seed"])


def _card(answer, paths):
    """One prediction, with its recording where ``paths``, by clip, have it."""
    card = {
        "clip": answer.clip,
        "speaker": answer.speaker,
        "true": answer.true,
        "predicted": answer.predicted,
        "right": answer.true == answer.predicted,
        "confidence": answer.confidence,
        "image": None,
        "sound": "",
    }
    if answer.clip in paths:
        waveform, rate = recordings.read(paths[answer.clip])
        packed = base64.b64encode(recordings.packed(waveform, rate)).decode()
        card["sound"] = f"data:audio/flac;base64,{packed}"
        pixels = recording(waveform, rate, examples.mel_bands(waveform, rate), IMAGE)
        card["image"] = embedded(Image.fromarray(pixels))
    return card
