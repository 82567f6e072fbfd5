//===- LaneProducts.cpp - A lane's part of a product ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Lane 4 g + t has of the first factor rows g and g + 8, of the second token g,
// of the sums these rows and tokens 2 t and 2 t + 1.
//
//===----------------------------------------------------------------------===//

#include "LaneRewriter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace tern::nvptx;

constexpr int64_t kFields = 4, kFieldBits = 2, kWords = 4;
/// Codes of a lane, and those that are loaded at a time.
constexpr int64_t kCodes = 32, kLoad = 16;

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

/// True if rows begin at multiples of what is loaded at a time: buffers do, and
/// views of whole rows.
static bool isAligned(Value memory) {
  if (auto view = memory.getDefiningOp<memref::SubViewOp>()) {
    if (view.getStaticOffsets().back() != 0)
      return false;
    memory = view.getSource();
  }
  auto type = cast<MemRefType>(memory.getType());
  return type.getLayout().isIdentity() && type.getShape().back() % kLoad == 0;
}

namespace {

/// The bytes of one lane.
class CodeReader {
public:
  CodeReader(WarpBuilder &b, ReadCodesOp op, Value memory,
             ArrayRef<Value> indices)
      : b(b), memory(memory), tokens(op.getTokens()), width(op.getWidth()),
        place(indices) {
    Value token = b.div(b.getLane(), 4);
    first = b.mul(b.rem(b.getLane(), 4), kCodes);
    size_t last = place.size() - 1;
    place[last - 1] =
        arith::AddIOp::create(b, b.loc, place[last - 1], b.toIndex(token));
    place[last] =
        arith::AddIOp::create(b, b.loc, place[last], b.toIndex(first));
    hasToken = b.isBelow(4 * tokens);
  }

  Value read() {
    auto type = VectorType::get({kLoad}, b.getI8Type());
    SmallVector<Value> halves;
    for (int64_t at = 0; at < kCodes; at += kLoad)
      halves.push_back(width % kLoad ? readOneByOne(at) : readAt(at, type));
    auto all = llvm::to_vector(llvm::seq<int64_t>(0, kCodes));
    return vector::ShuffleOp::create(b, b.loc, halves[0], halves[1], all);
  }

private:
  /// Whatever is beside the tokens and the columns is zero.
  Value guard(int64_t at, Type type,
              llvm::function_ref<Value(OpBuilder &)> load) {
    if (tokens == 8 && width == 4 * kCodes)
      return load(b);
    Value isThere = arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::ult,
                                          b.add(first, at), b.i32(width));
    isThere = arith::AndIOp::create(b, b.loc, isThere, hasToken);
    auto branch =
        scf::IfOp::create(b, b.loc, TypeRange(type), isThere,
                          /*addThenBlock=*/true, /*addElseBlock=*/true);
    OpBuilder inner = OpBuilder::atBlockEnd(branch.thenBlock());
    scf::YieldOp::create(inner, b.loc, load(inner));
    OpBuilder other = OpBuilder::atBlockEnd(branch.elseBlock());
    Value zero = arith::ConstantOp::create(other, b.loc, b.getZeroAttr(type));
    scf::YieldOp::create(other, b.loc, zero);
    return branch.getResult(0);
  }

  SmallVector<Value> offsetBy(OpBuilder &at, int64_t bytes) {
    SmallVector<Value> there = place;
    Value skip = arith::ConstantIndexOp::create(at, b.loc, bytes);
    there.back() = arith::AddIOp::create(at, b.loc, there.back(), skip);
    return there;
  }

  Value readAt(int64_t bytes, VectorType type) {
    bool aligned = isAligned(memory);
    return guard(bytes, type, [&](OpBuilder &at) -> Value {
      return vector::LoadOp::create(
          at, b.loc, type, memory, offsetBy(at, bytes), /*nontemporal=*/false,
          aligned ? llvm::MaybeAlign(kLoad) : llvm::MaybeAlign());
    });
  }

  Value readOneByOne(int64_t bytes) {
    SmallVector<Value> codes;
    for (int64_t i = 0; i < kLoad; ++i)
      codes.push_back(
          guard(bytes + i, b.getI8Type(), [&](OpBuilder &at) -> Value {
            return memref::LoadOp::create(at, b.loc, memory,
                                          offsetBy(at, bytes + i));
          }));
    return b.join(codes);
  }

  WarpBuilder &b;
  Value memory;
  int64_t tokens, width;
  SmallVector<Value> place;
  Value first, hasToken;
};

} // namespace

LogicalResult LaneRewriter::rewriteCodes(ReadCodesOp op) {
  beforeLoad();
  SmallVector<Value> indices = llvm::map_to_vector(
      op.getIndices(), [&](Value index) { return mapping.lookup(index); });
  setHeld(op, CodeReader(b, op, mapping.lookup(op.getCodes()), indices).read());
  return success();
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static SmallVector<Value> splitWords(WarpBuilder &b, Value held) {
  int64_t bytes = cast<VectorType>(held.getType()).getNumElements();
  auto type = VectorType::get({bytes / 4}, b.getI32Type());
  Value words = vector::BitCastOp::create(b, b.loc, type, held);
  SmallVector<Value> parts;
  for (int64_t i = 0; i < bytes / 4; ++i)
    parts.push_back(b.getPart(words, i));
  return parts;
}

LogicalResult LaneRewriter::rewriteMma(MmaOp op) {
  Value tile = getHeld(op.getTile()), codes = getHeld(op.getCodes());
  Value sums = getHeld(op.getSums());
  if (!tile || !codes || !sums)
    return failure();
  SmallVector<Value> left = splitWords(b, tile), right = splitWords(b, codes);
  Type word = b.getI32Type();
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(),
                                               {word, word, word, word});
  SmallVector<Value> made;
  for (int64_t f = 0; f < kFields; ++f) {
    SmallVector<Value> operands;
    Value mask = b.i32(int32_t(0x03030303u << (kFieldBits * f)));
    for (Value part : left)
      operands.push_back(arith::AndIOp::create(b, b.loc, part, mask));
    operands.append({right[2 * f], right[2 * f + 1]});
    for (int64_t i = 0; i < kWords; ++i)
      operands.push_back(b.getPart(sums, kWords * f + i));
    Value all = b.intrinsic("mma.m16n8k32.row.col.u8.s8", type, operands);
    for (int64_t i = 0; i < kWords; ++i)
      made.push_back(LLVM::ExtractValueOp::create(b, b.loc, all, i));
  }
  setHeld(op, b.join(made));
  return success();
}

/// A row's sum of a token comes from the lane that has it.
LogicalResult LaneRewriter::rewriteSums(FinishSumsOp op) {
  Value sums = getHeld(op.getSums());
  if (!sums)
    return failure();
  SmallVector<Value> own;
  for (int64_t i = 0; i < kWords; ++i) {
    Value sum = b.getPart(sums, i);
    for (int64_t f = 1; f < kFields; ++f) {
      Value part = arith::ShRSIOp::create(
          b, b.loc, b.getPart(sums, kWords * f + i), b.i32(kFieldBits * f));
      sum = arith::AddIOp::create(b, b.loc, sum, part);
    }
    own.push_back(sum);
  }
  auto type = cast<VectorType>(op.getType());
  int64_t share = getShare(type.getNumElements()), rows = type.getDimSize(1);
  SmallVector<Value> parts;
  for (int64_t j = 0; j < share; ++j) {
    Value element = b.add(b.mul(b.getLane(), share), j);
    Value token = b.div(element, rows), row = b.rem(element, rows);
    Value lane = arith::AddIOp::create(b, b.loc, b.mul(b.rem(row, 8), 4),
                                       b.div(token, 2));
    Value number = arith::AddIOp::create(b, b.loc, b.mul(b.div(row, 8), 2),
                                         b.rem(token, 2));
    Value result = b.shuffle(own[0], lane);
    for (int64_t i = 1; i < kWords; ++i)
      result = arith::SelectOp::create(b, b.loc, b.isEqual(number, i),
                                       b.shuffle(own[i], lane), result);
    parts.push_back(result);
  }
  setHeld(op, b.join(parts));
  return success();
}
