//===- lib/Import/CheckpointBlocks.cpp - Tensors of GGUF files, read ------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/Checkpoint.h"
#include "tern/Import/GgufNames.h"
#include "tern/Packing/HalfFloat.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace llvm;

namespace tern {

Error Checkpoint::checkFinite(StringRef name, const TensorEntry &entry,
                              int64_t from, int64_t count,
                              const float *values) const {
  for (int64_t i = 0; i < count; ++i)
    if (!std::isfinite(values[i]))
      return error(name, entry,
                   "holds " + std::to_string(values[i]) + " at element " +
                       Twine(from + i));
  return Error::success();
}

/// The blocks that hold the elements, a few at a time.
Error Checkpoint::readBlocks(StringRef name, const TensorEntry &entry,
                             int64_t from, int64_t count, float *out) const {
  const GgufEncoding &encoding = *entry.encoding;
  int64_t elements = encoding.blockElements;
  std::vector<float> values(static_cast<size_t>(256 * elements));
  for (int64_t done = 0; done < count;) {
    int64_t block = (from + done) / elements;
    int64_t skipped = (from + done) % elements;
    int64_t now = std::min<int64_t>(values.size() - skipped, count - done);
    int64_t blocks = (skipped + now + elements - 1) / elements;
    ArrayRef<uint8_t> bytes = tensors->bytes(entry).slice(
        block * encoding.blockBytes, blocks * encoding.blockBytes);
    decodeFloats(encoding, bytes.data(), blocks, values.data());
    std::copy_n(values.begin() + skipped, now, out + done);
    done += now;
  }
  tensors->release(entry, from / elements * encoding.blockBytes,
                   count / elements * encoding.blockBytes);
  return checkFinite(name, entry, from, count, out);
}

/// A bias is short enough to be read whole.
Error Checkpoint::readSeparated(StringRef name, const TensorEntry &entry,
                                int64_t from, int64_t count, float *out) const {
  int64_t size = entry.elements();
  std::vector<float> values(static_cast<size_t>(size));
  if (Error error = readStored(name, entry, 0, size, values.data()))
    return error;
  separateRows(values.data(), entry.pairedHeads, size, 1);
  std::copy_n(values.begin() + from, count, out);
  return Error::success();
}

Error Checkpoint::refuseDigits(StringRef name, const TensorEntry &entry,
                               const GgufVerdict &verdict) const {
  bool isDigit = verdict.problem != GgufVerdict::NotADigit;
  if (isDigit && verdict.problem != GgufVerdict::BadScale)
    return Error::success();
  std::string at =
      formatv(" at row {0}, column {1}, block {2} of the row", verdict.row,
              verdict.column, verdict.column / entry.encoding->blockElements);
  if (!isDigit)
    return error(name, entry, "holds code 3, which is no digit," + at);
  return error(name, entry,
               "has the scale " + std::to_string(verdict.scale) + at +
                   ", but a scale must be positive and finite");
}

/// The part common to all encodings: the exact scale, a scale beside the
/// matrix, the order of rows.
Error Checkpoint::finishScales(StringRef name, const TensorEntry &entry,
                               Scales &scales) const {
  if (entry.exactScale) {
    if (scales.values.size() != 1 ||
        halfToFloat(floatToHalf(*entry.exactScale)) != scales.values[0])
      return error(name, entry,
                   "has the scale " + std::to_string(scales.values[0]) +
                       ", but '" + ternScalesKey + "' says " +
                       std::to_string(*entry.exactScale));
    scales.values[0] = *entry.exactScale;
  }
  if (tensors->find(scaleName(name))) {
    Expected<Scales> beside = readScaleTensor(name);
    if (!beside)
      return beside.takeError();
    for (float &scale : scales.values)
      scale *= beside->values[0];
  }
  if (entry.pairedHeads && scales.shape.rows > 1)
    separateRows(scales.values.data(), entry.pairedHeads, scales.shape.rows,
                 scales.shape.groups);
  return Error::success();
}

/// A tensor says what other formats have a formula for. If there are both, they
/// must agree, and the formula counts: it is not rounded.
Error Checkpoint::readRopeFactors() {
  const TensorEntry *entry = tensors->find(ropeFactorsName);
  if (!entry)
    return Error::success();
  int64_t count = modelConfig.headDim / 2;
  if (entry->dtype != DType::F32 || entry->isBlocked() ||
      entry->shape != SmallVector<int64_t, 2>{count})
    return error(ropeFactorsName, *entry,
                 "is " + entry->describe() + ", but the metadata imply F32 [" +
                     Twine(count) + "]");
  std::vector<float> factors(static_cast<size_t>(count));
  if (Error error = readFloats(ropeFactorsName, factors.data()))
    return error;
  std::vector<double> &divisors = modelConfig.ropeDivisors;
  bool isStated = !divisors.empty();
  for (int64_t i = 0; i < count; ++i) {
    if (factors[i] <= 0 ||
        (isStated && factors[i] != static_cast<float>(divisors[i])))
      return error(
          ropeFactorsName, *entry,
          "holds " + std::to_string(factors[i]) + " at element " + Twine(i) +
              ", but " +
              (isStated ? "the metadata imply " + std::to_string(divisors[i])
                        : "a frequency is divided by it"));
  }
  if (!isStated)
    divisors.assign(factors.begin(), factors.end());
  return Error::success();
}

/// True if each 32 adjacent numbers have one magnitude, which means that they
/// are digits times the scales of groups; masters are not like that.
static bool looksGrouped(ArrayRef<float> row) {
  int8_t digits[32];
  float scale;
  while (row.size() >= 32) {
    if (!splitTernaryValues(row.data(), 32, digits, scale))
      return false;
    row = row.drop_front(32);
  }
  return row.empty();
}

/// Floats of a GGUF file are looked at just so far that a master costs nothing:
/// its first row that is not 0 has more than one magnitude. Else `scale` is
/// that row's magnitude, and `row` the next one; if all are 0, `scale` is, too.
Checkpoint::PlainForm Checkpoint::plainForm(const TensorEntry &entry,
                                            int64_t &row, float &scale) const {
  int64_t rows = entry.shape[0], columns = entry.shape[1];
  int64_t rowBytes = columns * entry.encoding->blockBytes;
  const uint8_t *bytes = tensors->bytes(entry).data();
  std::vector<float> values(static_cast<size_t>(columns));
  std::vector<int8_t> digits(values.size());
  scale = 0;
  for (row = 0; row < rows && scale == 0; ++row) {
    decodeFloats(*entry.encoding, bytes + row * rowBytes, columns,
                 values.data());
    if (!splitTernaryValues(values.data(), columns, digits.data(), scale))
      return !mayBeMaster() || looksGrouped(values) ? PlainForm::Groups
                                                    : PlainForm::Master;
  }
  return PlainForm::Rows;
}

/// Either digits times their scales, which converters write, or a master.
Error Checkpoint::readPlain(StringRef name, const TensorEntry &entry,
                            DigitSink sink, Scales &scales) const {
  int64_t rows = entry.shape[0], columns = entry.shape[1], first;
  float scale;
  PlainForm form = plainForm(entry, first, scale);
  if (form == PlainForm::Groups)
    return readGrouped(name, entry, sink, scales);
  if (form == PlainForm::Master)
    return readMaster(name, entry, sink, scales.values[0]);
  int64_t step = rowsAtOnce(entry);
  std::vector<float> part(static_cast<size_t>(step * columns));
  std::vector<int8_t> digits(part.size());
  std::vector<float> alphas(static_cast<size_t>(rows));
  for (int64_t row = 0; row < rows; row += step) {
    int64_t now = std::min(step, rows - row);
    if (Error error =
            readFloats(name, row * columns, now * columns, part.data()))
      return error;
    for (int64_t i = 0; i < now; ++i)
      if (!splitTernaryValues(part.data() + i * columns, columns,
                              digits.data() + i * columns, alphas[row + i]))
        return error(name, entry,
                     "holds a scale for each row up to row " + Twine(row + i) +
                         ", which has more than one; tern reads floats that "
                         "are digits times scales of rows or of groups of " +
                         Twine(productGroup) + " columns, or masters");
    if (!sink)
      continue;
    if (Error error = sink(ArrayRef(digits).take_front(now * columns)))
      return error;
  }
  scales = Scales::inSimplestShape(std::move(alphas), rows);
  return Error::success();
}

Error Checkpoint::readEncodedRows(StringRef name, const TensorEntry &entry,
                                  DigitSink sink, Scales &scales) const {
  if (!entry.isBlocked())
    return readPlain(name, entry, sink, scales);
  if (hasGroups(entry))
    return readGrouped(name, entry, sink, scales);
  // The scale is behind the last row.
  int64_t rows = entry.shape[0], columns = entry.shape[1];
  std::vector<int8_t> digits(static_cast<size_t>(rows * columns));
  GgufVerdict verdict =
      decodeDigits(*entry.encoding, tensors->bytes(entry).data(), rows, columns,
                   digits.data(), scales.values[0]);
  if (Error error = refuseDigits(name, entry, verdict))
    return error;
  tensors->release(entry, 0, entry.bytes);
  return sink(digits);
}

/// Rows that the file has in another order are put right in memory.
Error Checkpoint::readEncoded(StringRef name, const TensorEntry &entry,
                              DigitSink sink, Scales &scales) const {
  if (!entry.pairedHeads) {
    if (Error error = readEncodedRows(name, entry, sink, scales))
      return error;
    return finishScales(name, entry, scales);
  }
  std::vector<int8_t> all;
  all.reserve(static_cast<size_t>(entry.elements()));
  auto collect = [&](ArrayRef<int8_t> rows) -> Error {
    append_range(all, rows);
    return Error::success();
  };
  if (Error error = readEncodedRows(name, entry, collect, scales))
    return error;
  separateRows(all.data(), entry.pairedHeads, entry.shape[0], entry.shape[1]);
  if (Error error = sink(all))
    return error;
  return finishScales(name, entry, scales);
}

/// If the first row that is not 0 has one magnitude, the first number of every
/// row tells its scale.
ScaleShape Checkpoint::plainScaleShape(const TensorEntry &entry) const {
  int64_t rows = entry.shape[0], columns = entry.shape[1], row;
  float first;
  PlainForm form = plainForm(entry, row, first);
  if (form != PlainForm::Rows)
    return form == PlainForm::Groups && columns % productGroup == 0
               ? ScaleShape{rows, columns / productGroup}
               : ScaleShape();
  int64_t size = entry.encoding->blockBytes;
  const uint8_t *bytes = tensors->bytes(entry).data();
  for (; row < rows; ++row) {
    float value = 0;
    for (int64_t column = 0; column < columns && value == 0; ++column)
      decodeFloats(*entry.encoding, bytes + (row * columns + column) * size, 1,
                   &value);
    if (value != 0 && std::fabs(value) != first)
      return {rows, 1};
  }
  return {};
}

ScaleShape Checkpoint::encodedScaleShape(const TensorEntry &entry) const {
  if (!entry.isBlocked())
    return plainScaleShape(entry);
  if (entry.encoding->suffix)
    return {};
  return {entry.shape[0], groupsOf(entry)};
}

Expected<Scales> Checkpoint::readEncodedScales(StringRef name) const {
  Expected<const TensorEntry *> found = get(name);
  if (!found)
    return found.takeError();
  const TensorEntry &entry = **found;
  int64_t rows = entry.shape[0], columns = entry.shape[1];
  Scales scales;
  if (entry.isBlocked()) {
    scales = Scales::inSimplestShape(decodeScales(*entry.encoding,
                                                  tensors->bytes(entry).data(),
                                                  rows, columns),
                                     rows);
    tensors->release(entry, 0, entry.bytes);
  } else if (!isTernaryName(name) || knownScales.count(name)) {
    if (Error error = readGrouped(name, entry, {}, scales))
      return std::move(error);
  } else if (Error error = readPlain(name, entry, {}, scales)) {
    return std::move(error);
  }
  if (Error error = finishScales(name, entry, scales))
    return std::move(error);
  return scales;
}

} // namespace tern
