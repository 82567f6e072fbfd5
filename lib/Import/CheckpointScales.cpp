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
  if (isGguf())
    return encodedScaleShape(*tensors->find(weightName));
  if (modelConfig.hasPackedWeights())
    return shapeOf(*tensors->find(scaleName(weightName)));
  const TensorEntry &entry = *tensors->find(weightName);
  return {entry.shape[0], groupsOf(entry)};
}

Expected<Scales> Checkpoint::readScales(StringRef weightName) const {
  if (isGguf())
    return readEncodedScales(weightName);
  if (modelConfig.hasPackedWeights())
    return readScaleTensor(weightName);
  Expected<const TensorEntry *> entry = get(weightName);
  if (!entry)
    return entry.takeError();
  Scales scales;
  if (Error error = readGrouped(weightName, **entry, {}, scales))
    return std::move(error);
  return scales;
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
Error Checkpoint::widenScaleShape(StringRef name, ScaleShape &shape) {
  ScaleShape stored = storedScaleShape(name);
  // No finer than what another layer has: the scales need not be known.
  if (shape.groups % stored.groups == 0 && stored.rows <= shape.rows)
    return Error::success();
  ScaleShape found;
  const TensorEntry &entry = *tensors->find(name);
  bool areGroups = isGguf() && !entry.isBlocked() && stored.groups > 1;
  if (areGroups || hasGroups(entry)) {
    Expected<ScaleShape> simplest = findShape(name, stored);
    if (!simplest)
      return simplest.takeError();
    found = *simplest;
  } else {
    Expected<Scales> scales = readScales(name);
    if (!scales)
      return scales.takeError();
    found = scales->shape;
  }
  shape.rows = std::max(shape.rows, found.rows);
  shape.groups = std::lcm(shape.groups, found.groups);
  return Error::success();
}

static bool areHalves(ArrayRef<float> scales) {
  return llvm::all_of(scales, [](float scale) {
    return halfToFloat(floatToHalf(scale)) == scale;
  });
}

/// All of those that are a tensor beside codes, and of floats that are digits
/// times scales those of a few rows.
Expected<Scales> Checkpoint::sampleScales(StringRef name,
                                          const TensorEntry &entry) const {
  Scales scales;
  if (const TensorEntry *beside = tensors->find(affineScaleName(name))) {
    scales.values.resize(static_cast<size_t>(beside->elements()));
    if (Error error = readFloats(affineScaleName(name), scales.values.data()))
      return std::move(error);
    return scales;
  }
  if (!samplesScales) {
    if (Error error = readGrouped(name, entry, {}, scales))
      return std::move(error);
    return scales;
  }
  int64_t rows = std::min<int64_t>(16, entry.shape[0]);
  scales.shape = {rows, groupsOf(entry)};
  scales.values.resize(static_cast<size_t>(rows * scales.shape.groups));
  if (Error error =
          readGroupRows(name, entry, 0, rows, nullptr, scales.values.data()))
    return std::move(error);
  return scales;
}

/// Blocks of digits have f16; a scale for a row or a matrix is f32.
bool Checkpoint::areScalesHalf(StringRef name) const {
  const TensorEntry &entry = *tensors->find(name);
  if (entry.exactScale)
    return false;
  if (isGguf() && entry.isBlocked())
    return !entry.encoding->rowPrefix && !entry.encoding->suffix;
  bool haveGroups = isGguf() || hasGroups(entry);
  if (haveGroups && !entry.isBlocked() && storedScaleShape(name).groups == 1)
    return false;
  const TensorEntry *beside = tensors->find(affineScaleName(name));
  if (haveGroups && (beside ? *beside : entry).dtype == DType::F16)
    return true;
  Expected<Scales> scales =
      haveGroups ? sampleScales(name, entry) : readScales(name);
  if (scales)
    return areHalves(scales->values);
  consumeError(scales.takeError()); // said by whoever needs them
  return false;
}

bool Checkpoint::hasHalfScales(StringRef name) const {
  if (modelConfig.weightForm == WeightForm::Masters)
    return false;
  int64_t count = name.contains("{}") ? modelConfig.layerCount : 1;
  for (int64_t layer = 0; layer < count; ++layer) {
    std::string own = atLayer(name, layer);
    if (tensors->find(own) && !areScalesHalf(own)) // not all kinds have it
      return false;
  }
  return true;
}

Error Checkpoint::findScaleShapes() {
  if (modelConfig.weightForm == WeightForm::Masters)
    return Error::success();
  for (Projection projection : modelConfig.projections())
    for (int64_t layer = 0; layer < modelConfig.layerCount; ++layer) {
      if (!modelConfig.hasProjection(projection, layer))
        continue;
      if (Error error =
              widenScaleShape(atLayer(weightName(projection), layer),
                              scaleShapes[static_cast<size_t>(projection)]))
        return error;
    }
  if (modelConfig.ternaryTable)
    if (Error error = widenScaleShape(embeddingName(), tableScales))
      return error;
  if (modelConfig.ternaryHead && !modelConfig.tiedHead)
    return widenScaleShape(ownHeadName(), headScales);
  return Error::success();
}

/// Of the families whose models are trained as masters; the others' are
/// quantized, with scales of groups.
bool Checkpoint::mayBeMaster() const {
  return modelConfig.family <= ModelFamily::Llama;
}

/// BitNets quantize activations in training, and say so or are named after it.
/// A GGUF file of another family does not say it: of these, models that were
/// trained with floats are those with scales of groups.
bool Checkpoint::isWeightOnly() const {
  if (!isGguf())
    return modelConfig.weightGroup != 0;
  return modelConfig.family != ModelFamily::BitNet &&
         any_of(scaleShapes,
                [](const ScaleShape &shape) { return shape.groups > 1; });
}
