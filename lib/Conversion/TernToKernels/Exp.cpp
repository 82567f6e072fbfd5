//===- Exp.cpp - The exponential function ---------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Exp.h"

#include "KernelBuilder.h"

using namespace mlir;
using namespace tern;

/// 2^k of integers -126 .. 127 that are floats.
static Value powerOfTwo(KernelBuilder &b, Value k) {
  Value exponent = b.add(b.toInteger(b.getI32Type(), k), 127);
  return b.bitcast(k.getType(), b.shiftLeft(exponent, 23));
}

Value tern::buildExp(OpBuilder &builder, Location loc, Value x) {
  KernelBuilder b(loc, builder);
  x = b.min(b.max(x, -87.0), 87.0);
  Value k = b.roundToEven(b.mul(x, 1.44269504088896341));
  // ln 2 in two parts, the first short enough for k * part to be exact.
  Value r = b.sub(b.sub(x, b.mul(k, 0.693359375)), b.mul(k, -2.12194440e-4));
  Value y = b.constant(x.getType(), 1.9875691500e-4);
  for (double c : {1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
                   1.6666665459e-1, 5.0000001201e-1})
    y = b.add(b.mul(y, r), c);
  y = b.add(b.add(b.mul(y, b.mul(r, r)), r), 1.0);
  return b.mul(y, powerOfTwo(b, k));
}
