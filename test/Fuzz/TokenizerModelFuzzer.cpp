//===- TokenizerModelFuzzer.cpp - tokenizer.model to a table --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The input is tokenizer.model, and its last bytes are a text that is encoded.
//
//===----------------------------------------------------------------------===//

#include "Compiling.h"
#include "Encoding.h"

#include <algorithm>

using namespace tern;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  TokenizerSources sources;
  sources.sentencePiece.assign(reinterpret_cast<const char *>(data), size);
  if (size == 0)
    return 0;
  std::vector<uint8_t> table;
  tern_tokenizer tokenizer;
  if (!compileAndLoad(sources, table, tokenizer))
    return 0;
  useTokenizer(tokenizer, sampleText());
  useTokenizer(tokenizer,
               sources.sentencePiece.substr(size - std::min<size_t>(size, 64)));
  return 0;
}
