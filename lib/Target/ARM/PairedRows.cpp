//===- PairedRows.cpp - Products of half words by SMLAD -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// SMLAD adds the products of both half words of two registers to a third. A
// digit takes few of a half word's bits, so two rows share it (lib/Packing/
// P2.cpp).
//
//===----------------------------------------------------------------------===//

#include "HalfWords.h"

#include "tern/Packing/LayoutFamilies.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;
using namespace tern::arm;

using Values = SmallVector<Value>;

/// Columns of a tile.
static constexpr int64_t kPairColumns = 8;
/// Registers of codes that a word is multiplied by.
static constexpr int64_t kCodes = 4;
/// Where the digit of the second row begins in a half word.
static constexpr int64_t kSecondRow = 14;
/// The bits of both digits in both half words.
static constexpr int64_t kDigitBits = 0xC003C003;
/// Pairs whose step is written in assembly.
static constexpr int64_t kAssembledPairs = 4;
/// Instructions that take the offset off a sum and convert, scale and add it.
static constexpr int64_t kScaleSlots = 5;
/// Instructions that load and extend the codes of a tile, and those by which
/// addresses go on.
static constexpr int64_t kTileSlots = 6, kStepSlots = 4;

LogicalResult
PairedRowsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                       int64_t pairs, int64_t tiles, int64_t codeBits,
                       bool rolling, int64_t prepared) {
  if (pairs < 1)
    return emitError() << "expected a pair of rows at least, got " << pairs;
  // Narrow sums of codes of 8 bits hold four.
  if (tiles != 1 && tiles != 2 && tiles != 4)
    return emitError() << "expected 1, 2 or 4 tiles, got " << tiles;
  if (codeBits < 2 || codeBits > 8)
    return emitError() << "expected codes of 2 to 8 bits, got " << codeBits;
  if (prepared < 0)
    return emitError()
           << "expected no less than 0 steps that are prepared, got "
           << prepared;
  return success();
}

std::string PairedRowsAttr::getKernelName() const { return "paired rows"; }

MicroTile PairedRowsAttr::getTile() const {
  return {/*tokens=*/1, 2 * getPairs(), getTiles() * kPairColumns};
}

SmallVector<Attribute> PairedRowsAttr::getParts() const { return {*this}; }

bool PairedRowsAttr::reads(const std::optional<Layout> &layout) const {
  return layout && layout->withoutScales() == PairedRows{getPairs()}.layout();
}

CodeRange PairedRowsAttr::getCodeRange() const {
  int64_t end = int64_t(1) << (getCodeBits() - 1);
  return {-end, end - 1};
}

/// Rolling sums have B, of digits to 1, in 18 bits.
int64_t PairedRowsAttr::getMaxColumns() const {
  if (getRolling())
    return ((int64_t(1) << (31 - kSecondRow)) - 1) >> (getCodeBits() - 1);
  return ((int64_t(1) << 31) - 1) / (2 * 128);
}

int64_t PairedRowsAttr::getOffset() const { return 1; }

/// The second row of a pair is stored as two's complement.
SmallVector<int64_t> PairedRowsAttr::getRowOffsets() const {
  SmallVector<int64_t> offsets;
  for (int64_t i = 0; i < getPairs(); ++i)
    offsets.append({getOffset(), 0});
  return offsets;
}

/// Of a pair: its word, and a mask and a product for each two columns. Ends of
/// narrow sums, five instructions a pair and the sums' ways to memory, are
/// shared by their steps; rolling sums have five a pair after each.
MicroCost PairedRowsAttr::getCost() const {
  int64_t ends = getRolling()
                     ? getPairs() * 5
                     : llvm::divideCeil(getPairs() * 9, getNarrowSteps());
  int64_t tile = getPairs() * (1 + kPairColumns);
  tile += getPrepared() ? 1 : kTileSlots;
  return {getTiles() * tile + ends + kStepSlots, getTiles() * 4 * getPairs(),
          /*setupSlots=*/getPrepared() ? kPrepareSlots : 0.0,
          2 * getPairs() * kScaleSlots};
}

VectorType PairedRowsAttr::getCodesType() const {
  return vectorOf(*this, 8, {1, getTiles() * kPairColumns});
}
MicroPreparation PairedRowsAttr::getPreparation() const {
  return prepareAll(getPrepared());
}
VectorType PairedRowsAttr::getPreparedType() const {
  return getPrepared() ? vectorOf(*this, 32, {getTiles() * kCodes})
                       : getCodesType();
}
Value PairedRowsAttr::prepare(OpBuilder &builder, Location loc,
                              Value codes) const {
  if (!getPrepared())
    return codes;
  ValueBuilder b(loc, builder);
  return vector::FromElementsOp::create(b, getPreparedType(),
                                        extendBytes(b, codes));
}
SmallVector<VectorType> PairedRowsAttr::getWeightTypes() const {
  SmallVector<int64_t> shape = {getTiles(), 4 * getPairs()};
  return {vectorOf(*this, 8, ArrayRef(shape).drop_front(getTiles() == 1))};
}
/// Of two rows each; of rolling sums both together for all pairs, then A.
VectorType PairedRowsAttr::getFragmentType() const {
  return vectorOf(*this, 32, {1, 2 * getPairs()});
}
VectorType PairedRowsAttr::getSumsType() const { return getFragmentType(); }
VectorType PairedRowsAttr::getNarrowType() const {
  return getRolling() ? VectorType() : vectorOf(*this, 32, {getPairs()});
}

/// Stored digits are 2 at most: 2 * 2^(bits - 1) for each column.
static int64_t countHeldSteps(PairedRowsAttr attr) {
  int64_t most = int64_t(1) << (kSecondRow - 1);
  return most / (int64_t(1) << attr.getCodeBits()) /
         (attr.getTiles() * kPairColumns);
}

int64_t PairedRowsAttr::getNarrowSteps() const {
  return getRolling() ? 0 : countHeldSteps(*this);
}

Value PairedRowsAttr::begin(OpBuilder &builder, Location loc, int64_t) const {
  return ValueBuilder(loc, builder).zero(getFragmentType());
}

/// The mask in a register for all steps: a constant LLVM would make anew for
/// each, but it does not look into SMLAD.
static Value makeMask(ValueBuilder &b) {
  Value zero = b.constant(b.getI32Type(), int64_t(0));
  return addProducts(b, zero, zero, b.constant(b.getI32Type(), kDigitBits));
}

/// A step of four pairs, whose sums, codes, one word and addresses are as many
/// as there are registers. LLVM would begin all words at once and spill sums.
/// Operands: $0 to $3 the sums, $4 a word, $5 to $8 codes of two columns each,
/// r0 to r3 if they are prepared, $9 the codes' address, $10 the weights', $11
/// the mask.
static std::string writeStep(int64_t tiles, bool isPrepared) {
  std::string code;
  auto add = [&](const llvm::Twine &line) { code += (line + "\n\t").str(); };
  for (int64_t tile = 0; tile < tiles; ++tile) {
    if (isPrepared)
      add("ldm $9!, {r0, r1, r2, r3}");
    for (int64_t word = 0; word < 2 && !isPrepared; ++word) {
      int64_t even = 5 + 2 * word;
      add("ldr $" + llvm::Twine(even) + ", [$9, #" +
          llvm::Twine(8 * tile + 4 * word) + "]");
      add("sxtb16 $" + llvm::Twine(even + 1) + ", $" + llvm::Twine(even) +
          ", ror #8");
      add("sxtb16 $" + llvm::Twine(even) + ", $" + llvm::Twine(even));
    }
    for (int64_t pair = 0; pair < kAssembledPairs; ++pair) {
      add("ldr $4, [$10, #" + llvm::Twine(4 * (kAssembledPairs * tile + pair)) +
          "]");
      for (int64_t i = 0; i < kCodes; ++i) {
        add("and r12, $11, $4" + (i ? ", ror #" + llvm::Twine(4 * i) : ""));
        add("smlad $" + llvm::Twine(pair) + ", r12, $" + llvm::Twine(5 + i) +
            ", $" + llvm::Twine(pair));
      }
    }
  }
  return code;
}

/// `sums` of four pairs after a step over codes and weights at these addresses.
static void assembleStep(ValueBuilder &b, int64_t tiles, bool isPrepared,
                         Value codes, Value weights, Values &sums) {
  Value mask = makeMask(b);
  Values operands =
      isPrepared ? Values{weights, mask, codes} : Values{codes, weights, mask};
  llvm::append_range(operands, sums);
  // The sums come first among the results, then what is overwritten.
  SmallVector<Type> results(kAssembledPairs + 1 + kCodes + isPrepared,
                            b.getI32Type());
  StringRef constraints =
      isPrepared ? "=&r,=&r,=&r,=&r,=&r,=&{r0},=&{r1},=&{r2},=&{r3},=&r,r,r,9,"
                   "0,1,2,3,~{r12},~{memory}"
                 : "=&r,=&r,=&r,=&r,=&r,=&r,=&r,=&r,=&r,r,r,r,0,1,2,3,~{r12},"
                   "~{memory}";
  Value all = LLVM::InlineAsmOp::create(
                  b, LLVM::LLVMStructType::getLiteral(b.getContext(), results),
                  operands, writeStep(tiles, isPrepared), constraints,
                  /*has_side_effects=*/true, /*is_align_stack=*/false,
                  LLVM::TailCallKind::None, /*asm_dialect=*/nullptr,
                  /*operand_attrs=*/nullptr)
                  .getResult(0);
  for (int64_t pair = 0; pair < kAssembledPairs; ++pair)
    sums[pair] = LLVM::ExtractValueOp::create(b, all, ArrayRef<int64_t>{pair});
}
/// `sums` of all pairs after one more step.
static void addStep(ValueBuilder &b, PairedRowsAttr attr, Value codes,
                    Value weights, Values &sums) {
  bool isPrepared = attr.getPrepared();
  if (attr.getPairs() == kAssembledPairs)
    if (Value w = findAddress(b, weights))
      if (Value x = findAddress(b, codes))
        return assembleStep(b, attr.getTiles(), isPrepared, x, w, sums);
  Values x;
  for (int64_t i = 0; isPrepared && i < attr.getTiles() * kCodes; ++i)
    x.push_back(b.part(codes, {i}));
  if (!isPrepared)
    x = extendBytes(b, codes);
  Value mask = b.constant(b.getI32Type(), kDigitBits);
  for (auto [i, word] : llvm::enumerate(splitWords(b, weights))) {
    int64_t tile = int64_t(i) / attr.getPairs();
    Value &sum = sums[int64_t(i) % attr.getPairs()];
    for (int64_t two = 0; two < kCodes; ++two)
      sum = addProducts(b, b.bitAnd(rotateRight(b, word, 4 * two), mask),
                        x[kCodes * tile + two], sum);
  }
}

Value PairedRowsAttr::buildNarrow(OpBuilder &builder, Location loc, Value codes,
                                  ValueRange weights, Value narrow) const {
  ValueBuilder b(loc, builder);
  Values sums;
  for (int64_t pair = 0; pair < getPairs(); ++pair)
    sums.push_back(b.part(narrow, {pair}));
  addStep(b, *this, codes, weights[0], sums);
  return vector::FromElementsOp::create(b, getNarrowType(), sums);
}

/// A of A + 2^14 B.
static Value takeFirst(ValueBuilder &b, Value both) {
  return b.shiftRightSigned(b.shiftLeft(both, 32 - kSecondRow),
                            32 - kSecondRow);
}
static Value takeSecond(ValueBuilder &b, Value both, Value first) {
  return b.shiftRightSigned(b.sub(both, first), kSecondRow);
}

/// A + 2^14 B to A and B.
Value PairedRowsAttr::widen(OpBuilder &builder, Location loc, Value narrow,
                            Value fragment) const {
  ValueBuilder b(loc, builder);
  for (int64_t i = 0; i < getPairs(); ++i) {
    Value both = b.part(narrow, {i}), first = takeFirst(b, both);
    Value second = takeSecond(b, both, first);
    for (auto [row, sum] : {std::pair(2 * i, first), {2 * i + 1, second}})
      fragment = b.withPart(fragment, b.add(b.part(fragment, {0, row}), sum),
                            {0, row});
  }
  return fragment;
}

Value PairedRowsAttr::build(OpBuilder &builder, Location loc, Value codes,
                            ValueRange weights, Value fragment) const {
  ValueBuilder b(loc, builder);
  if (!getRolling()) {
    Value narrow = b.zero(getNarrowType());
    return widen(b, loc, buildNarrow(b, loc, codes, weights, narrow), fragment);
  }
  Values sums, firsts;
  for (int64_t pair = 0; pair < getPairs(); ++pair)
    sums.push_back(b.part(fragment, {0, pair}));
  addStep(b, *this, codes, weights[0], sums);
  for (int64_t pair = 0; pair < getPairs(); ++pair) {
    Value first = b.part(fragment, {0, getPairs() + pair});
    Value grown = takeFirst(b, b.sub(sums[pair], first));
    firsts.push_back(b.add(first, grown));
  }
  llvm::append_range(sums, firsts);
  return vector::FromElementsOp::create(b, getFragmentType(), sums);
}

Value PairedRowsAttr::finish(OpBuilder &builder, Location loc,
                             Value fragment) const {
  if (!getRolling())
    return fragment;
  ValueBuilder b(loc, builder);
  Values sums;
  for (int64_t pair = 0; pair < getPairs(); ++pair) {
    Value first = b.part(fragment, {0, getPairs() + pair});
    Value both = b.part(fragment, {0, pair});
    sums.append({first, takeSecond(b, both, first)});
  }
  return vector::FromElementsOp::create(b, getSumsType(), sums);
}
