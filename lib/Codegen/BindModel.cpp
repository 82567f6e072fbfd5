//===- BindModel.cpp - One signature for all functions of a model ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LogitsRows.h"

#include "tern/Codegen/Abi.h"
#include "tern/Codegen/ModelFunction.h"
#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Launches.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

#define DEBUG_TYPE "tern-bind-model"

namespace tern {
#define GEN_PASS_DEF_BINDMODELPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

/// Of functions of a device; see kCountsAttr.
using Counts = llvm::MapVector<StringAttr, SmallVector<int64_t>>;

/// Rewrites one function; see the pass description.
class Binder {
public:
  Binder(func::FuncOp function, SymbolTable &symbols, NamedAttrList &states,
         llvm::SetVector<StringAttr> &projections, Counts &counts)
      : function(function), name(ModelFunction::of(function.getSymName())),
        symbols(symbols), states(states), projections(projections),
        counts(counts), b(function.getContext()) {
    maxTokens = name.maxTokens(function->getParentOfType<ModuleOp>());
  }

  LogicalResult bind() {
    if (function.isExternal() || function.getNumArguments() == 0)
      return function.emitOpError("expected a body and the scratch memory as "
                                  "last argument");
    Block &entry = function.getBody().front();
    unsigned oldCount = entry.getNumArguments();
    // The scratch memory is the last of the old arguments.
    Value oldScratch = entry.getArgument(oldCount - 1);
    if (!isa<MemRefType>(oldScratch.getType()))
      return function.emitOpError("expected the scratch memory as last "
                                  "argument, got ")
             << oldScratch.getType();
    Location loc = function.getLoc();
    auto module = function->getParentOfType<ModuleOp>();
    auto bytes =
        module->getAttrOfType<IntegerAttr>(TernDialect::kWeightsBytesAttr);
    if (!bytes)
      return function.emitOpError("expected the module to say ")
             << TernDialect::kWeightsBytesAttr;
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    Type types[] = {pointer, MemRefType::get({bytes.getInt()}, b.getI8Type()),
                    oldScratch.getType(), pointer, b.getIndexType()};
    for (Type type : types)
      entry.addArgument(type, loc);
    env = entry.getArgument(oldCount);
    weights = entry.getArgument(oldCount + 1);
    rows = entry.getArgument(oldCount + 3);
    Value layer = entry.getArgument(oldCount + 4);

    oldScratch.replaceAllUsesWith(entry.getArgument(oldCount + 2));
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
      int32_t field =
          name.rowsField(i, isa<KVCacheType, StateType>(argument.getType()));
      if (field < 0)
        return function.emitOpError(
                   "expected embed, layer, head or best with the "
                   "arguments of the import phase; argument ")
               << i << " has no place";
      if (failed(bindArgument(argument, field)))
        return failure();
    }
    return success();
  }

  LogicalResult bindArgument(BlockArgument argument, int32_t field) {
    Value address = loadAbiIndex(b, function.getLoc(), rows, AbiStruct::rows,
                                 abi::rows::Field(field));
    if (isa<KVCacheType, StateType>(argument.getType()))
      return bindState(argument, viewTable(address));
    auto type = dyn_cast<MemRefType>(argument.getType());
    if (!type)
      return function.emitOpError("expected buffers, the cache and the number "
                                  "of a layer as arguments, got ")
             << argument.getType();
    if (field == abi::rows::logits && getDevice(function))
      address = readFirst(viewTable(address));
    else if (field == abi::rows::logits)
      return writeLogitsByRow(argument, viewTable(address), countRows());
    if (type.hasStaticShape()) {
      argument.replaceAllUsesWith(
          FromAddressOp::create(b, function.getLoc(), type, address));
      return success();
    }
    argument.replaceAllUsesWith(viewRows(address, type));
    return success();
  }

  /// Of a device, where rows of logits follow each other.
  Value readFirst(Value table) {
    Location loc = function.getLoc();
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    return arith::IndexCastUIOp::create(
        b, loc, b.getIndexType(), memref::LoadOp::create(b, loc, table, zero));
  }

  /// A row for each of the call's tokens.
  Value viewRows(Value address, MemRefType type) {
    Location loc = function.getLoc();
    int64_t bytes = maxTokens * type.getElementTypeBitWidth() / 8;
    for (int64_t size : type.getShape().drop_front())
      bytes *= size;
    Value memory = FromAddressOp::create(
        b, loc, MemRefType::get({bytes}, b.getI8Type()), address);
    Value start = arith::ConstantIndexOp::create(b, loc, 0);
    return memref::ViewOp::create(b, loc, type, memory, start,
                                  ValueRange{countRows()});
  }

  Value countRows() {
    if (!count)
      count = loadAbiIndex(b, function.getLoc(), rows, AbiStruct::rows,
                           abi::rows::count);
    return count;
  }

  /// An address for each of the call's tokens.
  Value viewTable(Value address) {
    Type entry = b.getIntegerType(getIndexBits(function));
    return FromAddressOp::create(b, function.getLoc(),
                                 MemRefType::get({maxTokens}, entry), address);
  }

  LogicalResult bindState(BlockArgument state, Value table) {
    // The model's description needs the sizes of a state.
    states.set(name.whole, TypeAttr::get(state.getType()));
    auto own = dyn_cast<StateType>(state.getType());
    for (Operation *user : llvm::make_early_inc_range(state.getUsers())) {
      auto read = dyn_cast<StateAddressOp>(user);
      if (!read)
        return user->emitOpError("expected the cache to be used through "
                                 "tern.state_address only");
      OpBuilder at(read);
      Location loc = read.getLoc();
      Value entry = memref::LoadOp::create(at, loc, table, read.getToken());
      Value address =
          arith::IndexCastUIOp::create(at, loc, at.getIndexType(), entry);
      if (own) {
        Value skip = arith::ConstantIndexOp::create(at, loc, own.getAt());
        address = arith::AddIOp::create(at, loc, address, skip);
      }
      read.replaceAllUsesWith(address);
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
    IntegerAttr stride = weight.getStrideAttr();
    if (!stride)
      stride =
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
    addReader(weight);
    return success();
  }

  /// The model's description says which function reads a weight.
  void addReader(WeightOp weight) {
    SmallVector<Attribute> readers;
    if (auto before = weight->getAttrOfType<ArrayAttr>("readers"))
      llvm::append_range(readers, before);
    Attribute reader = function.getSymNameAttr();
    if (!llvm::is_contained(readers, reader))
      readers.push_back(reader);
    weight->setAttr("readers", b.getArrayAttr(readers));
  }

  /// if (env->counters) { counters[2p] += held; counters[2p + 1] += read; }
  void bindCount(CountReadOp count) {
    projections.insert(count.getProjectionAttr());
    int64_t number =
        std::distance(projections.begin(),
                      llvm::find(projections, count.getProjectionAttr()));
    // Launches have no environment. All that they read is known.
    if (getDevice(function)) {
      SmallVector<int64_t> &read = counts[function.getSymNameAttr()];
      read.resize(std::max<size_t>(read.size(), 2 * number + 2), 0);
      read[2 * number] += getConstantIntValue(count.getHeld()).value_or(0);
      read[2 * number + 1] += getConstantIntValue(count.getRead()).value_or(0);
      return count.erase();
    }
    b.setInsertionPoint(count);
    Location loc = count.getLoc();
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    Value counters =
        loadAbiField(b, loc, env, AbiStruct::env, abi::env::counters, pointer);
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
  ModelFunction name;
  int64_t maxTokens;
  SymbolTable &symbols;
  NamedAttrList &states;
  llvm::SetVector<StringAttr> &projections;
  Counts &counts;
  OpBuilder b;
  Value env, weights, rows, count;
};

struct BindModel : tern::impl::BindModelPassBase<BindModel> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!ModelAttr::lookup(module)) {
      module.emitError("expected a `tern.model` attribute");
      return signalPassFailure();
    }
    SymbolTable symbols(module);
    NamedAttrList states;
    llvm::SetVector<StringAttr> projections;
    Counts counts;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (failed(Binder(function, symbols, states, projections, counts).bind()))
        return signalPassFailure();
      ++numBound;
    }
    module->setAttr(TernDialect::kStatesAttr,
                    states.getDictionary(&getContext()));
    SmallVector<Attribute> names(projections.begin(), projections.end());
    module->setAttr(TernDialect::kProjectionsAttr,
                    ArrayAttr::get(&getContext(), names));
    NamedAttrList all;
    for (auto &[function, read] : counts)
      all.set(function, Builder(&getContext()).getDenseI64ArrayAttr(read));
    if (!all.empty())
      module->setAttr(kCountsAttr, all.getDictionary(&getContext()));
  }
};

} // namespace
