//===- MmaSteps.cpp - A lane's part of the steps of a product -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MmaSteps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace tern;
using namespace tern::nvptx;

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

/// True if rows begin at multiples of what is loaded at a time: buffers do, and
/// views of whole rows.
static bool isAligned(Value memory) {
  auto type = cast<MemRefType>(memory.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)) || strides.back() != 1)
    return false;
  for (int64_t stride : ArrayRef(strides).drop_back())
    if (ShapedType::isDynamic(stride) || stride % MmaSteps::kLoad)
      return false;
  auto view = memory.getDefiningOp<memref::SubViewOp>();
  return !view ||
         (view.getStaticOffsets().back() == 0 && isAligned(view.getSource()));
}

Words nvptx::splitWords(WarpBuilder &b, Value held) {
  auto type = cast<VectorType>(held.getType());
  int64_t count = type.getNumElements() * type.getElementTypeBitWidth() / 32;
  if (!type.getElementType().isInteger(32))
    held = vector::BitCastOp::create(
        b, b.loc, VectorType::get({count}, b.getI32Type()), held);
  return splitParts(b, held);
}

Words nvptx::splitParts(WarpBuilder &b, Value held) {
  Words parts;
  for (int64_t i = 0; i < cast<VectorType>(held.getType()).getNumElements();
       ++i)
    parts.push_back(b.getPart(held, i));
  return parts;
}

Value MmaSteps::loadBytes(Value memory, ArrayRef<Value> place, int64_t at) {
  int64_t count = getCodeBytes();
  auto type = VectorType::get({count}, b.getI8Type());
  auto placeOf = [&](int64_t byte) {
    SmallVector<Value> there(place);
    Value skip = arith::ConstantIndexOp::create(b, b.loc, byte);
    there.back() = b.add(there.back(), skip);
    return there;
  };
  if (isAligned(memory))
    return vector::LoadOp::create(b, b.loc, type, memory, placeOf(at),
                                  /*nontemporal=*/false,
                                  llvm::MaybeAlign(count));
  SmallVector<Value> bytes;
  for (int64_t i = at; i < at + count; ++i)
    bytes.push_back(memref::LoadOp::create(b, b.loc, memory, placeOf(i)));
  return b.join(bytes);
}

/// Zero where `isThere` does not hold.
static Value loadIf(WarpBuilder &b, Value isThere, Type type,
                    function_ref<Value()> load) {
  OpBuilder::InsertionGuard guard(b);
  auto branch = scf::IfOp::create(b, b.loc, TypeRange(type), isThere,
                                  /*addThenBlock=*/true, /*addElseBlock=*/true);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, b.loc, load());
  b.setInsertionPointToStart(branch.elseBlock());
  Value zero = arith::ConstantOp::create(b, b.loc, b.getZeroAttr(type));
  scf::YieldOp::create(b, b.loc, zero);
  return branch.getResult(0);
}

Words MmaSteps::loadRow(Value memory, ArrayRef<Value> indices, Value row) {
  SmallVector<Value> place(indices);
  size_t last = place.size() - 1;
  Value first = b.mul(b.rem(b.getLane(), 4), countCodes());
  place[last - 1] = b.add(place[last - 1], b.toIndex(row));
  place[last] = b.add(place[last], b.toIndex(first));
  int64_t width = op.getWidth();
  auto isBelow = [&](int64_t at) -> Value {
    return arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::ult,
                                 b.add(first, at), b.i32(width));
  };
  Words words;
  for (int64_t at = 0; at < countCodes(); at += getCodeBytes()) {
    Value bytes;
    if (width == 4 * countCodes()) {
      bytes = loadBytes(memory, place, at);
    } else if (width % getCodeBytes() == 0) {
      bytes = loadIf(b, isBelow(at),
                     VectorType::get({getCodeBytes()}, b.getI8Type()),
                     [&] { return loadBytes(memory, place, at); });
    } else {
      SmallVector<Value> all;
      for (int64_t i = at; i < at + getCodeBytes(); ++i)
        all.push_back(loadIf(b, isBelow(i), b.getI8Type(), [&]() -> Value {
          SmallVector<Value> there = place;
          there.back() =
              b.add(there.back(), arith::ConstantIndexOp::create(b, b.loc, i));
          return memref::LoadOp::create(b, b.loc, memory, there);
        }));
      bytes = b.join(all);
    }
    words.append(splitWords(b, bytes));
  }
  return words;
}

//===----------------------------------------------------------------------===//
// Weights and codes
//===----------------------------------------------------------------------===//

Words MmaSteps::loadWeights(Value memory, ArrayRef<Value> indices) {
  if (kernel.getBytes()) {
    Value row = b.div(b.getLane(), 4);
    Words words = loadRow(memory, indices, row);
    words.append(loadRow(memory, indices, b.add(row, 8)));
    return words;
  }
  int64_t bytes = kernel.getLaneBytes();
  auto type = VectorType::get({bytes}, b.getI8Type());
  Value byte = b.toIndex(b.mul(b.getLane(), bytes));
  Words words;
  for (int64_t r = 0; r < kernel.countRowTiles(); ++r) {
    SmallVector<Value> place(indices);
    size_t last = place.size() - 1;
    if (r)
      place[last - 2] =
          b.add(place[last - 2], arith::ConstantIndexOp::create(b, b.loc, r));
    place[last] = b.add(place[last], byte);
    Value tile =
        vector::LoadOp::create(b, b.loc, type, memory, place,
                               /*nontemporal=*/false, llvm::MaybeAlign(bytes));
    words.append(splitWords(b, tile));
  }
  return words;
}

/// A token that is not there is the last one: nobody stores its sums.
Words MmaSteps::loadCodes(Value memory, ArrayRef<Value> indices,
                          int64_t first) {
  auto type = cast<MemRefType>(memory.getType());
  unsigned dimension = type.getRank() - 2;
  Value token = b.add(b.div(b.getLane(), 4), first);
  if (kernel.getTokens() == 1)
    token = b.i32(0);
  else if (type.isDynamicDim(dimension)) {
    Value count = memref::DimOp::create(b, b.loc, memory, dimension);
    count = arith::IndexCastUIOp::create(b, b.loc, b.getI32Type(), count);
    token = arith::MinUIOp::create(b, b.loc, token, b.add(count, -1));
  }
  return loadRow(memory, indices, token);
}

Words MmaSteps::loadShared(Value memory, Value row, Value byte) {
  int64_t bytes = getCodeBytes();
  auto type = VectorType::get({bytes}, b.getI8Type());
  Words words;
  for (int64_t at = 0; at < countCodes(); at += bytes) {
    Value there = b.add(byte, arith::ConstantIndexOp::create(b, b.loc, at));
    Value part =
        vector::LoadOp::create(b, b.loc, type, memory, ValueRange{row, there},
                               /*nontemporal=*/false, llvm::MaybeAlign(bytes));
    words.append(splitWords(b, part));
  }
  return words;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

Words MmaSteps::makeFactors(const Words &weights) {
  Words factors;
  if (kernel.getBytes()) {
    // Words 2 f and 2 f + 1 of both rows.
    for (int64_t f = 0; f < kFields; ++f)
      for (int64_t i = 0; i < kWords; ++i)
        factors.push_back(weights[i % 2 * 8 + 2 * f + i / 2]);
    return factors;
  }
  bool areInPlace = kernel.countFields() == kFields;
  int64_t words = kernel.getLaneBytes() / 4, products = kernel.countProducts();
  for (int64_t r = 0; r < kernel.countRowTiles(); ++r)
    for (int64_t p = 0; p < products; ++p)
      for (int64_t i = 0; i < kWords; ++i) {
        Value word = weights[words * r + i % words];
        int64_t field = kFields / words * p + i / words;
        if (field && !areInPlace)
          word = arith::ShRUIOp::create(b, b.loc, word, b.i32(2 * field));
        Value mask =
            b.i32(int32_t(0x03030303u << (areInPlace ? 2 * field : 0)));
        factors.push_back(arith::AndIOp::create(b, b.loc, word, mask));
      }
  return factors;
}

void MmaSteps::multiply(const Words &factors, const Words &codes, int64_t tile,
                        Words &sums) {
  Type word = b.getI32Type();
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(),
                                               {word, word, word, word});
  StringRef name = kernel.getBytes() ? "mma.m16n8k32.row.col.s8"
                                     : "mma.m16n8k32.row.col.u8.s8";
  int64_t fields = kernel.countFields(), products = kernel.countProducts();
  for (int64_t f = 0; f < products; ++f)
    for (int64_t r = 0; r < kernel.countRowTiles(); ++r) {
      SmallVector<Value> operands(
          ArrayRef(factors).slice(kWords * (products * r + f), kWords));
      operands.append({codes[2 * f], codes[2 * f + 1]});
      int64_t at = kernel.countTokenTiles() * r + tile;
      at = kWords * (fields * at + (fields == 1 ? 0 : f));
      for (int64_t i = 0; i < kWords; ++i)
        operands.push_back(sums[at + i]);
      Value all = b.intrinsic(name, type, operands);
      for (int64_t i = 0; i < kWords; ++i)
        sums[at + i] = LLVM::ExtractValueOp::create(b, b.loc, all, i);
    }
}

Words nvptx::addFields(WarpBuilder &b, MmaAttr kernel, const Words &sums) {
  int64_t fields = kernel.countFields();
  if (fields == 1)
    return sums;
  Words all;
  constexpr int64_t words = MmaSteps::kWords;
  for (size_t tile = 0; tile < sums.size(); tile += words * fields)
    for (int64_t i = 0; i < words; ++i) {
      Value sum = sums[tile + i];
      for (int64_t f = 1; f < fields; ++f) {
        Value part = arith::ShRSIOp::create(
            b, b.loc, sums[tile + words * f + i], b.i32(2 * f));
        sum = arith::AddIOp::create(b, b.loc, sum, part);
      }
      all.push_back(sum);
    }
  return all;
}
