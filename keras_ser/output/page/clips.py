"""Predictions of the results page to look at and, where asked for, to hear.

Chosen by a rule, not by hand: of the network that does best on average under the strictest protocol that was run, from
its first repetition, the most confident correct and wrong predictions, one per class.
"""

import base64

import pandas as pd
from PIL import Image

from keras_ser import audio as recordings
from keras_ser import corpora
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.output.figures.recordings import recording
from keras_ser.output.page.images import embedded

EACH = 3  # correct predictions, and as many wrong ones
IMAGE = (5, 3)  # inches
STRICTEST_FIRST = tuple(reversed(PROTOCOLS))


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
    networks = [item for item in passes if item.facts["kind"] == "network"]
    for protocol in STRICTEST_FIRST:
        scores = pd.DataFrame(
            [
                (run.facts["experiment"], run.metrics["accuracy"])
                for run in networks
                if run.facts["protocol"] == protocol
            ],
            columns=["experiment", "accuracy"],
        )
        if len(scores):
            best = scores.groupby("experiment", sort=False)["accuracy"].mean().idxmax()
            group = [run for run in networks if (run.facts["experiment"], run.facts["protocol"]) == (best, protocol)]
            return min(group, key=lambda run: run.facts["seed"])
    return None


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
        card["image"] = embedded(Image.fromarray(recording(waveform, rate, IMAGE)))
    return card
