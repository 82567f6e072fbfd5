#!/bin/sh
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# usage: sh tools/gpu-check.sh --prepare DIR [--large] [--quick]
#        DIR/gpu-check [--only STEP,...] [--device N] [-o REPORT.json]
#
# The first compiles and records all that a card is asked, and needs the built tree
# but no GPU. The second is for the machine with the card, in 15 minutes at most: sh,
# python3 and NVIDIA's driver are all that it needs. docs/nvidia.md reads its table.
set -eu
here=$(dirname "$0")
[ "${1-}" = --prepare ] && [ $# -ge 2 ] || {
  sed -n '5,6s/^# //p' "$0" >&2
  exit 2
}
shift
# Debian's has Debian's numpy.
exec /usr/bin/python3 "$here/gpu_prepare.py" "$@"
