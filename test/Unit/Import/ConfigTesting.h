//===- ConfigTesting.h - Edited configs -------------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_IMPORT_CONFIGTESTING_H
#define TERN_TEST_UNIT_IMPORT_CONFIGTESTING_H

#include "TinyCheckpoint.h"

#include "tern/Import/ModelConfig.h"

#include "gtest/gtest.h"

#include <string>

namespace tern {

inline void asQwen3(nlohmann::json &c) {
  c["architectures"] = {"Qwen3ForCausalLM"};
  c["model_type"] = "qwen3";
  c["hidden_act"] = "silu";
  c["head_dim"] = 4;
}

/// The sentence about the tiny model's config after `edit`; "" if it is right.
inline std::string verdict(void (*edit)(nlohmann::json &)) {
  nlohmann::json config = TinyCheckpoint().config;
  edit(config);
  auto parsed = ModelConfig::parse(config.dump(), "config.json");
  return parsed ? "" : llvm::toString(parsed.takeError());
}

inline void expectRefusal(void (*edit)(nlohmann::json &),
                          const std::string &part) {
  std::string message = verdict(edit);
  EXPECT_TRUE(isRefusal(message, "config.json: ")) << message;
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

inline ModelConfig parsed(void (*edit)(nlohmann::json &)) {
  nlohmann::json config = TinyCheckpoint().config;
  edit(config);
  auto result = ModelConfig::parse(config.dump(), "config.json");
  if (!result) {
    ADD_FAILURE() << llvm::toString(result.takeError());
    return {};
  }
  return *result;
}

} // namespace tern

#endif // TERN_TEST_UNIT_IMPORT_CONFIGTESTING_H
