//===- lib/Import/CheckpointGroups.cpp - Digits with scales of groups -----===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Matrices that have a scale for each group of columns of a row, in whatever
// way they are stored: products of digits and scales as floats, codes of MLX
// with scales beside them, blocks of GGUF. All are read some rows at a time.
//
//===----------------------------------------------------------------------===//

#include "tern/Import/Checkpoint.h"

#include "tern/Packing/Packer.h"
#include "tern/Packing/TernaryGroups.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace tern {

std::string Checkpoint::affineScaleName(StringRef weightName) {
  return (weightName.drop_back(strlen("weight")) + "scales").str();
}

std::string Checkpoint::affineBiasName(StringRef weightName) {
  return (weightName.drop_back(strlen("weight")) + "biases").str();
}

/// Matrices of words that have scales beside them.
void Checkpoint::takeCodes() {
  std::vector<std::string> names;
  for (const auto &[name, entry] : tensors->all())
    if (entry.dtype == DType::U32 && entry.shape.size() == 2 &&
        entry.shape[1] <= INT64_MAX / 16 &&
        StringRef(name).ends_with(".weight"))
      names.push_back(name);
  for (const std::string &name : names)
    tensors->takeAsCodes(name);
}

//===----------------------------------------------------------------------===//
// How a matrix is stored
//===----------------------------------------------------------------------===//

/// Floats of a GGUF file may be masters, which have no groups.
bool Checkpoint::hasGroups(const TensorEntry &entry) const {
  if (!isGguf())
    return modelConfig.weightForm == WeightForm::Products ||
           modelConfig.weightForm == WeightForm::Affine;
  return entry.isBlocked() && !entry.encoding->suffix;
}

int64_t Checkpoint::groupsOf(const TensorEntry &entry) const {
  int64_t columns = entry.shape[1];
  if (!isGguf() && modelConfig.weightGroup)
    return columns / modelConfig.weightGroup;
  if (!entry.isBlocked())
    return columns / productGroup;
  return entry.encoding->rowPrefix ? 1
                                   : columns / entry.encoding->blockElements;
}

static FloatWord wordOf(DType dtype) {
  return dtype == DType::F16    ? FloatWord::F16
         : dtype == DType::BF16 ? FloatWord::BF16
                                : FloatWord::F32;
}

/// Up to so many rows tell if a table is ternary: no other has a single group
/// of one magnitude.
static constexpr int64_t sampledRows = 64;

bool Checkpoint::areProducts(const TensorEntry &entry) const {
  bool mayBe = isGguf() || modelConfig.weightForm == WeightForm::Products;
  if (!mayBe || entry.isBlocked() || entry.shape.size() != 2 ||
      entry.shape[1] % productGroup || entry.elements() == 0)
    return false;
  if (!is_contained({DType::F16, DType::BF16, DType::F32}, entry.dtype))
    return false;
  int64_t rows = entry.shape[0], columns = entry.shape[1];
  int64_t sampled = std::min(rows, sampledRows);
  uint64_t rowBytes = entry.bytes / static_cast<uint64_t>(rows);
  std::vector<float> scales(static_cast<size_t>(columns / productGroup));
  bool any = false;
  for (int64_t i = 0; i < sampled; ++i) {
    int64_t row = i * rows / sampled, inexact = 0;
    const uint8_t *values = tensors->bytes(entry).data() + row * rowBytes;
    if (recoverGroups(wordOf(entry.dtype), values, 1, columns, productGroup,
                      nullptr, scales.data(), inexact)
            .problem != GroupVerdict::None)
      return false;
    any |= any_of(scales, [](float scale) { return scale != 0; });
  }
  return any;
}

//===----------------------------------------------------------------------===//
// Rows of digits
//===----------------------------------------------------------------------===//

/// As of a block of the file, in any message.
static std::string place(int64_t row, int64_t column, int64_t width) {
  return formatv("row {0}, block {1} (columns {2} to {3})", row, column / width,
                 column, column + width - 1);
}

Error Checkpoint::readProducts(StringRef name, const TensorEntry &entry,
                               int64_t from, int64_t count, int8_t *digits,
                               float *scales) const {
  int64_t columns = entry.shape[1], inexact = 0;
  int64_t rowBytes = columns * byteSize(entry.dtype);
  if (columns % productGroup)
    return error(name, entry,
                 "is " + entry.describe() +
                     ", whose rows are no whole groups "
                     "of " +
                     Twine(productGroup) + ", which have a scale each");
  ArrayRef<uint8_t> bytes =
      tensors->bytes(entry).slice(from * rowBytes, count * rowBytes);
  GroupVerdict verdict =
      recoverGroups(wordOf(entry.dtype), bytes.data(), count, columns,
                    productGroup, digits, scales, inexact);
  tensors->release(entry, from * rowBytes, count * rowBytes);
  std::string at = place(from + verdict.row, verdict.column, productGroup);
  if (verdict.problem == GroupVerdict::NotFinite)
    return error(name, entry,
                 "holds " + std::to_string(verdict.first) + " in " + at);
  if (verdict.problem == GroupVerdict::NotTernary)
    return error(name, entry,
                 formatv("is not ternary: {0} holds {1:e8} and {2:e8} where "
                         "only -a, 0 and a may be; tern compiles models whose "
                         "weights are digits times a scale for each row and "
                         "{3} columns, so masters or an ordinary model must be "
                         "ternarized first",
                         at, verdict.first, verdict.second, productGroup));
  auto [known, isNew] = inexactByTensor.try_emplace(name.str(), 0);
  if (digits)
    known->second = (from == 0 ? 0 : known->second) + inexact;
  return Error::success();
}

/// A code stands for scale * code + bias, so it is a digit more than -1 if
/// bias is -scale.
Error Checkpoint::readCodes(StringRef name, const TensorEntry &entry,
                            int64_t from, int64_t count, int8_t *digits,
                            float *scales) const {
  int64_t columns = entry.shape[1], groups = groupsOf(entry);
  int64_t width = columns / groups, rowBytes = columns / 4;
  std::vector<float> biases(static_cast<size_t>(count * groups));
  if (Error error = readFloats(affineScaleName(name), from * groups,
                               count * groups, scales))
    return error;
  if (Error error = readFloats(affineBiasName(name), from * groups,
                               count * groups, biases.data()))
    return error;
  ArrayRef<uint8_t> bytes =
      tensors->bytes(entry).slice(from * rowBytes, count * rowBytes);
  std::vector<int8_t> group(static_cast<size_t>(width));
  for (int64_t i = 0; i < count * groups; ++i) {
    int64_t row = i / groups, column = i % groups * width;
    auto where = [&] { return place(from + row, column, width); };
    if (!(scales[i] >= 0) || biases[i] != -scales[i])
      return error(name, entry,
                   formatv("is not ternary: the scale of {0} is {1:e8} and its "
                           "bias {2:e8}, but of a ternary group the bias is "
                           "-scale",
                           where(), scales[i], biases[i]));
    int8_t *out = digits ? digits + row * columns + column : group.data();
    float alpha;
    GgufVerdict verdict = decodeDigits(
        bareCodes(), bytes.data() + i * (width / 4), 1, width, out, alpha);
    if (verdict.problem != GgufVerdict::None)
      return error(name, entry,
                   "holds code 3, which is no digit, in " + where());
    if (scales[i] == 0)
      std::fill_n(out, width, int8_t(0));
    else if (all_of(ArrayRef(out, width), [](int8_t d) { return d == 0; }))
      scales[i] = 0;
  }
  tensors->release(entry, from * rowBytes, count * rowBytes);
  return Error::success();
}

Error Checkpoint::readBlockRows(StringRef name, const TensorEntry &entry,
                                int64_t from, int64_t count, int8_t *digits,
                                float *scales) const {
  const GgufEncoding &encoding = *entry.encoding;
  int64_t columns = entry.shape[1];
  auto rowBytes = static_cast<int64_t>(*ggufBytes(encoding, columns, 1));
  ArrayRef<uint8_t> bytes =
      tensors->bytes(entry).slice(from * rowBytes, count * rowBytes);
  if (digits) {
    float alpha;
    GgufVerdict verdict =
        decodeDigits(encoding, bytes.data(), count, columns, digits, alpha);
    verdict.row += from;
    if (Error error = refuseDigits(name, entry, verdict))
      return error;
  }
  if (scales)
    copy(decodeScales(encoding, bytes.data(), count, columns), scales);
  tensors->release(entry, from * rowBytes, count * rowBytes);
  return Error::success();
}

/// Rows as they are stored. Without digits it is quicker; scales are as many
/// for each row as there are groups.
Error Checkpoint::readGroupRows(StringRef name, const TensorEntry &entry,
                                int64_t from, int64_t count, int8_t *digits,
                                float *scales) const {
  if (!entry.isBlocked())
    return readProducts(name, entry, from, count, digits, scales);
  return isGguf() ? readBlockRows(name, entry, from, count, digits, scales)
                  : readCodes(name, entry, from, count, digits, scales);
}

//===----------------------------------------------------------------------===//
// Whole matrices
//===----------------------------------------------------------------------===//

/// The scales alone if there is no sink.
Error Checkpoint::readGrouped(StringRef name, const TensorEntry &entry,
                              DigitSink sink, Scales &scales) const {
  int64_t rows = entry.shape[0], columns = entry.shape[1];
  int64_t groups = groupsOf(entry), step = rowsAtOnce(entry);
  auto known = knownScales.find(name);
  if (!sink && known != knownScales.end()) {
    scales = Scales::inSimplestShape(known->second, rows);
    return Error::success();
  }
  std::vector<float> all(static_cast<size_t>(rows * groups));
  std::vector<int8_t> digits(sink ? static_cast<size_t>(step * columns) : 0);
  for (int64_t row = 0; row < rows; row += step) {
    int64_t now = std::min(step, rows - row);
    if (Error error =
            readGroupRows(name, entry, row, now, sink ? digits.data() : nullptr,
                          all.data() + row * groups))
      return error;
    if (!sink)
      continue;
    if (Error error = sink(ArrayRef(digits).take_front(now * columns)))
      return error;
  }
  if (sink && !entry.isBlocked())
    knownScales[name.str()] = all;
  scales = Scales::inSimplestShape(std::move(all), rows);
  return Error::success();
}

/// Products of digits and scales, each of which is exact.
Error Checkpoint::readTernaryFloats(StringRef name, const TensorEntry &entry,
                                    int64_t from, int64_t count,
                                    float *out) const {
  int64_t columns = entry.shape[1], groups = groupsOf(entry);
  std::vector<int8_t> digits(static_cast<size_t>(columns));
  std::vector<float> scales(static_cast<size_t>(groups));
  for (int64_t done = 0; done < count;) {
    int64_t row = (from + done) / columns, column = (from + done) % columns;
    int64_t now = std::min(columns - column, count - done);
    if (Error error =
            readGroupRows(name, entry, row, 1, digits.data(), scales.data()))
      return error;
    for (int64_t i = 0; i < now; ++i)
      out[done + i] = scales[(column + i) / (columns / groups)] *
                      static_cast<float>(digits[column + i]);
    done += now;
  }
  return Error::success();
}

/// The shape that the scales have in their simplest form, from as few rows as
/// tell it: in most models these are the first ones.
Expected<ScaleShape> Checkpoint::findShape(StringRef name,
                                           ScaleShape stored) const {
  const TensorEntry &entry = *tensors->find(name);
  ScaleShapeFinder finder(stored);
  int64_t rows = entry.shape[0], step = 16;
  std::vector<float> scales;
  for (int64_t row = 0; row < rows && !finder.isDecided(); row += step) {
    int64_t now = std::min(step, rows - row);
    scales.resize(static_cast<size_t>(now * stored.groups));
    if (Error error =
            readGroupRows(name, entry, row, now, nullptr, scales.data()))
      return std::move(error);
    finder.add(scales);
    step = std::min(2 * step, rowsAtOnce(entry));
  }
  return finder.shape();
}

int64_t Checkpoint::inexactGroups() const {
  int64_t all = 0;
  for (const auto &[name, count] : inexactByTensor)
    all += count;
  return all;
}

std::string Checkpoint::warnOfInexactGroups() const {
  int64_t count = inexactGroups();
  return count == 0 ? ""
                    : std::to_string(count) + " groups of " +
                          std::to_string(productGroup) +
                          " weights hold two magnitudes next to each other in "
                          "float16; the more frequent one is taken for their "
                          "scale";
}

} // namespace tern
