//===- BindModel.cpp - One signature for all functions of a model ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/DriverSlots.h"
#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SetVector.h"

#define DEBUG_TYPE "tern-bind-model"

namespace tern {
#define GEN_PASS_DEF_BINDMODELPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

LLVM::LLVMStructType tern::getEnvType(MLIRContext *context) {
  Type i32 = IntegerType::get(context, 32);
  Type pointer = LLVM::LLVMPointerType::get(context);
  return LLVM::LLVMStructType::getLiteral(
      context, {i32, i32, pointer, pointer, pointer});
}

namespace {

/// Rewrites one function; see the pass description.
class Binder {
public:
  Binder(func::FuncOp function, const DriverSlots &slots, SymbolTable &symbols,
         llvm::SetVector<StringAttr> &projections)
      : function(function), slots(slots), symbols(symbols),
        projections(projections), b(function.getContext()) {}

  LogicalResult bind() {
    if (function.isExternal() || function.getNumArguments() == 0)
      return function.emitOpError("expected a body and the scratch memory as "
                                  "last argument");
    Block &entry = function.getBody().front();
    unsigned oldCount = entry.getNumArguments();
    // The scratch memory is the last of the old arguments.
    Value oldScratch = entry.getArgument(oldCount - 1);
    Location loc = function.getLoc();
    auto module = function->getParentOfType<ModuleOp>();
    auto bytes =
        module->getAttrOfType<IntegerAttr>(TernDialect::kWeightsBytesAttr);
    if (!bytes)
      return function.emitOpError("expected the module to say ")
             << TernDialect::kWeightsBytesAttr;
    Type types[] = {LLVM::LLVMPointerType::get(b.getContext()),
                    MemRefType::get({bytes.getInt()}, b.getI8Type()),
                    oldScratch.getType(), b.getIndexType(), b.getIndexType()};
    for (Type type : types)
      entry.addArgument(type, loc);
    env = entry.getArgument(oldCount);
    weights = entry.getArgument(oldCount + 1);
    scratch = entry.getArgument(oldCount + 2);
    Value layer = entry.getArgument(oldCount + 3);
    tokens = entry.getArgument(oldCount + 4);

    oldScratch.replaceAllUsesWith(scratch);
    b.setInsertionPointToStart(&entry);
    if (failed(bindArguments(entry.getArguments().take_front(oldCount - 1),
                             layer)))
      return failure();
    entry.eraseArguments(0, oldCount);
    function.setFunctionType(
        b.getFunctionType(entry.getArgumentTypes(), TypeRange()));
    function.setPrivate();
    return bindBody();
  }

private:
  LogicalResult bindArguments(Block::BlockArgListType arguments, Value layer) {
    for (auto [i, argument] : llvm::enumerate(arguments)) {
      if (isa<IndexType>(argument.getType())) {
        argument.replaceAllUsesWith(layer);
        continue;
      }
      int64_t slot = slots.ofArgument(function.getSymName(), i);
      if (slot < 0)
        return function.emitOpError("expected embed, layer or head with the "
                                    "arguments of the import phase; argument ")
               << i << " has no place";
      if (isa<KVCacheType>(argument.getType())) {
        states =
            b.createOrFold<arith::ConstantIndexOp>(function.getLoc(), slot);
        if (failed(bindCache(argument)))
          return failure();
        continue;
      }
      argument.replaceAllUsesWith(
          view(scratch, slot, cast<MemRefType>(argument.getType())));
    }
    return success();
  }

  Value view(Value memory, int64_t offset, MemRefType type) {
    Value start = arith::ConstantIndexOp::create(b, function.getLoc(), offset);
    SmallVector<Value> sizes;
    if (!type.hasStaticShape())
      sizes.push_back(tokens);
    return memref::ViewOp::create(b, function.getLoc(), type, memory, start,
                                  sizes);
  }

  /// Addresses come out of the table of states.
  LogicalResult bindCache(BlockArgument cache) {
    // The model's description needs the sizes of a state.
    function->getParentOfType<ModuleOp>()->setAttr(
        TernDialect::kCacheAttr, TypeAttr::get(cache.getType()));
    auto tableType = MemRefType::get({slots.maxTokens}, b.getI64Type());
    Value table = memref::ViewOp::create(b, function.getLoc(), tableType,
                                         scratch, states, ValueRange());
    for (Operation *user : llvm::make_early_inc_range(cache.getUsers())) {
      auto read = dyn_cast<StateAddressOp>(user);
      if (!read)
        return user->emitOpError("expected the cache to be used through "
                                 "tern.state_address only");
      OpBuilder at(read);
      Value address =
          memref::LoadOp::create(at, read.getLoc(), table, read.getToken());
      read.replaceAllUsesWith(arith::IndexCastOp::create(
                                  at, read.getLoc(), at.getIndexType(), address)
                                  .getResult());
      read.erase();
    }
    return success();
  }

  LogicalResult bindBody() {
    WalkResult result = function.walk([&](Operation *op) {
      if (auto read = dyn_cast<GetWeightOp>(op))
        return WalkResult(bindWeight(read));
      if (auto count = dyn_cast<CountReadOp>(op))
        bindCount(count);
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  LogicalResult bindWeight(GetWeightOp read) {
    auto weight = symbols.lookup<WeightOp>(read.getWeight());
    if (!weight.getOffset())
      return weight.emitOpError("expected an offset");
    auto module = function->getParentOfType<ModuleOp>();
    auto stride =
        module->getAttrOfType<IntegerAttr>(TernDialect::kLayerStrideAttr);
    if (read.getLayer() && !stride)
      return function.emitOpError("expected the module to say ")
             << TernDialect::kLayerStrideAttr;
    b.setInsertionPoint(read);
    Location loc = read.getLoc();
    Value start = arith::ConstantIndexOp::create(b, loc, *weight.getOffset());
    if (read.getLayer()) {
      Value step = arith::ConstantIndexOp::create(b, loc, stride.getInt());
      Value skip = arith::MulIOp::create(b, loc, read.getLayer(), step);
      start = arith::AddIOp::create(b, loc, start, skip);
    }
    Value view = memref::ViewOp::create(
        b, loc, cast<MemRefType>(read.getType()), weights, start, ValueRange());
    read.replaceAllUsesWith(view);
    read.erase();
    return success();
  }

  /// if (env->counters) { counters[2p] += held; counters[2p + 1] += read; }
  void bindCount(CountReadOp count) {
    projections.insert(count.getProjectionAttr());
    int64_t number =
        std::distance(projections.begin(),
                      llvm::find(projections, count.getProjectionAttr()));
    b.setInsertionPoint(count);
    Location loc = count.getLoc();
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    Value field =
        LLVM::GEPOp::create(b, loc, pointer, getEnvType(b.getContext()), env,
                            ArrayRef<LLVM::GEPArg>{0, 4});
    Value counters = LLVM::LoadOp::create(b, loc, pointer, field);
    Value null = LLVM::ZeroOp::create(b, loc, pointer);
    Value wanted =
        LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::ne, counters, null);
    auto branch = scf::IfOp::create(b, loc, wanted, /*withElseRegion=*/false);
    b.setInsertionPointToStart(branch.thenBlock());
    Value amounts[] = {count.getHeld(), count.getRead()};
    for (auto [i, amount] : llvm::enumerate(amounts)) {
      Value place =
          LLVM::GEPOp::create(b, loc, pointer, b.getI64Type(), counters,
                              ArrayRef<LLVM::GEPArg>{int32_t(2 * number + i)});
      Value old = LLVM::LoadOp::create(b, loc, b.getI64Type(), place);
      Value wide = arith::IndexCastOp::create(b, loc, b.getI64Type(), amount);
      Value sum = arith::AddIOp::create(b, loc, old, wide);
      LLVM::StoreOp::create(b, loc, sum, place);
    }
    count.erase();
  }

  func::FuncOp function;
  const DriverSlots &slots;
  SymbolTable &symbols;
  llvm::SetVector<StringAttr> &projections;
  OpBuilder b;
  Value env, weights, scratch, tokens, states;
};

struct BindModel : tern::impl::BindModelPassBase<BindModel> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!ModelAttr::lookup(module)) {
      module.emitError("expected a `tern.model` attribute");
      return signalPassFailure();
    }
    DriverSlots slots = DriverSlots::of(module);
    SymbolTable symbols(module);
    llvm::SetVector<StringAttr> projections;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (failed(Binder(function, slots, symbols, projections).bind()))
        return signalPassFailure();
      ++numBound;
    }
    SmallVector<Attribute> names(projections.begin(), projections.end());
    module->setAttr(TernDialect::kProjectionsAttr,
                    ArrayAttr::get(&getContext(), names));
  }
};

} // namespace
