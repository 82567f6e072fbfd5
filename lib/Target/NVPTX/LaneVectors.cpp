//===- LaneVectors.cpp - Operations on vectors as those of lanes ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneRewriter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace tern::nvptx;

//===----------------------------------------------------------------------===//
// Forms of a vector
//===----------------------------------------------------------------------===//

/// Vectors of so many elements and fewer are put together from lanes, and taken
/// apart.
constexpr int64_t kMostParts = 16;

Value LaneRewriter::getElement(Value vector, int64_t number) {
  if (Value held = lanes.lookup(vector)) {
    int64_t share = getShare(getCount(vector.getType()));
    return b.shuffle(b.getPart(held, number % share), b.i32(number / share));
  }
  Value whole = mapping.lookup(vector);
  auto type = cast<VectorType>(whole.getType());
  SmallVector<int64_t> position(type.getRank());
  for (int64_t d = type.getRank(); d-- > 0; number /= type.getDimSize(d))
    position[d] = number % type.getDimSize(d);
  return vector::ExtractOp::create(b, b.loc, whole, position);
}

Value LaneRewriter::getHeld(Value vector) {
  if (Value held = lanes.lookup(vector))
    return held;
  int64_t count = getCount(vector.getType());
  if (count > kMostParts)
    return Value();
  Value result = getElement(vector, count - 1);
  for (int64_t i = count - 1; i-- > 0;)
    result = arith::SelectOp::create(b, b.loc, b.isBelow(i + 1),
                                     getElement(vector, i), result);
  return result;
}

Value LaneRewriter::getWhole(Value value) {
  if (mapping.contains(value))
    return mapping.lookup(value);
  auto type = cast<VectorType>(value.getType());
  if (type.getNumElements() > kMostParts)
    return Value();
  SmallVector<Value> elements;
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    elements.push_back(getElement(value, i));
  return vector::FromElementsOp::create(b, b.loc, type, elements);
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

LogicalResult LaneRewriter::rewriteConstant(Operation *op,
                                            DenseElementsAttr elements) {
  Value vector = op->getResult(0);
  Type held = getHeldType(vector.getType());
  Type element = getElementOf(vector.getType());
  if (!held)
    return failure();
  if (elements.isSplat()) {
    auto value = cast<TypedAttr>(elements.getSplatValue<Attribute>());
    if (auto type = dyn_cast<VectorType>(held))
      value = DenseElementsAttr::get(type, Attribute(value));
    setHeld(vector, arith::ConstantOp::create(b, b.loc, value));
    return success();
  }
  if (!isa<IntegerType>(element))
    return failure();
  SmallVector<int64_t> values;
  for (const APInt &value : elements.getValues<APInt>())
    values.push_back(value.getSExtValue());
  std::optional<Cycle> cycle = Cycle::find(values);
  if (!cycle)
    return failure();
  SmallVector<Value> parts;
  int64_t share = getShare(values.size());
  for (int64_t i = 0; i < share; ++i)
    parts.push_back(b.resize(b.compute(*cycle, share, i), element));
  setHeld(vector, b.join(parts));
  return success();
}

/// Of `held`, the elements whose numbers `from` tells for those of the result.
LogicalResult LaneRewriter::rearrange(Value result, Value held,
                                      function_ref<Value(Value)> from) {
  if (!held || !getHeldType(result.getType()))
    return failure();
  SmallVector<Value> parts;
  int64_t share = getShare(getCount(result.getType()));
  for (int64_t i = 0; i < share; ++i)
    parts.push_back(b.gather(held, from(b.add(b.mul(b.getLane(), share), i))));
  setHeld(result, b.join(parts));
  return success();
}

/// One element for all, the same elements, or one for each row or column.
LogicalResult LaneRewriter::rewriteBroadcast(vector::BroadcastOp op) {
  Value source = op.getSource();
  auto type = dyn_cast<VectorType>(source.getType());
  int64_t from = getCount(source.getType()), to = getCount(op.getType());
  int64_t row = op.getType().getShape().back();
  if (from != 1 && from != to && type.getShape().back() == 1 &&
      from * row == to)
    return rearrange(op, getHeld(source),
                     [&](Value i) { return b.div(i, row); });
  if (from != 1 && from != to && type.getShape().back() == row &&
      getCount(source.getType()) == row)
    return rearrange(op, getHeld(source),
                     [&](Value i) { return b.rem(i, row); });
  Value made;
  if (from == to)
    made = getHeld(source);
  else if (from == 1)
    made = type ? getElement(source, 0) : mapping.lookup(source);
  Type held = getHeldType(op.getType());
  if (!made || !held)
    return failure();
  if (made.getType() != held)
    made = vector::BroadcastOp::create(b, b.loc, held, made);
  setHeld(op, made);
  return success();
}

LogicalResult LaneRewriter::rewriteTranspose(vector::TransposeOp op) {
  VectorType type = op.getResultVectorType();
  if (type.getRank() != 2 || op.getPermutation() != ArrayRef<int64_t>{1, 0})
    return failure();
  int64_t columns = type.getDimSize(1), rows = type.getDimSize(0);
  return rearrange(op, getHeld(op.getVector()), [&](Value i) -> Value {
    return arith::AddIOp::create(b, b.loc, b.mul(b.rem(i, columns), rows),
                                 b.div(i, columns));
  });
}

LogicalResult LaneRewriter::rewriteExtract(vector::ExtractOp op) {
  if (op.hasDynamicPosition())
    return failure();
  auto type = cast<VectorType>(op.getSource().getType());
  int64_t first = 0, size = type.getNumElements();
  for (auto [position, length] :
       llvm::zip(op.getStaticPosition(), type.getShape())) {
    size /= length;
    first += position * size;
  }
  if (!isa<VectorType>(op.getType())) {
    mapping.map(op.getResult(), getElement(op.getSource(), first));
    return success();
  }
  Value held = getHeld(op.getSource());
  if (!held || !getHeldType(op.getType()))
    return failure();
  if (size == type.getNumElements()) {
    setHeld(op, held);
    return success();
  }
  if (!isa<VectorType>(held.getType())) {
    setHeld(op, first ? b.shuffleDown(held, first) : held);
    return success();
  }
  return rearrange(op, held, [&](Value i) { return b.add(i, first); });
}

/// True if the elements of some vectors are put together to one.
static bool isConcatenation(vector::FromElementsOp op) {
  int64_t width = 0;
  for (auto [i, element] : llvm::enumerate(op.getElements())) {
    auto from = element.getDefiningOp<vector::ToElementsOp>();
    if (!from || !isWide(from.getSource().getType()))
      return false;
    if (i == 0)
      width = from->getNumResults();
    if (from->getNumResults() != width ||
        element != from->getResult(i % width) ||
        (i % width != 0 && from != op.getElements()[i - 1].getDefiningOp()))
      return false;
  }
  return true;
}

LogicalResult LaneRewriter::rewriteToElements(vector::ToElementsOp op) {
  if (llvm::all_of(op->getUsers(), [](Operation *user) {
        auto from = dyn_cast<vector::FromElementsOp>(user);
        return from && isConcatenation(from);
      }))
    return success();
  if (!getHeld(op.getSource()))
    return failure();
  for (auto [i, element] : llvm::enumerate(op.getElements()))
    mapping.map(element, getElement(op.getSource(), i));
  return success();
}

LogicalResult LaneRewriter::concatenate(vector::FromElementsOp op) {
  auto first = op.getElements()[0].getDefiningOp<vector::ToElementsOp>();
  int64_t width = first->getNumResults();
  if (width > kLanes || !getHeldType(op.getType()))
    return failure();
  int64_t share = getShare(op.getElements().size());
  SmallVector<Value> parts;
  for (int64_t i = 0; i < share; ++i) {
    Value element = b.add(b.mul(b.getLane(), share), i);
    Value row = b.div(element, width), place = b.rem(element, width), made;
    for (int64_t r = 0; r * width < int64_t(op.getElements().size()); ++r) {
      auto from =
          op.getElements()[r * width].getDefiningOp<vector::ToElementsOp>();
      Value held = getHeld(from.getSource());
      if (!held)
        return failure();
      Value own = b.gather(held, place);
      made =
          made ? arith::SelectOp::create(b, b.loc, b.isEqual(row, r), own, made)
                     .getResult()
               : own;
    }
    parts.push_back(made);
  }
  setHeld(op, b.join(parts));
  return success();
}

/// A number for each lane.
LogicalResult LaneRewriter::rewriteFromElements(vector::FromElementsOp op) {
  if (isConcatenation(op))
    return concatenate(op);
  int64_t count = op.getElements().size();
  if (count > kMostParts)
    return failure();
  Value held = mapping.lookup(op.getElements().back());
  for (int64_t i = count - 1; i-- > 0;)
    held = arith::SelectOp::create(b, b.loc, b.isBelow(i + 1),
                                   mapping.lookup(op.getElements()[i]), held);
  setHeld(op, held);
  return success();
}

LogicalResult LaneRewriter::rewriteReduction(vector::ReductionOp op) {
  Value held = getHeld(op.getVector());
  if (!held)
    return failure();
  int64_t count = getCount(op.getVector().getType());
  Value value = b.getPart(held, 0);
  for (int64_t i = 1; i < getShare(count); ++i)
    value = vector::makeArithReduction(b, b.loc, op.getKind(), value,
                                       b.getPart(held, i));
  value = b.reduce(op.getKind(), value, std::min(count, kLanes));
  if (!value)
    return failure();
  if (op.getAcc())
    value = vector::makeArithReduction(b, b.loc, op.getKind(), value,
                                       mapping.lookup(op.getAcc()));
  mapping.map(op.getResult(), value);
  return success();
}
