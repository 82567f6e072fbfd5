#!/bin/sh
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# usage: has-sparsify.sh MODULE; exit status 1 says that it is interesting
! grep -q tern.sparsify "$1"
