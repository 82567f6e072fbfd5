//===- lib/Import/CheckpointDigits.cpp - Rows of ternary matrices ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Digits are handed on some rows at a time: those of a table would be more than
// the whole artifact.
//
//===----------------------------------------------------------------------===//

#include "tern/Import/Checkpoint.h"
#include "tern/Packing/Packer.h"
#include "tern/Packing/Ternarizer.h"

using namespace llvm;

namespace tern {

/// Elements read between two releases of pages.
static constexpr int64_t partElements = 1 << 20;

int64_t Checkpoint::rowsAtOnce(const TensorEntry &entry) {
  return std::max<int64_t>(1, partElements / entry.shape[1]);
}

bool Checkpoint::isTernary(StringRef name) const {
  const TensorEntry *entry = tensors->find(name);
  if (!entry || modelConfig.weightForm == WeightForm::Masters)
    return false;
  return entry->dtype == DType::U8 || areProducts(*entry);
}

Expected<int64_t> Checkpoint::ternaryRows(StringRef name) const {
  Expected<const TensorEntry *> entry = get(name);
  if (!entry)
    return entry.takeError();
  bool packed = modelConfig.hasPackedWeights();
  DType dtype = (*entry)->dtype;
  bool fits =
      dtype == DType::BF16 || dtype == DType::F16 || dtype == DType::F32;
  if (packed || (*entry)->isBlocked())
    fits = dtype == DType::U8;
  if (!fits || (*entry)->shape.size() != 2)
    return error(name, **entry,
                 "is " + (*entry)->describe() + ", not a ternary matrix");
  return (*entry)->shape[0] * (packed ? 4 : 1);
}

Error Checkpoint::readDigits(StringRef name, DigitSink sink,
                             Scales &scales) const {
  Expected<int64_t> rows = ternaryRows(name);
  if (!rows)
    return rows.takeError();
  const TensorEntry &entry = *tensors->find(name);
  scales = Scales();
  if (modelConfig.weightForm == WeightForm::Masters)
    return readMaster(name, entry, sink, scales.values[0]);
  if (modelConfig.weightForm == WeightForm::PerTensor)
    return readEncoded(name, entry, sink, scales);
  if (hasGroups(entry))
    return readGrouped(name, entry, sink, scales);
  Expected<Scales> stored = readScales(name);
  if (!stored)
    return stored.takeError();
  scales = std::move(*stored);
  return readPacked(name, entry, sink);
}

Error Checkpoint::readDigits(StringRef name, int8_t *digits,
                             Scales &scales) const {
  return readDigits(
      name,
      [&](ArrayRef<int8_t> rows) -> Error {
        digits = std::copy(rows.begin(), rows.end(), digits);
        return Error::success();
      },
      scales);
}

Error Checkpoint::readPacked(StringRef name, const TensorEntry &entry,
                             DigitSink sink) const {
  int64_t rows = entry.shape[0] * 4, columns = entry.shape[1];
  int64_t step = rowsAtOnce(entry);
  const uint8_t *bytes = tensors->bytes(entry).data();
  std::vector<int8_t> digits(static_cast<size_t>(step * columns));
  for (int64_t row = 0; row < rows; row += step) {
    int64_t now = std::min(step, rows - row);
    if (std::optional<MatrixPlace> bad =
            unpackHuggingFace(bytes, rows, columns, row, now, digits.data()))
      return error(name, entry,
                   "holds code 3, which is no digit, at row " +
                       Twine(bad->row) + ", column " + Twine(bad->column));
    if (Error error = sink(ArrayRef(digits).take_front(now * columns)))
      return error;
  }
  tensors->release(entry, 0, entry.bytes);
  return Error::success();
}

/// Reads it twice rather than have all of it in memory.
Error Checkpoint::readMaster(StringRef name, const TensorEntry &entry,
                             DigitSink sink, float &alpha) const {
  int64_t count = entry.elements(), columns = entry.shape[1];
  int64_t rows = rowsAtOnce(entry) * columns;
  std::vector<float> part(std::min(count, std::max(partElements, rows)));
  auto forEachPart = [&](int64_t step, auto body) -> Error {
    for (int64_t from = 0; from < count; from += step) {
      int64_t now = std::min(step, count - from);
      if (Error error = readFloats(name, from, now, part.data()))
        return error;
      if (Error error = body(now))
        return error;
    }
    return Error::success();
  };
  Ternarizer ternarizer;
  if (Error error = forEachPart(partElements, [&](int64_t now) -> Error {
        ternarizer.add(part.data(), now);
        return Error::success();
      }))
    return error;
  alpha = ternarizer.alpha();
  if (!sink)
    return Error::success();
  std::vector<int8_t> digits(part.size());
  return forEachPart(rows, [&](int64_t now) {
    ternarizer.toDigits(part.data(), now, digits.data());
    return sink(ArrayRef(digits).take_front(now));
  });
}

} // namespace tern
