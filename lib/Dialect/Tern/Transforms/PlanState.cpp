//===- PlanState.cpp - What each kind of layers keeps
//----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/LayerKinds.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"
#include "tern/Packing/CacheLayout.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "tern-plan-state"

namespace tern {
#define GEN_PASS_DEF_PLANSTATEPASS
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

CacheLayout getLayout(KVCacheType type) {
  return {type.getLayers(), type.getHeads(), type.getHeadDim(), type.getBits(),
          type.getBosBits()};
}

struct PlanState : tern::impl::PlanStatePassBase<PlanState> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!ModelAttr::lookup(module)) {
      module.emitError("expected a `tern.model` attribute");
      return signalPassFailure();
    }
    LayerKinds kinds = LayerKinds::of(module);
    if (kinds.names().size() == 1)
      return;
    SmallVector<Type> types(kinds.names().size());
    SmallVector<BlockArgument> arguments;
    if (failed(collect(kinds, types, arguments)))
      return signalPassFailure();
    SmallVector<Type> placed = place(types);
    for (BlockArgument argument : arguments) {
      auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
      unsigned kind = kinds.numberOf(kinds.kindOf(function.getSymName()));
      ++numPlaced;
      argument.setType(placed[kind]);
      function.setFunctionType(FunctionType::get(
          &getContext(), function.getBody().getArgumentTypes(),
          function.getResultTypes()));
    }
  }

private:
  /// Each kind's type, and the arguments that have it.
  LogicalResult collect(const LayerKinds &kinds, MutableArrayRef<Type> types,
                        SmallVectorImpl<BlockArgument> &arguments) {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      StringRef name = kinds.kindOf(function.getSymName());
      if (name.empty() || function.isExternal())
        continue;
      unsigned kind = kinds.numberOf(name);
      for (BlockArgument argument : function.getArguments()) {
        Type type = argument.getType();
        if (!isa<KVCacheType, StateType>(type))
          continue;
        if (types[kind] && types[kind] != type)
          return function.emitOpError("expected one state of the kind ")
                 << name << ", got " << types[kind] << " and " << type;
        auto cache = dyn_cast<KVCacheType>(type);
        if (cache && cache.getLayers() != kinds.count(kind))
          return function.emitOpError("expected a cache of the ")
                 << kinds.count(kind) << " layers of the kind " << name
                 << ", got " << type;
        // Of one layer, it is for the kind's function to part it.
        auto state = dyn_cast<StateType>(type);
        if (state && state.getLayers() > 1 &&
            state.getLayers() != kinds.count(kind))
          return function.emitOpError("expected a state of the ")
                 << kinds.count(kind) << " layers of the kind " << name
                 << ", got " << type;
        types[kind] = type;
        arguments.push_back(argument);
      }
    }
    return success();
  }

  SmallVector<Type> place(ArrayRef<Type> types) {
    int64_t fixed = CacheLayout::headerBytes, stride = 0;
    SmallVector<int64_t> fixedAt, blockAt;
    for (Type type : types) {
      fixedAt.push_back(fixed);
      blockAt.push_back(stride);
      if (auto cache = dyn_cast_or_null<KVCacheType>(type)) {
        fixed += getLayout(cache).fixedBytes() - CacheLayout::headerBytes;
        stride += getLayout(cache).blockBytes();
      } else if (auto state = dyn_cast_or_null<StateType>(type)) {
        fixed += llvm::alignTo(state.getBytes(), CacheLayout::alignment);
      }
    }
    SmallVector<Type> placed;
    for (auto [k, type] : llvm::enumerate(types)) {
      if (auto c = dyn_cast_or_null<KVCacheType>(type))
        placed.push_back(KVCacheType::get(
            &getContext(), c.getLayers(), c.getHeads(), c.getHeadDim(),
            c.getCapacity(), c.getBits(), c.getBosBits(), c.getQBits(),
            fixedAt[k], fixed + blockAt[k], stride));
      else if (auto state = dyn_cast_or_null<StateType>(type))
        placed.push_back(StateType::get(&getContext(), state.getBytes(),
                                        state.getLayers(), fixedAt[k]));
      else
        placed.push_back(type);
    }
    return placed;
  }
};

} // namespace
