#!/bin/sh
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# usage: sh tools/demo.sh
#
# From a fresh clone to text: installs what is missing, builds tern, compiles the
# bundled model into a program and runs that alone, with an empty environment.
set -eu
cd "$(dirname "$0")/.."

sh tools/setup.sh
cmake --preset release >build.log 2>&1 || {
  cat build.log >&2
  exit 1
}
rm -f build.log
cmake --build build --target tern

mkdir -p build/demo
cd build/demo
echo '$ tern compile test/models/shakespeare-a48 -o bard' >&2
../bin/tern compile ../../test/models/shakespeare-a48 -o bard
echo '$ env -i ./bard -p "ROMEO:" -n 60 --temp 0' >&2
env -i ./bard -p "ROMEO:" -n 60 --temp 0
