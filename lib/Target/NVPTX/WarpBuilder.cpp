//===- WarpBuilder.cpp - What the lanes of a warp do together -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WarpBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <limits>

using namespace mlir;
using namespace tern::nvptx;

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

static bool follows(ArrayRef<int64_t> elements, const Cycle &p) {
  for (auto [i, element] : llvm::enumerate(elements))
    if (element != p.scale * (int64_t(i) / p.divide % p.modulus) + p.offset)
      return false;
  return true;
}

std::optional<Cycle> Cycle::find(ArrayRef<int64_t> elements) {
  int64_t count = elements.size(), offset = elements[0];
  for (int64_t divide = 1; divide < count; divide *= 2) {
    int64_t scale = elements[divide] - offset;
    for (int64_t modulus = 2; modulus < 2 * count; modulus *= 2)
      if (Cycle cycle{divide, modulus, scale, offset}; follows(elements, cycle))
        return cycle;
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Lanes
//===----------------------------------------------------------------------===//

void WarpBuilder::begin(int64_t ofBlock) {
  warps = ofBlock;
  all = i32(-1);
  thread = readRegister("tid.x");
  lane = warps == 1 ? thread : rem(thread, kLanes);
}

Value WarpBuilder::getWarp() {
  return warps == 1 ? i32(0) : div(thread, kLanes);
}

Value WarpBuilder::i32(int64_t value) {
  return arith::ConstantIntOp::create(*this, loc, getI32Type(), value);
}

Value WarpBuilder::f32Zero() {
  return arith::ConstantOp::create(*this, loc, getF32FloatAttr(0));
}

Value WarpBuilder::add(Value x, int64_t y) {
  return y ? arith::AddIOp::create(*this, loc, x, i32(y)).getResult() : x;
}
Value WarpBuilder::mul(Value x, int64_t y) {
  return y == 1 ? x : arith::MulIOp::create(*this, loc, x, i32(y)).getResult();
}
Value WarpBuilder::div(Value x, int64_t y) {
  return y == 1 ? x : arith::DivUIOp::create(*this, loc, x, i32(y)).getResult();
}
Value WarpBuilder::rem(Value x, int64_t y) {
  return arith::RemUIOp::create(*this, loc, x, i32(y));
}

Value WarpBuilder::add(Value x, Value y) {
  return arith::AddIOp::create(*this, loc, x, y);
}
Value WarpBuilder::mul(Value x, Value y) {
  return arith::MulIOp::create(*this, loc, x, y);
}

Value WarpBuilder::toIndex(Value word) {
  return arith::IndexCastUIOp::create(*this, loc, getIndexType(), word);
}

Value WarpBuilder::intrinsic(StringRef name, Type result, ValueRange operands) {
  std::string whole = ("llvm.nvvm." + name).str();
  if (result)
    return LLVM::CallIntrinsicOp::create(*this, loc, result,
                                         getStringAttr(whole), operands)
        .getResult(0);
  LLVM::CallIntrinsicOp::create(*this, loc, getStringAttr(whole), operands);
  return Value();
}

Value WarpBuilder::readRegister(StringRef name) {
  return intrinsic(("read.ptx.sreg." + name).str(), getI32Type(), {});
}

Value WarpBuilder::isBelow(int64_t lanes) {
  return arith::CmpIOp::create(*this, loc, arith::CmpIPredicate::ult, lane,
                               i32(lanes));
}

Value WarpBuilder::isThreadBelow(int64_t threads) {
  return arith::CmpIOp::create(*this, loc, arith::CmpIPredicate::ult, thread,
                               i32(threads));
}

Value WarpBuilder::isEqual(Value x, int64_t y) {
  return arith::CmpIOp::create(*this, loc, arith::CmpIPredicate::eq, x, i32(y));
}

void WarpBuilder::synchronize() { intrinsic("bar.warp.sync", Type(), {all}); }

/// Lanes exchange words of 32 bits.
Value WarpBuilder::throughWords(Value value,
                                llvm::function_ref<Value(Value)> move) {
  Type type = value.getType();
  if (type.isIndex()) {
    Value wide = arith::IndexCastOp::create(*this, loc, getI64Type(), value);
    return arith::IndexCastOp::create(*this, loc, type,
                                      throughWords(wide, move));
  }
  unsigned bits = type.getIntOrFloatBitWidth();
  auto integer = getIntegerType(bits);
  if (type != integer) {
    Value same = arith::BitcastOp::create(*this, loc, integer, value);
    return arith::BitcastOp::create(*this, loc, type, throughWords(same, move));
  }
  if (bits == 32)
    return move(value);
  if (bits < 32) {
    Value word = arith::ExtUIOp::create(*this, loc, getI32Type(), value);
    return arith::TruncIOp::create(*this, loc, type, move(word));
  }
  Value half = arith::ConstantIntOp::create(*this, loc, type, 32);
  Value high = arith::ShRUIOp::create(*this, loc, value, half);
  auto moveWord = [&](Value word) -> Value {
    word = arith::TruncIOp::create(*this, loc, getI32Type(), word);
    return arith::ExtUIOp::create(*this, loc, type, move(word));
  };
  Value low = moveWord(value);
  high = arith::ShLIOp::create(*this, loc, moveWord(high), half);
  return arith::OrIOp::create(*this, loc, low, high);
}

Value WarpBuilder::shuffle(Value value, Value from) {
  return throughWords(value, [&](Value word) {
    return intrinsic("shfl.sync.idx.i32", getI32Type(),
                     {all, word, from, i32(kLanes - 1)});
  });
}

Value WarpBuilder::shuffleDown(Value value, int64_t by) {
  return throughWords(value, [&](Value word) {
    return intrinsic("shfl.sync.down.i32", getI32Type(),
                     {all, word, i32(by), i32(kLanes - 1)});
  });
}

Value WarpBuilder::gather(Value held, Value element) {
  auto type = dyn_cast<VectorType>(held.getType());
  if (!type)
    return shuffle(held, element);
  int64_t share = type.getNumElements();
  Value from = div(element, share), part = rem(element, share), result;
  for (int64_t i = 0; i < share; ++i) {
    Value one = shuffle(getPart(held, i), from);
    result = result ? arith::SelectOp::create(*this, loc, isEqual(part, i), one,
                                              result)
                          .getResult()
                    : one;
  }
  return result;
}

Value WarpBuilder::compute(const Cycle &cycle, int64_t share, int64_t number) {
  Value i = add(mul(lane, share), number);
  i = rem(div(i, cycle.divide), cycle.modulus);
  return add(mul(i, cycle.scale), cycle.offset);
}

Value WarpBuilder::resize(Value word, Type type) {
  unsigned bits = type.getIntOrFloatBitWidth();
  if (bits < 32)
    return arith::TruncIOp::create(*this, loc, type, word);
  if (bits > 32)
    return arith::ExtSIOp::create(*this, loc, type, word);
  return word;
}

Value WarpBuilder::getPart(Value held, int64_t number) {
  if (!isa<VectorType>(held.getType()))
    return held;
  return vector::ExtractOp::create(*this, loc, held, number);
}

Value WarpBuilder::join(ArrayRef<Value> parts) {
  if (parts.size() == 1)
    return parts[0];
  auto type = VectorType::get({int64_t(parts.size())}, parts[0].getType());
  return vector::FromElementsOp::create(*this, loc, type, parts);
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

namespace {

struct Reduction {
  vector::CombiningKind kind;
  StringLiteral name;
  int64_t neutral;
};

constexpr int64_t kLeast = std::numeric_limits<int32_t>::min();
constexpr int64_t kMost = std::numeric_limits<int32_t>::max();

constexpr Reduction kReductions[] = {
    {vector::CombiningKind::ADD, "redux.sync.add", 0},
    {vector::CombiningKind::MAXSI, "redux.sync.max", kLeast},
    {vector::CombiningKind::MINSI, "redux.sync.min", kMost},
    {vector::CombiningKind::MAXUI, "redux.sync.umax", 0},
    {vector::CombiningKind::MINUI, "redux.sync.umin", -1},
    {vector::CombiningKind::OR, "redux.sync.or", 0},
    {vector::CombiningKind::AND, "redux.sync.and", -1},
};

} // namespace

Value WarpBuilder::reduce(vector::CombiningKind kind, Value value,
                          int64_t lanes) {
  const auto *found = llvm::find_if(
      kReductions, [&](const Reduction &row) { return row.kind == kind; });
  if (found == std::end(kReductions) || !value.getType().isInteger(32))
    return Value();
  if (lanes < kLanes)
    value = arith::SelectOp::create(*this, loc, isBelow(lanes), value,
                                    i32(found->neutral));
  return intrinsic(found->name, getI32Type(), {value, all});
}
