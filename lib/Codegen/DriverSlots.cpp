//===- DriverSlots.cpp - What the driver and the model share ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/DriverSlots.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tern;

DriverSlots DriverSlots::of(ModuleOp module) {
  ModelAttr model = ModelAttr::lookup(module);
  DriverSlots slots;
  auto maxTokens =
      module->getAttrOfType<IntegerAttr>(TernDialect::kMaxTokensAttr);
  slots.maxTokens = maxTokens ? maxTokens.getInt() : 32;
  slots.headTokens = std::min<int64_t>(slots.maxTokens, 8);
  int64_t end = 0;
  auto take = [&](int64_t bytes) {
    int64_t offset = end;
    end = llvm::alignTo(end + bytes, 64);
    return offset;
  };
  slots.tokens = take(4 * slots.maxTokens);
  slots.positions = take(4 * slots.maxTokens);
  slots.states = take(8 * slots.maxTokens);
  slots.logits_to = take(8 * slots.maxTokens);
  slots.hidden_to = take(8 * slots.maxTokens);
  slots.hidden_stride = take(8 * slots.maxTokens);
  slots.input = take(4 * slots.maxTokens * model.getHidden());
  slots.output = take(4 * slots.maxTokens * model.getHidden());
  slots.head_to = take(8 * slots.headTokens);
  slots.head_input = take(4 * slots.headTokens * model.getHidden());
  slots.logits = take(4 * slots.headTokens * model.getVocab());
  slots.end = end;
  return slots;
}

int64_t DriverSlots::ofArgument(StringRef name, unsigned index) const {
  // layer: %layer, %x, %positions, %cache, then its result.
  const int64_t ofEmbed[] = {tokens, input};
  const int64_t ofLayer[] = {-1, input, positions, states, output};
  const int64_t ofHead[] = {head_input, logits};
  ArrayRef<int64_t> all =
      llvm::StringSwitch<ArrayRef<int64_t>>(name.split('.').first)
          .Case("embed", ofEmbed)
          .Case("layer", ofLayer)
          .Case("head", ofHead)
          .Default({});
  return index < all.size() ? all[index] : -1;
}

int64_t DriverSlots::maxTokensOf(StringRef name) const {
  auto [function, body] = name.split('.');
  if (body.starts_with("decode"))
    return 1;
  return function == "head" ? headTokens : maxTokens;
}
