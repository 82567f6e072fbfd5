//===- lib/Packing/Codec.cpp - Which codecs there are ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Packing/Codec.h"

using namespace tern;

const std::vector<const Codec *> &tern::allCodecs() {
  static const std::vector<const Codec *> all = {
#define TERN_CODEC(name) &codecs::name,
#include "tern/Packing/Codecs.def"
  };
  return all;
}

const Codec *tern::findCodec(std::string_view name) {
  for (const Codec *codec : allCodecs())
    if (name == codec->name)
      return codec;
  return nullptr;
}
