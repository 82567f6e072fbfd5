//===- PlanScratch.cpp - Static places for temporaries ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/DriverSlots.h"
#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "tern-plan-scratch"

namespace tern {
#define GEN_PASS_DEF_PLANSCRATCHPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

constexpr int64_t kAlignment = 64;

struct Temporary {
  memref::AllocOp alloc;
  int64_t bytes;  ///< of one copy
  bool perWorker; ///< TERN_MAX_WORKERS copies
  unsigned first; ///< number of the first top-level operation it lives in
  unsigned last;  ///< and of the last
  int64_t offset = 0;

  int64_t totalBytes() const {
    return perWorker ? bytes * TERN_MAX_WORKERS : bytes;
  }
  bool overlaps(const Temporary &other) const {
    return first <= other.last && other.first <= last;
  }
};

/// Temporaries of one function and where they lie.
class Plan {
public:
  Plan(func::FuncOp function, int64_t maxTokens) : function(function) {
    for (auto [i, op] :
         llvm::enumerate(function.getBody().front().getOperations()))
      numbers[&op] = i;
    function.walk([&](memref::AllocOp alloc) {
      temporaries.push_back(describe(alloc, maxTokens));
    });
  }

  /// First fit above `start`, the largest first. Returns the end.
  int64_t place(int64_t start) {
    SmallVector<Temporary *> order;
    for (Temporary &temporary : temporaries)
      order.push_back(&temporary);
    llvm::stable_sort(order, [](const Temporary *a, const Temporary *b) {
      return a->totalBytes() > b->totalBytes();
    });
    int64_t end = start;
    SmallVector<Temporary *> placed;
    for (Temporary *temporary : order) {
      temporary->offset = findGap(start, *temporary, placed);
      end = std::max(end, temporary->offset + temporary->totalBytes());
      auto *position = llvm::find_if(placed, [&](const Temporary *other) {
        return other->offset > temporary->offset;
      });
      placed.insert(position, temporary);
    }
    return end;
  }

  /// Replaces the allocations by views of `scratch`.
  void apply(Value scratch) {
    for (Temporary &temporary : temporaries)
      replace(temporary, scratch);
  }

  ArrayRef<Temporary> getTemporaries() const { return temporaries; }

private:
  Operation *getTopLevel(Operation *op) {
    return function.getBody().front().findAncestorOpInBlock(*op);
  }

  Temporary describe(memref::AllocOp alloc, int64_t maxTokens) {
    MemRefType type = alloc.getType();
    int64_t elements = 1;
    for (int64_t size : type.getShape())
      elements *= ShapedType::isDynamic(size) ? maxTokens : size;
    int64_t width = (type.getElementTypeBitWidth() + 7) / 8;
    Temporary temporary{alloc,
                        int64_t(llvm::alignTo(elements * width, kAlignment)),
                        bool(alloc->getParentOfType<scf::ParallelOp>()),
                        numbers.lookup(getTopLevel(alloc)), 0};
    temporary.last = findLastUse(alloc, temporary.first);
    return temporary;
  }

  /// Follows views of the buffer.
  unsigned findLastUse(Operation *buffer, unsigned last) {
    for (Operation *user : buffer->getUsers()) {
      last = std::max(last, numbers.lookup(getTopLevel(user)));
      bool aliases = llvm::any_of(user->getResultTypes(), [](Type type) {
        return isa<MemRefType>(type);
      });
      if (aliases)
        last = findLastUse(user, last);
    }
    return last;
  }

  /// `placed` is sorted by offset.
  static int64_t findGap(int64_t start, const Temporary &temporary,
                         ArrayRef<Temporary *> placed) {
    int64_t offset = start;
    for (const Temporary *other : placed) {
      if (!temporary.overlaps(*other))
        continue;
      if (offset + temporary.totalBytes() <= other->offset)
        break;
      offset = std::max(offset, other->offset + other->totalBytes());
    }
    return offset;
  }

  static void replace(Temporary &temporary, Value scratch) {
    memref::AllocOp alloc = temporary.alloc;
    OpBuilder b(alloc);
    Location loc = alloc.getLoc();
    Value offset =
        arith::ConstantIndexOp::create(b, loc, temporary.offset).getResult();
    if (temporary.perWorker) {
      Value worker = WorkerIndexOp::create(b, loc, b.getIndexType());
      Value size = arith::ConstantIndexOp::create(b, loc, temporary.bytes);
      Value shift = arith::MulIOp::create(b, loc, worker, size);
      offset = arith::AddIOp::create(b, loc, offset, shift);
    }
    Value view = memref::ViewOp::create(b, loc, alloc.getType(), scratch,
                                        offset, alloc.getDynamicSizes());
    alloc.replaceAllUsesWith(view);
    alloc.erase();
  }

  func::FuncOp function;
  DenseMap<Operation *, unsigned> numbers;
  SmallVector<Temporary> temporaries;
};

struct PlanScratch : tern::impl::PlanScratchPassBase<PlanScratch> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!ModelAttr::lookup(module)) {
      module.emitError("expected a `tern.model` attribute");
      return signalPassFailure();
    }
    DriverSlots slots = DriverSlots::of(module);
    int64_t end = slots.end;
    int64_t temporaryBytes = 0;
    SmallVector<std::pair<func::FuncOp, Plan>> plans;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (failed(verifyAllocs(function)))
        return signalPassFailure();
      plans.emplace_back(
          function, Plan(function, slots.maxTokensOf(function.getSymName())));
      int64_t functionEnd = plans.back().second.place(slots.end);
      temporaryBytes += count(plans.back().second, functionEnd - slots.end);
      end = std::max(end, functionEnd);
    }
    remark::analysis(module.getLoc(),
                     remark::RemarkOpts::name("Scratch").category(DEBUG_TYPE))
        << remark::reason("temporaries of {0} functions, {1} bytes in all, "
                          "share {2}",
                          plans.size(), temporaryBytes, end);
    Builder b(&getContext());
    module->setAttr(TernDialect::kScratchBytesAttr, b.getI64IntegerAttr(end));
    auto type = MemRefType::get({end}, b.getI8Type());
    for (auto &[function, plan] : plans) {
      unsigned index = function.getNumArguments();
      if (failed(function.insertArgument(index, type, {}, function.getLoc())))
        return signalPassFailure();
      plan.apply(function.getArgument(index));
    }
  }

private:
  LogicalResult verifyAllocs(func::FuncOp function) {
    if (function.isExternal())
      return function.emitOpError("expected a body");
    WalkResult result = function.walk([](memref::AllocOp alloc) {
      MemRefType type = alloc.getType();
      bool isPlannable =
          type.getLayout().isIdentity() &&
          (type.hasStaticShape() ||
           (type.getNumDynamicDims() == 1 && type.isDynamicDim(0)));
      if (isPlannable)
        return WalkResult::advance();
      alloc.emitOpError(
          "expected at most a dynamic first dimension, the number "
          "of tokens, got ")
          << type;
      return WalkResult::interrupt();
    });
    return failure(result.wasInterrupted());
  }

  /// Returns the bytes that the temporaries have together.
  int64_t count(const Plan &plan, int64_t used) {
    int64_t total = 0;
    for (const Temporary &temporary : plan.getTemporaries())
      total += temporary.totalBytes();
    numPlanned += plan.getTemporaries().size();
    numSavedBytes += total - used;
    return total;
  }
};

} // namespace
