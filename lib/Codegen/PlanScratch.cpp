//===- PlanScratch.cpp - Static places for temporaries ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SharedMemory.h"

#include "tern/Codegen/ModelFunction.h"
#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"

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
  int64_t bytes;
  bool perWorker; ///< one for each worker, in the worker's part
  unsigned first; ///< number of the first top-level operation it lives in
  unsigned last;  ///< and of the last
  int64_t offset = 0;

  bool overlaps(const Temporary &other) const {
    return perWorker == other.perWorker && first <= other.last &&
           other.first <= last;
  }
};

/// Bytes of the scratch memory: those that exist once, then each worker's.
struct ScratchBytes {
  int64_t fixed = 0;
  int64_t worker = 0;
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

  /// First fit, the largest first. Returns the bytes taken.
  ScratchBytes place() {
    SmallVector<Temporary *> order;
    for (Temporary &temporary : temporaries)
      order.push_back(&temporary);
    llvm::stable_sort(order, [](const Temporary *a, const Temporary *b) {
      return a->bytes > b->bytes;
    });
    ScratchBytes ends;
    SmallVector<Temporary *> placed;
    for (Temporary *temporary : order) {
      temporary->offset = findGap(*temporary, placed);
      int64_t &end = temporary->perWorker ? ends.worker : ends.fixed;
      end = std::max(end, temporary->offset + temporary->bytes);
      auto *position = llvm::find_if(placed, [&](const Temporary *other) {
        return other->offset > temporary->offset;
      });
      placed.insert(position, temporary);
    }
    return ends;
  }

  /// Replaces the allocations by views of `scratch`.
  void apply(Value scratch, ScratchBytes bytes) {
    for (Temporary &temporary : temporaries)
      replace(temporary, scratch, bytes);
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
  static int64_t findGap(const Temporary &temporary,
                         ArrayRef<Temporary *> placed) {
    int64_t offset = 0;
    for (const Temporary *other : placed) {
      if (!temporary.overlaps(*other))
        continue;
      if (offset + temporary.bytes <= other->offset)
        break;
      offset = std::max(offset, other->offset + other->bytes);
    }
    return offset;
  }

  static void replace(Temporary &temporary, Value scratch, ScratchBytes bytes) {
    memref::AllocOp alloc = temporary.alloc;
    OpBuilder b(alloc);
    Location loc = alloc.getLoc();
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(b, loc, value);
    };
    Value offset;
    if (temporary.perWorker) {
      Value start = constant(bytes.fixed + temporary.offset);
      Value worker = WorkerIndexOp::create(b, loc, b.getIndexType());
      Value shift =
          arith::MulIOp::create(b, loc, worker, constant(bytes.worker));
      offset = arith::AddIOp::create(b, loc, start, shift);
    } else {
      offset = constant(temporary.offset);
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
    std::optional<Device> device = getDevice(module);
    ScratchBytes bytes;
    int64_t temporaryBytes = 0;
    SmallVector<std::pair<func::FuncOp, Plan>> plans;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (failed(verifyAllocs(function)))
        return signalPassFailure();
      if (device)
        numShared += placeInSharedMemory(function, *device);
      ModelFunction name = ModelFunction::of(function.getSymName());
      plans.emplace_back(function, Plan(function, name.maxTokens(module)));
      ScratchBytes taken = plans.back().second.place();
      temporaryBytes += count(plans.back().second, taken);
      bytes.fixed = std::max(bytes.fixed, taken.fixed);
      bytes.worker = std::max(bytes.worker, taken.worker);
    }
    remark::analysis(module.getLoc(),
                     remark::RemarkOpts::name("Scratch").category(DEBUG_TYPE))
        << remark::reason("temporaries of {0} functions, {1} bytes in all, "
                          "share {2}, and {3} for each worker",
                          plans.size(), temporaryBytes, bytes.fixed,
                          bytes.worker);
    Builder b(&getContext());
    module->setAttr(TernDialect::kScratchBytesAttr,
                    b.getI64IntegerAttr(bytes.fixed));
    module->setAttr(TernDialect::kWorkerBytesAttr,
                    b.getI64IntegerAttr(bytes.worker));
    auto type = MemRefType::get({bytes.fixed + bytes.worker}, b.getI8Type());
    for (auto &[function, plan] : plans) {
      unsigned index = function.getNumArguments();
      if (failed(function.insertArgument(index, type, {}, function.getLoc())))
        return signalPassFailure();
      plan.apply(function.getArgument(index), bytes);
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
  int64_t count(const Plan &plan, ScratchBytes used) {
    int64_t total = 0;
    for (const Temporary &temporary : plan.getTemporaries())
      total += temporary.bytes;
    numPlanned += plan.getTemporaries().size();
    numSavedBytes += total - used.fixed - used.worker;
    return total;
  }
};

} // namespace
