//===- AddChoice.cpp - The next token is chosen on a device ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/ChoiceOps.h"
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
    int64_t vocab = model.getVocab();
    int64_t parts = TopLogitsOp::countSampledParts(vocab);
    constexpr int64_t each = TopLogitsOp::kSampledEach;
    add("best.prefill", vocab, 2,
        [](OpBuilder &b, Location loc, Type type, Value logits) {
          return ArgmaxOp::create(b, loc, TypeRange(type), logits, ValueRange())
              .getResult(0);
        });
    add("candidates.prefill", vocab, 2 * parts * each,
        [&](OpBuilder &b, Location loc, Type type, Value logits) {
          return TopLogitsOp::create(b, loc, TypeRange(type), logits, parts,
                                     each, ValueRange())
              .getResult(0);
        });
  }

private:
  using Build = function_ref<Value(OpBuilder &, Location, Type, Value)>;

  /// A function of rows of logits, with `width` integers of each.
  void add(StringRef name, int64_t vocab, int64_t width, Build build) {
    ModuleOp module = getOperation();
    OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
    Location loc = module.getLoc();
    auto logits =
        RankedTensorType::get({ShapedType::kDynamic, vocab}, b.getF32Type());
    auto result =
        RankedTensorType::get({ShapedType::kDynamic, width}, b.getI32Type());
    auto function = func::FuncOp::create(
        b, loc, name, b.getFunctionType(Type(logits), Type(result)));
    b.setInsertionPointToStart(function.addEntryBlock());
    func::ReturnOp::create(b, loc,
                           build(b, loc, result, function.getArgument(0)));
    ++numAdded;
  }

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
