//===- Lookups.cpp - Lookups in portable arithmetic -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/Lookups.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/Digits.h"
#include "tern/Kernels/KernelBuilder.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

template <typename Op> struct ExpandLookup : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    KernelBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, expand(b, op));
    return success();
  }

private:
  static Values expand(KernelBuilder &b, Op op);
};

VectorType getType(Value vector) { return cast<VectorType>(vector.getType()); }

Value extract(KernelBuilder &b, Value vector, OpFoldResult at) {
  return vector::ExtractOp::create(b, vector, at);
}

Value insert(KernelBuilder &b, Value part, Value into, OpFoldResult at) {
  return vector::InsertOp::create(b, part, into, at);
}

/// high = floor((x + 8) / 16), which the bits above and at 8 make without
/// leaving a byte.
template <>
Values ExpandLookup<SplitCodesOp>::expand(KernelBuilder &b, SplitCodesOp op) {
  Value x = op.getCodes();
  auto constant = [&](int64_t value) { return b.constant(x.getType(), value); };
  Value half = b.bitAnd(arith::ShRSIOp::create(b, x, constant(3)), constant(1));
  Value high = b.add(arith::ShRSIOp::create(b, x, constant(4)), half);
  Value sixteen = arith::ShLIOp::create(b, high, constant(4));
  return {high, b.sub(x, sixteen)};
}

/// bias + sum over j of x_j times the vector of all digits j.
Value buildTable(KernelBuilder &b, LookupTableAttr lookup, Value codes,
                 VectorType type) {
  Value table = b.constant(type, lookup.getBias());
  for (int64_t j = 0; j < lookup.getDigits(); ++j) {
    SmallVector<APInt> digits;
    for (int64_t m = 0; m < lookup.getSize(); ++m)
      digits.push_back(APInt(type.getElementTypeBitWidth(),
                             lookup.getDigit(m, j), /*isSigned=*/true));
    Value column =
        arith::ConstantOp::create(b, DenseElementsAttr::get(type, digits));
    Value x = extract(b, codes, b.getIndexAttr(j));
    if (x.getType() != type.getElementType())
      x = b.signExtend(x, type.getElementType());
    table = b.add(table, b.mul(column, b.splat(type, x)));
  }
  return table;
}

/// Bytes of a register that all machines with permutes of bytes have.
constexpr int64_t kPermuted = 16;

/// Small tables of bytes are permuted out of the codes of all groups, zeros
/// behind them, and their opposites: constant permutes, which are few
/// instructions where there are vectors of bytes.
bool canPermute(LookupTableAttr lookup, Value codes, VectorType type) {
  return type.getElementType().isInteger(8) && lookup.getSize() == kPermuted &&
         getType(codes).getNumElements() < kPermuted;
}
Value permuteTable(KernelBuilder &b, LookupTableAttr lookup, Value codes,
                   Value opposites, int64_t first) {
  Value table = b.constant(codes.getType(), lookup.getBias());
  for (int64_t j = 0; j < lookup.getDigits(); ++j) {
    SmallVector<int64_t> from;
    for (int64_t m = 0; m < kPermuted; ++m) {
      int64_t digit = lookup.getDigit(m, j), lane = first + j;
      from.push_back(digit == 0  ? kPermuted - 1
                     : digit > 0 ? lane
                                 : kPermuted + lane);
    }
    table = b.add(table, b.shuffle(codes, opposites, from));
  }
  return table;
}

/// The sum of |x|.
Value sumMagnitudes(KernelBuilder &b, Value codes) {
  Value x = b.signExtend(codes, b.getI32Type());
  Value negative = b.sub(b.zero(x.getType()), x);
  return b.sumOfIntegers(b.maxSigned(x, negative));
}

template <>
Values ExpandLookup<BuildTableOp>::expand(KernelBuilder &b, BuildTableOp op) {
  VectorType type = getType(op.getTable()), codes = getType(op.getCodes());
  bool needsMagnitudes = op.getMagnitudes() && !op.getMagnitudes().use_empty();
  Value lanes, opposites;
  if (canPermute(op.getLookup(), op.getCodes(), type)) {
    Value all = b.reshape(op.getCodes(), {codes.getNumElements()});
    lanes = b.padLanes(all, kPermuted);
    opposites = b.sub(b.zero(lanes.getType()), lanes);
  }
  auto build = [&](Value x, VectorType one, int64_t group) {
    LookupTableAttr lookup = op.getLookup();
    return lanes ? permuteTable(b, lookup, lanes, opposites,
                                group * lookup.getDigits())
                 : buildTable(b, lookup, x, one);
  };
  if (type.getRank() == 1) {
    Values results = {build(op.getCodes(), type, 0)};
    if (op.getMagnitudes())
      results.push_back(sumMagnitudes(b, op.getCodes()));
    return results;
  }
  auto one = VectorType::get(type.getDimSize(1), type.getElementType());
  Value tables = b.zero(type), magnitudes;
  if (op.getMagnitudes())
    magnitudes = b.zero(op.getMagnitudes().getType());
  for (int64_t g = 0; g < codes.getDimSize(0); ++g) {
    OpFoldResult group = b.getIndexAttr(g);
    Value x = extract(b, op.getCodes(), group);
    tables = insert(b, build(x, one, g), tables, group);
    if (needsMagnitudes)
      magnitudes = insert(b, sumMagnitudes(b, x), magnitudes, group);
  }
  if (magnitudes)
    return {tables, magnitudes};
  return {tables};
}

template <>
Values ExpandLookup<LookupAddOp>::expand(KernelBuilder &b, LookupAddOp op) {
  LookupTableAttr lookup = op.getLookup();
  Value table = op.getTable(), codes = op.getCodes();
  auto lanes = b.index(getType(codes).getDimSize(0));
  return b.loop(
      b.index(0), lanes, 1, op.getSums(),
      [&](Value lane, ValueRange carried) -> Values {
        Value code = extract(b, codes, lane);
        // At most 7 bits of a code with a sign are an index.
        Value entry =
            extract(b, table, b.toIndex(b.bitAnd(code, lookup.getSize() - 1)));
        if (lookup.getSignMagnitude())
          entry = b.select(b.compare(arith::CmpIPredicate::slt, code, 0),
                           b.sub(b.zero(entry.getType()), entry), entry);
        Value sum = b.add(extract(b, carried[0], lane), entry);
        return {insert(b, sum, carried[0], lane)};
      });
}

template <> Values ExpandLookup<WidenOp>::expand(KernelBuilder &b, WidenOp op) {
  Type element = getType(op.getWide()).getElementType();
  Value narrow = op.getIsUnsigned() ? b.zeroExtend(op.getNarrow(), element)
                                    : b.signExtend(op.getNarrow(), element);
  return {b.add(op.getWide(), narrow)};
}

template <>
Values ExpandLookup<WidenWordsOp>::expand(KernelBuilder &b, WidenWordsOp op) {
  Value words = b.bitcast(op.getTotal().getType(), op.getNarrow());
  return {b.add(op.getTotal(), words),
          b.add(op.getOdd(), b.shiftRight(words, 8))};
}

template <>
Values ExpandLookup<JoinWordsOp>::expand(KernelBuilder &b, JoinWordsOp op) {
  Value even = b.sub(op.getTotal(), b.shiftLeft(op.getOdd(), 8));
  return {vector::InterleaveOp::create(b, even, op.getOdd())};
}

/// No run of bits crosses from byte to byte.
Value gatherFromBytes(KernelBuilder &b, const ScatteredField &field,
                      ValueRange bytes) {
  Value number;
  int64_t at = 0;
  for (const ScatteredField::Run &run : field.runs) {
    if (!run.bits)
      continue;
    Value part = b.bitAnd(b.shiftRight(bytes[run.from / 8], run.from % 8),
                          (int64_t(1) << run.bits) - 1);
    part = b.shiftLeft(part, at);
    number = number ? b.bitOr(number, part) : part;
    at += run.bits;
  }
  if (!field.added)
    return number;
  return b.bitAnd(b.add(number, double(field.added)), (int64_t(1) << at) - 1);
}

template <>
Values ExpandLookup<RecodeOp>::expand(KernelBuilder &b, RecodeOp op) {
  const Codec &from = *findCodec(op.getFrom()), &to = *findCodec(op.getTo());
  VectorType type = getType(op.getResult());
  auto bytes = VectorType::get(type.getDimSize(1), type.getElementType());
  SmallVector<int64_t> order = RecodeOp::getColumnOrder(from, to);
  int64_t unit = RecodeOp::getUnitBytes(from, to), written = 0;
  Value result = b.zero(type);
  for (int64_t first = 0; first < getType(op.getSource()).getDimSize(0);
       first += unit) {
    Values digits;
    for (int64_t i = 0; i < unit; ++i) {
      Value byte = extract(b, op.getSource(), b.getIndexAttr(first + i));
      Value wide = b.zeroExtend(byte, b.getI32Type());
      for (int64_t digit = 0; digit < from.wordDigits; ++digit)
        digits.push_back(buildDigit(b, from, wide, digit));
    }
    Values ordered;
    for (int64_t column : order)
      ordered.push_back(digits[column]);
    for (size_t at = 0; at < ordered.size(); at += to.wordDigits) {
      Value byte = buildByte(b, to, ArrayRef(ordered).slice(at, to.wordDigits));
      Value narrow = arith::TruncIOp::create(b, bytes, byte);
      result = insert(b, narrow, result, b.getIndexAttr(written++));
    }
  }
  return {result};
}

template <>
Values ExpandLookup<GatherNumbersOp>::expand(KernelBuilder &b,
                                             GatherNumbersOp op) {
  const Codec &codec = *findCodec(op.getCodec());
  Value result = b.zero(op.getResult().getType());
  for (int64_t n = 0; n < codec.wordDigits / codec.fields.digits; ++n) {
    Values bytes;
    for (int64_t i = 0; i < codec.wordBytes; ++i)
      bytes.push_back(extract(b, op.getWords(), b.getIndexAttr(i)));
    Value number = gatherFromBytes(b, codec.fields.scattered[n], bytes);
    result = insert(b, number, result, b.getIndexAttr(n));
  }
  return {result};
}

} // namespace

void tern::populateLookupPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandLookup<SplitCodesOp>, ExpandLookup<BuildTableOp>,
               ExpandLookup<LookupAddOp>, ExpandLookup<WidenOp>,
               ExpandLookup<WidenWordsOp>, ExpandLookup<JoinWordsOp>,
               ExpandLookup<GatherNumbersOp>, ExpandLookup<RecodeOp>>(
      patterns.getContext());
}
