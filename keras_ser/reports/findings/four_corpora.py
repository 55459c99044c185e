"""four_corpora: what the joint label of gender and emotion hides, and the course of the epochs."""

import pandas as pd


def conclusion(table, passes):
    """What the joint label hides; the report's table of epochs (Model), means over the repetitions."""
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
    if histories:
        epochs = pd.concat(histories).groupby("epoch").mean().reset_index()
        epochs = epochs[["epoch", "seconds", "loss", "val_loss", "accuracy", "val_accuracy"]]
        lines += ["", "Epochs of cnn, as_reported:", "", epochs.to_markdown(index=False, floatfmt=".3g")]
    return "\n".join(lines)
