#!/bin/sh
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# usage: sh tools/test.sh
#
# Installs what is missing, builds everything and runs every test: unit tests,
# lit and scripts through ctest, pytest, and each fuzz target for 10 seconds, with
# the same inputs each time. The last line is "N passed, N failed"; exit status 0
# if nothing failed.
set -u
cd "$(dirname "$0")/.."
python=/usr/bin/python3 # Debian's, which has Debian's numpy and pytest

sh tools/setup.sh --tests --training && cmake --preset release && cmake --build build || {
  echo "tern: error: the build failed, so no test was run" >&2
  echo "0 passed, 1 failed"
  exit 1
}

results=$PWD/build/test-results
rm -rf "$results"
mkdir -p "$results"
jobs=$(getconf _NPROCESSORS_ONLN)
(cd build && LIT_OPTS="--xunit-xml-output=$results/lit.xml" \
  ctest --output-on-failure -j "$jobs" --output-junit "$results/ctest.xml")
TERN_BINARY=
[ ! -x build/bin/tern ] || TERN_BINARY=$PWD/build/bin/tern
# Models made for tests, their references and what `tern run` compiles of them are
# found again by the next run; all three go by what they were made from.
TERN_TEST_CACHE=$PWD/build/test-cache
XDG_CACHE_HOME=$TERN_TEST_CACHE
export TERN_BINARY TERN_TEST_CACHE XDG_CACHE_HOME
$python -m pytest -q -n "$jobs" -p no:cacheprovider test/Python --junitxml="$results/pytest.xml"
sh tools/fuzz.sh 10 --seed 1 --junit "$results/fuzz.xml"
exec $python tools/sum_results.py "$results"
