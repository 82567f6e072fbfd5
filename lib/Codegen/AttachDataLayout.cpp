//===- AttachDataLayout.cpp - The width of an index
//------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/TargetParser/Triple.h"

#define DEBUG_TYPE "tern-attach-data-layout"

namespace tern {
#define GEN_PASS_DEF_ATTACHDATALAYOUTPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

struct AttachDataLayout
    : tern::impl::AttachDataLayoutPassBase<AttachDataLayout> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    TargetAttr target = TargetAttr::lookup(module);
    if (!target) {
      module.emitError("expected a `tern.target` attribute");
      return signalPassFailure();
    }
    std::string text = llvm::Triple(target.getTriple()).computeDataLayout();
    unsigned bits = llvm::DataLayout(text).getPointerSizeInBits(0);
    if (bits == 64)
      return;
    ++numNarrow;
    Builder b(&getContext());
    auto entry =
        DataLayoutEntryAttr::get(b.getIndexType(), b.getI64IntegerAttr(bits));
    module->setAttr(DLTIDialect::kDataLayoutAttrName,
                    DataLayoutSpecAttr::get(&getContext(), {entry}));
  }
};

} // namespace
