#!/bin/sh
# Install the Debian packages that installing and testing need: as root those that are missing, otherwise
# print the line to type. Nothing happens when all are there, on other systems, or without a network:
# what then fails says so itself.
#
# Usage: install_debian_packages.sh [PYTHON]   the interpreter that is to make .venv
set -eu

python=${1:-python3}
wanted="git"
# Debian keeps the module that makes virtual environments in a package of its own.
"$python" -c 'import ensurepip' 2>/dev/null || wanted="$wanted python3-venv"
# What VTK and Qt need to draw without a screen: OpenGL by EGL with Mesa's software renderer, and a font.
wanted="$wanted libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri libxkbcommon0 libdbus-1-3 libfontconfig1"
wanted="$wanted fonts-dejavu-core"

command -v dpkg-query >/dev/null || exit 0
missing=""
for package in $wanted; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed \
        || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "Debian packages are missing; type: sudo apt-get install --yes$missing" >&2
    exit 0
fi
echo "Installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # a list of words
apt-get update --quiet --quiet && apt-get install --yes --quiet --no-install-recommends $missing </dev/null \
    || echo "Could not install Debian packages; type: apt-get install --yes$missing" >&2
