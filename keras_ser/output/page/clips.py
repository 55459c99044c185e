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
    manifest = corpora.joined(names, root).set_index("clip") if names else None
    return {
        "run": run.facts,
        "cards": [_card(row, manifest) for row in pd.concat(sure).itertuples()],
        "licences": [(corpora.get(name).title, corpora.get(name).licence) for name in names],
    }


def _example(passes):
    """The pass whose answers are shown."""
    groups = reported.groups([item for item in passes if item.facts["kind"] == "network"])
    if not groups:
        return None
    strictest = ordered(protocol for _, protocol in groups)[-1]
    of_strictest = [group for (_, protocol), group in groups.items() if protocol == strictest]
    best = max(of_strictest, key=lambda group: np.mean([item.metrics["accuracy"] for item in group]))
    return min(best, key=lambda item: item.facts["seed"])


def _card(answer, manifest):
    """One prediction, with its recording where ``manifest``, by clip, has it."""
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
    if manifest is not None and answer.clip in manifest.index:
        waveform, rate = recordings.read(manifest.at[answer.clip, "path"])
        packed = base64.b64encode(recordings.packed(waveform, rate)).decode()
        card["sound"] = f"data:audio/flac;base64,{packed}"
        pixels = recording(waveform, rate, examples.mel_bands(waveform, rate), IMAGE)
        card["image"] = embedded(Image.fromarray(pixels))
    return card
