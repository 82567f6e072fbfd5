//===- OutlineParallel.cpp - Parallel loops to tasks ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WorkerCounts.h"

#include "tern/Codegen/Abi.h"
#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

#define DEBUG_TYPE "tern-outline-parallel"

namespace tern {
#define GEN_PASS_DEF_OUTLINEPARALLELPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

/// True if a task may compute `op` again instead of being handed its result.
bool isCheapToRepeat(Operation *op) {
  if (op->hasTrait<OpTrait::ConstantLike>())
    return true;
  auto isAddress = [](Type type) { return isa<MemRefType, IndexType>(type); };
  return isPure(op) && op->getNumRegions() == 0 &&
         llvm::all_of(op->getResultTypes(), isAddress);
}

/// Values from outside of `loop` that its task needs, and, in order, the
/// operations outside that the task repeats.
struct Captures {
  llvm::SetVector<Value> values;
  llvm::SetVector<Operation *> repeated;

  explicit Captures(scf::ParallelOp loop) {
    llvm::SetVector<Value> used;
    getUsedValuesDefinedAbove(loop.getRegion(), used);
    for (Value value : used)
      visit(value);
  }

private:
  void visit(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !isCheapToRepeat(op)) {
      values.insert(value);
      return;
    }
    for (Value operand : op->getOperands())
      visit(operand);
    repeated.insert(op);
  }
};

/// Writes the context on the calling side, reads it in the task. The first two
/// fields are the number of iterations and of workers.
class Context {
public:
  Context(scf::ParallelOp loop, const Captures &captures)
      : word(IntegerType::get(loop.getContext(), getIndexBits(loop))) {
    fields.assign(2, word);
    for (Value value : captures.values)
      fields.push_back(getFieldType(value.getType()));
    type = LLVM::LLVMStructType::getLiteral(loop.getContext(), fields);
  }

  static bool isAddressLike(Type type) {
    return isa<MemRefType, IndexType>(type);
  }

  Value getField(OpBuilder &b, Location loc, Value base, int32_t i) const {
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    return LLVM::GEPOp::create(b, loc, pointer, type, base,
                               ArrayRef<LLVM::GEPArg>{0, i});
  }

  void store(OpBuilder &b, Location loc, Value base, int32_t i,
             Value value) const {
    if (isa<MemRefType>(value.getType()))
      value = memref::ExtractAlignedPointerAsIndexOp::create(b, loc, value);
    if (isa<IndexType>(value.getType()))
      value = arith::IndexCastOp::create(b, loc, word, value);
    if (isa<VectorType>(value.getType()))
      value = vector::ShapeCastOp::create(b, loc, fields[i], value);
    LLVM::StoreOp::create(b, loc, value, getField(b, loc, base, i));
  }

  Value load(OpBuilder &b, Location loc, Value base, int32_t i,
             Type wanted) const {
    Value value =
        LLVM::LoadOp::create(b, loc, fields[i], getField(b, loc, base, i));
    if (isAddressLike(wanted))
      value = arith::IndexCastOp::create(b, loc, b.getIndexType(), value);
    if (isa<MemRefType>(wanted))
      value = FromAddressOp::create(b, loc, wanted, value);
    if (isa<VectorType>(wanted))
      value = vector::ShapeCastOp::create(b, loc, wanted, value);
    return value;
  }

  LLVM::LLVMStructType type;

private:
  /// LLVM's vectors have one dimension.
  Type getFieldType(Type type) const {
    if (isAddressLike(type))
      return word;
    if (auto vector = dyn_cast<VectorType>(type))
      return VectorType::get(vector.getNumElements(), vector.getElementType());
    return type;
  }

  Type word; ///< as wide as an address
  SmallVector<Type> fields;
};

bool hasEnv(func::FuncOp function) {
  return function.getNumArguments() != 0 &&
         isa<LLVM::LLVMPointerType>(function.getArgument(0).getType());
}

class Outliner {
public:
  Outliner(scf::ParallelOp loop, StringRef name, const Worth &worthIt)
      : loop(loop), name(name), worthIt(worthIt), captures(loop),
        context(loop, captures), loc(loop.getLoc()) {}

  /// Fails, with a message, on a loop no task can be made of.
  LogicalResult outline() {
    if (loop.getNumLoops() != 1 || loop.getNumReductions() != 0 ||
        getConstantIntValue(loop.getLowerBound()[0]) != 0 ||
        getConstantIntValue(loop.getStep()[0]) != 1)
      return loop.emitOpError("expected one dimension, from 0 by 1, without "
                              "reductions");
    auto caller = loop->getParentOfType<func::FuncOp>();
    if (loop->getParentOfType<scf::ParallelOp>())
      return loop.emitOpError("expected no parallel loop around this one");
    if (!hasEnv(caller))
      return caller.emitOpError("expected the environment as first argument");
    for (Value value : captures.values)
      if (auto type = dyn_cast<MemRefType>(value.getType()))
        if (!type.hasStaticShape() || !type.getLayout().isIdentity())
          return loop.emitOpError("expected captured buffers to be static or "
                                  "views of static ones, got ")
                 << type;
    buildTask();
    buildCall();
    loop.erase();
    return success();
  }

private:
  void buildTask() {
    auto caller = loop->getParentOfType<func::FuncOp>();
    OpBuilder b(caller);
    Type pointer = LLVM::LLVMPointerType::get(b.getContext());
    Type parameters[] = {pointer, b.getI32Type()};
    task = func::FuncOp::create(b, loc, name,
                                b.getFunctionType(parameters, TypeRange()));
    task.setPrivate();
    Block *entry = task.addEntryBlock();
    b.setInsertionPointToStart(entry);
    Value base = entry->getArgument(0);
    IRMapping mapping;
    for (auto [i, value] : llvm::enumerate(captures.values))
      mapping.map(value, context.load(b, loc, base, i + 2, value.getType()));
    for (Operation *op : captures.repeated)
      b.clone(*op, mapping);
    buildRange(b, base, entry->getArgument(1), mapping);
    func::ReturnOp::create(b, loc);
  }

  /// Iterations [worker * n / workers, (worker + 1) * n / workers).
  void buildRange(OpBuilder &b, Value base, Value number, IRMapping &mapping) {
    Type index = b.getIndexType();
    Value n = context.load(b, loc, base, 0, index);
    Value workers = context.load(b, loc, base, 1, index);
    Value worker = arith::IndexCastUIOp::create(b, loc, index, number);
    Value one = arith::ConstantIndexOp::create(b, loc, 1);
    Value next = arith::AddIOp::create(b, loc, worker, one);
    auto bound = [&](Value w) -> Value {
      Value product = arith::MulIOp::create(b, loc, w, n);
      return arith::DivUIOp::create(b, loc, product, workers);
    };
    auto range = scf::ForOp::create(b, loc, bound(worker), bound(next), one);
    OpBuilder inner = OpBuilder::atBlockBegin(range.getBody());
    mapping.map(loop.getInductionVars()[0], range.getInductionVar());
    for (Operation &op : loop.getBody()->without_terminator())
      inner.clone(op, mapping);
    range.walk([&](WorkerIndexOp op) {
      op.replaceAllUsesWith(worker);
      op.erase();
    });
    range.walk([](IterationOp op) { op.erase(); });
  }

  void buildCall() {
    OpBuilder b(loop);
    Value base = allocateContext(b);
    Value n = loop.getUpperBound()[0];
    Value env = findEnv();
    Value parallel =
        loadAbiField(b, loc, env, AbiStruct::env, abi::env::parallel,
                     LLVM::LLVMPointerType::get(b.getContext()));
    Value workers = countWorkers(loop, env, parallel, worthIt, b);
    context.store(b, loc, base, 0, n);
    context.store(b, loc, base, 1, workers);
    for (auto [i, value] : llvm::enumerate(captures.values))
      context.store(b, loc, base, i + 2, value);
    Value one = arith::ConstantIndexOp::create(b, loc, 1);
    Value isParallel =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ugt, workers, one);
    auto branch = scf::IfOp::create(b, loc, isParallel, /*withElse=*/true);
    {
      OpBuilder then = branch.getThenBodyBuilder();
      callHost(then, env, parallel, base, workers);
    }
    OpBuilder otherwise = branch.getElseBodyBuilder();
    Value zero =
        arith::ConstantIntOp::create(otherwise, loc, otherwise.getI32Type(), 0);
    func::CallOp::create(otherwise, loc, task, ValueRange{base, zero});
  }

  /// On the stack of the caller, which outlives the tasks.
  Value allocateContext(OpBuilder &b) {
    auto caller = loop->getParentOfType<func::FuncOp>();
    OpBuilder entry = OpBuilder::atBlockBegin(&caller.getBody().front());
    Value one = arith::ConstantIntOp::create(entry, loc, entry.getI32Type(), 1);
    return LLVM::AllocaOp::create(entry, loc,
                                  LLVM::LLVMPointerType::get(b.getContext()),
                                  context.type, one);
  }

  Value findEnv() {
    return loop->getParentOfType<func::FuncOp>().getArgument(0);
  }

  void callHost(OpBuilder &b, Value env, Value parallel, Value base,
                Value workers) {
    Type pointer = LLVM::LLVMPointerType::get(b.getContext());
    Value host =
        loadAbiField(b, loc, env, AbiStruct::env, abi::env::host, pointer);
    Value function = func::ConstantOp::create(b, loc, task.getFunctionType(),
                                              SymbolRefAttr::get(task));
    Value address =
        UnrealizedConversionCastOp::create(b, loc, pointer, function)
            .getResult(0);
    Value count = arith::IndexCastUIOp::create(b, loc, b.getI32Type(), workers);
    auto type = LLVM::LLVMFunctionType::get(
        LLVM::LLVMVoidType::get(b.getContext()),
        {pointer, pointer, pointer, b.getI32Type()});
    LLVM::CallOp::create(b, loc, type,
                         ValueRange{parallel, host, address, base, count});
  }

  scf::ParallelOp loop;
  std::string name;
  Worth worthIt;
  Captures captures;
  Context context;
  Location loc;
  func::FuncOp task;
};

struct OutlineParallel : tern::impl::OutlineParallelPassBase<OutlineParallel> {
  using OutlineParallelPassBase::OutlineParallelPassBase;

  /// "layer.decode.attention": the function's name and the loop's, and a number
  /// if it is not the first of that name.
  static std::string getName(func::FuncOp function, scf::ParallelOp loop,
                             llvm::StringMap<unsigned> &used) {
    std::string name;
    for (IterationOp part : loop.getBody()->getOps<IterationOp>())
      name += (name.empty() ? "" : "+") + part.getTask().str();
    if (name.empty())
      name = "task";
    unsigned number = used[name]++;
    std::string whole = (function.getSymName() + "." + name).str();
    return number ? whole + "." + std::to_string(number + 1) : whole;
  }

  /// Outside of loops there is one worker.
  static void runAlone(func::FuncOp function) {
    function.walk([](Operation *op) {
      if (auto worker = dyn_cast<WorkerIndexOp>(op)) {
        OpBuilder b(op);
        worker.replaceAllUsesWith(
            arith::ConstantIndexOp::create(b, op->getLoc(), 0).getResult());
      }
      if (isa<WorkerIndexOp, IterationOp>(op))
        op->erase();
    });
  }

  void runOnOperation() override {
    if (getDevice(getOperation()))
      return;
    for (auto function :
         llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      SmallVector<scf::ParallelOp> loops;
      function.walk([&](scf::ParallelOp loop) { loops.push_back(loop); });
      llvm::StringMap<unsigned> used;
      Worth worthIt(function, minBytes, minTotal, minAlone);
      if (hasEnv(function))
        function.walk([&](WorkerCountOp op) {
          lowerWorkerCount(op, function.getArgument(0), worthIt);
        });
      for (scf::ParallelOp loop : loops) {
        std::string name = getName(function, loop, used);
        if (failed(Outliner(loop, name, worthIt).outline()))
          return signalPassFailure();
        ++numTasks;
      }
      runAlone(function);
    }
  }
};

} // namespace
