//===- LaneVectors.cpp - Operations on vectors as those of lanes ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneRewriter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
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
  auto found = lanes.find(vector);
  if (found != lanes.end()) {
    const Registers &own = found->second;
    Value held = own.size() == 1 ? own[0] : own[number / kLanes];
    return b.shuffle(held, b.i32(number % kLanes));
  }
  Value whole = mapping.lookup(vector);
  auto type = cast<VectorType>(whole.getType());
  SmallVector<int64_t> position(type.getRank());
  for (int64_t d = type.getRank(); d-- > 0; number /= type.getDimSize(d))
    position[d] = number % type.getDimSize(d);
  return vector::ExtractOp::create(b, b.loc, whole, position);
}

std::optional<Registers> LaneRewriter::getLanes(Value vector) {
  auto found = lanes.find(vector);
  if (found != lanes.end())
    return found->second;
  int64_t count = getCount(vector.getType());
  if (count > kMostParts)
    return std::nullopt;
  Value result = getElement(vector, count - 1);
  for (int64_t i = count - 1; i-- > 0;)
    result = arith::SelectOp::create(b, b.loc, b.isBelow(i + 1),
                                     getElement(vector, i), result);
  return Registers{result};
}

Value LaneRewriter::getWhole(Value value) {
  if (mapping.contains(value))
    return mapping.lookup(value);
  auto type = cast<VectorType>(value.getType());
  if (type.getNumElements() > kMostParts)
    return Value();
  Registers elements;
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    elements.push_back(getElement(value, i));
  return vector::FromElementsOp::create(b, b.loc, type, elements);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Lanes that register `number` of a vector of `count` has.
static int64_t getWidth(int64_t count, int64_t number) {
  return std::min(count - number * kLanes, kLanes);
}

SmallVector<Value> LaneRewriter::getPlace(ValueRange indices, int64_t number) {
  SmallVector<Value> place;
  for (Value index : indices)
    place.push_back(mapping.lookup(index));
  place.back() =
      arith::AddIOp::create(b, b.loc, place.back(), b.getLaneIndex());
  if (number) {
    Value skip = arith::ConstantIndexOp::create(b, b.loc, number * kLanes);
    place.back() = arith::AddIOp::create(b, b.loc, place.back(), skip);
  }
  return place;
}

LogicalResult LaneRewriter::load(Operation *op, Value base,
                                 ValueRange indices) {
  beforeLoad();
  Value vector = op->getResult(0);
  Type element = getElementOf(vector.getType());
  int64_t count = getCount(vector.getType());
  Registers loaded;
  for (int64_t r = 0; r * kLanes < count; ++r) {
    SmallVector<Value> place = getPlace(indices, r);
    int64_t width = getWidth(count, r);
    auto read = [&](OpBuilder &at) -> Value {
      return memref::LoadOp::create(at, b.loc, mapping.lookup(base), place);
    };
    if (width == kLanes) {
      loaded.push_back(read(b));
      continue;
    }
    auto branch =
        scf::IfOp::create(b, b.loc, TypeRange(element), b.isBelow(width),
                          /*addThenBlock=*/true, /*addElseBlock=*/true);
    OpBuilder inner = OpBuilder::atBlockEnd(branch.thenBlock());
    scf::YieldOp::create(inner, b.loc, read(inner));
    OpBuilder other = OpBuilder::atBlockEnd(branch.elseBlock());
    Value zero =
        arith::ConstantOp::create(other, b.loc, b.getZeroAttr(element));
    scf::YieldOp::create(other, b.loc, zero);
    loaded.push_back(branch.getResult(0));
  }
  setLanes(vector, loaded);
  return success();
}

LogicalResult LaneRewriter::store(Operation *op, Value vector, Value base,
                                  ValueRange indices) {
  std::optional<Registers> own = getLanes(vector);
  if (!own)
    return failure();
  beforeStore();
  int64_t count = getCount(vector.getType());
  for (int64_t r = 0; r * kLanes < count; ++r) {
    SmallVector<Value> place = getPlace(indices, r);
    Value held = own->size() == 1 ? (*own)[0] : (*own)[r];
    int64_t width = getWidth(count, r);
    auto write = [&](OpBuilder &at) {
      memref::StoreOp::create(at, b.loc, held, mapping.lookup(base), place);
    };
    if (width == kLanes) {
      write(b);
      continue;
    }
    auto branch = scf::IfOp::create(b, b.loc, b.isBelow(width),
                                    /*withElseRegion=*/false);
    OpBuilder inner = branch.getThenBodyBuilder();
    write(inner);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

LogicalResult LaneRewriter::rewriteConstant(Operation *op,
                                            DenseElementsAttr elements) {
  Value vector = op->getResult(0);
  Type element = getElementOf(vector.getType());
  if (elements.isSplat()) {
    Value value = arith::ConstantOp::create(
        b, b.loc, cast<TypedAttr>(elements.getSplatValue<Attribute>()));
    setLanes(vector, {value});
    return success();
  }
  auto type = dyn_cast<IntegerType>(element);
  if (!type)
    return failure();
  SmallVector<int64_t> values;
  for (const APInt &value : elements.getValues<APInt>())
    values.push_back(value.getSExtValue());
  std::optional<Cycle> cycle = Cycle::find(values);
  if (!cycle)
    return failure();
  Registers made;
  for (int64_t r = 0; r * kLanes < int64_t(values.size()); ++r) {
    Value value = b.compute(*cycle, r);
    if (type.getWidth() < 32)
      value = arith::TruncIOp::create(b, b.loc, type, value);
    else if (type.getWidth() > 32)
      value = arith::ExtSIOp::create(b, b.loc, type, value);
    made.push_back(value);
  }
  setLanes(vector, made);
  return success();
}

LogicalResult LaneRewriter::rewriteBroadcast(vector::BroadcastOp op) {
  Value source = op.getSource();
  int64_t from = getCount(source.getType()), to = getCount(op.getType());
  if (from != 1 && from != to)
    return failure();
  if (from == to) {
    std::optional<Registers> same = getLanes(source);
    if (same)
      setLanes(op, *same);
    return success(bool(same));
  }
  Value value = isa<VectorType>(source.getType()) ? getElement(source, 0)
                                                  : mapping.lookup(source);
  setLanes(op, {value});
  return success();
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
  std::optional<Registers> own = getLanes(op.getSource());
  if (!own)
    return failure();
  if (size != type.getNumElements() && own->size() != 1) {
    if (first % kLanes || size % kLanes)
      return failure();
    own = Registers(ArrayRef(*own).slice(first / kLanes, size / kLanes));
  } else if (first) {
    own = Registers{b.shuffleDown((*own)[0], first)};
  }
  setLanes(op, *own);
  return success();
}

LogicalResult LaneRewriter::rewriteReduction(vector::ReductionOp op) {
  std::optional<Registers> own = getLanes(op.getVector());
  int64_t count = getCount(op.getVector().getType());
  if (!own || (count > kLanes && (own->size() == 1 || count % kLanes)))
    return failure();
  Value value = (*own)[0];
  for (Value other : ArrayRef(*own).drop_front())
    value = vector::makeArithReduction(b, b.loc, op.getKind(), value, other);
  value = b.reduce(op.getKind(), value, std::min(count, kLanes));
  if (!value)
    return failure();
  if (op.getAcc())
    value = vector::makeArithReduction(b, b.loc, op.getKind(), value,
                                       mapping.lookup(op.getAcc()));
  mapping.map(op.getResult(), value);
  return success();
}

LogicalResult LaneRewriter::rewriteShuffle(vector::ShuffleOp op) {
  std::optional<Registers> own = getLanes(op.getV1());
  if (!own)
    return failure();
  ArrayRef<int64_t> mask = op.getMask();
  int64_t width = getCount(op.getV1().getType());
  auto isRun = [](ArrayRef<int64_t> mask) {
    for (auto [i, element] : llvm::enumerate(mask))
      if (element != mask[0] + int64_t(i))
        return false;
    return true;
  };
  // Zeros, or whatever, behind a vector.
  DenseElementsAttr padding;
  int64_t size = mask.size();
  if (size > width && size <= kLanes && mask[0] == 0 &&
      isRun(mask.take_front(width)) &&
      llvm::all_of(mask.drop_front(width),
                   [&](int64_t m) { return m >= width; }) &&
      matchPattern(op.getV2(), m_Constant(&padding)) && padding.isSplat()) {
    Value other = arith::ConstantOp::create(
        b, b.loc, cast<TypedAttr>(padding.getSplatValue<Attribute>()));
    setLanes(op, {arith::SelectOp::create(b, b.loc, b.isBelow(width), (*own)[0],
                                          other)});
    return success();
  }
  if (llvm::any_of(mask, [&](int64_t m) { return m < 0 || m >= width; }))
    return failure();
  if (own->size() == 1 && size <= kLanes && isRun(mask)) {
    setLanes(op, {mask[0] ? b.shuffleDown((*own)[0], mask[0]) : (*own)[0]});
    return success();
  }
  std::optional<Cycle> cycle = Cycle::find(mask);
  if (!cycle)
    return failure();
  Registers made;
  for (int64_t r = 0; r * kLanes < size; ++r)
    made.push_back(b.gather(*own, b.compute(*cycle, r)));
  setLanes(op, made);
  return success();
}

/// Elements of other sizes lie in other lanes.
LogicalResult LaneRewriter::rewriteBitcast(vector::BitCastOp op) {
  std::optional<Registers> own = getLanes(op.getSource());
  if (!own)
    return failure();
  Type from = getElementOf(op.getSource().getType());
  Type to = getElementOf(op.getType());
  unsigned fromBits = from.getIntOrFloatBitWidth();
  unsigned toBits = to.getIntOrFloatBitWidth();
  auto asInteger = [&](Value value) -> Value {
    Type type = b.getIntegerType(value.getType().getIntOrFloatBitWidth());
    return type == value.getType()
               ? value
               : arith::BitcastOp::create(b, b.loc, type, value).getResult();
  };
  for (Value &held : *own)
    held = asInteger(held);
  Registers made;
  Type word = b.getIntegerType(toBits);
  auto constant = [&](Type type, int64_t value) -> Value {
    return arith::ConstantIntOp::create(b, b.loc, type, value);
  };
  for (int64_t r = 0; r * kLanes < getCount(op.getType()); ++r) {
    Value value;
    if (fromBits == toBits) {
      value = own->size() == 1 ? (*own)[0] : (*own)[r];
    } else if (fromBits < toBits) {
      int64_t parts = toBits / fromBits;
      for (int64_t part = 0; part < parts; ++part) {
        Cycle place{1, 1 << 20, parts, part};
        Value piece = b.gather(*own, b.compute(place, r));
        piece = arith::ExtUIOp::create(b, b.loc, word, piece);
        piece = arith::ShLIOp::create(b, b.loc, piece,
                                      constant(word, part * fromBits));
        value = value ? arith::OrIOp::create(b, b.loc, value, piece).getResult()
                      : piece;
      }
    } else {
      int64_t parts = fromBits / toBits;
      value = b.gather(*own, b.compute({parts, 1 << 20, 1, 0}, r));
      Value shift = b.compute({1, parts, toBits, 0}, r);
      if (fromBits < 32)
        shift = arith::TruncIOp::create(b, b.loc, value.getType(), shift);
      else if (fromBits > 32)
        shift = arith::ExtUIOp::create(b, b.loc, value.getType(), shift);
      value = arith::ShRUIOp::create(b, b.loc, value, shift);
      value = arith::TruncIOp::create(b, b.loc, word, value);
    }
    if (to != word)
      value = arith::BitcastOp::create(b, b.loc, to, value);
    made.push_back(value);
  }
  setLanes(op, made);
  return success();
}
