//===- DotProducts.cpp - Dot products of WebAssembly ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/ValueBuilder.h"
#include "tern/Target/WebAssembly/WebAssembly.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tern;
using namespace tern::wasm;

#include "tern/Target/WebAssembly/WebAssemblyDialect.cpp.inc"
#include "tern/Target/WebAssembly/WebAssemblyEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "tern/Target/WebAssembly/WebAssemblyAttrs.cpp.inc"

void TernWasmDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "tern/Target/WebAssembly/WebAssemblyAttrs.cpp.inc"
      >();
}

/// Of a vector of 16 bytes.
static constexpr int64_t kLanes = 4, kWords = 8;

static Value call(ValueBuilder &b, Type type, StringRef name,
                  ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, type, b.getStringAttr(name), operands)
      .getResult(0);
}

namespace {
/// The even bytes of a vector and its odd ones.
struct Words {
  Value even, odd;
};
} // namespace

static Words toWords(ValueBuilder &b, Value bytes, bool isSigned) {
  Value words = b.bitcast(b.vectorOf(kWords, b.getI16Type()), bytes);
  if (isSigned)
    return {b.shiftRightSigned(b.shiftLeft(words, 8), 8),
            b.shiftRightSigned(words, 8)};
  return {b.bitAnd(words, 255), b.shiftRight(words, 8)};
}

static Value addWords(ValueBuilder &b, Value acc, Words x, Words y) {
  acc = b.add(acc, call(b, acc.getType(), "llvm.wasm.dot", {x.even, y.even}));
  return b.add(acc, call(b, acc.getType(), "llvm.wasm.dot", {x.odd, y.odd}));
}

static bool isRelaxed(DotAttr dot) { return dot.getValue() == Dot::Relaxed; }

std::string DotAttr::getInstruction() const {
  return isRelaxed(*this) ? "i32x4.relaxed_dot_i8x16_i7x16_add_s"
                          : "i32x4.dot_i16x8_s";
}

int64_t DotAttr::getLanes() const { return kLanes; }

unsigned DotAttr::getMaxUnsigned() const {
  return isRelaxed(*this) ? 127 : 255;
}

/// Bytes of both factors become words, of codes once for some vectors; two
/// products, two additions.
int64_t DotAttr::getSlots(unsigned maxUnsigned) const {
  return isRelaxed(*this) && maxUnsigned <= getMaxUnsigned() ? 1 : 8;
}

Value DotAttr::build(OpBuilder &builder, Location loc, Value acc, Value u,
                     Value s, unsigned maxUnsigned) const {
  ValueBuilder b(loc, builder);
  if (isRelaxed(*this) && maxUnsigned <= getMaxUnsigned())
    return call(b, acc.getType(),
                "llvm.wasm.relaxed.dot.i8x16.i7x16.add.signed", {s, u, acc});
  return addWords(b, acc, toWords(b, u, false), toWords(b, s, true));
}

bool DotAttr::hasSigned() const { return !isRelaxed(*this); }
Value DotAttr::buildSigned(OpBuilder &builder, Location loc, Value acc, Value x,
                           Value y) const {
  ValueBuilder b(loc, builder);
  return addWords(b, acc, toWords(b, x, true), toWords(b, y, true));
}

bool DotAttr::hasUnsigned() const { return !isRelaxed(*this); }
Value DotAttr::buildUnsigned(OpBuilder &builder, Location loc, Value acc,
                             Value x, Value y) const {
  ValueBuilder b(loc, builder);
  return addWords(b, acc, toWords(b, x, false), toWords(b, y, false));
}
