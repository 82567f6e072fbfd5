//===- GgufFlags.cpp - What a user says about a GGUF file -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GgufFlags.h"

using namespace tern;

void GgufFlags::addTo(OptionTable &table) {
  table.addText("--gguf-reading", "i2_s|i2_s_arm|q2_0_g64|q2_0_g128",
                "of a GGUF file: the encoding to take where two fit", reading);
  table.addText("--hidden-act", "relu2|silu",
                "of a GGUF file: the activation in the MLP, whatever it says",
                hiddenAct);
  table.addText("--tokenizer-pre", "NAME",
                "of a GGUF file: how text is split, whatever it says: "
                "llama-bpe, falcon3, gpt-2, qwen2 or another name of "
                "docs/gguf.md",
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

bool GgufFlags::areGiven() const {
  return !reading.empty() || !hiddenAct.empty() || !tokenizerPre.empty();
}
