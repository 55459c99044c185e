"""CREMA-D, Crowd-sourced Emotional Multimodal Actors Dataset: `1001_DFA_ANG_XX.wav` is actor, sentence,
emotion, intensity (LO, MD, HI; XX = unspecified, which one published name, `1040_ITH_SAD_X.wav`, cuts to
X).

Gender and age of the 91 actors come from crema_d_demographics.csv beside this file: the corpus's own
VideoDemographics.csv, under the Open Database License 1.0 (contents: Database Contents License 1.0), like
the corpus. So is crema_d_votes.csv: what the public's listeners heard in each clip, sound alone (68,568 votes).

Source: https://github.com/CheyneyComputerScience/CREMA-D; Cao et al. 2014 (7442 clips, 12 sentences).
"""

import csv
import functools
import re
from pathlib import Path, PurePosixPath

import pandas as pd

from keras_ser.corpora.corpus import Corpus

LABELS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
INTENSITIES = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified", "X": "unspecified"}
_NAME = re.compile(rf"(10\d\d)_([A-Z]{{3}})_({'|'.join(LABELS)})_({'|'.join(INTENSITIES)})")


@functools.cache  # a file, of which who imports the package need not wait
def speakers() -> dict[str, tuple[str, int]]:
    """Actor → gender and age."""
    with Path(__file__).with_name("crema_d_demographics.csv").open(newline="", encoding="utf-8") as file:
        return {row["ActorID"]: (row["Sex"].lower(), int(row["Age"])) for row in csv.DictReader(file)}


def votes() -> pd.DataFrame:
    """How many listeners heard which emotion in a clip, from its sound alone: a row per clip, `clip`, `emotion` (the
    intended one), then a column of counts for each emotion.
    """
    table = pd.read_csv(Path(__file__).with_name("crema_d_votes.csv")).rename(columns={"file": "clip", **LABELS})
    table.insert(1, "emotion", [LABELS[clip.split("_")[2]] for clip in table["clip"]])
    return table


def parse(path: PurePosixPath) -> dict | None:
    """The facts in one file name."""
    match = _NAME.fullmatch(path.stem)
    if not match or match[1] not in speakers():
        return None
    speaker, sentence, label, intensity = match.groups()
    gender, age = speakers()[speaker]
    return {
        "clip": path.stem,
        "speaker": speaker,
        "gender": gender,
        "age": age,
        "emotion": LABELS[label],
        "label": label,
        "sentence": sentence,
        "intensity": INTENSITIES[intensity],
        "take": "",
    }


CREMA_D = Corpus(
    name="crema_d",
    title="CREMA-D (Crowd-sourced Emotional Multimodal Actors Dataset)",
    sample_rate=16000,
    n_speakers=91,
    counts={emotion: 1087 if emotion == "neutral" else 1271 for emotion in sorted(LABELS.values())},
    licence="ODbL 1.0 (contents: DbCL 1.0)",
    home="https://github.com/CheyneyComputerScience/CREMA-D",
    citation="Cao, Cooper, Keutmann, Gur, Nenkova, Verma: CREMA-D. IEEE Trans. Affective Comput. 5(4), 2014",
    parse=parse,
    votes=votes,
)
