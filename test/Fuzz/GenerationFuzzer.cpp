//===- GenerationFuzzer.cpp - Defaults of generation ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The input is generation_config.json, tokenizer_config.json, config.json and
// special_tokens_map.json with NULs between them.
//
//===----------------------------------------------------------------------===//

#include "Fuzzing.h"

#include "tern/Tokenizer/TokenizerCompiler.h"
#include "tern/artifact.h"

#include <cstring>

using namespace tern;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  TokenizerSources sources;
  sources.generationConfig = takeText(data, size);
  sources.tokenizerConfig = takeText(data, size);
  sources.config = takeText(data, size);
  sources.specialTokensMap = takeText(data, size);
  TokenizerDescription tokenizer;
  tokenizer.tokens = {{"<s>", 3, false}, {"</s>", 3, false}, {"a", 1, true}};
  std::string error;
  TextRemarks remarks;
  std::optional<std::vector<uint8_t>> section =
      compileGeneration(sources, &tokenizer, error, nullptr, &remarks);
  if (!section) {
    require(!error.empty(), "a refusal says why");
    return 0;
  }
  tern_generation generation;
  require(section->size() >= sizeof(generation), "the section has its header");
  std::memcpy(&generation, section->data(), sizeof(generation));
  uint64_t texts = uint64_t(generation.chat_template_bytes) +
                   generation.chat_variables_bytes + generation.stop_bytes;
  uint64_t ids = uint64_t(generation.bad_words_count) +
                 generation.forced_eos_count + generation.suppress_count +
                 generation.begin_suppress_count;
  require(generation.size == sizeof(generation) &&
              generation.eos_count <= TERN_MAX_EOS &&
              generation.stop_count <= TERN_MAX_STOPS &&
              texts + 4 * ids == section->size() - sizeof(generation),
          "the section is what the runtime expects");
  return 0;
}
