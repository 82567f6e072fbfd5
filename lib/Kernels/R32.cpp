//===- R32.cpp - The order of every float sum -----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/R32.h"

using namespace mlir;
using namespace tern;

Value tern::buildR32Tree(KernelBuilder &b, Value accumulators) {
  return b.reduceByHalves(accumulators,
                          [&](Value x, Value y) { return b.add(x, y); });
}

Value tern::buildR32(KernelBuilder &b, int64_t n,
                     function_ref<Value(Value, int64_t)> terms) {
  Value sum = b.zero(b.vectorOf(kR32Lanes, b.getF32Type()));
  int64_t whole = n / kR32Lanes * kR32Lanes;
  if (whole)
    sum = b.loop(b.index(0), b.index(whole), kR32Lanes, sum,
                 [&](Value i, ValueRange carried) -> SmallVector<Value> {
                   return {b.add(carried[0], terms(i, kR32Lanes))};
                 })[0];
  if (whole != n)
    sum = b.add(sum, b.padLanes(terms(b.index(whole), n - whole), kR32Lanes));
  return buildR32Tree(b, sum);
}
