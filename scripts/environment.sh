# Sourced by the commands beside it: makes .venv with the pinned requirements, once, and leaves its Python in $python.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
python=.venv/bin/python
stamp=.venv/requirements.txt

if ! cmp --silent requirements.txt "$stamp"; then
  base=
  for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.10; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null; then
      base=$candidate
      break
    fi
  done
  if [ -z "$base" ]; then
    echo "Python 3.10 to 3.13 is needed: install one, or name it with PYTHON=/path/to/python" >&2
    exit 2
  fi
  if ! "$base" -c 'import venv, ensurepip' 2>/dev/null; then
    echo "$base has no venv module: install it (Debian, Ubuntu: apt install python3-venv) and run this again" >&2
    exit 2
  fi
  echo "making .venv with $("$base" --version) and requirements.txt: once, some minutes" >&2
  "$base" -m venv .venv &&
    "$python" -m pip install --quiet --disable-pip-version-check --requirement requirements.txt &&
    cp requirements.txt "$stamp" || exit 1
fi
