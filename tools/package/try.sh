#!/bin/sh
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# usage: sh tools/package/try.sh MODEL [PREFIX]
#
# Compiles a model with the tern that is installed in PREFIX, /usr, and runs the
# program and the examples in C, C++ and Python, which must answer the same.
set -eu

model=$(realpath "$1")
prefix=${2:-/usr}
if [ "$prefix" != /usr ]; then
  export PATH="$prefix/bin:$PATH" LD_LIBRARY_PATH="$prefix/lib"
  export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
  export PYTHONPATH="$prefix/lib/python3/dist-packages"
fi
examples=$prefix/share/tern/runtime/examples
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

tern --version
tern compile "$model" --target=generic -o bard
tern compile "$model" --target=generic -o bard.so
cc "$examples/engine.c" $(pkg-config --cflags --libs tern) -o in-c
c++ -std=c++17 "$examples/engine.cpp" $(pkg-config --cflags --libs tern) -o in-c++
./bard -q -p ROMEO: -n 20 --temp 0 >want
./in-c ./bard.so ROMEO: >c
./in-c++ ./bard.so ROMEO: >c++
/usr/bin/python3 "$examples/engine.py" ./bard.so ROMEO: >python
cat want
for way in c c++ python; do
  # A program ends its text with a newline where there is none.
  [ "$(cat $way)" = "$(cat want)" ] || { echo "$way: another answer:" && cat $way && exit 1; }
done
gzip -dc "$prefix/share/man/man1/tern-compile.1.gz" | grep -q "SH OPTIONS"
echo "the installed tern works"
