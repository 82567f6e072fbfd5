//===- RowReference.h - docs/numerics.md in plain C++ -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One row at a time, as the page says it: no trick of the compiler is repeated
// here. To be compiled with -ffp-contract=off.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_KERNELS_ROWREFERENCE_H
#define TERN_TEST_UNIT_KERNELS_ROWREFERENCE_H

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace tern::test {

using Row = std::vector<float>;

/// Halves to even; the default rounding mode is never changed.
inline float rne(float x) { return std::nearbyint(x); }

/// Codes are clipped: NaN becomes the lowest.
inline float clip(float x, float low, float high) {
  return std::isnan(x) ? low : std::min(std::max(x, low), high);
}

/// Equal to the bit, or NaN both: which one is not defined.
inline bool isSame(float x, float y) {
  return std::memcmp(&x, &y, sizeof(x)) == 0 ||
         (std::isnan(x) && std::isnan(y));
}

inline float r32(const Row &x) {
  float a[32] = {};
  for (size_t i = 0; i < x.size(); ++i)
    a[i % 32] += x[i];
  for (int h = 16; h >= 1; h /= 2)
    for (int j = 0; j < h; ++j)
      a[j] += a[j + h];
  return a[0];
}

inline float exponential(float x) {
  if (std::isnan(x))
    return x;
  x = clip(x, -87.0f, 87.0f);
  float k = rne(x * 1.44269504088896341f);
  float r = (x - k * 0.693359375f) - k * -2.12194440e-4f;
  float y = 1.9875691500e-4f * r + 1.3981999507e-3f;
  for (float c :
       {8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f})
    y = y * r + c;
  y = (y * (r * r) + r) + 1.0f;
  return std::ldexp(y, int(k));
}

inline Row rmsNorm(const Row &x, const Row &w, float eps) {
  Row squares(x.size()), y(x.size());
  for (size_t i = 0; i < x.size(); ++i)
    squares[i] = x[i] * x[i];
  float mean = r32(squares) / float(x.size());
  float r = 1.0f / std::sqrt(mean + eps);
  for (size_t i = 0; i < x.size(); ++i)
    y[i] = (x[i] * r) * w[i];
  return y;
}

struct Codes {
  std::vector<int8_t> q;
  float s;
};

/// NaN if one of the row is.
inline float largest(const Row &x) {
  float g = 1e-5f;
  for (float value : x)
    if (std::isnan(value) || std::fabs(value) > g)
      g = std::fabs(value);
    else if (std::isnan(g))
      break;
  return g;
}

inline Codes int8AbsMax(const Row &x) {
  float g = largest(x);
  Codes codes{{}, g / 127.0f};
  for (float value : x)
    codes.q.push_back(clip(rne(value * (127.0f / g)), -128, 127));
  return codes;
}

inline Codes int4AbsMean(const Row &x) {
  const float sqrt7 = 2.6457513110645907f;
  Row absolute;
  for (float value : x)
    absolute.push_back(std::fabs(value));
  float b = r32(absolute) / float(x.size());
  b = b < 1e-5f ? 1e-5f : b;
  Codes codes{{}, b / sqrt7};
  for (float value : x)
    codes.q.push_back(clip(rne(value * (sqrt7 / b)), -8, 7));
  return codes;
}

inline Codes fp4E2M1(const Row &x) {
  const double values[] = {0, .5, 1, 1.5, 2, 3, 4, 6};
  float g = largest(x);
  Codes codes{{}, g / 12.0f};
  for (float value : x) {
    double scaled = std::fabs(value * (6.0f / g));
    if (std::isnan(scaled)) {
      codes.q.push_back(-12);
      continue;
    }
    int best = 0;
    for (int code = 1; code < 8; ++code) {
      double gain =
          std::fabs(scaled - values[best]) - std::fabs(scaled - values[code]);
      if (gain > 0 || (gain == 0 && code % 2 == 0))
        best = code;
    }
    codes.q.push_back(int8_t(2 * values[best]) * (value < 0 ? -1 : 1));
  }
  return codes;
}

struct Scheme {
  const char *name;
  Codes (*quantize)(const Row &);
};
inline const Scheme kSchemes[] = {{"int8_absmax", int8AbsMax},
                                  {"int4_absmean", int4AbsMean},
                                  {"fp4_e2m1", fp4E2M1}};

/// 0 behind a gate that is closed, where up need not have been computed.
inline float relu2Of(float gate, float up) {
  return gate <= 0 ? 0.0f : (gate * gate) * up;
}
inline float siluOf(float gate, float up) {
  return (gate * (1.0f / (1.0f + exponential(-gate)))) * up;
}

/// A head_dim that divides `n`, with halves of no round size if possible.
inline int64_t headDim(int64_t n) {
  switch (n) {
  case 192:
    return 64;
  case 688:
    return 16;
  case 5460:
    return 420;
  default:
    return n;
  }
}

/// `cos` and `sin` are the rows of the token's position.
inline Row rope(const Row &x, const Row &cos, const Row &sin) {
  size_t half = cos.size();
  Row y(x.size());
  for (size_t head = 0; head < x.size(); head += 2 * half)
    for (size_t i = 0; i < half; ++i) {
      float a = x[head + i], b = x[head + half + i];
      y[head + i] = a * cos[i] - b * sin[i];
      y[head + half + i] = b * cos[i] + a * sin[i];
    }
  return y;
}

} // namespace tern::test

#endif // TERN_TEST_UNIT_KERNELS_ROWREFERENCE_H
