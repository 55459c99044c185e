"""What train and test share, counted in test examples."""

PROPERTIES = ("clip", "content", "speaker", "sentence")


def shared(sided, manifest):
    """Test examples that have something in common with a train example.

    ``sided``: examples with ``side``; ``manifest`` with a column ``content`` (hash of the samples).
    → dict: ``test`` examples, and how many of them share the ``clip`` (they are copies of a clip that train has too),
    the ``content`` (they are made from identical samples, under any name), the ``speaker``, the ``sentence`` with
    train.
    """
    facts = sided.merge(manifest[["clip", "content", "speaker", "sentence"]], on="clip", how="left")
    train, test = facts[facts["side"] == "train"], facts[facts["side"] == "test"]
    counts = {name: int(test[name].isin(set(train[name])).sum()) for name in PROPERTIES}
    return {"test": len(test), **counts}
