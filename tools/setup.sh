#!/bin/sh
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# usage: sh tools/setup.sh [--tests] [--training]
#
# Installs the Debian packages that tern is built with and that are not there
# yet; with --tests also those its tests need, and the packages of npm that they
# compare with (into build/); with --training PyTorch and a fast BLAS, which only
# python/tern_train and its tests use (140 MB). Asks for sudo when not root.
# LLVM 22 comes from Debian 12's security archive, which is enabled by default.
set -eu

packages="
  cmake ninja-build ccache g++ libc6-dev
  clang-22 lld-22 llvm-22-dev libmlir-22-dev mlir-22-tools
  nlohmann-json3-dev libmicrohttpd-dev libgtest-dev libpcre2-dev libutf8proc-dev"
tests=
for argument; do
  case "$argument" in
  --tests)
    tests=yes
    packages="$packages llvm-22-tools python3 python3-numpy python3-pytest python3-pytest-xdist
    pkg-config python3-jinja2 curl openssl python3-build python3-wheel python3-venv mypy
    locales libclang-rt-22-dev
    qemu-user qemu-system-arm qemu-system-misc make gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-riscv64-linux-gnu libc6-dev-riscv64-cross
    libc6-dev-armhf-cross libgcc-12-dev-armhf-cross"
    # Node.js may have come from elsewhere, which Debian's packages would replace.
    command -v npm >/dev/null || packages="$packages nodejs npm" ;;
  --training) packages="$packages python3-torch libopenblas0-pthread" ;;
  *)
    sed -n '5,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
  esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "tern: error: tools/setup.sh knows Debian's apt only; install these yourself:" $packages >&2
  exit 1
fi

missing=
for package in $packages; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
  as_root=
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "tern: error: install sudo, or as root run: apt-get install$missing" >&2
      exit 1
    fi
    as_root=sudo
  fi
  echo "installing:$missing" >&2
  $as_root apt-get update -q
  $as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends $missing
fi

# Here and not in a test, so that no test needs the network.
[ -z "$tests" ] || sh "$(dirname "$0")/../test/JavaScript/install.sh" \
  "$(dirname "$0")/../build/test/JavaScript"
