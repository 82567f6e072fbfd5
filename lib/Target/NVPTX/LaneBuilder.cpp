//===- LaneBuilder.cpp - Kernels written for a lane -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneBuilder.h"

#include "WarpBuilder.h"

#include "tern/Kernels/FloatBits.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

LaneBuilder::LaneBuilder(Location loc, OpBuilder &builder, int64_t warps)
    : KernelBuilder(loc, builder), warps(warps) {
  thread = intrinsic("read.ptx.sreg.tid.x", getI32Type(), {});
  laneId = rem(thread, kLanes);
  warp = div(thread, i32(kLanes));
  group = div(laneId, i32(4));
  inGroup = rem(laneId, 4);
}

Value LaneBuilder::intrinsic(StringRef name, Type result, ValueRange operands) {
  StringAttr whole = getStringAttr("llvm.nvvm." + name);
  if (result)
    return LLVM::CallIntrinsicOp::create(*this, result, whole, operands)
        .getResult(0);
  LLVM::CallIntrinsicOp::create(*this, whole, operands);
  return Value();
}

Value LaneBuilder::toWord(Value index) {
  return arith::IndexCastOp::create(*this, getI32Type(), index);
}

Value LaneBuilder::isBelow(Value x, Value y) {
  return compare(arith::CmpIPredicate::ult, x, y);
}
Value LaneBuilder::isEqual(Value x, int64_t y) {
  return compare(arith::CmpIPredicate::eq, x, y);
}

Value LaneBuilder::clamp(Value x, int64_t most, int64_t bound) {
  return bound <= most ? x : minUnsigned(x, i32(most));
}

Value LaneBuilder::shiftRightBy(Value x, Value by) {
  return arith::ShRUIOp::create(*this, x, by);
}

//===----------------------------------------------------------------------===//
// Lanes together
//===----------------------------------------------------------------------===//

void LaneBuilder::barrier() {
  intrinsic("barrier.cta.sync.aligned.all", Type(), {i32(0)});
}

void LaneBuilder::meetWarp() { intrinsic("bar.warp.sync", Type(), {i32(-1)}); }

/// Of 32 bits, as a word.
static Value throughWord(LaneBuilder &b, Value x,
                         function_ref<Value(Value)> move) {
  if (x.getType().isInteger(32))
    return move(x);
  return b.bitcast(x.getType(), move(b.bitcast(b.getI32Type(), x)));
}

Value LaneBuilder::shuffle(Value x, Value from) {
  return throughWord(*this, x, [&](Value word) {
    return intrinsic("shfl.sync.idx.i32", getI32Type(),
                     {i32(-1), word, from, i32(kLanes - 1)});
  });
}

Value LaneBuilder::shuffleXor(Value x, int64_t bits) {
  return throughWord(*this, x, [&](Value word) {
    return intrinsic("shfl.sync.bfly.i32", getI32Type(),
                     {i32(-1), word, i32(bits), i32(kLanes - 1)});
  });
}

Value LaneBuilder::shuffleDown(Value x, int64_t by) {
  return throughWord(*this, x, [&](Value word) {
    return intrinsic("shfl.sync.down.i32", getI32Type(),
                     {i32(-1), word, i32(by), i32(kLanes - 1)});
  });
}

Value LaneBuilder::sumOfLanes(Value x) {
  return intrinsic("redux.sync.add", getI32Type(), {x, i32(-1)});
}
Value LaneBuilder::mostOfLanes(Value x) {
  return intrinsic("redux.sync.umax", getI32Type(), {x, i32(-1)});
}

Value LaneBuilder::reduceLanes(Value x, ArrayRef<int64_t> bits,
                               function_ref<Value(Value, Value)> combine) {
  for (int64_t bit : bits)
    x = combine(x, shuffleXor(x, bit));
  return x;
}

LaneBuilder::Words LaneBuilder::mma(ArrayRef<Value> a, ArrayRef<Value> b,
                                    ArrayRef<Value> c, bool isSigned) {
  Type word = getI32Type();
  auto type =
      LLVM::LLVMStructType::getLiteral(getContext(), {word, word, word, word});
  Words operands(a);
  llvm::append_range(operands, b);
  llvm::append_range(operands, c);
  Value all = intrinsic(isSigned ? "mma.m16n8k32.row.col.u8.s8"
                                 : "mma.m16n8k32.row.col.u8",
                        type, operands);
  Words sums;
  for (int64_t i = 0; i < 4; ++i)
    sums.push_back(LLVM::ExtractValueOp::create(*this, all, i));
  return sums;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static LaneBuilder::Words split(LaneBuilder &b, Value run) {
  LaneBuilder::Words parts;
  for (int64_t i = 0; i < cast<VectorType>(run.getType()).getNumElements(); ++i)
    parts.push_back(b.lane(run, i));
  return parts;
}

LaneBuilder::Words LaneBuilder::loadWords(Value memory, ValueRange at,
                                          int64_t count) {
  Value bytes = vector::LoadOp::create(
      *this, vectorOf(4 * count, getI8Type()), memory, at,
      /*nontemporal=*/false, llvm::MaybeAlign(4 * count));
  return split(*this, bitcast(vectorOf(count, getI32Type()), bytes));
}

Value LaneBuilder::loadHalf(Value memory, Value at) {
  Value bytes =
      vector::LoadOp::create(*this, vectorOf(2, getI8Type()), memory, at,
                             /*nontemporal=*/false, llvm::MaybeAlign(2));
  Value bits = bitcast(vectorOf(1, getI16Type()), bytes);
  return buildHalfToFloat(*this, getLoc(), lane(bits, 0),
                          /*byCpu=*/true);
}

LaneBuilder::Words LaneBuilder::loadRun(Value memory, ValueRange at,
                                        int64_t count) {
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  if (count == 1)
    return {load(memory, at)};
  unsigned bytes = count * element.getIntOrFloatBitWidth() / 8;
  return split(*this, vector::LoadOp::create(
                          *this, vectorOf(count, element), memory, at,
                          /*nontemporal=*/false, llvm::MaybeAlign(bytes)));
}

void LaneBuilder::storeRun(ArrayRef<Value> run, Value memory, ValueRange at) {
  if (run.size() == 1)
    return store(run[0], memory, at);
  Type element = run[0].getType();
  Value all =
      vector::FromElementsOp::create(*this, vectorOf(run.size(), element), run);
  unsigned bytes = run.size() * element.getIntOrFloatBitWidth() / 8;
  vector::StoreOp::create(*this, all, memory, at, /*nontemporal=*/false,
                          llvm::MaybeAlign(bytes));
}
