#!/usr/bin/env bash
# Train the model of the package anew, from the recordings in DIR to a folder that predict takes; its trainings are kept
# in OUT-training: scripts/pretrained.sh OUT --data DIR [--jobs N] (eight networks of a minute each, after the features)
set -euo pipefail
out=${1:?a folder for the model is needed: scripts/pretrained.sh OUT --data DIR}
shift
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" PYTHONSAFEPATH=1 # nothing is imported from where it is called
training=${out%/}-training
"$python" -m keras_ser reproduce unseen_speakers --experiments mlp --seeds 1 \
  --protocols speaker_independent,corpus_independent "$@" --out "$training"
# Fold 0 is the network that never heard RAVDESS; the speakers of all folds say how far to trust it.
run=$training/runs/unseen_speakers/mlp/corpus_independent/seed-0/fold-0
"$python" - "$run/run.json" <<'CHECK' || exit 2
import json, pathlib, sys
record = pathlib.Path(sys.argv[1])
if not record.is_file() or json.loads(record.read_text())["corpora"] != ["emodb", "ravdess", "crema_d"]:
    sys.exit("the model of the package is trained where Emo-DB, RAVDESS and CREMA-D are: name their folder with --data")
CHECK
"$python" -m keras_ser calibrate "$run" --out "$out"
