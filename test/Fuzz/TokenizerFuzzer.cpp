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

#include "Compiling.h"
#include "Encoding.h"

using namespace tern;

/// Walks over Unicode once, which would count as the time of the first input.
extern "C" int LLVMFuzzerInitialize(int *, char ***) {
  for (const char *form : {"NFC", "NFKC", "Lowercase"}) {
    TokenizerSources sources;
    const std::string space = R"({"type": "Metaspace", "replacement": "\u2581",
      "prepend_scheme": "always", "split": true})";
    sources.tokenizer = R"({"normalizer": {"type": ")" + std::string(form) +
                        R"("}, "pre_tokenizer": )" + space +
                        R"(, "decoder": )" + space + R"(, "model":
      {"type": "Unigram", "unk_id": 0, "vocab": [["a", 0.0], ["b", -1.0]]}})";
    std::string error;
    require(bool(compileTokenizer(sources, error)), error.c_str());
  }
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  TokenizerSources sources;
  sources.tokenizer = takeText(data, size);
  std::vector<uint8_t> table;
  tern_tokenizer tokenizer;
  if (!compileAndLoad(sources, table, tokenizer))
    return 0;
  std::string text(reinterpret_cast<const char *>(data), size);
  useTokenizer(tokenizer, text.empty() ? sampleText() : text);
  return 0;
}
