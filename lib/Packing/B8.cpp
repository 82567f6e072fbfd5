//===- lib/Packing/B8.cpp - One digit to a byte ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Stored digits, digit + 1: the unsigned side of a dot product as it stands.
// Rows are unpacked into these bytes in the cache, once for many tokens.
//
//===----------------------------------------------------------------------===//

#include "CodecBuilder.h"

using namespace tern;

const Codec codecs::b8 = CodecBuilder<NumberFields<8, 1>>::build("b8", 8);
