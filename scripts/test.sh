#!/usr/bin/env bash
# Style, then the whole test suite: scripts/test.sh [pytest's arguments]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$root"
"$python" -m ruff check --no-cache .
"$python" -m ruff format --check .
# A worker grows to 5 to 8 GB where there are two: the graphs of a session stay.
exec "$python" -m pytest --numprocesses auto --maxprocesses 4 --dist loadgroup --no-loadscope-reorder "$@"
