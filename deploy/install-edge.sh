#!/bin/sh
# Put the meter agent on a Raspberry Pi (Raspberry Pi OS 12 or another Debian 12, 32 or 64 bit): from a clean system to a
# running service. Run it as root, again for an upgrade; what is there already is kept. See README.md beside this file.
set -eu

usage() {
  cat <<'END'
usage: install-edge.sh [--pulse] [--wheels DIR] [--root DIR] [--dry-run] PACKAGE
       install-edge.sh [--pulse] --make-wheels DIR PACKAGE

  PACKAGE            meterline-*.whl, or the folder of its source
  --pulse            with the library for pulse inputs on GPIO lines ([[pulse]] in the configuration)
  --wheels DIR       take all libraries from the wheels in DIR; needs no network
  --make-wheels DIR  only fill DIR with the wheels that a machine like this one needs, for --wheels elsewhere
  --root DIR         put everything under DIR instead of /, for nobody, and start nothing: to look at it
  --dry-run          say what would be done, and do nothing
END
}

here=$(cd "$(dirname "$0")" && pwd)
root='' wheels='' make_wheels='' package='' dry='' libraries=edge

while [ $# -gt 0 ]; do
  case $1 in
    --pulse) libraries=pulse ;;
    --wheels) wheels=${2:?--wheels needs a folder}; shift ;;
    --make-wheels) make_wheels=${2:?--make-wheels needs a folder}; shift ;;
    --root) root=${2:?--root needs a folder}; shift ;;
    --dry-run) dry=yes ;;
    -h | --help) usage; exit 0 ;;
    -*) usage >&2; exit 2 ;;
    *) package=$1 ;;
  esac
  shift
done

fail() {
  echo "install-edge.sh: $1" >&2
  exit 2
}

step() {
  echo "- $1"
}

# Runs a command, or only says it.
run() {
  if [ -n "$dry" ]; then
    echo "    $*"
  else
    "$@"
  fi
}

[ -n "$package" ] || { usage >&2; exit 2; }
[ -e "$package" ] || fail "there is no $package: name the meterline wheel, or the folder of its source"
case $wheels:$package in
  :* | *.whl) ;;
  *) fail "without a network nothing can be built: name the meterline wheel that --make-wheels put into $wheels" ;;
esac
[ -z "$wheels" ] || [ -d "$wheels" ] || fail "there is no folder $wheels: fill it with --make-wheels on a machine of the same kind"
[ -n "$root$dry$make_wheels" ] || [ "$(id -u)" = 0 ] || fail "this changes the system: run it with sudo (or look first with --dry-run)"

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  fail "Python 3.11 or newer is needed, as Raspberry Pi OS 12 has it: upgrade the system first"

# An upgrade must not take away what the first installation brought.
if [ -x "$root/opt/meter-edge/bin/python" ] && "$root/opt/meter-edge/bin/python" -c 'import gpiod' 2>/dev/null; then
  libraries=pulse
fi
lock=$here/../requirements/$libraries.txt
[ -f "$lock" ] || lock=$here/$libraries.txt
[ -f "$lock" ] || fail "requirements/$libraries.txt must stand beside the folder of this script, or in it"
# Wheels that somebody built are not those whose hashes are locked; their versions are.
versions=$(mktemp)
trap 'rm -f "$versions"' EXIT
sed -n 's/^\([A-Za-z0-9._-]*==[^ ;\\]*\)\( *;[^\\]*\)\{0,1\}.*/\1\2/p' "$lock" >"$versions"

if [ -n "$make_wheels" ]; then
  tools=$(mktemp -d)
  trap 'rm -rf "$versions" "$tools"' EXIT
  "$python" -m venv "$tools"
  "$tools/bin/pip" wheel --quiet --disable-pip-version-check --wheel-dir "$make_wheels" -r "$versions"
  "$tools/bin/pip" wheel --quiet --disable-pip-version-check --wheel-dir "$make_wheels" --no-deps "$package"
  echo "$make_wheels holds the wheels for $(uname -m), $("$python" -V)"
  exit 0
fi

home=$root/opt/meter-edge
etc=$root/etc/meter-edge
state=$root/var/lib/meter-edge
units=$root/etc/systemd/system
config=$etc/meter-edge.toml
owner=meter-edge

# Owners exist only on the system itself; --root leaves everything to whoever runs this.
own() {
  if [ -n "$root" ]; then
    run chmod "$1" "$3"
  else
    run chown "$2" "$3"
    run chmod "$1" "$3"
  fi
}

step "user $owner, without a password or a home to log in to"
if [ -z "$root" ]; then
  getent passwd "$owner" >/dev/null ||
    run useradd --system --user-group --home-dir /var/lib/meter-edge --shell /usr/sbin/nologin "$owner"
  # dialout opens serial ports, gpio pulse inputs: the unit asks for both.
  for group in dialout gpio; do
    getent group "$group" >/dev/null || run groupadd --system "$group"
  done
fi

step "program in $home"
if [ ! -x "$home/bin/python" ]; then
  if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    [ -z "$wheels" ] || fail "Python's venv is missing, and --wheels says there is no network: install the package python3-venv"
    run apt-get install --yes --no-install-recommends python3-venv
  fi
  run mkdir -p "$(dirname "$home")"
  run "$python" -m venv "$home"
fi
pip="$home/bin/python -m pip --quiet --disable-pip-version-check"
if [ -n "$wheels" ]; then
  # shellcheck disable=SC2086 # $pip is a command with its arguments
  run $pip install --no-index --find-links "$wheels" -r "$versions"
else
  # shellcheck disable=SC2086
  run $pip install --require-hashes -r "$lock" ||
    fail "the locked libraries could not be installed; on a 32-bit system see README.md on --make-wheels"
fi
case $package in
  *.whl) source=$package ;;
  *)
    # A source folder is built elsewhere, so that nothing of root's is left in it.
    built=$(mktemp -d)
    trap 'rm -rf "$versions" "$built"' EXIT
    source=$built/meterline
    run cp -r "$package" "$source"
    ;;
esac
# shellcheck disable=SC2086
run $pip install --no-deps --force-reinstall "$source"

step "example configuration $config, unless there is one"
run mkdir -p "$etc" "$state" "$units" "$root/usr/local/bin"
own 0750 "root:$owner" "$etc"
own 0700 "$owner:$owner" "$state"
if [ ! -e "$config" ]; then
  run cp "$here/meter-edge.example.toml" "$config"
  own 0640 "root:$owner" "$config"
fi
run ln -sf /opt/meter-edge/bin/meter-edge "$root/usr/local/bin/meter-edge"

step "the device's key in $state, unless there is one"
if [ -n "$root" ]; then
  run "$home/bin/python" -m edge init --state-dir "$state"
else
  run runuser -u "$owner" -- "$home/bin/meter-edge" init --state-dir /var/lib/meter-edge
fi

step "service meter-edge"
run cp "$here/meter-edge.service" "$units/meter-edge.service"
run chmod 0644 "$units/meter-edge.service"
[ -n "$root" ] || run systemctl daemon-reload
if [ -n "$root" ]; then
  run systemctl --root "$root" enable meter-edge.service
else
  run systemctl enable meter-edge.service
fi
if [ -f "$config" ] && ! cmp -s "$config" "$here/meter-edge.example.toml"; then
  [ -n "$root" ] || run systemctl restart meter-edge.service
  echo "meter-edge is installed and started: look with meter-edge status"
else
  echo "meter-edge is installed. Now write $config and the hub's key, try it with meter-edge check,"
  echo "and start it with: systemctl start meter-edge"
fi
