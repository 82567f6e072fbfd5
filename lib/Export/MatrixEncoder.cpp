//===- lib/Export/MatrixEncoder.cpp - Digits as blocks of GGUF ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MatrixEncoder.h"

#include "tern/Import/ModelConfig.h"
#include "tern/Packing/HalfFloat.h"

#include <cmath>

using namespace llvm;

namespace tern {

/// Written at once, about.
static constexpr size_t bufferBytes = 1 << 20;

Error MatrixEncoder::fail(const Twine &message) const {
  return createStringError(checkpoint.directory() + ": " + message);
}

/// A type whose blocks fit into groups of `columns`, as a hint.
static std::string typeForGroups(int64_t columns) {
  return columns % 256 == 0   ? "; --type=tq2_0 can"
         : columns % 128 == 0 ? "; --type=pq2_0 can"
         : columns % 64 == 0  ? "; --type=q2_0_g64 can"
                              : "";
}

/// The scales of all runs of digits, as the blocks can hold them.
Expected<std::vector<float>> MatrixEncoder::runScales(const std::string &name,
                                                      const Scales &scales,
                                                      int64_t rows, int64_t run,
                                                      bool mayRound) const {
  for (float scale : scales.values) {
    float half = halfToFloat(floatToHalf(scale));
    if (!(half > 0) || !std::isfinite(half))
      return fail("the scale of tensor '" + name + "' is " +
                  std::to_string(scale) + ", which no float16 comes near");
    if (half != scale && !mayRound)
      return fail("tensor '" + name + "' has " + Twine(scales.values.size()) +
                  " scales that are no float16; of those, tern writes one for "
                  "a matrix");
  }
  // Readers of floats know groups of one width.
  int64_t unit = encoding.isPlain() ? productGroup : encoding.blockElements;
  if (scales.shape.groups > 1 && run % unit)
    return fail("tensor '" + name + "' has scales for groups of " + Twine(run) +
                " columns, which " + encoding.name + " cannot hold" +
                typeForGroups(run));
  return scales.expand({rows, scales.shape.groups});
}

Error MatrixEncoder::encode(const std::string &name, int64_t pairedHeads,
                            GgufWriter::Sink sink, float &exactScale) const {
  int64_t rows = cantFail(checkpoint.ternaryRows(name));
  int64_t columns = checkpoint.files().find(name)->shape[1];
  std::vector<int8_t> digits(static_cast<size_t>(rows * columns));
  Scales scales;
  if (Error error = checkpoint.readDigits(name, digits.data(), scales))
    return error;
  int64_t groups = scales.shape.groups, run = columns / groups;
  bool isSingle = scales.values.size() == 1;
  auto ofRuns = runScales(name, scales, rows, run, isSingle);
  if (!ofRuns)
    return ofRuns.takeError();
  if (pairedHeads) {
    pairRows(digits.data(), pairedHeads, rows, columns);
    pairRows(ofRuns->data(), pairedHeads, rows, groups);
  }
  exactScale = isSingle ? scales.values[0] : 0;
  return encodeRuns(digits, *ofRuns, run, sink);
}

/// Embedding or head, of which there is not room for all digits.
Error MatrixEncoder::encodeTable(const std::string &name, GgufWriter::Sink sink,
                                 float &exactScale) const {
  int64_t rows = cantFail(checkpoint.ternaryRows(name));
  int64_t columns = checkpoint.files().find(name)->shape[1];
  Expected<Scales> scales = checkpoint.readScales(name);
  if (!scales)
    return scales.takeError();
  int64_t groups = scales->shape.groups, run = columns / groups;
  // Of floats there is no exact scale beside the table.
  bool isSingle = scales->values.size() == 1 && !encoding.isPlain();
  auto ofRuns = runScales(name, *scales, rows, run, isSingle);
  if (!ofRuns)
    return ofRuns.takeError();
  exactScale = isSingle ? scales->values[0] : 0;
  ArrayRef<float> rest = *ofRuns;
  auto write = [&](ArrayRef<int8_t> digits) -> Error {
    size_t runs = digits.size() / static_cast<size_t>(run);
    ArrayRef<float> now = rest.take_front(runs);
    rest = rest.drop_front(runs);
    return encodeRuns(digits, now, run, sink);
  };
  return checkpoint.readDigits(name, write, *scales);
}

/// Blocks of equally long runs, each with a scale of its own.
Error MatrixEncoder::encodeRuns(ArrayRef<int8_t> digits, ArrayRef<float> ofRuns,
                                int64_t run, GgufWriter::Sink sink) const {
  int64_t runBytes = run / encoding.blockElements * encoding.blockBytes;
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < ofRuns.size(); ++i) {
    size_t end = bytes.size();
    bytes.resize(end + runBytes);
    encodeDigits(encoding, digits.data() + i * run, run, ofRuns[i],
                 bytes.data() + end);
    if (bytes.size() < bufferBytes && i + 1 < ofRuns.size())
      continue;
    if (Error error = sink(bytes))
      return error;
    bytes.clear();
  }
  return Error::success();
}

} // namespace tern
