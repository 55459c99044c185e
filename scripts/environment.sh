# Sourced by the commands beside it: makes .venv of the clone with the pinned requirements, once, and leaves the clone in
# $root and its Python in $python. Nothing changes the folder: what a command's arguments name is relative to where it is
# called.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." >/dev/null && pwd) || exit 1
python=$root/.venv/bin/python
stamp=$root/.venv/requirements.txt

venv_is_whole() { # its Python may be a link to one that is gone
  [ -x "$python" ] && cmp --silent "$root/requirements.txt" "$stamp"
}

if ! venv_is_whole && command -v flock >/dev/null; then # macOS has none
  exec 9<"$root/requirements.txt"
  flock --nonblock 9 || { echo "another call makes $root/.venv: waiting for it" >&2 && flock 9; } || true
fi
if ! venv_is_whole; then
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
  if [ ! -w "$root" ]; then
    echo "$root cannot be written to, and has no .venv with requirements.txt: copy the clone to where you may write" >&2
    exit 2
  fi
  echo "making $root/.venv with $("$base" --version) and requirements.txt: once, some minutes" >&2
  [ -x "$python" ] && anew= || anew=--clear # without it venv leaves a link that leads nowhere
  "$base" -m venv $anew "$root/.venv" &&
    "$python" -m pip install --quiet --disable-pip-version-check --requirement "$root/requirements.txt" &&
    cp "$root/requirements.txt" "$stamp" || exit 1
fi
exec 9<&- # the lock ends here, not with the command
