#!/usr/bin/env bash
# Reproduce the reports: scripts/reproduce.sh [REPORT…] [--data DIR] [--seeds N] … (see keras-ser reproduce --help)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" PYTHONSAFEPATH=1 # nothing is imported from where it is called
exec "$python" -m keras_ser reproduce "$@"
