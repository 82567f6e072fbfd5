#!/bin/sh
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# usage: run.sh address|thread TERN
#
# Builds the preset models-address or models-thread with what TERN compiles, and
# runs its tests.
set -eu
cd "$(dirname "$0")/../.."
cmake --preset "models-$1" -DTERN_COMPILER="$2" >/dev/null
cmake --build --preset "models-$1"
exec ctest --preset "models-$1"
