//===- GgufFlags.h - What a user says about a GGUF file ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_GGUFFLAGS_H
#define TERN_TOOLS_GGUFFLAGS_H

#include "Options.h"

#include "tern/Import/GgufModel.h"

namespace tern {

struct GgufFlags {
  std::string reading, hiddenAct, tokenizerPre;

  void addTo(OptionTable &table);
  GgufOptions options() const;
  /// True if one of them was given.
  bool areGiven() const;
};

} // namespace tern

#endif // TERN_TOOLS_GGUFFLAGS_H
