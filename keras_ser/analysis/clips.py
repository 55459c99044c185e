"""How many clips there are of each class, and how long they are: of a manifest, in DataFrames. Opens no recording."""

import pandas as pd


def per_class(manifest, labels):
    """Clips of each of ``labels`` by gender. → DataFrame of int, one row per label, one column per gender"""
    gender = manifest["gender"].replace("", "unknown")
    return pd.crosstab(manifest["emotion"], gender).reindex(labels, fill_value=0)


def by_corpus(manifest, labels):
    """What the clips of each class are in each corpus. → DataFrame, one row per corpus and class that any clip is of

    ``share``: of the ``clips`` of the ``corpus``, that of class ``label``; ``seconds``, ``deviation``: their mean
    duration and its standard deviation, NaN where there are none.
    """
    present = [label for label in labels if (manifest["emotion"] == label).any()]
    parts = []
    for name, of_corpus in manifest.groupby("corpus", sort=False):
        seconds = (of_corpus["samples"] / of_corpus["rate"]).groupby(of_corpus["emotion"])
        found = seconds.agg(["size", "mean", "std"]).reindex(present)
        columns = {"share": found["size"].fillna(0) / len(of_corpus), "seconds": found["mean"]}
        table = pd.DataFrame({**columns, "deviation": found["std"]}, index=pd.Index(present, name="label"))
        parts.append(table.reset_index().assign(corpus=name, clips=len(of_corpus)))
    return pd.concat(parts, ignore_index=True)
