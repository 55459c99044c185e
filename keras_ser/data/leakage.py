"""What train and test share: counted for a protocol's sides, and looked for in any table of sides."""

import pandas as pd

from keras_ser.data.protocols import DECLARED, get
from keras_ser.errors import UserError

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


def read(path):
    """A table of sides: CSV with a column ``side`` (or ``split``) and any of ``PROPERTIES``. → DataFrame

    Raises UserError if it is none, or has no train or no test row.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: no CSV table ({error})") from error
    table = table.rename(columns={"split": "side"})
    known = [name for name in PROPERTIES if name in table]
    if "side" not in table or not known:
        raise UserError(f"{path}: needs a column side and one of {', '.join(PROPERTIES)}; it has {', '.join(table)}")
    missing = [side for side in ("train", "test") if side not in set(table["side"])]
    if missing:
        raise UserError(f"{path}: no row has the side {' or '.join(missing)}; it has {', '.join(set(table['side']))}")
    return table


def of_table(table):
    """What is on both sides. → DataFrame ``property, value, train, test``, a row a value, counts of rows"""
    rows = []
    for name in [name for name in PROPERTIES if name in table]:
        counts = table[table[name] != ""].groupby([name, "side"]).size().unstack(fill_value=0)
        counts = counts.reindex(columns=["train", "test"], fill_value=0)
        both = counts[(counts > 0).all(axis=1)].reset_index()
        rows.append(both.rename(columns={name: "value"}).assign(property=name))
    return pd.concat(rows, ignore_index=True)[["property", "value", "train", "test"]]


def of_counts(counts):
    """What a run says (:func:`shared`). → DataFrame ``property, test``, a row a property that is shared"""
    return pd.DataFrame([(name, counts[name]) for name in PROPERTIES if counts[name]], columns=["property", "test"])


def undeclared(found, protocol=None):
    """Properties that are shared though ``protocol`` (None: no one) does not declare it. → list

    Raises UserError if there is no such protocol.
    """
    if protocol:
        get(protocol)
    return [name for name in dict.fromkeys(found["property"]) if name not in DECLARED.get(protocol, ())]
