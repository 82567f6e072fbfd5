//===- LayerKinds.cpp - Kinds of layers and their order
//--------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/LayerKinds.h"

#include "tern/Dialect/Tern/IR/Tern.h"

using namespace mlir;
using namespace tern;

LayerKinds LayerKinds::of(ModuleOp module) {
  SmallVector<StringRef> pattern;
  if (auto given =
          module->getAttrOfType<ArrayAttr>(TernDialect::kLayerKindsAttr))
    for (auto name : given.getAsRange<StringAttr>())
      pattern.push_back(name.getValue());
  if (pattern.empty())
    pattern.push_back("layer");
  LayerKinds result;
  for (int64_t l = 0; l < ModelAttr::lookup(module).getLayers(); ++l) {
    StringRef name = pattern[l % pattern.size()];
    unsigned kind = result.numberOf(name);
    if (kind == result.kinds.size()) {
      result.kinds.push_back(name);
      result.counts.push_back(0);
    }
    result.all.push_back({kind, result.counts[kind]++});
  }
  return result;
}

unsigned LayerKinds::numberOf(StringRef kind) const {
  return std::distance(kinds.begin(), llvm::find(kinds, kind));
}

StringRef LayerKinds::kindOf(StringRef name) const {
  for (StringRef whole : {name, name.rsplit('.').first})
    if (llvm::is_contained(kinds, whole))
      return whole;
  return "";
}
