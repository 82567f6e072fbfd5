//===- lib/Import/GgufSplits.cpp - How GGUF files split text --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GgufSplits.h"

#include "tern/Import/GgufNames.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace tern {

#define TERN_WORDS(digits)                                                     \
  R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})" digits      \
  R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"

static constexpr GgufSplit splits[] = {
    {"llama-bpe", TERN_WORDS("{1,3}"), true, true},
    {"llama3", TERN_WORDS("{1,3}"), true, true},
    {"llama-v3", TERN_WORDS("{1,3}"), true, true},
    {"falcon3", TERN_WORDS("{1,3}"), true, true},
    {"falcon-h1", TERN_WORDS("{1,3}"), true, true},
    {"dbrx", TERN_WORDS("{1,3}"), false, false},
    {"smaug-bpe", TERN_WORDS("{1,3}"), false, false},
    {"qwen2", TERN_WORDS(""), false, false},
    {"deepseek-r1-qwen", TERN_WORDS(""), false, false},
    {"gpt-2", nullptr, false, false},
    {"phi-2", nullptr, false, false},
};

#undef TERN_WORDS

StringRef ggufSplitName(const char *regex, bool ignoreMerges) {
  for (const GgufSplit &one : splits)
    if (one.ignoreMerges == ignoreMerges && !one.regex == !regex &&
        (!regex || StringRef(regex) == one.regex))
      return one.name;
  return "";
}

const GgufSplit *ggufSplit(StringRef name) {
  const auto *found =
      find_if(splits, [&](const auto &one) { return one.name == name; });
  return found == std::end(splits) ? nullptr : found;
}

} // namespace tern
