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

/// vpmaddubsw and vpmaddwd by ones, or, for larger bytes, even and odd bytes as
/// 16 bit words: the products of each word pair are added by vpmaddwd, the two
/// halves by an addition.
static Value buildPairs(ValueBuilder &b, Value acc, Value u, Value s,
                        unsigned maxUnsigned) {
  auto sums = cast<VectorType>(acc.getType());
  VectorType words = b.vectorOf(2 * sums.getNumElements(), b.getI16Type());
  bool isWide = sums.getNumElements() == 16;
  StringRef quads =
      isWide ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd";
  StringRef pairs =
      isWide ? "llvm.x86.avx512.pmaddubs.w.512" : "llvm.x86.avx2.pmadd.ub.sw";
  auto addPairs = [&](Value x, Value y) {
    acc = b.add(acc, call(b, sums, quads, {x, y}));
  };
  if (fitsPairs(maxUnsigned)) {
    addPairs(call(b, words, pairs, {u, s}), b.constant(words, int64_t(1)));
    return acc;
  }
  Value uw = b.bitcast(words, u), sw = b.bitcast(words, s);
  addPairs(b.bitAnd(uw, 255), b.shiftRightSigned(b.shiftLeft(sw, 8), 8));
  addPairs(b.shiftRight(uw, 8), b.shiftRightSigned(sw, 8));
  return acc;
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
