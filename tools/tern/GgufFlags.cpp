//===- GgufFlags.cpp - What a user says about a GGUF file -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GgufFlags.h"

using namespace tern;

void GgufFlags::addTo(OptionTable &table) {
  table.addText("--gguf-reading", "NAME",
                "of a GGUF file: the encoding to take where two fit: i2_s or "
                "i2_s_arm, q2_0_g64 or q2_0_g128",
                reading);
  table.addText("--hidden-act", "relu2|silu",
                "of a GGUF file: the activation in the MLP, if it does not say",
                hiddenAct);
  table.addText("--tokenizer-pre", "llama-bpe|gpt-2|qwen2",
                "of a GGUF file: how text is split, if it does not say",
                tokenizerPre);
}

GgufOptions GgufFlags::options() const {
  GgufOptions options;
  if (!reading.empty())
    options.readings.push_back(reading);
  options.hiddenAct = hiddenAct;
  options.tokenizerPre = tokenizerPre;
  return options;
}

std::string GgufFlags::describe() const {
  std::string text;
  for (auto [name, value] :
       {std::pair<const char *, const std::string &>{"--gguf-reading", reading},
        {"--hidden-act", hiddenAct},
        {"--tokenizer-pre", tokenizerPre}})
    if (!value.empty())
      text += name + ("=" + value) + " ";
  return text;
}
