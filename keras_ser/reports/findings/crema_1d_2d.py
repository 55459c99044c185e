"""crema_1d_2d: how far the score of one run depends on where its early stop falls (10, 12)."""

import numpy as np
import pandas as pd


def conclusion(table, passes):
    """10. Each run of the report's own protocol: after how many epochs it stopped, and with what result."""
    finished = [
        item
        for item in passes
        if item.facts["protocol"] == "as_reported" and item.facts["kind"] == "network" and not item.diverged
    ]
    if not finished:
        return ""
    runs = pd.DataFrame(map(_stopped, finished)).sort_values(["experiment", "seed"])
    spread = runs.groupby("experiment")["test accuracy"].agg(["min", "max", "size"])
    spread = spread[spread["size"] > 1]
    lines = []
    if len(spread):
        widest = (spread["max"] - spread["min"]).idxmax()
        validation = finished[0].facts["examples"]["validation"]
        error = np.sqrt(0.25 / validation)  # at most, of a share of so many examples
        lines = [
            f"Training stops by the loss on {validation} validation examples, on which the standard error of an "
            f"accuracy near 0.5 is {error:.3f}. Runs that differ in the seed alone (of split, augmentation and "
            f"weights) end apart: `{widest}` between "
            f"{spread.at[widest, 'min']:.3f} and {spread.at[widest, 'max']:.3f}. One run per model, as the report "
            "prints it, cannot order the models.",
            "",
        ]
    return "\n".join([*lines, runs.to_markdown(index=False, floatfmt=".3f")])


def _stopped(item):
    return {
        "experiment": item.facts["experiment"],
        "seed": item.facts["seed"],
        "epochs": item.facts["epochs_run"],
        "validation accuracy": item.metrics["validation"]["accuracy"],
        "test accuracy": item.metrics["accuracy"],
    }
