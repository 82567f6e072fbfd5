//===- AttentionReference.cpp - Attention in plain C++ --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AttentionReference.h"

#include "Kernels/RowReference.h"

#include "tern/Packing/HalfFloat.h"

#include <algorithm>
#include <cmath>

using namespace tern;

/// The largest |x|, of `n` values.
static float absMax(const float *x, int64_t n) {
  return test::largest(test::Row(x, x + n));
}

uint16_t tern::toHalf(float x) {
  return std::isnan(x)
             ? 0x7e00
             : floatToHalf(std::min(std::max(x, -65504.0f), 65504.0f));
}

CodedRow tern::encodeRow(const float *x, int64_t n, int64_t bits) {
  CodedRow row;
  row.scaleBits = toHalf(absMax(x, n));
  row.scale = halfToFloat(row.scaleBits);
  float top = static_cast<float>((1 << bits) - 1);
  for (int64_t i = 0; i < n; ++i) {
    float code = std::nearbyint((x[i] / row.scale + 1.0f) * (top / 2.0f));
    row.codes.push_back(static_cast<int>(test::clip(code, 0.0f, top)));
  }
  return row;
}

namespace {

/// Odd integers, and what one of them stands for.
struct OddRow {
  std::vector<int> u;
  float factor;
};

OddRow oddRow(const float *x, int64_t n, int64_t bits) {
  CodedRow row = encodeRow(x, n, bits);
  int top = (1 << bits) - 1;
  OddRow odd{{}, row.scale / static_cast<float>(top)};
  for (int code : row.codes)
    odd.u.push_back(2 * code - top);
  return odd;
}

OddRow quantizeQuery(const float *q, int64_t n, int64_t bits) {
  if (bits != 8)
    return oddRow(q, n, bits);
  float g = absMax(q, n), multiplier = 127.0f / g;
  OddRow row{{}, g / 127.0f};
  for (int64_t i = 0; i < n; ++i)
    row.u.push_back(static_cast<int>(
        test::clip(std::nearbyint(q[i] * multiplier), -128.0f, 127.0f)));
  return row;
}

std::vector<float> halfRow(const float *x, int64_t n) {
  std::vector<float> row;
  for (int64_t i = 0; i < n; ++i)
    row.push_back(halfToFloat(toHalf(x[i])));
  return row;
}

std::vector<float> softmaxTerms(const std::vector<float> &scores) {
  float most = *std::max_element(scores.begin(), scores.end());
  std::vector<float> e;
  for (float score : scores)
    e.push_back(test::exponential(score - most));
  return e;
}

/// Values of one block of 64 positions: what each dimension's sum gets.
std::vector<float> blockPart(const std::vector<float> &w,
                             const std::vector<OddRow> &values, int64_t first,
                             int64_t end, int64_t headDim) {
  float most = 0.0f;
  for (int64_t t = first; t < end; ++t)
    most = std::isnan(most) || most > w[t] ? most : w[t];
  std::vector<float> part(headDim, 0.0f);
  if (most < 1e-30f)
    return part;
  if (std::isnan(most))
    return std::vector<float>(headDim, most);
  float scale = 255.0f / most, factor = most / 255.0f;
  for (int64_t i = 0; i < headDim; ++i) {
    int64_t sum = 0;
    for (int64_t t = first; t < end; ++t)
      sum +=
          static_cast<int64_t>(std::nearbyint(w[t] * scale)) * values[t].u[i];
    part[i] = static_cast<float>(sum) * factor;
  }
  return part;
}

} // namespace

std::vector<float> tern::attend(const AttentionShape &shape, const float *query,
                                const std::vector<std::vector<float>> &keys,
                                const std::vector<std::vector<float>> &values,
                                int64_t kvHead, int64_t position) {
  int64_t d = shape.headDim;
  float scale = 1.0f / std::sqrt(static_cast<float>(d));
  OddRow q = quantizeQuery(query, d, shape.qBits);
  std::vector<float> scores, w;
  std::vector<OddRow> oddValues;
  std::vector<std::vector<float>> halfValues;
  for (int64_t t = 0; t <= position; ++t) {
    const float *k = keys[t].data() + kvHead * d;
    const float *v = values[t].data() + kvHead * d;
    if (shape.bits == 16) {
      std::vector<float> products = halfRow(k, d);
      for (int64_t i = 0; i < d; ++i)
        products[i] = query[i] * products[i];
      scores.push_back(test::r32(products) * scale);
      halfValues.push_back(halfRow(v, d));
      continue;
    }
    int64_t bits = t == 0 ? shape.bosBits : shape.bits;
    OddRow key = oddRow(k, d, bits);
    int64_t sum = 0;
    for (int64_t i = 0; i < d; ++i)
      sum += q.u[i] * key.u[i];
    scores.push_back(static_cast<float>(sum) *
                     ((q.factor * scale) * key.factor));
    oddValues.push_back(oddRow(v, d, bits));
  }
  std::vector<float> e = softmaxTerms(scores), out(d);
  float z = test::r32(e);
  std::vector<std::vector<float>> terms(d); ///< of each dimension's sum
  if (shape.bits == 16) {
    for (int64_t t = 0; t <= position; ++t)
      for (int64_t i = 0; i < d; ++i)
        terms[i].push_back(e[t] * halfValues[t][i]);
  } else {
    for (int64_t t = 0; t <= position; ++t)
      w.push_back(e[t] * oddValues[t].factor);
    for (int64_t first = 0; first <= position; first += 64) {
      std::vector<float> part =
          blockPart(w, oddValues, first, std::min(first + 64, position + 1), d);
      for (int64_t i = 0; i < d; ++i)
        terms[i].push_back(part[i]);
    }
  }
  for (int64_t i = 0; i < d; ++i)
    out[i] = test::r32(terms[i]) / z;
  return out;
}
