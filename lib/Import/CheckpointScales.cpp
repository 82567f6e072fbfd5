//===- lib/Import/CheckpointScales.cpp - Scales of ternary matrices -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Json.h"
#include "tern/Import/Checkpoint.h"
#include "tern/Packing/HalfFloat.h"

#include <cmath>
#include <numeric>

using namespace llvm;
using namespace tern;

static ScaleShape shapeOf(const TensorEntry &scales) {
  ArrayRef<int64_t> shape = scales.shape;
  return {shape.empty() ? 1 : shape[0], shape.size() < 2 ? 1 : shape[1]};
}

ScaleShape Checkpoint::storedScaleShape(StringRef weightName) const {
  return isGguf() ? encodedScaleShape(*tensors->find(weightName))
                  : shapeOf(*tensors->find(scaleName(weightName)));
}

Expected<Scales> Checkpoint::readScales(StringRef weightName) const {
  return isGguf() ? readEncodedScales(weightName) : readScaleTensor(weightName);
}

Expected<Scales> Checkpoint::readScaleTensor(StringRef weightName) const {
  std::string name = scaleName(weightName);
  Expected<const TensorEntry *> entry = get(name);
  if (!entry)
    return entry.takeError();
  Scales scales;
  scales.shape = shapeOf(**entry);
  scales.values.resize(scales.shape.rows * scales.shape.groups);
  if (Error error = readFloats(name, scales.values.data()))
    return std::move(error);
  for (auto [i, value] : enumerate(scales.values)) {
    float stored = value;
    if (modelConfig.weightForm == WeightForm::Divides)
      value = 1.0f / stored;
    if (!std::isfinite(value) || !(value > 0))
      return error(name, **entry,
                   "is " + std::to_string(stored) + " at element " + Twine(i) +
                       ", but a scale must be positive and finite");
  }
  scales.simplify();
  return scales;
}

/// One code serves all layers, so groups end where any layer's do.
Error Checkpoint::widenScaleShape(Projection projection, int64_t layer) {
  ScaleShape &shape = scaleShapes[static_cast<size_t>(projection)];
  std::string name = atLayer(weightName(projection), layer);
  ScaleShape stored = storedScaleShape(name);
  if (stored == ScaleShape() || stored == shape)
    return Error::success();
  Expected<Scales> scales = readScales(name);
  if (!scales)
    return scales.takeError();
  shape.rows = std::max(shape.rows, scales->shape.rows);
  shape.groups = std::lcm(shape.groups, scales->shape.groups);
  return Error::success();
}

/// Blocks of digits have f16; a scale for a row or a matrix is f32. Floats are
/// their digits times their scales if these are of groups.
static bool hasHalves(const TensorEntry &digits, ScaleShape shape) {
  if (digits.exactScale)
    return false;
  if (!digits.isBlocked())
    return digits.dtype == DType::F16 && shape.groups > 1;
  return !digits.encoding->rowPrefix && !digits.encoding->suffix;
}

static bool areHalves(ArrayRef<float> scales) {
  return llvm::all_of(scales, [](float scale) {
    return scale == kScaleOfZeros || halfToFloat(floatToHalf(scale)) == scale;
  });
}

bool Checkpoint::hasHalfScales(Projection projection) const {
  if (modelConfig.weightForm == WeightForm::Masters)
    return false;
  for (int64_t layer = 0; layer < modelConfig.layerCount; ++layer) {
    std::string name = atLayer(weightName(projection), layer);
    if (isGguf()) {
      if (!hasHalves(*tensors->find(name), storedScaleShape(name)))
        return false;
      continue;
    }
    Expected<Scales> scales = readScales(name);
    if (!scales) // said by whoever needs them
      consumeError(scales.takeError());
    if (!scales || !areHalves(scales->values))
      return false;
  }
  return true;
}

Error Checkpoint::findScaleShapes() {
  if (modelConfig.weightForm == WeightForm::Masters)
    return Error::success();
  for (Projection projection : allProjections)
    for (int64_t layer = 0; layer < modelConfig.layerCount; ++layer)
      if (Error error = widenScaleShape(projection, layer))
        return error;
  return Error::success();
}
