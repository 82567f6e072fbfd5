//===- AddChoice.cpp - The next token is chosen on a device ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

namespace tern {
#define GEN_PASS_DEF_ADDCHOICEPASS
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

struct AddChoice : tern::impl::AddChoicePassBase<AddChoice> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ModelAttr model = ModelAttr::lookup(module);
    if (!model || !getDevice(module))
      return;
    removeBest(module);
    OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
    Location loc = module.getLoc();
    auto logits = RankedTensorType::get(
        {ShapedType::kDynamic, model.getVocab()}, b.getF32Type());
    auto tokens =
        RankedTensorType::get({ShapedType::kDynamic, 2}, b.getI32Type());
    auto function = func::FuncOp::create(
        b, loc, "best.prefill", b.getFunctionType(Type(logits), Type(tokens)));
    b.setInsertionPointToStart(function.addEntryBlock());
    auto best = ArgmaxOp::create(b, loc, TypeRange(tokens),
                                 function.getArgument(0), ValueRange());
    func::ReturnOp::create(b, loc, best.getResult(0));
    ++numAdded;
  }

private:
  static void removeBest(ModuleOp module) {
    for (auto function :
         llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (function.getSymName().starts_with("best."))
        function.erase();
    for (WeightOp weight :
         llvm::make_early_inc_range(module.getOps<WeightOp>()))
      if (SymbolTable::symbolKnownUseEmpty(weight, module))
        weight.erase();
  }
};

} // namespace
