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

/// The first scale that is not 0; 0 if there is none.
static float firstOf(ArrayRef<float> scales) {
  const float *found =
      llvm::find_if(scales, [](float scale) { return scale != 0; });
  return found == scales.end() ? 0 : *found;
}

/// Returns true if all non-zero scales are equal.
static bool areOne(ArrayRef<float> scales) {
  float first = firstOf(scales);
  return llvm::all_of(scales, [&](float s) { return s == 0 || s == first; });
}

/// Returns true if each run of `width` adjacent scales is one scale.
static bool areRuns(ArrayRef<float> scales, int64_t width) {
  for (; !scales.empty(); scales = scales.drop_front(width))
    if (!areOne(scales.take_front(width)))
      return false;
  return true;
}

void Scales::simplify() {
  ArrayRef<float> all = values;
  int64_t width = shape.groups;
  while (width > 1 && (shape.groups % width || !areRuns(all, width)))
    --width;
  ScaleShape simplest{shape.rows, shape.groups / width};
  if (simplest.groups == 1 && areOne(all)) {
    simplest.rows = 1;
    width = all.size();
  }
  float ofAny = firstOf(all);
  std::vector<float> kept;
  for (int64_t row = 0; row < simplest.rows; ++row) {
    ArrayRef<float> inRow =
        all.slice(row * simplest.groups * width, simplest.groups * width);
    float ofRow = firstOf(inRow);
    for (; !inRow.empty(); inRow = inRow.drop_front(width)) {
      float scale = firstOf(inRow.take_front(width));
      kept.push_back(scale != 0 ? scale : ofRow != 0 ? ofRow : ofAny);
    }
  }
  if (ofAny == 0)
    kept[0] = kScaleOfZeros;
  shape = simplest;
  values = std::move(kept);
}

std::vector<float> Scales::expand(ScaleShape wanted) const {
  std::vector<float> result;
  result.reserve(wanted.rows * wanted.groups);
  int64_t width = wanted.groups / shape.groups;
  for (int64_t row = 0; row < wanted.rows; ++row)
    for (int64_t group = 0; group < wanted.groups; ++group)
      result.push_back(
          values[(shape.rows == 1 ? 0 : row) * shape.groups + group / width]);
  return result;
}

Scales Scales::inSimplestShape(std::vector<float> values, int64_t rows) {
  Scales scales;
  auto count = static_cast<int64_t>(values.size());
  scales.shape.rows = count == 1 ? 1 : rows;
  scales.shape.groups = count / scales.shape.rows;
  scales.values = std::move(values);
  scales.simplify();
  return scales;
}

ScaleShapeFinder::ScaleShapeFinder(ScaleShape stored) : stored(stored) {
  for (int64_t width = stored.groups; width > 0; --width)
    if (stored.groups % width == 0)
      widths.push_back(width);
}

void ScaleShapeFinder::add(ArrayRef<float> scales) {
  for (float scale : scales) {
    differ |= scale != 0 && first != 0 && scale != first;
    first = first != 0 ? first : scale;
  }
  while (widths.size() > 1 && !areRuns(scales, widths.front()))
    widths.erase(widths.begin());
}

bool ScaleShapeFinder::isDecided() const {
  return differ && widths.size() == 1;
}

ScaleShape ScaleShapeFinder::shape() const {
  int64_t groups = stored.groups / widths.front();
  return {groups == 1 && !differ ? 1 : stored.rows, groups};
}
