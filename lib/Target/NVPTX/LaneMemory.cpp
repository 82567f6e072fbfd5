//===- LaneMemory.cpp - Vectors in memory as elements of lanes ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneRewriter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace tern::nvptx;

/// Where the lane's first element of a vector at `indices` is.
SmallVector<Value> LaneRewriter::getPlace(ValueRange indices, VectorType type) {
  SmallVector<Value> place;
  for (Value index : indices)
    place.push_back(mapping.lookup(index));
  Value element = b.mul(b.getLane(), getShare(type.getNumElements()));
  size_t at = place.size();
  for (int64_t d = type.getRank(); d-- > 0;) {
    int64_t size = type.getDimSize(d);
    Value own = element;
    if (d) {
      own = b.rem(element, size);
      element = b.div(element, size);
    }
    --at;
    if (size != 1)
      place[at] = arith::AddIOp::create(b, b.loc, place[at], b.toIndex(own));
  }
  return place;
}

/// True if the elements that a lane has lie in a row.
static bool hasForm(VectorType type) {
  int64_t share = getShare(type.getNumElements());
  return getHeldType(type) && type.getRank() > 0 &&
         type.getShape().back() % share == 0;
}

/// Of a vector at the beginning of a row of a view of memory, the bytes that a
/// lane loads at a time: such views, and their rows, are aligned.
static llvm::MaybeAlign getAlignment(Value memory, ValueRange indices,
                                     VectorType held) {
  auto type = cast<MemRefType>(memory.getType());
  int64_t bytes = held.getNumElements() * held.getElementTypeBitWidth() / 8;
  bool isWhole = memory.getDefiningOp<memref::ViewOp>() &&
                 type.getLayout().isIdentity() && llvm::isPowerOf2_64(bytes) &&
                 type.getShape().back() % held.getNumElements() == 0 &&
                 getConstantIntValue(indices.back()) == 0;
  return isWhole && bytes <= 16 ? llvm::MaybeAlign(bytes) : llvm::MaybeAlign();
}

LogicalResult LaneRewriter::load(Operation *op, Value base,
                                 ValueRange indices) {
  Value vector = op->getResult(0);
  auto type = cast<VectorType>(vector.getType());
  if (!hasForm(type))
    return failure();
  beforeLoad();
  Type held = getHeldType(type);
  SmallVector<Value> place = getPlace(indices, type);
  Value memory = mapping.lookup(base);
  int64_t width = type.getNumElements();
  auto read = [&](OpBuilder &at) -> Value {
    if (auto share = dyn_cast<VectorType>(held))
      return vector::LoadOp::create(at, b.loc, share, memory, place,
                                    /*nontemporal=*/false,
                                    getAlignment(base, indices, share));
    return memref::LoadOp::create(at, b.loc, memory, place);
  };
  if (width >= kLanes) {
    setHeld(vector, read(b));
    return success();
  }
  auto branch = scf::IfOp::create(b, b.loc, TypeRange(held), b.isBelow(width),
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder inner = OpBuilder::atBlockEnd(branch.thenBlock());
  scf::YieldOp::create(inner, b.loc, read(inner));
  OpBuilder other = OpBuilder::atBlockEnd(branch.elseBlock());
  Value zero = arith::ConstantOp::create(other, b.loc, b.getZeroAttr(held));
  scf::YieldOp::create(other, b.loc, zero);
  setHeld(vector, branch.getResult(0));
  return success();
}

LogicalResult LaneRewriter::store(Operation *op, Value vector, Value base,
                                  ValueRange indices) {
  auto type = cast<VectorType>(vector.getType());
  Value held = getHeld(vector);
  if (!held || !hasForm(type))
    return failure();
  beforeStore();
  SmallVector<Value> place = getPlace(indices, type);
  Value memory = mapping.lookup(base);
  auto write = [&](OpBuilder &at) {
    if (isa<VectorType>(held.getType()))
      vector::StoreOp::create(at, b.loc, held, memory, place);
    else
      memref::StoreOp::create(at, b.loc, held, memory, place);
  };
  int64_t width = type.getNumElements();
  if (writesAll(width)) {
    write(b);
    return success();
  }
  auto branch = scf::IfOp::create(b, b.loc, isWriter(std::min(width, kLanes)),
                                  /*withElseRegion=*/false);
  OpBuilder inner = branch.getThenBodyBuilder();
  write(inner);
  return success();
}
