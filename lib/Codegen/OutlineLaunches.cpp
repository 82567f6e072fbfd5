//===- OutlineLaunches.cpp - Functions of a device as launches ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchParts.h"

#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Launches.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"

#define DEBUG_TYPE "tern-outline-launches"

namespace tern {
#define GEN_PASS_DEF_OUTLINELAUNCHESPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

/// Of a value that one launch leaves for another, in the scratch memory.
constexpr int64_t kSlotBytes = 8;

constexpr unsigned kEnv = 0, kScratch = 2;

/// Where a function's scratch memory has what.
struct ScratchPlan {
  int64_t slots; ///< where values begin that launches leave
  int64_t bytes; ///< of all
};

/// Makes kernels of one function.
class Outliner {
public:
  Outliner(func::FuncOp function, const LaunchParts &parts, ScratchPlan scratch,
           const Device &device)
      : function(function), parts(parts), scratch(scratch), device(device),
        loc(function.getLoc()), b(function) {}

  SmallVector<Attribute> outline() {
    SmallVector<Attribute> kernels;
    for (auto [i, part] : llvm::enumerate(parts.all()))
      kernels.push_back(buildKernel(i, part));
    return kernels;
  }

private:
  /// "layer_decode_3_attention": names of PTX have no dots.
  std::string nameOf(unsigned number, const LaunchPart &part) {
    std::string name =
        (function.getSymName() + "_" + std::to_string(number)).str();
    if (scf::ParallelOp loop = part.loop)
      for (IterationOp task : loop.getBody()->getOps<IterationOp>())
        name += "_" + task.getTask().str();
    for (char &c : name)
      if (!llvm::isAlnum(c))
        c = '_';
    return name;
  }

  Attribute buildKernel(unsigned number, const LaunchPart &part) {
    SmallVector<Type> types;
    for (BlockArgument argument : function.getArguments().drop_front())
      types.push_back(argument.getArgNumber() == kScratch
                          ? MemRefType::get({scratch.bytes}, b.getI8Type())
                          : argument.getType());
    b.setInsertionPoint(function);
    auto kernel = func::FuncOp::create(b, loc, nameOf(number, part),
                                       b.getFunctionType(types, TypeRange()));
    Block *entry = kernel.addEntryBlock();
    mapping.clear();
    for (auto [was, is] : llvm::zip_equal(function.getArguments().drop_front(),
                                          entry->getArguments()))
      mapping.map(was, is);
    memory = mapping.lookup(function.getArgument(kScratch));
    b.setInsertionPointToStart(entry);
    int64_t blocks = 1;
    if (part.loop) {
      blocks = countBlocks(part.loop);
      buildBlock(part.loop, blocks);
    }
    for (Operation *op : part.operations) {
      clone(op, number);
      for (Value result : op->getResults())
        if (std::optional<unsigned> slot = parts.getSlot(result))
          memref::StoreOp::create(b, loc, mapping.lookup(result),
                                  viewSlot(*slot, result.getType()), zero());
    }
    func::ReturnOp::create(b, loc);
    kernel.walk([](IterationOp op) { op.erase(); });
    kernel->setAttr(kBlocksAttr, b.getI64IntegerAttr(blocks));
    if (part.loop && part.loop->hasAttr(kWhenAttr))
      kernel->setAttr(kWhenAttr, part.loop->getAttr(kWhenAttr));
    return FlatSymbolRefAttr::get(kernel);
  }

  int64_t countBlocks(scf::ParallelOp loop) {
    std::optional<int64_t> n = getConstantIntValue(loop.getUpperBound()[0]);
    return std::max<int64_t>(std::min(n.value_or(device.blocks), device.blocks),
                             1);
  }

  /// Every `blocks`th iteration.
  void buildBlock(scf::ParallelOp loop, int64_t blocks) {
    prepare(loop);
    Value n = mapping.lookup(loop.getUpperBound()[0]);
    Value turn = WorkerIndexOp::create(b, loc, b.getIndexType());
    OpBuilder inner = b;
    if (getConstantIntValue(n) != blocks) {
      Value step = arith::ConstantIndexOp::create(b, loc, blocks);
      auto turns = scf::ForOp::create(b, loc, turn, n, step);
      turn = turns.getInductionVar();
      inner = OpBuilder::atBlockBegin(turns.getBody());
    }
    mapping.map(loop.getInductionVars()[0], turn);
    for (Operation &op : loop.getBody()->without_terminator())
      inner.clone(op, mapping);
  }

  void clone(Operation *op, unsigned number) {
    prepare(op);
    b.clone(*op, mapping);
  }

  /// Makes what `op` uses and does not define.
  void prepare(Operation *op) {
    for (Value used : getUsedFromOutside(op))
      provide(used);
  }

  void provide(Value value) {
    if (mapping.contains(value))
      return;
    Operation *op = value.getDefiningOp();
    if (parts.isRepeated(op)) {
      for (Value operand : op->getOperands())
        provide(operand);
      b.clone(*op, mapping);
      return;
    }
    Value left = memref::LoadOp::create(
        b, loc, viewSlot(*parts.getSlot(value), value.getType()), zero());
    mapping.map(value, left);
  }

  Value zero() { return arith::ConstantIndexOp::create(b, loc, 0); }

  Value viewSlot(unsigned slot, Type type) {
    Value at = arith::ConstantIndexOp::create(
        b, loc, scratch.slots + slot * kSlotBytes);
    return memref::ViewOp::create(b, loc, MemRefType::get({1}, type), memory,
                                  at, ValueRange());
  }

  func::FuncOp function;
  const LaunchParts &parts;
  ScratchPlan scratch;
  const Device &device;
  Location loc;
  OpBuilder b;
  IRMapping mapping;
  Value memory;
};

struct OutlineLaunches : tern::impl::OutlineLaunchesPassBase<OutlineLaunches> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::optional<Device> device = getDevice(module);
    if (!device)
      return;
    SmallVector<std::pair<func::FuncOp, LaunchParts>> functions;
    unsigned slots = 0;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (failed(verify(function)))
        return signalPassFailure();
      lowerSchedule(function, *device);
      FailureOr<LaunchParts> parts = LaunchParts::of(function);
      if (failed(parts))
        return signalPassFailure();
      slots = std::max(slots, parts->countSlots());
      functions.emplace_back(function, std::move(*parts));
    }
    ScratchPlan scratch = planScratch(*device, slots);
    NamedAttrList launches;
    for (auto &[function, parts] : functions) {
      SmallVector<Attribute> kernels =
          Outliner(function, parts, scratch, *device).outline();
      numLaunches += kernels.size();
      remark::passed(function.getLoc(), remark::RemarkOpts::name("Launches")
                                            .category(DEBUG_TYPE)
                                            .function(function.getName()))
          << remark::add("{0} launches", kernels.size());
      launches.set(function.getSymName(),
                   ArrayAttr::get(&getContext(), kernels));
    }
    for (auto &[function, parts] : functions)
      function.erase();
    module->setAttr(kLaunchesAttr, launches.getDictionary(&getContext()));
  }

private:
  static LogicalResult verify(func::FuncOp function) {
    if (function.getNumArguments() == 5 &&
        isa<LLVM::LLVMPointerType>(function.getArgument(kEnv).getType()) &&
        isa<MemRefType>(function.getArgument(kScratch).getType()))
      return function.getArgument(kEnv).use_empty()
                 ? success()
                 : function.emitOpError("expected no use of the environment, "
                                        "which devices do not have");
    return function.emitOpError("expected the arguments that tern-bind-model "
                                "gives");
  }

  static void lowerSchedule(func::FuncOp function, const Device &device) {
    function.walk([&](WorkerCountOp op) {
      OpBuilder b(op);
      op.replaceAllUsesWith(
          arith::ConstantIndexOp::create(b, op.getLoc(), device.blocks)
              .getResult());
      op.erase();
    });
  }

  /// Each block has a worker's part; slots lie behind them.
  ScratchPlan planScratch(const Device &device, unsigned slots) {
    ModuleOp module = getOperation();
    int64_t fixed = getNumberOr(module, TernDialect::kScratchBytesAttr, 0);
    int64_t worker = getNumberOr(module, TernDialect::kWorkerBytesAttr, 0);
    ScratchPlan plan;
    plan.slots = llvm::alignTo(fixed + device.blocks * worker, kSlotBytes);
    plan.bytes = llvm::alignTo(plan.slots + slots * kSlotBytes, 64);
    Builder b(module.getContext());
    module->setAttr(TernDialect::kScratchBytesAttr,
                    b.getI64IntegerAttr(plan.bytes));
    module->setAttr(TernDialect::kWorkerBytesAttr, b.getI64IntegerAttr(0));
    return plan;
  }
};

} // namespace
