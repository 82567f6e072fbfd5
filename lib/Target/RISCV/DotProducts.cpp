//===- DotProducts.cpp - Dot products of the extension V ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/ValueBuilder.h"
#include "tern/Target/RISCV/RISCV.h"

using namespace mlir;
using namespace tern;
using namespace tern::riscv;

/// Of a vector of 32 bytes: two registers of 128 bits or a part of one.
static constexpr int64_t kLanes = 8;

std::string DotAttr::getInstruction() const { return "vwmulsu of bytes"; }
int64_t DotAttr::getLanes() const { return kLanes; }
unsigned DotAttr::getMaxUnsigned() const { return 255; }
/// Each for two or four registers, as are those that set their width.
int64_t DotAttr::getSlots(unsigned) const { return 24; }

/// VRGATHER takes four bytes of a register.
bool DotAttr::broadcastsLanes() const { return true; }

/// Every other element of `x`, from `first` on.
static Value takeOther(ValueBuilder &b, Value x, int64_t first) {
  SmallVector<int64_t> mask;
  for (int64_t i = first; i < cast<VectorType>(x.getType()).getNumElements();
       i += 2)
    mask.push_back(i);
  return b.shuffle(x, x, mask);
}

/// `acc` and sums of four products of 16 bits each, which are unsigned or not.
static Value addProducts(ValueBuilder &b, Value acc, Value products,
                         bool areUnsigned = false) {
  auto widen = [&](int64_t first) {
    Value words = takeOther(b, products, first);
    return areUnsigned ? b.zeroExtend(words, b.getI32Type())
                       : b.signExtend(words, b.getI32Type());
  };
  Value pairs = b.add(widen(0), widen(1));
  return b.add(acc, b.add(takeOther(b, pairs, 0), takeOther(b, pairs, 1)));
}

Value DotAttr::build(OpBuilder &builder, Location loc, Value acc, Value u,
                     Value s, unsigned) const {
  ValueBuilder b(loc, builder);
  return addProducts(
      b, acc,
      b.mul(b.zeroExtend(u, b.getI16Type()), b.signExtend(s, b.getI16Type())));
}

bool DotAttr::hasSigned() const { return true; }
Value DotAttr::buildSigned(OpBuilder &builder, Location loc, Value acc, Value x,
                           Value y) const {
  ValueBuilder b(loc, builder);
  return addProducts(
      b, acc,
      b.mul(b.signExtend(x, b.getI16Type()), b.signExtend(y, b.getI16Type())));
}

bool DotAttr::hasUnsigned() const { return true; }
Value DotAttr::buildUnsigned(OpBuilder &builder, Location loc, Value acc,
                             Value x, Value y) const {
  ValueBuilder b(loc, builder);
  return addProducts(
      b, acc,
      b.mul(b.zeroExtend(x, b.getI16Type()), b.zeroExtend(y, b.getI16Type())),
      /*areUnsigned=*/true);
}
