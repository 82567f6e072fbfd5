//===- ModelFunction.cpp - Functions of a model by their names ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/ModelFunction.h"

#include "tern/Codegen/Abi.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace tern;

int64_t tern::getMaxTokens(ModuleOp module) {
  auto attr = module->getAttrOfType<IntegerAttr>(TernDialect::kMaxTokensAttr);
  return attr ? attr.getInt() : 32;
}

/// Logits of many tokens are wanted rarely, and their rows are long; a batch
/// wants those of all.
int64_t tern::getHeadTokens(ModuleOp module) {
  return std::min<int64_t>(getMaxTokens(module), TERN_FEW_TOKENS);
}

ModelFunction ModelFunction::of(StringRef name) {
  ModelFunction function;
  std::tie(function.whole, function.body) = name.rsplit('.');
  // "layer.KIND" as well.
  function.role = llvm::StringSwitch<Role>(function.whole.split('.').first)
                      .Case("embed", Embed)
                      .Case("layer", Layer)
                      .Case("head", Head)
                      .Case("best", Best)
                      .Case("candidates", Candidates)
                      .Default(Other);
  return function;
}

int64_t ModelFunction::maxTokens(ModuleOp module) const {
  if (isForOneToken())
    return 1;
  // Also for few tokens: functions for many whose loops are the same, down to
  // the places of temporaries, are merged with theirs.
  bool readsLogits = role == Best || role == Candidates;
  return role == Head || readsLogits ? getHeadTokens(module)
                                     : getMaxTokens(module);
}

int32_t ModelFunction::rowsField(unsigned index, bool isState) const {
  // layer: %layer, %x, %positions, %cache, then its result.
  const int32_t ofEmbed[] = {abi::rows::tokens, abi::rows::output};
  const int32_t ofLayer[] = {-1, abi::rows::input, abi::rows::positions,
                             abi::rows::states, abi::rows::output};
  const int32_t ofHead[] = {abi::rows::input, abi::rows::logits};
  const int32_t ofBest[] = {abi::rows::input, abi::rows::best};
  if (role == Layer && index == 3 && !isState)
    return abi::rows::output;
  ArrayRef<int32_t> all;
  if (role == Embed)
    all = ofEmbed;
  else if (role == Layer)
    all = ofLayer;
  else if (role == Head)
    all = ofHead;
  else if (role == Best || role == Candidates)
    all = ofBest;
  return index < all.size() ? all[index] : -1;
}
