//===- FuseTokenRows.cpp - One parallel loop over tokens ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TokenRows.h"

#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Remarks.h"

#define DEBUG_TYPE "tern-fuse-token-rows"

namespace tern {
#define GEN_PASS_DEF_FUSETOKENROWSPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

/// True if `op` may be moved up past operations on rows.
bool isMovable(Operation *op) {
  return isa<memref::AllocOp>(op) ||
         (op->getNumRegions() == 0 && isMemoryEffectFree(op));
}

/// Row-wise operations over the same tokens, with nothing but movable ones in
/// between. Buffers that are no views of the same one (allocations, arguments,
/// weights) do not overlap.
class Run {
public:
  bool empty() const { return ops.empty(); }
  size_t size() const { return ops.size(); }

  /// Appends `op` if its tokens are the run's, and if no buffer would then be
  /// written by one token and used by another.
  bool append(Operation *op, ArrayRef<Access> accesses,
              const RowCounts &counts) {
    llvm::SmallDenseSet<Value> newWritten = written, newShared = shared;
    Value rows;
    for (const Access &access : accesses) {
      RowBase base = getRowBase(access.buffer);
      if (access.writes)
        newWritten.insert(base.buffer);
      if (!access.byRow || !base.sameRows)
        newShared.insert(base.buffer);
      if (access.byRow)
        rows = access.buffer;
    }
    if (!empty() && !counts.areEqual(rows, tokens))
      return false;
    if (llvm::any_of(newWritten,
                     [&](Value base) { return newShared.contains(base); }))
      return false;
    written = std::move(newWritten);
    shared = std::move(newShared);
    tokens = rows;
    ops.push_back({op, llvm::to_vector(accesses)});
    return true;
  }

  Operation *getFirst() const { return ops.front().first; }

  /// Replaces the operations by one loop over tokens.
  void fuse() {
    ImplicitLocOpBuilder b(getFirst()->getLoc(), getFirst());
    Value zero = arith::ConstantIndexOp::create(b, 0);
    Value one = arith::ConstantIndexOp::create(b, 1);
    Value count = memref::DimOp::create(b, tokens, zero);
    auto loop = scf::ParallelOp::create(b, ValueRange{zero}, ValueRange{count},
                                        ValueRange{one});
    b.setInsertionPointToStart(loop.getBody());
    IterationOp::create(b, "token_rows", countBytesPerToken());
    DenseMap<Value, Value> rows;
    for (auto &[op, accesses] : ops) {
      b.setLoc(op->getLoc());
      IRMapping mapping;
      for (const Access &access : accesses)
        if (access.byRow)
          mapping.map(access.buffer, getRow(b, access.buffer,
                                            loop.getInductionVars()[0], rows));
      b.clone(*op, mapping);
    }
    for (auto &[op, accesses] : ops)
      op->erase();
  }

private:
  static Value getRow(ImplicitLocOpBuilder &b, Value buffer, Value token,
                      DenseMap<Value, Value> &rows) {
    Value &row = rows[buffer];
    if (row)
      return row;
    int64_t rank = cast<MemRefType>(buffer.getType()).getRank();
    SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0));
    SmallVector<OpFoldResult> sizes(rank, b.getIndexAttr(1));
    SmallVector<OpFoldResult> strides(rank, b.getIndexAttr(1));
    offsets[0] = token;
    for (int64_t dim = 1; dim < rank; ++dim)
      sizes[dim] = memref::getMixedSize(b, b.getLoc(), buffer, dim);
    row = memref::SubViewOp::create(b, buffer, offsets, sizes, strides);
    return row;
  }

  /// Bytes of a row, or of all rows of a buffer that is read whole.
  static int64_t countBytes(Value buffer, bool oneRow) {
    auto type = cast<MemRefType>(buffer.getType());
    int64_t elements = 1;
    for (int64_t size : type.getShape().drop_front(oneRow))
      elements *= ShapedType::isDynamic(size) ? 1 : size;
    return elements * type.getElementTypeBitWidth() / 8;
  }

  /// Bytes that one iteration touches: of each buffer those of the views that
  /// are used, but none twice.
  int64_t countBytesPerToken() const {
    struct Use {
      int64_t whole = 0, ofViews = 0;
    };
    llvm::MapVector<Value, Use> uses;
    llvm::SmallDenseSet<Value> seen;
    for (auto &[op, accesses] : ops)
      for (const Access &access : accesses) {
        if (!seen.insert(access.buffer).second)
          continue;
        RowBase base = getRowBase(access.buffer);
        bool oneRow = access.byRow || access.picksRow;
        Use &use = uses[base.buffer];
        if (access.rowBytes) {
          use.whole = use.ofViews = *access.rowBytes;
          continue;
        }
        use.whole = std::max(use.whole,
                             countBytes(base.buffer, oneRow && base.sameRows));
        use.ofViews += countBytes(access.buffer, oneRow);
      }
    int64_t bytes = 0;
    for (auto &[buffer, use] : uses)
      bytes += std::min(use.whole, use.ofViews);
    return bytes;
  }

  SmallVector<std::pair<Operation *, SmallVector<Access>>> ops;
  Value tokens;                       // a buffer with a row for each
  llvm::SmallDenseSet<Value> written; // bases
  llvm::SmallDenseSet<Value> shared;  // bases that are not used row by row
};

struct FuseTokenRows : tern::impl::FuseTokenRowsPassBase<FuseTokenRows> {
  void fuse(Run &run) {
    if (run.empty())
      return;
    if (run.size() > 1)
      remark::passed(run.getFirst()->getLoc(),
                     remark::RemarkOpts::name("FusedRows")
                         .category(DEBUG_TYPE)
                         .function(getOperation().getName()))
          << remark::add("{0} operations on rows are one parallel loop over "
                         "tokens",
                         run.size());
    ++numLoops;
    numFused += run.size();
    run.fuse();
  }

  void fuseBlock(Block &block, const RowCounts &counts) {
    Run run;
    SmallVector<Operation *> between;
    for (Operation &op : llvm::make_early_inc_range(block)) {
      std::optional<SmallVector<Access>> accesses = getTokenAccesses(&op);
      if (!accesses && isMovable(&op)) {
        between.push_back(&op);
        continue;
      }
      if (accesses && !run.empty() && run.append(&op, *accesses, counts)) {
        for (Operation *movable : between)
          movable->moveBefore(run.getFirst());
        between.clear();
        continue;
      }
      fuse(run);
      run = Run();
      between.clear();
      if (accesses)
        run.append(&op, *accesses, counts);
    }
    fuse(run);
  }

  void runOnOperation() override {
    RowCounts counts(getOperation());
    for (Block &block : getOperation().getBody())
      fuseBlock(block, counts);
  }
};

} // namespace
