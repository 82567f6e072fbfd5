#!/bin/sh
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# usage: sh install.sh DIRECTORY [--offline]
#
# Puts the scripts of this folder and the packages they import into DIRECTORY: a
# script finds packages next to itself only, and the source tree stays clean.
# With --offline packages that are missing are an error: tests do not use the
# network.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cp "$here"/*.json "$1"
for script in "$here"/*.mjs; do
  [ ! -e "$script" ] || cp "$script" "$1"
done
cd "$1"
# npm writes the second file when it has finished.
if [ -e node_modules/.package-lock.json ] && cmp -s package-lock.json node_modules/.installed; then
  exit 0
fi
if [ "${2-}" = --offline ]; then
  echo "the packages of package-lock.json are not in $1; run: sh tools/setup.sh --tests" >&2
  exit 1
fi
npm ci --ignore-scripts --no-audit --no-fund
cp package-lock.json node_modules/.installed
