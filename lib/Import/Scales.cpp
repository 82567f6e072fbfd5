//===- lib/Import/Scales.cpp - What digits stand for ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/Scales.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using namespace tern;

ScaleShape Scales::simplestShape() const {
  ArrayRef<float> all = values;
  bool oneGroup = true;
  for (int64_t row = 0; row < shape.rows && oneGroup; ++row)
    oneGroup = all_equal(all.slice(row * shape.groups, shape.groups));
  if (!oneGroup)
    return shape;
  bool oneRow = true;
  for (int64_t row = 1; row < shape.rows && oneRow; ++row)
    oneRow = all[row * shape.groups] == all[0];
  return {oneRow ? 1 : shape.rows, 1};
}

void Scales::simplify() {
  ScaleShape simplest = simplestShape();
  if (simplest == shape)
    return;
  for (int64_t row = 0; row < simplest.rows; ++row)
    values[row] = values[row * shape.groups];
  values.resize(simplest.rows);
  shape = simplest;
}

std::vector<float> Scales::expand(ScaleShape wanted) const {
  std::vector<float> result;
  result.reserve(wanted.rows * wanted.groups);
  for (int64_t row = 0; row < wanted.rows; ++row)
    for (int64_t group = 0; group < wanted.groups; ++group)
      result.push_back(values[(shape.rows == 1 ? 0 : row) * shape.groups +
                              (shape.groups == 1 ? 0 : group)]);
  return result;
}
