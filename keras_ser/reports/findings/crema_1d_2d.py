"""crema_1d_2d: how far the score of one run depends on where its early stop falls (10, 12), and what listeners and the
classic baseline make of the same clips.
"""

import numpy as np
import pandas as pd

from keras_ser.corpora import crema_d


def conclusion(table, passes):
    """The early stops of the report's own protocol, then the baseline. → parts"""
    return (*_early_stops(passes), *_for_scale(passes))


def _early_stops(passes):
    """10. Each run of the report's own protocol: after how many epochs it stopped, and with what result."""
    finished = [
        item
        for item in passes
        if item.facts["protocol"] == "as_reported" and item.facts["kind"] == "network" and not item.diverged
    ]
    if not finished:
        return ()
    runs = pd.DataFrame(map(_stopped, finished)).sort_values(["experiment", "seed"])
    spread = runs.groupby("experiment")["test accuracy"].agg(["min", "max", "size"])
    spread = spread[spread["size"] > 1]
    if spread.empty:
        return (runs,)
    widest = (spread["max"] - spread["min"]).idxmax()
    validation = finished[0].facts["examples"]["validation"]
    error = np.sqrt(0.25 / validation)  # at most, of a share of so many examples
    sentences = (
        f"Training stops by the loss on {validation} validation examples, on which the standard error of an "
        f"accuracy near 0.5 is {error:.3f}. Runs that differ in the seed alone (of split, augmentation and "
        f"weights) end apart: `{widest}` between "
        f"{spread.at[widest, 'min']:.3f} and {spread.at[widest, 'max']:.3f}. One run per model, as the report "
        "prints it, cannot order the models."
    )
    return sentences, runs


def _stopped(item):
    return {
        "experiment": item.facts["experiment"],
        "seed": item.facts["seed"],
        "epochs": item.facts["epochs_run"],
        "validation accuracy": item.metrics.get("validation", {}).get("accuracy"),  # older runs have none
        "test accuracy": item.metrics["accuracy"],
    }


def _for_scale(passes):
    """The SVMs of the extensions, on speakers that they were not fitted to, and CREMA-D's own listeners."""
    rows = []
    for item in passes:
        facts = item.facts
        if (facts["kind"], facts["protocol"]) == ("svm", "speaker_independent") and facts["corpora"] == ["crema_d"]:
            what = f"`{facts['experiment']}`, fitted to other speakers"
            rows.append({"what": what, "accuracy": item.metrics["accuracy"], "UAR": item.metrics["uar"]})
    if not rows:
        return ()
    votes = crema_d.votes()
    of_emotions = votes.drop(columns=["clip", "emotion"])
    n_intended = sum(votes.loc[votes["emotion"] == emotion, emotion].sum() for emotion in of_emotions)
    share = n_intended / of_emotions.to_numpy().sum()
    rows.append({"what": "single votes of CREMA-D's listeners on the sound alone", "accuracy": share})
    return "For scale, on the same clips:", pd.DataFrame(rows)
