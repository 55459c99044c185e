#!/usr/bin/env bash
# Style, then the whole test suite: scripts/test.sh [pytest's arguments]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
"$python" -m ruff check --no-cache .
"$python" -m ruff format --check .
# Two and a half gigabytes a worker.
exec "$python" -m pytest --numprocesses auto --maxprocesses 4 --dist loadgroup "$@"
