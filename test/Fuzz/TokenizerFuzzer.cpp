//===- TokenizerFuzzer.cpp - tokenizer.json to a table, and its use -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The input is tokenizer.json and, behind a NUL, a text that is encoded.
//
//===----------------------------------------------------------------------===//

#include "Encoding.h"
#include "Fuzzing.h"

#include "tern/Tokenizer/TokenizerCompiler.h"

using namespace tern;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  TokenizerSources sources;
  sources.tokenizer = takeText(data, size);
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
  std::string text(reinterpret_cast<const char *>(data), size);
  useTokenizer(tokenizer, text.empty() ? sampleText() : text);
  return 0;
}
