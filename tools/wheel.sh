#!/bin/sh
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# usage: sh tools/wheel.sh LIBRARY DIR
#
# Writes a wheel of the Python package tern with libtern in it, such as
# build/lib/libtern.so, into DIR. Needs Debian's python3-build and python3-wheel,
# and no network. PYTHON names another Python than /usr/bin/python3.
set -eu

if [ $# -ne 2 ]; then
  sed -n '5,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/tern"
cp "$top"/python/tern/*.py "$top/python/tern/py.typed" "$stage/tern"
cp "$top/python/pyproject.toml" "$top/python/setup.py" "$top/LICENSE" "$stage"
cp "$top/docs/python.md" "$stage/README.md"
# As a file, under the name that the system would look for.
${STRIP:-strip} --strip-unneeded -o "$stage/tern/libtern.so.0" "$1"
cd "$stage"
if ! "${PYTHON:-/usr/bin/python3}" -m build --wheel --no-isolation --outdir "$out" . >log 2>&1; then
  cat log >&2
  exit 1
fi
