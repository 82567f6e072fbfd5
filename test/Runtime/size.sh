#!/bin/sh
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# usage: size.sh LIMIT SIZE-TOOL FILE
#
# Prints the bytes of code and constants in FILE (an archive's members together)
# and fails when they are more than LIMIT.
limit=$1
bytes=$("$2" "$3" | awk 'NR > 1 { sum += $1 } END { print sum + 0 }')
echo "$3: $bytes bytes of code and constants, at most $limit"
[ "$bytes" -gt 0 ] && [ "$bytes" -le "$limit" ]
