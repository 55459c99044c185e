#!/usr/bin/env bash
# Train the model of the package anew, from the recordings in DIR to a folder that predict takes:
# scripts/pretrained.sh OUT --data DIR [--jobs N] (eight networks of a minute each, after the features)
set -euo pipefail
out=${1:?a folder for the model is needed: scripts/pretrained.sh OUT --data DIR}
shift
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" PYTHONSAFEPATH=1 # nothing is imported from where it is called
"$python" -m keras_ser reproduce unseen_speakers --experiments mlp --seeds 1 \
  --protocols speaker_independent,corpus_independent "$@"
# Fold 0 is the network that never heard RAVDESS; the speakers of all folds say how far to trust it.
"$python" -m keras_ser calibrate artifacts/runs/unseen_speakers/mlp/corpus_independent/seed-0/fold-0 --out "$out"
