//===- DotProducts.cpp - Dot products of AArch64 --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/ValueBuilder.h"
#include "tern/Target/AArch64/AArch64.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

using namespace mlir;
using namespace tern;
using namespace tern::aarch64;

#include "tern/Target/AArch64/AArch64Dialect.cpp.inc"
#include "tern/Target/AArch64/AArch64Enums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "tern/Target/AArch64/AArch64Attrs.cpp.inc"

void TernAArch64Dialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "tern/Target/AArch64/AArch64Attrs.cpp.inc"
      >();
}

static constexpr int64_t kLanes = 4, kBytes = 16;

static Value call(ValueBuilder &b, Type type, StringRef name,
                  ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, type, b.getStringAttr(name), operands)
      .getResult(0);
}

/// Four products added to each lane by the instruction `name`.
static Value callDot(ValueBuilder &b, StringRef name, Value acc, Value x,
                     Value y) {
  return call(b, acc.getType(),
              ("llvm.aarch64.neon." + name + ".v4i32.v16i8").str(),
              {acc, x, y});
}

std::string DotAttr::getInstruction() const {
  return stringifyDot(getValue()).str();
}

int64_t DotAttr::getLanes() const { return kLanes; }

unsigned DotAttr::getMaxUnsigned() const {
  return getValue() == Dot::Usdot ? 255 : 127;
}

bool DotAttr::broadcastsLanes() const { return true; }

int64_t DotAttr::getSlots(unsigned maxUnsigned) const {
  bool isSmall = maxUnsigned <= getMaxUnsigned();
  if (isPlain())
    return isSmall ? 4 : 10;
  return isSmall ? 1 : 4;
}

//===----------------------------------------------------------------------===//
// NEON
//===----------------------------------------------------------------------===//

/// Eight bytes from `from` on as words.
static Value widenHalf(ValueBuilder &b, Value bytes, int64_t from,
                       bool isSigned) {
  Value half = b.lanes(bytes, from, kBytes / 2);
  return isSigned ? b.signExtend(half, b.getI16Type())
                  : b.zeroExtend(half, b.getI16Type());
}

namespace {
/// Sixteen products of 16 bits each, by rising byte.
struct Products {
  Value low, high;
};
} // namespace

static Products multiply(ValueBuilder &b, Value x, bool isXSigned, Value y,
                         bool isYSigned) {
  auto half = [&](int64_t from) {
    return b.mul(widenHalf(b, x, from, isXSigned),
                 widenHalf(b, y, from, isYSigned));
  };
  return {half(0), half(kBytes / 2)};
}

/// `acc` with all four products of each lane added. Each is widened.
static Value addProducts(ValueBuilder &b, Value acc, Products products,
                         bool areSigned) {
  StringRef name = areSigned ? "llvm.aarch64.neon.saddlp.v4i32.v8i16"
                             : "llvm.aarch64.neon.uaddlp.v4i32.v8i16";
  Value low = call(b, acc.getType(), name, products.low);
  Value high = call(b, acc.getType(), name, products.high);
  return b.add(
      acc, call(b, acc.getType(), "llvm.aarch64.neon.addp.v4i32", {low, high}));
}

/// The same for pairs of products that fit 16 bits.
static Value addPairs(ValueBuilder &b, Value acc, Products products) {
  Value pairs = call(b, products.low.getType(), "llvm.aarch64.neon.addp.v8i16",
                     {products.low, products.high});
  return b.add(acc, call(b, acc.getType(),
                         "llvm.aarch64.neon.saddlp.v4i32.v8i16", pairs));
}

//===----------------------------------------------------------------------===//
// Bodies
//===----------------------------------------------------------------------===//

Value DotAttr::build(OpBuilder &builder, Location loc, Value acc, Value u,
                     Value s, unsigned maxUnsigned) const {
  ValueBuilder b(loc, builder);
  bool isSmall = maxUnsigned <= 127;
  switch (getValue()) {
  case Dot::Smull:
    // Two products of 127 and -128 fit 16 bits.
    if (isSmall)
      return addPairs(b, acc, multiply(b, u, true, s, true));
    return addProducts(b, acc, multiply(b, u, false, s, true), true);
  case Dot::Sdot: {
    if (isSmall)
      return callDot(b, "sdot", acc, u, s);
    // (u - 128) s + 64 s + 64 s
    Value half = b.constant(u.getType(), int64_t(64));
    acc = callDot(b, "sdot", acc, b.bitXor(u, 0x80), s);
    return callDot(b, "sdot", callDot(b, "sdot", acc, half, s), half, s);
  }
  case Dot::Usdot:
    return callDot(b, "usdot", acc, u, s);
  }
  llvm_unreachable("all dot products are built");
}

bool DotAttr::hasSigned() const { return true; }

Value DotAttr::buildSigned(OpBuilder &builder, Location loc, Value acc, Value x,
                           Value y) const {
  ValueBuilder b(loc, builder);
  if (!isPlain())
    return callDot(b, "sdot", acc, x, y);
  return addProducts(b, acc, multiply(b, x, true, y, true), true);
}

bool DotAttr::hasUnsigned() const { return true; }

Value DotAttr::buildUnsigned(OpBuilder &builder, Location loc, Value acc,
                             Value x, Value y) const {
  ValueBuilder b(loc, builder);
  if (!isPlain())
    return callDot(b, "udot", acc, x, y);
  return addProducts(b, acc, multiply(b, x, false, y, false), false);
}

//===----------------------------------------------------------------------===//
// Narrow sums
//===----------------------------------------------------------------------===//

/// Sums of one product of each byte.
int64_t DotAttr::getNarrowSteps(unsigned maxUnsigned) const {
  return isPlain() && maxUnsigned <= 127 ? 32767 / (128 * maxUnsigned) : 0;
}

int64_t DotAttr::getNarrowLanes() const { return kBytes; }

Value DotAttr::buildNarrow(OpBuilder &builder, Location loc, Value acc, Value u,
                           Value s) const {
  ValueBuilder b(loc, builder);
  Products products = multiply(b, u, true, s, true);
  Value low = b.add(b.lanes(acc, 0, kBytes / 2), products.low);
  Value high = b.add(b.lanes(acc, kBytes / 2, kBytes / 2), products.high);
  SmallVector<int64_t> all(kBytes);
  std::iota(all.begin(), all.end(), 0);
  return b.shuffle(low, high, all);
}

Value DotAttr::widen(OpBuilder &builder, Location loc, Value acc,
                     Value narrow) const {
  ValueBuilder b(loc, builder);
  Products sums = {b.lanes(narrow, 0, kBytes / 2),
                   b.lanes(narrow, kBytes / 2, kBytes / 2)};
  return addProducts(b, acc, sums, true);
}
