#!/bin/sh
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# usage: sh tools/package/clean_root.sh DEBS MODEL
#
# Installs the packages of a folder in a new Debian 12 with apt, which brings all
# that they need, and runs try.sh there. Needs root, mmdebstrap and the network;
# ten minutes, and 4 GB in $TMPDIR, as PyTorch is among what they need.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
debs=$1 model=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mmdebstrap --mode=root --variant=minbase --format=directory \
  --include=ca-certificates,pkg-config,g++ bookworm "$work/root"
cp /etc/resolv.conf "$work/root/etc/resolv.conf"
mkdir "$work/root/tern"
cp "$debs"/*.deb "$here/try.sh" "$work/root/tern"
cp -RL "$model" "$work/root/tern/model"
# /proc, by which tern finds itself, for as long as this runs.
unshare --mount sh -ec 'mount --bind /proc "$0/proc"; exec chroot "$0" sh -ec "$1"' "$work/root" '
  unset TMPDIR # that of the root is its own
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -q -y --no-install-recommends /tern/*.deb
  sh /tern/try.sh /tern/model
  python3 -m tern_train /usr/share/common-licenses/GPL-3 -o /tmp/trained --steps 2
  apt-get remove -q -y tern libtern0 python3-tern-train
  test -z "$(find /usr -name "*libtern*" -o -path "*/dist-packages/tern*")"'
