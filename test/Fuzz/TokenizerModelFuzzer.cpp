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

#include "Encoding.h"
#include "Fuzzing.h"

#include "tern/Tokenizer/TokenizerCompiler.h"

#include <algorithm>

using namespace tern;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  TokenizerSources sources;
  sources.sentencePiece.assign(reinterpret_cast<const char *>(data), size);
  if (size == 0)
    return 0;
  std::string error;
  std::optional<std::vector<uint8_t>> table = compileTokenizer(sources, error);
  if (!table) {
    require(!error.empty(), "a refusal says why");
    return 0;
  }
  tern_tokenizer tokenizer;
  require(tern_tokenizer_load(&tokenizer, table->data(), table->size()) ==
              TERN_OK,
          "the runtime reads what the compiler writes");
  useTokenizer(tokenizer, sampleText());
  useTokenizer(tokenizer,
               sources.sentencePiece.substr(size - std::min<size_t>(size, 64)));
  return 0;
}
