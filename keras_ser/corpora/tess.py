"""TESS, the Toronto Emotional Speech Set: `OAF_back_fear.wav` is the older actress (OAF; YAF the younger),
the target word in "Say the word …", and the emotion (ps = pleasant surprise).

The folders are spelled in two ways (OAF_Fear, YAF_fear; Pleasant_surprise, pleasant_surprised), so the file
name decides. One name breaks the pattern: `OA_bite_neutral.wav`. Two files are AIFF (`YAF_germ_angry.wav`,
`YAF_neat_fear.wav`) and one is at 96 kHz (`OAF_food_fear.wav`); `audio.read` reads them as they are.

Source: https://doi.org/10.5683/SP2/E8H2MF; Pichora-Fuller & Dupuis 2020 (2 actresses × 7 emotions × 200
words).
"""

import re
from pathlib import PurePosixPath

from keras_ser.corpora.corpus import Corpus

LABELS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "ps": "surprise",
    "sad": "sadness",
}
SPEAKERS = {"OA": ("OAF", 64), "YA": ("YAF", 26)}  # name, age
_NAME = re.compile(rf"(OA|YA)F?_([a-z]+)_({'|'.join(LABELS)})")


def parse(path: PurePosixPath) -> dict | None:
    """The facts in one file name."""
    match = _NAME.fullmatch(path.stem)
    if not match:
        return None
    actress, word, label = match.groups()
    speaker, age = SPEAKERS[actress]
    return {
        "clip": path.stem,
        "speaker": speaker,
        "gender": "female",
        "age": age,
        "emotion": LABELS[label],
        "label": label,
        "sentence": word,
        "intensity": "",
        "take": "",
    }


TESS = Corpus(
    name="tess",
    title="TESS (Toronto Emotional Speech Set)",
    sample_rate=24414,
    n_speakers=2,
    counts=dict.fromkeys(sorted(LABELS.values()), 400),
    licence="CC BY-NC-ND 4.0",
    home="https://doi.org/10.5683/SP2/E8H2MF",
    citation="Pichora-Fuller, Dupuis: Toronto emotional speech set (TESS). Borealis, 2020",
    parse=parse,
)
