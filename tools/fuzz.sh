#!/bin/sh
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# usage: sh tools/fuzz.sh [SECONDS | --runs N] [--seed N] [--junit FILE] [TARGET...]
#
# Builds the preset `fuzz` and runs its targets (test/Fuzz, all unless some are
# named) two at a time, each for SECONDS (60) or N inputs. One line for each says
# how many inputs it read; exit status 1 if one of them is a finding: a crash, a
# broken promise, more than 20 s, 64 MiB at once or 1 GiB in all. Inputs that reach
# new code stay in build-fuzz/corpus, where the next run begins. With --seed they
# are left alone: runs with one seed read the same inputs, as far as they get.
set -eu
cd "$(dirname "$0")/.."

run_one() { # TARGET LIMIT SEED: runs it; its line goes to stdout, the rest to a log
  name=$1 logs=build-fuzz/logs corpus=build-fuzz/corpus/$1
  [ "$3" = 0 ] || { corpus=build-fuzz/seeded/$1 && rm -rf "$corpus"; }
  mkdir -p "$logs" "$corpus"
  dictionary=test/Fuzz/$name.dict
  [ -f "$dictionary" ] && dictionary=-dict=$dictionary || dictionary=
  status=0
  ASAN_OPTIONS=quarantine_size_mb=16:malloc_context_size=8 build-fuzz/bin/"$name" \
    "$2" -seed="$3" $dictionary -max_len=8192 -timeout=20 -rss_limit_mb=1024 -malloc_limit_mb=64 \
    -print_final_stats=1 -artifact_prefix="$logs/$name-" \
    "$corpus" "test/Fuzz/seeds/$name" >"$logs/$name.log" 2>&1 || status=$?
  count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$name.log")
  if [ "$status" -eq 0 ]; then
    echo "$name: ${count:-0} inputs, nothing found"
  else
    found=$(sed -n 's/.*Test unit written to //p' "$logs/$name.log" | tail -n 1)
    why=$(grep -m 1 -E 'ERROR:|runtime error:|broken promise:|Assertion' "$logs/$name.log" || true)
    echo "$name: found after ${count:-?} inputs: ${why:-exit status $status}: ${found:-$logs/$name.log}"
  fi
}

if [ "${1-}" = --one ]; then
  run_one "$2" "$3" "$4"
  exit 0
fi

limit=-max_total_time=60 seed=0 junit=
targets=
while [ $# -gt 0 ]; do
  case $1 in
  --runs) limit=-runs=$2 && shift ;;
  --seed) seed=$2 && shift ;;
  --junit) junit=$2 && shift ;;
  *[!0-9]*) targets="$targets $1" ;;
  *) limit=-max_total_time=$1 ;;
  esac
  shift
done
[ -n "$targets" ] || targets=$(cd test/Fuzz && ls ./*Fuzzer.cpp | sed 's|./||; s|\.cpp$||')

cmake --preset fuzz >/dev/null
# shellcheck disable=SC2086 # names of targets hold no blanks
cmake --build build-fuzz --target $targets >&2
lines=build-fuzz/lines
printf '%s\n' $targets | xargs -P 2 -I '{}' sh tools/fuzz.sh --one '{}' "$limit" "$seed" | tee "$lines"

if [ -n "$junit" ]; then
  {
    echo '<testsuite name="fuzz">'
    sed "s/&/\&amp;/g; s/</\&lt;/g; s/\"/'/g
      s|^\([A-Za-z]*\): found.*|<testcase classname=\"fuzz\" name=\"\1\"><failure message=\"&\"/></testcase>|
      s|^\([A-Za-z]*\): .*nothing found|<testcase classname=\"fuzz\" name=\"\1\"/>|" "$lines"
    echo '</testsuite>'
  } >"$junit"
fi
! grep -q ': found' "$lines"
