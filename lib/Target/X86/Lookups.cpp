//===- Lookups.cpp - Lookups by VPERMI2B and VPSHUFB ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// VPERMI2B takes 64 bytes out of the 128 of two registers by the low seven bits
// of 64 others, which is one lookup in a table of sums; the eighth bit, the
// sign of a code, is a mask of VPMOVB2M. Constant permutes are vector.shuffle,
// which LLVM makes one VPERMB each. VPSHUFB looks up in a table of 16 bytes,
// which each 16 bytes of a register have a copy of.
//
//===----------------------------------------------------------------------===//

#include "Lookups.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/ValueBuilder.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tern;

namespace {

constexpr int64_t kBytes = 64; ///< of a register

/// The bytes of two registers, 128 in all, that 64 codes are the indices of.
Value permute(ValueBuilder &b, Value codes, Value low, Value high) {
  return LLVM::CallIntrinsicOp::create(
             b, codes.getType(),
             b.getStringAttr("llvm.x86.avx512.vpermi2var.qi.512"),
             ValueRange{low, codes, high})
      .getResult(0);
}

/// `sums` of 64 bytes plus what 64 codes are the indices of.
Value lookUp(ValueBuilder &b, bool isSigned, Value sums, Value table,
             Value codes) {
  Type type = codes.getType();
  Value entries = permute(b, codes, b.lanes(table, 0, kBytes),
                          b.lanes(table, kBytes, kBytes));
  if (isSigned)
    entries = b.select(b.compare(arith::CmpIPredicate::slt, codes, 0),
                       b.sub(b.zero(type), entries), entries);
  return b.add(sums, entries);
}

struct LookUpBytes : OpRewritePattern<LookupAddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LookupAddOp op,
                                PatternRewriter &rewriter) const override {
    auto table = cast<VectorType>(op.getTable().getType());
    auto codes = cast<VectorType>(op.getCodes().getType());
    if (!table.getElementType().isInteger(8) ||
        table.getDimSize(0) != 2 * kBytes || codes.getDimSize(0) != kBytes)
      return rewriter.notifyMatchFailure(
          op, "expected tables of 128 bytes and 64 codes");
    ValueBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op, lookUp(b, op.getLookup().getSignMagnitude(),
                                  op.getSums(), op.getTable(), op.getCodes()));
    return success();
  }
};

/// Codes are as many as a register has bytes, and none has a bit that would
/// make VPSHUFB look nothing up.
struct LookUpSixteen : OpRewritePattern<LookupAddOp> {
  LookUpSixteen(MLIRContext *context, bool hasWide)
      : OpRewritePattern(context, /*benefit=*/2), hasWide(hasWide) {}

  LogicalResult matchAndRewrite(LookupAddOp op,
                                PatternRewriter &rewriter) const override {
    auto table = cast<VectorType>(op.getTable().getType());
    auto type = cast<VectorType>(op.getCodes().getType());
    StringRef name = getShuffle(type.getDimSize(0));
    if (!table.getElementType().isInteger(8) ||
        table.getDimSize(0) != kSixteen || op.getLookup().getSignMagnitude() ||
        name.empty())
      return rewriter.notifyMatchFailure(
          op, "expected tables of 16 bytes without signs and a register of "
              "codes");
    ValueBuilder b(op.getLoc(), rewriter);
    Value codes = op.getCodes();
    if (!op.getInBounds())
      codes = b.bitAnd(codes, kSixteen - 1);
    SmallVector<int64_t> copies;
    for (int64_t i = 0; i < type.getDimSize(0); ++i)
      copies.push_back(i % kSixteen);
    Value wide = b.shuffle(op.getTable(), op.getTable(), copies);
    Value entries = LLVM::CallIntrinsicOp::create(
                        b, type, b.getStringAttr(name), ValueRange{wide, codes})
                        .getResult(0);
    rewriter.replaceOp(op, b.add(op.getSums(), entries));
    return success();
  }

private:
  static constexpr int64_t kSixteen = 16;

  /// Of a register of `bytes` bytes; empty if there is none.
  StringRef getShuffle(int64_t bytes) const {
    if (bytes == kSixteen)
      return "llvm.x86.ssse3.pshuf.b.128";
    if (bytes == 2 * kSixteen)
      return "llvm.x86.avx2.pshuf.b";
    return bytes == 4 * kSixteen && hasWide ? "llvm.x86.avx512.pshuf.b.512"
                                            : "";
  }

  bool hasWide; ///< registers of 64 bytes
};

/// Sums of the low digits and of the high ones are permuted out of the codes
/// and their opposites; each entry is one of the former and one of the latter.
struct BuildTableOfBytes : OpRewritePattern<BuildTableOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BuildTableOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<VectorType>(op.getTable().getType());
    auto codesType = cast<VectorType>(op.getCodes().getType());
    if (!type.getElementType().isInteger(8) ||
        type.getShape().back() != 2 * kBytes || op.getMagnitudes() ||
        codesType.getNumElements() >= kBytes)
      return rewriter.notifyMatchFailure(
          op, "expected tables of 128 bytes without magnitudes and less than "
              "64 codes");
    ValueBuilder b(op.getLoc(), rewriter);
    // All groups' codes in one register, zeros behind them: a group of its own
    // would be moved first.
    int64_t count = codesType.getNumElements();
    int64_t room = int64_t(llvm::PowerOf2Ceil(uint64_t(count) + 1));
    Value codes = b.padLanes(b.reshape(op.getCodes(), {count}), room);
    Value opposites = b.sub(b.zero(codes.getType()), codes);
    LookupTableAttr lookup = op.getLookup();
    if (type.getRank() == 1) {
      rewriter.replaceOp(op, build(b, lookup, codes, opposites, 0, count));
      return success();
    }
    Value tables = b.zero(type);
    for (int64_t group = 0; group < type.getDimSize(0); ++group)
      tables = b.withPart(
          tables,
          build(b, lookup, codes, opposites, group * lookup.getDigits(), count),
          {group});
    rewriter.replaceOp(op, tables);
    return success();
  }

private:
  /// Lane of the high digits' sums, behind the 27 of three low ones. They lie
  /// in two parts of 16 bytes: LLVM would broadcast one, and permute in each.
  static constexpr int64_t kHighAt = 28;

  /// The table of the codes from lane `first` on; lane `zero` is one.
  static Value build(ValueBuilder &b, LookupTableAttr lookup, Value codes,
                     Value opposites, int64_t first, int64_t zero) {
    int64_t digits = lookup.getDigits(), lowDigits = (digits + 1) / 2,
            highDigits = digits - lowDigits;
    int64_t room = cast<VectorType>(codes.getType()).getDimSize(0);
    constexpr int64_t powers[] = {1, 3, 9, 27};
    auto laneOf = [&](int64_t digit, int64_t code) {
      return digit == 0 ? zero : first + code + (digit > 0 ? 0 : room);
    };
    Value sums;
    for (int64_t j = 0; j < lowDigits; ++j) {
      SmallVector<int64_t> from(kBytes, zero);
      for (int64_t i = 0; i < powers[lowDigits]; ++i)
        from[i] = laneOf(i / powers[j] % 3 - 1, j);
      if (j < highDigits)
        for (int64_t i = 0; i < powers[highDigits]; ++i)
          from[kHighAt + i] = laneOf(i / powers[j] % 3 - 1, lowDigits + j);
      Value part = b.shuffle(codes, opposites, from);
      sums = sums ? b.add(sums, part) : part;
    }
    if (lookup.getBias()) {
      SmallVector<int8_t> biases(kBytes, 0);
      std::fill_n(biases.begin(), kHighAt, int8_t(lookup.getBias()));
      sums = b.add(
          sums, arith::ConstantOp::create(
                    b, DenseElementsAttr::get(cast<VectorType>(sums.getType()),
                                              ArrayRef<int8_t>(biases))));
    }
    SmallVector<int64_t> lows, highs;
    for (int64_t m = 0; m < lookup.getSize(); ++m) {
      int64_t low = 0, rest = kHighAt;
      for (int64_t j = 0; j < digits; ++j)
        (j < lowDigits ? low : rest) +=
            (lookup.getDigit(m, j) + 1) *
            powers[j < lowDigits ? j : j - lowDigits];
      lows.push_back(low);
      highs.push_back(rest);
    }
    // Halves, as registers are.
    SmallVector<Value> halves;
    for (int64_t at : {int64_t(0), kBytes}) {
      Value half =
          b.add(b.shuffle(sums, sums, ArrayRef(lows).slice(at, kBytes)),
                b.shuffle(sums, sums, ArrayRef(highs).slice(at, kBytes)));
      halves.push_back(half);
    }
    SmallVector<int64_t> both = llvm::to_vector(llvm::seq<int64_t>(2 * kBytes));
    return b.shuffle(halves[0], halves[1], both);
  }
};

} // namespace

void x86::populateLookupPatterns(TargetAttr target,
                                 RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  patterns.add<LookUpSixteen>(context, target.hasFeature("avx512bw"));
  if (target.hasFeature("avx512vbmi"))
    patterns.add<LookUpBytes, BuildTableOfBytes>(context, /*benefit=*/2);
}
