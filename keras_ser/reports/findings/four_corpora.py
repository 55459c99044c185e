"""four_corpora: what the joint label of gender and emotion hides, and the course of the epochs."""

import pandas as pd


def conclusion(table, passes):
    """What the joint label hides; the report's table of epochs (Model), means over the repetitions. → parts"""
    rows = table[table["experiment"] == "cnn"].set_index(["protocol", "metric"])["mean"]
    lines = []
    for protocol in rows.index.unique("protocol"):
        mean = rows[protocol].dropna()
        if "gender accuracy" in mean:
            joint = mean[mean.index.str.endswith(": joint accuracy")]
            by_corpus = ", ".join(f"{metric.partition(':')[0]} {share:.3f}" for metric, share in joint.items())
            lines.append(
                f"- `{protocol}`, cnn: {mean['accuracy']:.3f} of the clips get gender and emotion right ({by_corpus}), "
                f"{mean['gender accuracy']:.3f} the gender, {mean['emotion accuracy']:.3f} the emotion."
            )
    histories = [
        history
        for item in passes
        if (item.facts["experiment"], item.facts["protocol"]) == ("cnn", "as_reported") and not item.diverged
        for history in item.histories()
    ]
    parts = ["\n".join(lines)] if lines else []
    if histories:
        columns = ["seconds", "loss", "val_loss", "accuracy", "val_accuracy"]
        epochs = pd.concat(histories).groupby("epoch")[columns].mean()
        parts += ["Epochs of cnn, as_reported:", epochs.map("{:.3g}".format).reset_index()]
    return tuple(parts)
