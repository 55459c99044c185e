"""Clips of the results page: right and wrong answers to look at and, where the licence allows it, to hear.

Chosen by a rule, not by hand: of the network that does best on average under the strictest protocol that was run, from
its first repetition, the most confident right and wrong answers, one per class.
"""

import base64
from pathlib import Path

import pandas as pd
from PIL import Image

from keras_ser import audio as recordings
from keras_ser import corpora
from keras_ser.data.protocols import PROTOCOLS
from keras_ser.output import figures
from keras_ser.output.page.pictures import embedded

EACH = 3  # right answers, and as many wrong ones
PICTURE = (5, 3)  # hundreds of pixels
STRICTEST_FIRST = tuple(reversed(PROTOCOLS))


def chosen(passes, *, names, root, audio):
    """Clips of the recordings under ``root`` that ``passes`` were tested on. → dict, None where there are none

    ``names``: of their corpora. ``audio``: whether recordings of people are to be played too.
    """
    run = _example(passes)
    there = [name for name in names if name in corpora.CORPORA and (Path(root) / name).is_dir()]
    if run is None or not there:
        return None
    manifest = corpora.joined(there, root)
    manifest = manifest[manifest["synthetic"] == run.facts["synthetic"]].set_index("clip")
    answers = run.predictions()
    answers = answers[(answers["copy"] == 0) & answers["clip"].isin(manifest.index)]
    answers = answers.assign(confidence=answers.filter(regex="^p_").max(axis=1))
    right = answers["true"] == answers["predicted"]
    sure = [
        part.sort_values("confidence", ascending=False).drop_duplicates("true").head(EACH)
        for part in (answers[right], answers[~right])
    ]
    cards = [_card(row, manifest.loc[row.clip], audio) for row in pd.concat(sure).itertuples()]
    return {
        "run": run.facts,
        "cards": cards,
        "licences": sorted({(corpora.get(name).title, corpora.get(name).licence) for name in there}),
        "heard": any(card["sound"] for card in cards),
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


def _card(answer, clip, audio):
    """One clip: what it is, what was answered, a picture and perhaps its sound."""
    waveform, rate = recordings.read(clip["path"])
    sound = ""
    if audio or clip["synthetic"]:
        sound = f"data:audio/flac;base64,{base64.b64encode(recordings.packed(waveform, rate)).decode()}"
    return {
        "clip": answer.clip,
        "speaker": clip["speaker"],
        "seconds": len(waveform) / rate,
        "true": answer.true,
        "predicted": answer.predicted,
        "right": answer.true == answer.predicted,
        "confidence": answer.confidence,
        "picture": embedded(Image.fromarray(figures.recording(waveform, rate, PICTURE))),
        "sound": sound,
    }
