//===- ArtifactFuzzer.cpp - Artifacts as the runtime reads them -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Encoding.h"
#include "Fuzzing.h"

#include "tern/host.h"

using namespace tern;

/// Reads every byte of a range, so that one outside is noticed.
static unsigned sum(const void *bytes, uint64_t count) {
  unsigned total = 0;
  for (uint64_t i = 0; i < count; ++i)
    total += static_cast<const uint8_t *>(bytes)[i];
  return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tern_artifact artifact;
  tern_error error = {};
  if (tern_artifact_parse(&artifact, data, size, "it", &error) != 0) {
    require(error.text[0] != '\0', "a refusal says why");
    return 0;
  }
  artifact.mapping = const_cast<uint8_t *>(data);
  require((tern_artifact_verify(&artifact, "it", &error) == 0) ==
              (error.text[0] == '\0'),
          "a damaged artifact is said to be");
  volatile unsigned total = sum(artifact.weights, artifact.weights_bytes);
  if (artifact.chat_template)
    total +=
        sum(artifact.chat_template, artifact.generation.chat_template_bytes);
  if (artifact.chat_variables)
    total +=
        sum(artifact.chat_variables, artifact.generation.chat_variables_bytes);
  const tern_generation &g = artifact.generation;
  if (artifact.stops)
    total += sum(artifact.stops, g.stop_bytes);
  if (artifact.ids)
    total += sum(artifact.ids,
                 4 * (uint64_t(g.bad_words_count) + g.forced_eos_count +
                      g.suppress_count + g.begin_suppress_count));
  require(artifact.generation.eos_count <= TERN_MAX_EOS,
          "end tokens fit into their list");
  tern_tokenizer tokenizer;
  if (artifact.tokenizer &&
      tern_tokenizer_load(&tokenizer, artifact.tokenizer,
                          artifact.tokenizer_bytes) == TERN_OK)
    useTokenizer(tokenizer, sampleText(), /*compiled=*/false);
  return 0;
}
