//===- LogitsRows.cpp - Logits where they are wanted ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LogitsRows.h"

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;

namespace {

/// The accesses to one buffer of rows.
class RowWriter {
public:
  RowWriter(BlockArgument logits, Value table, Value count)
      : table(table), count(count) {
    auto type = cast<MemRefType>(logits.getType());
    rowType = MemRefType::get({1, type.getDimSize(1)}, type.getElementType());
  }

  LogicalResult rewrite(Operation *user) {
    if (auto op = dyn_cast<memref::StoreOp>(user))
      return rewriteAccess(op, op.getMemrefMutable(), op.getIndicesMutable());
    if (auto op = dyn_cast<memref::LoadOp>(user))
      return rewriteAccess(op, op.getMemrefMutable(), op.getIndicesMutable());
    if (auto op = dyn_cast<vector::StoreOp>(user))
      return rewriteAccess(op, op.getBaseMutable(), op.getIndicesMutable());
    if (auto op = dyn_cast<vector::LoadOp>(user))
      return rewriteAccess(op, op.getBaseMutable(), op.getIndicesMutable());
    if (auto op = dyn_cast<vector::TransferWriteOp>(user);
        op && op.getVectorType().getRank() == 1 &&
        op.getPermutationMap().isMinorIdentity())
      return rewriteAccess(op, op.getBaseMutable(), op.getIndicesMutable());
    if (auto op = dyn_cast<memref::SubViewOp>(user))
      return rewriteSubview(op);
    if (auto op = dyn_cast<memref::DimOp>(user);
        op && op.getConstantIndex() == 0) {
      op.replaceAllUsesWith(count);
      op.erase();
      return success();
    }
    return user->emitOpError("expected the logits to be written row by row");
  }

  Value viewFirstRow(OpBuilder &b) {
    Value first = arith::ConstantIndexOp::create(b, table.getLoc(), 0);
    return viewRow(b, table.getLoc(), first);
  }

private:
  Value viewRow(OpBuilder &b, Location loc, Value token) {
    Value address = memref::LoadOp::create(b, loc, table, token);
    address = arith::IndexCastUIOp::create(b, loc, b.getIndexType(), address);
    return FromAddressOp::create(b, loc, rowType, address);
  }

  LogicalResult rewriteAccess(Operation *op, OpOperand &base,
                              MutableOperandRange indices) {
    OpBuilder b(op);
    OpOperand &token = indices[0];
    base.set(viewRow(b, op->getLoc(), token.get()));
    token.set(arith::ConstantIndexOp::create(b, op->getLoc(), 0));
    return success();
  }

  LogicalResult rewriteSubview(memref::SubViewOp op) {
    if (op.getStaticSize(0) != 1 ||
        op.getStaticSize(1) != rowType.getDimSize(1))
      return op.emitOpError("expected one row of the logits");
    OpBuilder b(op);
    Value token = getValueOrCreateConstantIndexOp(b, op.getLoc(),
                                                  op.getMixedOffsets()[0]);
    Value row = viewRow(b, op.getLoc(), token);
    row = memref::CastOp::create(b, op.getLoc(), op.getType(), row);
    op.replaceAllUsesWith(row);
    op.erase();
    return success();
  }

  Value table, count;
  MemRefType rowType;
};

} // namespace

LogicalResult tern::writeLogitsByRow(BlockArgument logits, Value table,
                                     Value count) {
  RowWriter writer(logits, table, count);
  if (cast<MemRefType>(logits.getType()).getDimSize(0) == 1) {
    OpBuilder b(table.getContext());
    b.setInsertionPointAfterValue(table);
    logits.replaceAllUsesWith(writer.viewFirstRow(b));
    return success();
  }
  for (Operation *user : llvm::to_vector(logits.getUsers()))
    if (failed(writer.rewrite(user)))
      return failure();
  return success();
}
