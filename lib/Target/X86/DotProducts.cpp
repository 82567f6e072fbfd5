//===- DotProducts.cpp - Dot products of x86-64 ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/ValueBuilder.h"
#include "tern/Target/X86/X86.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tern;
using namespace tern::x86;

#include "tern/Target/X86/X86Dialect.cpp.inc"
#include "tern/Target/X86/X86Enums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "tern/Target/X86/X86Attrs.cpp.inc"

void TernX86Dialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "tern/Target/X86/X86Attrs.cpp.inc"
      >();
}

static Value call(ValueBuilder &b, Type type, StringRef name,
                  ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, type, b.getStringAttr(name), operands)
      .getResult(0);
}

/// True if a pair of products of codes with bytes up to `maximum` fits 16 bits.
static bool fitsPairs(unsigned maximum) { return maximum * 128 * 2 <= 32768; }

std::string DotAttr::getInstruction() const {
  switch (getValue()) {
  case Dot::Vpmaddubsw256:
    return "vpmaddubsw of 256 bits";
  case Dot::Vpmaddubsw512:
    return "vpmaddubsw of 512 bits";
  case Dot::Vpdpbusd256:
    return "vpdpbusd of 256 bits";
  case Dot::Vpdpbusd512:
    return "vpdpbusd of 512 bits";
  }
  llvm_unreachable("all dot products are named");
}

int64_t DotAttr::getLanes() const {
  bool isWide =
      getValue() == Dot::Vpdpbusd512 || getValue() == Dot::Vpmaddubsw512;
  return isWide ? 16 : 8;
}

int64_t DotAttr::getSlots(unsigned maxUnsigned) const {
  if (getValue() == Dot::Vpdpbusd256 || getValue() == Dot::Vpdpbusd512)
    return 1;
  return fitsPairs(maxUnsigned) ? 3 : 9;
}

static bool isOfPairs(Dot dot) {
  return dot == Dot::Vpmaddubsw256 || dot == Dot::Vpmaddubsw512;
}

unsigned DotAttr::getMaxUnsigned() const {
  return isOfPairs(getValue()) ? 128 : 255;
}

/// Sums of pairs: each product is at most 128 times `maxUnsigned` below zero.
int64_t DotAttr::getNarrowSteps(unsigned maxUnsigned) const {
  return isOfPairs(getValue()) ? 32768 / (2 * 128 * maxUnsigned) : 0;
}

/// Products of pairs of bytes, added in 16 bits.
static Value multiplyPairs(ValueBuilder &b, Value u, Value s) {
  int64_t bytes = cast<VectorType>(u.getType()).getNumElements();
  return call(b, b.vectorOf(bytes / 2, b.getI16Type()),
              bytes == 64 ? "llvm.x86.avx512.pmaddubs.w.512"
                          : "llvm.x86.avx2.pmadd.ub.sw",
              {u, s});
}

/// Words added in pairs to sums of 32 bits.
static Value addPairs(ValueBuilder &b, Value acc, Value x, Value y) {
  bool isWide = cast<VectorType>(acc.getType()).getNumElements() == 16;
  StringRef name =
      isWide ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd";
  return b.add(acc, call(b, acc.getType(), name, {x, y}));
}

Value DotAttr::buildNarrow(OpBuilder &builder, Location loc, Value acc, Value u,
                           Value s) const {
  ValueBuilder b(loc, builder);
  return b.add(acc, multiplyPairs(b, u, s));
}

Value DotAttr::widen(OpBuilder &builder, Location loc, Value acc,
                     Value narrow) const {
  ValueBuilder b(loc, builder);
  return addPairs(b, acc, narrow, b.constant(narrow.getType(), int64_t(1)));
}

/// vpmaddubsw and vpmaddwd by ones, or, for larger bytes, even and odd bytes as
/// 16 bit words: the products of each word pair are added by vpmaddwd, the two
/// halves by an addition.
static Value buildPairs(ValueBuilder &b, Value acc, Value u, Value s,
                        unsigned maxUnsigned) {
  if (fitsPairs(maxUnsigned)) {
    Value pairs = multiplyPairs(b, u, s);
    return addPairs(b, acc, pairs, b.constant(pairs.getType(), int64_t(1)));
  }
  int64_t bytes = cast<VectorType>(u.getType()).getNumElements();
  VectorType words = b.vectorOf(bytes / 2, b.getI16Type());
  Value uw = b.bitcast(words, u), sw = b.bitcast(words, s);
  acc = addPairs(b, acc, b.bitAnd(uw, 255),
                 b.shiftRightSigned(b.shiftLeft(sw, 8), 8));
  return addPairs(b, acc, b.shiftRight(uw, 8), b.shiftRightSigned(sw, 8));
}

Value DotAttr::build(OpBuilder &builder, Location loc, Value acc, Value u,
                     Value s, unsigned maxUnsigned) const {
  ValueBuilder b(loc, builder);
  switch (getValue()) {
  case Dot::Vpmaddubsw256:
  case Dot::Vpmaddubsw512:
    return buildPairs(b, acc, u, s, maxUnsigned);
  case Dot::Vpdpbusd256:
    return call(b, acc.getType(), "llvm.x86.avx512.vpdpbusd.256", {acc, u, s});
  case Dot::Vpdpbusd512:
    return call(b, acc.getType(), "llvm.x86.avx512.vpdpbusd.512", {acc, u, s});
  }
  llvm_unreachable("all dot products are built");
}
