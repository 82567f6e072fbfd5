//===- FormLaunches.cpp - What one launch on a device does ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaunchParts.h"
#include "LaunchSteps.h"
#include "TokenRows.h"

#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Launches.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

#define DEBUG_TYPE "tern-form-launches"

namespace tern {
#define GEN_PASS_DEF_FORMLAUNCHESPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

/// When buffers are used, over all steps of a function.
class Lives {
public:
  explicit Lives(ArrayRef<LaunchStep> steps) : steps(steps) {}

  /// True if something may be in `buffer` before `step`.
  bool isWrittenBefore(const LaunchStep *step, Value buffer) const {
    return llvm::any_of(steps.take_front(step - steps.begin()),
                        [&](const LaunchStep &other) {
                          return other.written.contains(buffer);
                        });
  }

  /// True if what is in `buffer` after `step` may be used.
  bool isUsedAfter(const LaunchStep *step, Value buffer) const {
    for (const LaunchStep &other : steps.drop_front(step - steps.begin() + 1))
      if (other.uses(buffer))
        return !other.filled.contains(buffer);
    return false;
  }

private:
  ArrayRef<LaunchStep> steps;
};

/// Builds the launches of one function.
class Former {
public:
  Former(func::FuncOp function, ArrayRef<LaunchStep> steps)
      : b(function.getLoc(), function.getContext()), lives(steps) {}

  /// Leaves `launch` as it is, but for the buffers that launches before have
  /// left.
  void update(const Launch &launch) {
    for (const LaunchStep *step :
         llvm::concat<const LaunchStep *const>(launch.run, launch.loops)) {
      b.setInsertionPoint(step->op);
      mapping.clear();
      provideAll(step->op);
      step->op->walk([&](Operation *op) {
        for (OpOperand &operand : op->getOpOperands())
          operand.set(mapping.lookupOrDefault(operand.get()));
      });
    }
  }

  void form(const Launch &launch) {
    b.setInsertionPoint(launch.getLast());
    b.setLoc(launch.loops.front()->op->getLoc());
    left.clear();
    llvm::SmallSetVector<Value, 4> written, held;
    for (const LaunchStep *step : launch.run)
      written.insert_range(step->written);
    held = written;
    held.insert_range(findReread(launch, written));
    for (Value buffer : written)
      if (lives.isUsedAfter(getLastUser(launch, buffer), buffer))
        left.push_back({buffer, cloneAlloc(buffer)});
    auto region = scf::ExecuteRegionOp::create(b, TypeRange());
    region.setNoInline(true);
    Block *block = b.createBlock(&region.getRegion());
    mapping.clear();
    for (Value buffer : held)
      own[buffer] = cloneAlloc(buffer);
    for (Value buffer : held)
      begin(launch, buffer);
    for (const LaunchStep *step : launch.run)
      clone(step->op);
    leaveBuffers();
    buildLoops(launch.loops);
    b.setInsertionPointToEnd(block);
    scf::YieldOp::create(b);
    own.clear();
    for (auto &[buffer, copy] : left)
      current[buffer] = copy;
    numLeft += left.size();
    for (const LaunchStep *step :
         llvm::concat<const LaunchStep *const>(launch.run, launch.loops))
      step->op->erase();
  }

  size_t countLeft() const { return numLeft; }

private:
  Value cloneAlloc(Value buffer) {
    if (Operation *alloc = buffer.getDefiningOp())
      return b.clone(*alloc)->getResult(0);
    return memref::AllocOp::create(b, cast<MemRefType>(buffer.getType()));
  }

  /// Buffers that are read more than once, but not written: a block has them
  /// nearer if it copies them first.
  static SmallVector<Value>
  findReread(const Launch &launch,
             const llvm::SmallSetVector<Value, 4> &written) {
    llvm::MapVector<Value, unsigned> counts;
    for (const LaunchStep *step : launch.run)
      for (Value buffer : step->readWhole)
        ++counts[buffer];
    SmallVector<Value> found;
    for (auto [buffer, count] : counts) {
      auto type = cast<MemRefType>(buffer.getType());
      if (count > 1 && !written.contains(buffer) && type.hasStaticShape() &&
          type.getNumElements() > 1)
        found.push_back(buffer);
    }
    return found;
  }

  /// Of the launch, or of steps behind if it does not use `buffer`.
  static const LaunchStep *getLastUser(const Launch &launch, Value buffer) {
    const LaunchStep *last = nullptr;
    for (const LaunchStep *step :
         llvm::concat<const LaunchStep *const>(launch.run, launch.loops))
      if (step->uses(buffer))
        last = step;
    return last;
  }

  /// Gives a block's `buffer` what the launch uses of before.
  void begin(const Launch &launch, Value buffer) {
    const LaunchStep *first = *llvm::find_if(
        launch.run, [&](const LaunchStep *step) { return step->uses(buffer); });
    if (first->filled.contains(buffer))
      return;
    Value there = own.lookup(buffer);
    if (isa<BlockArgument>(buffer) || lives.isWrittenBefore(first, buffer)) {
      linalg::CopyOp::create(b, getCurrent(buffer), there);
    } else if (llvm::is_contained(llvm::make_first_range(left), buffer)) {
      // It is left as a whole, and may have places that nobody fills.
      Type type = cast<MemRefType>(there.getType()).getElementType();
      Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
      linalg::FillOp::create(b, zero, there);
    }
  }

  /// One block leaves its buffers for later launches.
  void leaveBuffers() {
    if (left.empty())
      return;
    Value block = WorkerIndexOp::create(b, b.getIndexType());
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value isFirst =
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, block, zero);
    auto branch = scf::IfOp::create(b, isFirst, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    for (auto &[buffer, copy] : left)
      linalg::CopyOp::create(b, own.lookup(buffer), copy);
  }

  /// Loops over one range become one.
  void buildLoops(ArrayRef<const LaunchStep *> loops) {
    // Views for a later loop's body are in front of the first loop, too.
    for (const LaunchStep *step : loops)
      provideAll(step->op);
    auto all = dyn_cast<scf::ParallelOp>(clone(loops.front()->op));
    for (const LaunchStep *step : loops.drop_front()) {
      if (!all) {
        clone(step->op);
        continue;
      }
      auto loop = cast<scf::ParallelOp>(step->op);
      mapping.map(loop.getInductionVars()[0], all.getInductionVars()[0]);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(all.getBody()->getTerminator());
      for (Operation &op : loop.getBody()->without_terminator())
        b.clone(op, mapping);
    }
  }

  Operation *clone(Operation *op) {
    provideAll(op);
    return b.clone(*op, mapping);
  }

  void provideAll(Operation *op) {
    for (Value used : getUsedFromOutside(op))
      provide(used);
  }

  Value getCurrent(Value buffer) {
    Value copy = current.lookup(buffer);
    return copy ? copy : buffer;
  }

  /// Maps a view of a buffer that has another place here to one of that place.
  Value provide(Value value) {
    if (Value there = mapping.lookupOrNull(value))
      return there;
    Value there = value;
    Operation *op = value.getDefiningOp();
    if (Value place = own.lookup(value)) {
      there = place;
    } else if (auto view = dyn_cast_or_null<ViewLikeOpInterface>(op)) {
      Value source = view.getViewSource();
      if (Value other = provide(source); other != source) {
        IRMapping ofView;
        ofView.map(source, other);
        there = b.clone(*op, ofView)
                    ->getResult(cast<OpResult>(value).getResultNumber());
      }
    } else {
      there = getCurrent(value);
    }
    mapping.map(value, there);
    return there;
  }

  ImplicitLocOpBuilder b;
  Lives lives;
  DenseMap<Value, Value> current; ///< where launches have left a buffer
  DenseMap<Value, Value> own;     ///< a block's buffers, in a launch
  SmallVector<std::pair<Value, Value>> left; ///< by the launch, and where
  IRMapping mapping;
  size_t numLeft = 0;
};

/// Where a sequence may be long, attention of one token is two operations, of
/// which one does nothing: the second is no part of a launch with others.
void splitAttention(func::FuncOp function) {
  int64_t most = getDevice(function)->shortPositions;
  function.walk([&](AttentionOp op) {
    if (op->hasAttr(kWhenAttr) ||
        cast<ShapedType>(op.getQuery().getType()).getDimSize(0) != 1 ||
        op.getCache().getType().getCapacity() <= most)
      return;
    OpBuilder b(op);
    b.setInsertionPointAfter(op);
    b.clone(*op)->setAttr(kWhenAttr, b.getStringAttr(kWhenLong));
    op->setAttr(kWhenAttr, b.getStringAttr(kWhenShort));
  });
}

struct FormLaunches : tern::impl::FormLaunchesPassBase<FormLaunches> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!getDevice(function) || function.isExternal())
      return;
    splitAttention(function);
    std::vector<LaunchStep> steps = findSteps(function);
    Former former(function, steps);
    for (const Launch &launch : groupSteps(steps)) {
      if (!launch.isFormed()) {
        former.update(launch);
        continue;
      }
      ++numFormed;
      numRepeated += launch.run.size();
      remark::passed(launch.loops.front()->op->getLoc(),
                     remark::RemarkOpts::name("Launch")
                         .category(DEBUG_TYPE)
                         .function(function.getName()))
          << remark::add("{0} operations, which each block repeats, and {1} "
                         "loops are one launch",
                         launch.run.size(), launch.loops.size());
      former.form(launch);
    }
    numLeft += former.countLeft();
  }
};

} // namespace
