//===- LookupOps.cpp - Verifiers of products by table lookup --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Expect.h"

#include "tern/Packing/Codec.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/bit.h"

#include <algorithm>
#include <numeric>

using namespace mlir;
using namespace tern;

//===----------------------------------------------------------------------===//
// LookupTableAttr
//===----------------------------------------------------------------------===//

static int64_t powerOf3(int64_t exponent) {
  int64_t power = 1;
  for (; exponent > 0; --exponent)
    power *= 3;
  return power;
}

int64_t LookupTableAttr::getNumEntries() const {
  int64_t all = powerOf3(getDigits());
  return getSignMagnitude() ? (all + 1) / 2 : all;
}

int64_t LookupTableAttr::getSize() const {
  return static_cast<int64_t>(
      llvm::bit_ceil(static_cast<uint64_t>(getNumEntries())));
}

int64_t LookupTableAttr::getMaxSum() const {
  return getDigits() * std::max(-getMinCode(), getMaxCode());
}

int64_t LookupTableAttr::getDigit(int64_t m, int64_t j) const {
  if (m >= getNumEntries())
    return 0;
  int64_t zero = getSignMagnitude() ? (powerOf3(getDigits()) - 1) / 2 : 0;
  return (m + zero) / powerOf3(j) % 3 - 1;
}

LogicalResult
LookupTableAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                        int64_t digits, int64_t minCode, int64_t maxCode,
                        int64_t bias, bool signMagnitude) {
  if (digits < 1 || digits > 5)
    return emitError() << "expected a group of 1 to 5 digits, got " << digits;
  if (minCode < -128 || maxCode > 127 || minCode > 0 || maxCode < 0)
    return emitError() << "expected a range of signed bytes around 0, got ["
                       << minCode << ", " << maxCode << "]";
  if (bias < 0 || bias > 255)
    return emitError() << "expected a bias from 0 to 255, got " << bias;
  if (signMagnitude && bias != 0)
    return emitError() << "expected no bias in entries that a sign negates, "
                          "got "
                       << bias;
  return success();
}

Attribute LookupTableAttr::parse(AsmParser &parser, Type) {
  int64_t digits, minCode, maxCode, bias = 0;
  bool signMagnitude = false;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseKeyword("digits") ||
      parser.parseEqual() || parser.parseInteger(digits) ||
      parser.parseComma() || parser.parseKeyword("codes") ||
      parser.parseEqual() || parser.parseLSquare() ||
      parser.parseInteger(minCode) || parser.parseComma() ||
      parser.parseInteger(maxCode) || parser.parseRSquare())
    return {};
  while (succeeded(parser.parseOptionalComma())) {
    if (!signMagnitude &&
        succeeded(parser.parseOptionalKeyword("sign_magnitude"))) {
      signMagnitude = true;
      continue;
    }
    if (parser.parseKeyword("bias") || parser.parseEqual() ||
        parser.parseInteger(bias))
      return {};
  }
  if (parser.parseGreater())
    return {};
  return parser.getChecked<LookupTableAttr>(
      loc, parser.getContext(), digits, minCode, maxCode, bias, signMagnitude);
}

void LookupTableAttr::print(AsmPrinter &printer) const {
  printer << "<digits = " << getDigits() << ", codes = [" << getMinCode()
          << ", " << getMaxCode() << "]";
  if (getSignMagnitude())
    printer << ", sign_magnitude";
  if (getBias() != 0)
    printer << ", bias = " << getBias();
  printer << ">";
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

static unsigned getWidth(Value vector) {
  return cast<VectorType>(vector.getType()).getElementTypeBitWidth();
}

static int64_t getLanes(Value vector) {
  return cast<VectorType>(vector.getType()).getShape().back();
}

/// That lanes of `name` are as many as `expected`, "which `why` has".
static LogicalResult expectLanes(Operation *op, StringRef name, Value value,
                                 int64_t expected, StringRef why) {
  if (getLanes(value) == expected)
    return success();
  return op->emitOpError("expected ")
         << name << " of " << expected << " lanes, as " << why << ", got "
         << getLanes(value);
}

LogicalResult BuildTableOp::verify() {
  auto codes = cast<VectorType>(getCodes().getType());
  auto table = cast<VectorType>(getTable().getType());
  LookupTableAttr lookup = getLookup();
  if (failed(expectLanes(*this, "codes", getCodes(), lookup.getDigits(),
                         "a group has digits")) ||
      failed(expectLanes(*this, "a table", getTable(), lookup.getSize(),
                         "its entries need")))
    return failure();
  if (codes.getShape().drop_back() != table.getShape().drop_back())
    return emitOpError("expected a table for each group of codes, got ")
           << table << " for " << codes;
  int64_t largest = llvm::maxIntN(getWidth(getTable()));
  if (lookup.getMaxSum() > largest)
    return emitOpError("expected entries of more than ")
           << getWidth(getTable()) << " bits, because a sum may be "
           << lookup.getMaxSum() << ", got " << table.getElementType();
  if (!getMagnitudes())
    return success();
  Type expected = IntegerType::get(getContext(), 32);
  if (codes.getRank() == 2)
    expected = VectorType::get(codes.getDimSize(0), expected);
  if (getMagnitudes().getType() != expected)
    return emitOpError("expected magnitudes of type ")
           << expected << ", one for each group, got "
           << getMagnitudes().getType();
  return success();
}

LogicalResult LookupAddOp::verify() {
  if (failed(expectLanes(*this, "a table", getTable(), getLookup().getSize(),
                         "its entries need")) ||
      failed(expectLanes(*this, "codes", getCodes(), getLanes(getSums()),
                         "there are sums")))
    return failure();
  if (getWidth(getTable()) != getWidth(getSums()))
    return emitOpError("expected sums as wide as the entries of the table, ")
           << getWidth(getTable()) << " bits, got " << getWidth(getSums());
  return success();
}

//===----------------------------------------------------------------------===//
// Widening
//===----------------------------------------------------------------------===//

/// A constant that `bound` is known not to exceed in `op`: its value, or what
/// the condition of an scf.if compares it with, in whose first region `op` is.
static std::optional<int64_t> getLimit(Operation *op, Value bound) {
  APInt value;
  if (matchPattern(bound, m_ConstantInt(&value)))
    return value.getSExtValue();
  std::optional<int64_t> limit;
  for (Operation *inner = op; Operation *parent = inner->getParentOp();
       inner = parent) {
    auto branch = dyn_cast<scf::IfOp>(parent);
    if (!branch || inner->getParentRegion() != &branch.getThenRegion())
      continue;
    auto compare = branch.getCondition().getDefiningOp<arith::CmpIOp>();
    if (!compare)
      continue;
    bool isLeft = compare.getLhs() == bound;
    Value other = isLeft ? compare.getRhs() : compare.getLhs();
    if ((!isLeft && compare.getRhs() != bound) ||
        !matchPattern(other, m_ConstantInt(&value)))
      continue;
    using P = arith::CmpIPredicate;
    P predicate = compare.getPredicate();
    bool includes = predicate == (isLeft ? P::sle : P::sge) ||
                    predicate == (isLeft ? P::ule : P::uge);
    bool excludes = predicate == (isLeft ? P::slt : P::sgt) ||
                    predicate == (isLeft ? P::ult : P::ugt);
    if (includes || excludes)
      limit =
          std::min(limit.value_or(INT64_MAX), value.getSExtValue() - excludes);
  }
  return limit;
}

namespace {

/// Narrow sums of chunks of groups.
struct Chunks {
  LookupTableAttr lookup;
  int64_t start;
  int64_t low, high; ///< of the narrow type

  /// True if `chunk` groups whose sums are at most `most` keep inside.
  bool fits(int64_t chunk, int64_t most) const {
    int64_t middle = start + chunk * lookup.getBias();
    return middle - most >= low && middle + most <= high;
  }
  int64_t longest() const {
    int64_t chunk = 0;
    while (chunk < 256 && fits(chunk + 1, (chunk + 1) * lookup.getMaxSum()))
      ++chunk;
    return chunk;
  }
  /// The largest sum that `chunk` groups may have; negative if none.
  int64_t largestBound(int64_t chunk) const {
    int64_t middle = start + chunk * lookup.getBias();
    return std::min(middle - low, high - middle);
  }
};

} // namespace

/// That no narrow sum overflows in a chunk.
template <typename WidenOp>
static LogicalResult verifyChunk(WidenOp op, bool isUnsigned) {
  unsigned width = getWidth(op.getNarrow());
  int64_t chunk = op.getChunk();
  Chunks chunks{op.getLookup(), static_cast<int64_t>(op.getStart()),
                isUnsigned ? 0 : llvm::minIntN(width),
                isUnsigned ? static_cast<int64_t>(llvm::maxUIntN(width))
                           : llvm::maxIntN(width)};
  if (chunk < 1)
    return op.emitOpError("expected a chunk of at least 1 group, got ")
           << chunk;
  int64_t most = chunk * op.getLookup().getMaxSum();
  if (chunks.fits(chunk, most))
    return success();
  if (!op.getBound())
    return op.emitOpError("expected a chunk of at most ")
           << chunks.longest() << " groups, whose sums fit "
           << (isUnsigned ? "unsigned " : "") << width << " bits, got "
           << chunk;
  std::optional<int64_t> limit = getLimit(op, op.getBound());
  if (!limit)
    return op.emitOpError("expected to be in an scf.if that compares the bound "
                          "with a constant of at most ")
           << chunks.largestBound(chunk);
  if (!chunks.fits(chunk, std::min(most, *limit)))
    return op.emitOpError("expected a bound of at most ")
           << chunks.largestBound(chunk) << " for a chunk of " << chunk
           << " groups, got " << *limit;
  return success();
}

LogicalResult WidenOp::verify() {
  if (failed(expectLanes(*this, "wide sums", getWide(), getLanes(getNarrow()),
                         "there are narrow sums")))
    return failure();
  unsigned width = getWidth(getWide());
  if (width <= getWidth(getNarrow()))
    return emitOpError("expected wide sums of more than ")
           << getWidth(getNarrow()) << " bits, got " << width;
  if (failed(verifyChunk(*this, getIsUnsigned())))
    return failure();
  // Starts and biases of all chunks are in a wide sum too.
  int64_t most = llvm::maxIntN(width);
  auto fits = [&](int64_t groups) {
    int64_t chunks = llvm::divideCeil(groups, getChunk());
    int64_t middle = groups * getLookup().getBias() + chunks * getStart();
    return middle + groups * getLookup().getMaxSum() <= most;
  };
  int64_t groups = getGroups();
  if (groups >= 1 && groups <= most && fits(groups))
    return success();
  int64_t low = 0, high = most;
  while (low < high) {
    int64_t middle = low + (high - low + 1) / 2;
    fits(middle) ? low = middle : high = middle - 1;
  }
  return emitOpError("expected 1 to ") << low << " groups, whose sums fit "
                                       << width << " bits, got " << groups;
}

LogicalResult WidenWordsOp::verify() {
  if (failed(expectLanes(*this, "totals", getTotal(), getLanes(getNarrow()) / 2,
                         "there are pairs of bytes")))
    return failure();
  if (getLanes(getNarrow()) % 2)
    return emitOpError("expected an even number of bytes, got ")
           << getLanes(getNarrow());
  if (failed(verifyChunk(*this, /*isUnsigned=*/true)))
    return failure();
  int64_t most = INT16_MAX / std::max<int64_t>(getLookup().getMaxSum(), 1);
  int64_t groups = getGroups();
  if (groups < 1 || groups > most)
    return emitOpError("expected 1 to ")
           << most << " groups, whose sums fit 16 bits, got " << groups;
  return success();
}

LogicalResult JoinWordsOp::verify() {
  return expectLanes(*this, "sums", getResult(), 2 * getLanes(getTotal()),
                     "a word has two");
}

//===----------------------------------------------------------------------===//
// RecodeOp
//===----------------------------------------------------------------------===//

/// Digits of each byte that do not fill a byte of `to`.
static int64_t getLeftOver(const Codec &from, const Codec &to) {
  return from.wordDigits % to.wordDigits;
}

int64_t RecodeOp::getUnitBytes(const Codec &from, const Codec &to) {
  return to.wordDigits / std::gcd(getLeftOver(from, to), to.wordDigits);
}

SmallVector<int64_t> RecodeOp::getColumnOrder(const Codec &from,
                                              const Codec &to) {
  int64_t digits = from.wordDigits;
  int64_t whole = digits - getLeftOver(from, to);
  SmallVector<int64_t> order;
  for (auto [first, end] : {std::pair(int64_t(0), whole), {whole, digits}})
    for (int64_t byte = 0; byte < getUnitBytes(from, to); ++byte)
      for (int64_t i = first; i < end; ++i)
        order.push_back(byte * digits + i);
  return order;
}

LogicalResult RecodeOp::verify() {
  const Codec *from = findCodec(getFrom()), *to = findCodec(getTo());
  for (auto [codec, name] : {std::pair(from, getFrom()), {to, getTo()}})
    if (!codec || !codec->hasTernaryBytes())
      return emitOpError("expected a codec whose ternary digits lie in fields "
                         "of a byte, got ")
             << name;
  auto source = cast<VectorType>(getSource().getType());
  auto result = cast<VectorType>(getResult().getType());
  if (failed(expectLanes(*this, "a result", getResult(), getLanes(getSource()),
                         "the source has")))
    return failure();
  int64_t unit = getUnitBytes(*from, *to), bytes = source.getDimSize(0);
  if (bytes % unit)
    return emitOpError("expected a multiple of ")
           << unit << " bytes of " << from->name << ", whose digits fill bytes "
           << "of " << to->name << ", got " << bytes;
  int64_t expected = bytes * from->wordDigits / to->wordDigits;
  if (result.getDimSize(0) != expected)
    return emitOpError("expected ") << expected << " bytes of " << to->name
                                    << ", got " << result.getDimSize(0);
  return success();
}

LogicalResult GatherNumbersOp::verify() {
  const Codec *codec = findCodec(getCodec());
  if (!codec || !codec->fields.scattered)
    return emitOpError("expected a codec whose numbers are scattered over a "
                       "word, got ")
           << getCodec();
  if (failed(expectLanes(*this, "a result", getResult(), getLanes(getWords()),
                         "words are")))
    return failure();
  int64_t bytes = cast<VectorType>(getWords().getType()).getDimSize(0);
  if (bytes != codec->wordBytes)
    return emitOpError("expected ")
           << codec->wordBytes << " bytes of a word of " << codec->name
           << ", got " << bytes;
  int64_t numbers = cast<VectorType>(getResult().getType()).getDimSize(0);
  int64_t expected = codec->wordDigits / codec->fields.digits;
  if (numbers != expected)
    return emitOpError("expected ")
           << expected << " numbers of " << codec->name << ", got " << numbers;
  return success();
}
