//===- ConfigFuzzer.cpp - config.json -------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Fuzzing.h"

#include "tern/Import/ModelConfig.h"

using namespace tern;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  llvm::Expected<ModelConfig> config = ModelConfig::parse(text, "it");
  if (!config) {
    std::string message = llvm::toString(config.takeError());
    require(message.rfind("it: ", 0) == 0, "a refusal names the file");
    return 0;
  }
  for (Projection projection : config->projections())
    require(config->rows(projection) > 0 && config->columns(projection) > 0 &&
                config->rows(projection) <=
                    INT64_MAX / config->columns(projection),
            "matrices have sizes that can be multiplied");
  require(config->layerCount > 0 && config->vocabSize > 0 &&
              config->maxPositions > 0,
          "a model has layers, tokens and positions");
  return 0;
}
