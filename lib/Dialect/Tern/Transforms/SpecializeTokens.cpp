//===- SpecializeTokens.cpp - One body for one token, one for many ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"
#include "tern/Dialect/Tern/Transforms/SharedWeights.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"

#define DEBUG_TYPE "tern-specialize-tokens"

namespace tern {
#define GEN_PASS_DEF_SPECIALIZETOKENSPASS
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

/// `type` with its dynamic first dimension, the number of tokens, made 1.
Type makeOneToken(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getRank() == 0 || !tensor.isDynamicDim(0))
    return type;
  SmallVector<int64_t> shape(tensor.getShape());
  shape[0] = 1;
  return tensor.clone(shape);
}

void makeOneToken(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments())
    argument.setType(makeOneToken(argument.getType()));
  function.walk([](Operation *op) {
    for (OpResult result : op->getResults())
      result.setType(makeOneToken(result.getType()));
  });
  FunctionType type = function.getFunctionType();
  SmallVector<Type> results;
  for (Type result : type.getResults())
    results.push_back(makeOneToken(result));
  function.setFunctionType(FunctionType::get(
      function.getContext(), function.getBody().getArgumentTypes(), results));
}

struct SpecializeTokens
    : tern::impl::SpecializeTokensPassBase<SpecializeTokens> {
  using SpecializeTokensPassBase::SpecializeTokensPassBase;

  void runOnOperation() override {
    int64_t most = maxTokens;
    bool isFewOwn = few;
    // All versions of the code have the same bodies.
    for (TargetAttr attr : getVersionTargets(getOperation())) {
      const Target *target = attr.getTarget();
      if (target && maxTokens == 0)
        most = std::max(most, target->getTokensOfPass(attr));
      isFewOwn |= target && target->wantsFew(attr);
    }
    if (most == 0)
      most = 32;
    getOperation()->setAttr(TernDialect::kMaxTokensAttr,
                            Builder(&getContext()).getI64IntegerAttr(most));
    for (auto function :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      auto isDynamic = [](Type type) { return type != makeOneToken(type); };
      if (function.isExternal() ||
          llvm::none_of(function.getArgumentTypes(), isDynamic))
        continue;
      ++numSpecialized;
      std::string name = function.getSymName().str();
      if (most == 1) {
        function.setSymName(name + ".decode");
        makeOneToken(function);
        continue;
      }
      OpBuilder builder(function);
      auto decode = cast<func::FuncOp>(builder.clone(*function));
      decode.setSymName(name + ".decode");
      makeOneToken(decode);
      if (isFewOwn) {
        auto own = cast<func::FuncOp>(builder.clone(*function));
        own.setSymName(name + ".few");
      }
      function.setSymName(name + ".prefill");
      remark::analysis(function.getLoc(),
                       remark::RemarkOpts::name("Bodies").category(DEBUG_TYPE))
          << remark::reason("{0} is for one token, {1} for up to {2} at a time",
                            decode.getName(), function.getName(), most);
    }
  }
};

} // namespace
