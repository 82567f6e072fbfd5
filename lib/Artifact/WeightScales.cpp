//===- lib/Artifact/WeightScales.cpp - Scales of merged matrices ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightValues.h"

#include "tern/Packing/HalfFloat.h"

using namespace llvm;
using namespace tern;

static Expected<Scales> readScales(const Checkpoint &checkpoint,
                                   const StringMap<float> &alphas,
                                   StringRef name) {
  auto known = alphas.find(name);
  if (known != alphas.end()) {
    Scales scales;
    scales.values[0] = known->second;
    return scales;
  }
  if (checkpoint.config().weightForm != WeightForm::Masters)
    return checkpoint.readScales(name);
  return createStringError("the digits of '" + name +
                           "' are not part of the artifact");
}

Expected<std::vector<float>> tern::gatherScales(const Checkpoint &checkpoint,
                                                const StringMap<float> &alphas,
                                                ArrayRef<std::string> names,
                                                ScaleShape shape) {
  std::vector<float> all;
  // One value per source, or its values for each of its rows.
  bool perSource =
      shape.groups == 1 && shape.rows == static_cast<int64_t>(names.size());
  for (const std::string &name : names) {
    Expected<Scales> scales = readScales(checkpoint, alphas, name);
    if (!scales)
      return scales.takeError();
    Expected<int64_t> rows = checkpoint.ternaryRows(name);
    if (!rows)
      return rows.takeError();
    ScaleShape wanted{perSource ? 1 : *rows, shape.groups}, has = scales->shape;
    if ((has.rows != 1 && has.rows != wanted.rows) ||
        wanted.groups % has.groups)
      return createStringError("has no room for the " + Twine(has.rows) +
                               " x " + Twine(has.groups) + " scales of '" +
                               name + "'");
    append_range(all, scales->expand(wanted));
  }
  int64_t size = shape.rows * shape.groups;
  if (static_cast<int64_t>(all.size()) == size)
    return all;
  return createStringError("has " + Twine(size) +
                           " scales, but its sources have " +
                           Twine(names.size()) + ", or " + Twine(all.size()) +
                           " in all rows and groups");
}

Error tern::checkHalves(ArrayRef<float> scales, int64_t groups) {
  for (auto [i, scale] : enumerate(scales)) {
    if (halfToFloat(floatToHalf(scale)) == scale)
      continue;
    int64_t at = static_cast<int64_t>(i);
    return createStringError(
        "is expected to have scales that 16 bits hold exactly, but in row %lld "
        "and group %lld it is %.9g",
        static_cast<long long>(at / groups),
        static_cast<long long>(at % groups), static_cast<double>(scale));
  }
  return Error::success();
}
