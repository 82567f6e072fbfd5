//===- RowKernelsTest.cpp - Reductions, top-k, compaction -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiled kernels against plain C++ written from docs/numerics.md 0 and 3, to
// the bit.
//
//===----------------------------------------------------------------------===//

#include "Kernels/KernelJit.h"
#include "Kernels/RowReference.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

using namespace tern;

namespace {

class RowKernelsTest : public testing::TestWithParam<JitTarget> {
protected:
  std::unique_ptr<JitModule> compile(const std::string &body) {
    return JitModule::compile(body, GetParam());
  }
  std::mt19937 random{7};

  Matrix<float> randomRows(int64_t tokens, int64_t n, int64_t stride = 0) {
    std::normal_distribution<float> normal;
    Matrix<float> x(tokens, n, 0, stride);
    for (float &value : x.data)
      value = normal(random) * std::exp(3 * normal(random));
    return x;
  }
};

uint32_t bitsOf(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return bits;
}

std::string dim(int64_t n) { return n == 1 ? "1" : "?"; }

//===----------------------------------------------------------------------===//
// reduce
//===----------------------------------------------------------------------===//

std::string reduceFunction(const std::string &kind, int64_t tokens, int64_t n) {
  std::string rows = "memref<" + dim(tokens) + "x" + std::to_string(n) +
                     "xf32, strided<[?, 1], offset: ?>>";
  std::string out = "memref<" + dim(tokens) + "xf32>";
  return "func.func @" + kind + "(%x: " + rows + ", %o: " + out +
         ") {\n  tern.reduce <" + kind + "> (%x) outs(%o : " + out + ") : (" +
         rows + ")\n  return\n}\n";
}

TEST_P(RowKernelsTest, ReduceEqualsTheDefinition) {
  for (int64_t n : {1, 31, 32, 65, 100, 192, 5460})
    for (int64_t tokens : {1, 3}) {
      SCOPED_TRACE(std::to_string(tokens) + "x" + std::to_string(n));
      auto module = compile(reduceFunction("max_abs", tokens, n) +
                            reduceFunction("sum_abs", tokens, n) +
                            reduceFunction("sum_squares", tokens, n));
      ASSERT_TRUE(module);
      Matrix<float> x = randomRows(tokens, n, n + 5);
      Vector<float> most(tokens), sum(tokens), squares(tokens);
      module->call("max_abs", x.get(), most.get());
      module->call("sum_abs", x.get(), sum.get());
      module->call("sum_squares", x.get(), squares.get());
      for (int64_t t = 0; t < tokens; ++t) {
        std::vector<float> absolute, square;
        for (int64_t i = 0; i < n; ++i) {
          absolute.push_back(std::fabs(x.at(t, i)));
          square.push_back(x.at(t, i) * x.at(t, i));
        }
        EXPECT_EQ(most.data[t],
                  *std::max_element(absolute.begin(), absolute.end()));
        EXPECT_EQ(bitsOf(sum.data[t]), bitsOf(test::r32(absolute)));
        EXPECT_EQ(bitsOf(squares.data[t]), bitsOf(test::r32(square)));
      }
    }
}

TEST_P(RowKernelsTest, TheMaximumOfARowWithNaNIsNaN) {
  const float nan = std::nanf(""), infinity = HUGE_VALF;
  for (int64_t n : {1, 31, 32, 65}) {
    auto module = compile(reduceFunction("max_abs", 3, n));
    ASSERT_TRUE(module);
    for (float value : {nan, -nan, infinity, -infinity, -3e38f})
      for (int64_t at = 0; at < n; ++at) {
        Matrix<float> x = randomRows(3, n, n + 5);
        x.at(1, at) = value;
        x.at(1, n / 2) = at == n / 2 ? value : infinity;
        Vector<float> most(3);
        module->call("max_abs", x.get(), most.get());
        EXPECT_EQ(std::isnan(most.data[1]), std::isnan(value)) << at;
        EXPECT_FALSE(std::isnan(most.data[0]) || std::isnan(most.data[2]));
      }
  }
}

//===----------------------------------------------------------------------===//
// hadamard
//===----------------------------------------------------------------------===//

std::vector<float> transformed(const float *row, int64_t n, int64_t block) {
  std::vector<float> x(row, row + n);
  for (int64_t h = 1; h < block; h *= 2)
    for (int64_t i = 0; i < n; ++i)
      if (!(i & h)) {
        float a = x[i], b = x[i + h];
        x[i] = a + b;
        x[i + h] = a - b;
      }
  for (float &value : x)
    value *= float(1 / std::sqrt(double(block)));
  return x;
}

struct HadamardCase {
  int64_t tokens, n, block;

  std::string name() const {
    return "hadamard_" + std::to_string(tokens) + "_" + std::to_string(n) +
           "_" + std::to_string(block);
  }
  std::string function() const {
    std::string shape = dim(tokens) + "x" + std::to_string(n) + "xf32";
    std::string in = "memref<" + shape + ", strided<[?, 1], offset: ?>>";
    std::string out = "memref<" + shape + ">";
    return "func.func @" + name() + "(%x: " + in + ", %o: " + out +
           ") {\n  tern.hadamard block " + std::to_string(block) +
           " (%x) outs(%o : " + out + ") : (" + in + ")\n  return\n}\n";
  }
};

TEST_P(RowKernelsTest, HadamardEqualsTheDefinition) {
  const std::pair<int64_t, int64_t> shapes[] = {
      {2, 2},   {4, 4},    {12, 4},    {20, 4},    {100, 4},    {5460, 4},
      {24, 8},  {16, 16},  {48, 16},   {32, 32},   {96, 32},    {192, 64},
      {192, 8}, {256, 16}, {8640, 64}, {384, 128}, {4096, 4096}};
  std::vector<HadamardCase> cases;
  std::string body;
  for (auto [n, block] : shapes)
    for (int64_t tokens : {1, 3}) {
      cases.push_back({tokens, n, block});
      body += cases.back().function();
    }
  auto module = compile(body);
  ASSERT_TRUE(module);
  for (const HadamardCase &c : cases) {
    SCOPED_TRACE(c.name());
    Matrix<float> x = randomRows(c.tokens, c.n, c.n + 5), y(c.tokens, c.n);
    x.at(0, 0) = -0.0f;
    x.at(0, 1) = 1e-44f;
    module->call(c.name(), x.get(), y.get());
    for (int64_t t = 0; t < c.tokens; ++t) {
      std::vector<float> expected = transformed(&x.at(t, 0), c.n, c.block);
      for (int64_t i = 0; i < c.n; ++i)
        ASSERT_EQ(bitsOf(y.at(t, i)), bitsOf(expected[i])) << t << ", " << i;
    }
  }
}

//===----------------------------------------------------------------------===//
// keep_top_k
//===----------------------------------------------------------------------===//

std::string topKFunction(int64_t tokens, int64_t n, int64_t keep) {
  std::string shape = dim(tokens) + "x" + std::to_string(n);
  std::string f32 = "memref<" + shape + "xf32>",
              i8 = "memref<" + shape + "xi8>";
  return "func.func @top_k(%x: " + f32 + ", %q: " + i8 + ", %o: " + i8 +
         ") {\n  tern.keep_top_k <keep = " + std::to_string(keep) +
         "> (%x, %q) outs(%o : " + i8 + ") : (" + f32 + ", " + i8 +
         ")\n  return\n}\n";
}

/// Sorts, which the kernel does not.
std::vector<int8_t> keepLargest(const float *x, const int8_t *codes, int64_t n,
                                int64_t keep) {
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t i, int64_t j) {
    float a = std::fabs(x[i]), b = std::fabs(x[j]);
    return a > b || (a == b && i < j);
  });
  std::vector<int8_t> kept(n, 0);
  for (int64_t i = 0; i < std::min(keep, n); ++i)
    kept[order[i]] = codes[order[i]];
  return kept;
}

TEST_P(RowKernelsTest, TopKKeepsTheLargestAndOfTiesTheFirst) {
  for (auto [n, keep] : std::vector<std::pair<int64_t, int64_t>>{{1, 1},
                                                                 {5, 2},
                                                                 {33, 17},
                                                                 {64, 64},
                                                                 {100, 50},
                                                                 {100, 99},
                                                                 {512, 256}})
    for (int64_t tokens : {1, 4}) {
      SCOPED_TRACE(std::to_string(n) + " keep " + std::to_string(keep));
      auto module = compile(topKFunction(tokens, n, keep));
      ASSERT_TRUE(module);
      // Rows without ties, with many, with zeros of both signs, with one value,
      // with infinities.
      for (int kind = 0; kind < 5; ++kind) {
        Matrix<float> x = randomRows(tokens, n);
        for (float &value : x.data)
          value = kind == 0      ? value
                  : kind == 1    ? std::rint(value)
                  : kind == 2    ? (random() % 3 ? -0.0f * value : value)
                  : kind == 3    ? 1.5f
                  : random() % 3 ? value
                                 : std::copysign(HUGE_VALF, value);
        Matrix<int8_t> codes(tokens, n), out(tokens, n, 99);
        for (int8_t &code : codes.data)
          code = static_cast<int8_t>(random() % 255 - 127);
        module->call("top_k", x.get(), codes.get(), out.get());
        for (int64_t t = 0; t < tokens; ++t)
          ASSERT_EQ(std::vector<int8_t>(out.row(t), out.row(t) + n),
                    keepLargest(x.row(t), codes.row(t), n, keep))
              << "kind " << kind << " token " << t;
      }
    }
}

//===----------------------------------------------------------------------===//
// sum_codes
//===----------------------------------------------------------------------===//

std::string sumFunction(int64_t tokens, int64_t n, int64_t groups,
                        bool counted = false) {
  std::string rows = "memref<" + dim(tokens) + "x" + std::to_string(n) +
                     "xi8, strided<[?, 1], offset: ?>>";
  std::string out =
      "memref<" + dim(tokens) + "x" + std::to_string(groups) + "xi32>";
  return "func.func @sum(%q: " + rows + ", %n: memref<1xi32>, %o: " + out +
         ") {\n  tern.sum_codes(%q)" +
         (counted ? " count(%n : memref<1xi32>)" : "") + " outs(%o : " + out +
         ") : (" + rows + ")\n  return\n}\n";
}

Matrix<int8_t> randomCodes(std::mt19937 &random, int64_t tokens, int64_t n) {
  Matrix<int8_t> codes(tokens, n, 0, n + 5);
  for (int8_t &code : codes.data)
    code = static_cast<int8_t>(random());
  codes.at(0, 0) = -128;
  return codes;
}

TEST_P(RowKernelsTest, CodesAreSummedByGroups) {
  for (auto [n, groups] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 1}, {15, 1}, {16, 1}, {33, 1}, {192, 1}, {192, 12}, {60, 3}})
    for (int64_t tokens : {1, 3}) {
      SCOPED_TRACE(std::to_string(n) + " by " + std::to_string(groups));
      auto module = compile(sumFunction(tokens, n, groups));
      ASSERT_TRUE(module);
      Matrix<int8_t> codes = randomCodes(random, tokens, n);
      Matrix<int32_t> sums(tokens, groups, 99);
      Vector<int32_t> unused(1);
      module->call("sum", codes.get(), unused.get(), sums.get());
      int64_t size = n / groups;
      for (int64_t t = 0; t < tokens; ++t)
        for (int64_t g = 0; g < groups; ++g)
          EXPECT_EQ(sums.at(t, g),
                    std::accumulate(codes.row(t) + g * size,
                                    codes.row(t) + (g + 1) * size, 0));
    }
}

TEST_P(RowKernelsTest, CodesUpToTheCountAreSummed) {
  auto module = compile(sumFunction(1, 64, 1, /*counted=*/true));
  ASSERT_TRUE(module);
  Matrix<int8_t> codes = randomCodes(random, 1, 64);
  for (int32_t count = 0; count <= 64; ++count) {
    Vector<int32_t> counted(1, count);
    Matrix<int32_t> sum(1, 1, 99);
    module->call("sum", codes.get(), counted.get(), sum.get());
    const int8_t *end = codes.row(0) + (count + 3) / 4 * 4;
    EXPECT_EQ(sum.at(0, 0), std::accumulate(codes.row(0), end, 0)) << count;
  }
}

//===----------------------------------------------------------------------===//
// sparsify, active_rows
//===----------------------------------------------------------------------===//

TEST_P(RowKernelsTest, SparsifyCompactsAndPadsToFour) {
  for (int64_t n : {1, 3, 64, 100, 513})
    for (int64_t tokens : {1, 3}) {
      int64_t width = (n + 3) / 4 * 4;
      std::string rows = dim(tokens) + "x", w = std::to_string(width);
      std::string q = "memref<" + rows + std::to_string(n) + "xi8>";
      std::string i = "memref<" + rows + w + "xi32>";
      std::string v = "memref<" + rows + w + "xi8>";
      std::string c = "memref<" + dim(tokens) + "xi32>";
      auto module = compile(
          "func.func @sparsify(%q: " + q + ", %i: " + i + ", %v: " + v +
          ", %c: " + c + ") {\n  tern.sparsify(%q) outs(%i, %v, %c : " + i +
          ", " + v + ", " + c + ") : (" + q + ")\n  return\n}\n");
      ASSERT_TRUE(module);
      for (int percent : {0, 16, 50, 100}) {
        SCOPED_TRACE(std::to_string(n) + " " + std::to_string(percent));
        Matrix<int8_t> codes(tokens, n), values(tokens, width, 77);
        Matrix<int32_t> indices(tokens, width, 77);
        Vector<int32_t> count(tokens, -1);
        for (int8_t &code : codes.data)
          code = int(random() % 100) < percent ? int8_t(random() % 2 ? 5 : -128)
                                               : 0;
        module->call("sparsify", codes.get(), indices.get(), values.get(),
                     count.get());
        for (int64_t t = 0; t < tokens; ++t) {
          int32_t expected = 0;
          for (int64_t k = 0; k < n; ++k)
            if (codes.at(t, k) != 0) {
              ASSERT_EQ(indices.at(t, expected), k);
              ASSERT_EQ(values.at(t, expected++), codes.at(t, k));
            }
          ASSERT_EQ(count.data[t], expected);
          for (; expected % 4; ++expected) {
            ASSERT_EQ(indices.at(t, expected), 0);
            ASSERT_EQ(values.at(t, expected), 0);
          }
        }
      }
    }
}

TEST_P(RowKernelsTest, ActiveRowsAreThePositiveGates) {
  const int64_t n = 101;
  for (int64_t tokens : {1, 3}) {
    std::string g = "memref<" + dim(tokens) + "x101xf32>";
    std::string i = "memref<" + dim(tokens) + "x101xi32>";
    std::string c = "memref<" + dim(tokens) + "xi32>";
    auto module =
        compile("func.func @active(%g: " + g + ", %i: " + i + ", %c: " + c +
                ") {\n  tern.active_rows(%g) outs(%i, %c : " + i + ", " + c +
                ") : (" + g + ")\n  return\n}\n");
    ASSERT_TRUE(module);
    Matrix<float> gate = randomRows(tokens, n);
    gate.at(0, 3) = 0.0f;
    gate.at(0, 4) = -0.0f;
    gate.at(0, 5) = 1e-44f;
    Matrix<int32_t> indices(tokens, n, 77);
    Vector<int32_t> count(tokens, -1);
    module->call("active", gate.get(), indices.get(), count.get());
    for (int64_t t = 0; t < tokens; ++t) {
      int32_t expected = 0;
      for (int64_t k = 0; k < n; ++k)
        if (gate.at(t, k) > 0)
          ASSERT_EQ(indices.at(t, expected++), k);
      ASSERT_EQ(count.data[t], expected);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, RowKernelsTest,
                         testing::ValuesIn(getJitTargets()),
                         [](const auto &info) { return info.param.name; });

} // namespace
