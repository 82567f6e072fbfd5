//===- BestTokenTest.cpp - Bounds hold, and the best token is found -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Kernels/KernelRunner.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace tern::test;

namespace {

struct Shape {
  int64_t rows, columns;
};

const Shape kShapes[] = {{1, 1}, {15, 7}, {64, 40}, {301, 308}, {4500, 33}};

std::string nameOf(Shape shape) {
  return "_" + std::to_string(shape.rows) + "_" + std::to_string(shape.columns);
}

std::string textOf(Shape shape) {
  std::string rows = std::to_string(shape.rows),
              columns = std::to_string(shape.columns);
  std::string sums = "memref<1x" + rows + "xi32>",
              bounds = "memref<1x" + rows + "xf32>",
              codes = "memref<1x" + columns + "xi8>",
              floats = "memref<" + rows + "xf32>";
  std::string one = "memref<1xf32>", count = "memref<1xi32>";
  auto function = [&](const char *name, const std::string &arguments,
                      const std::string &body) {
    return std::string("func.func @") + name + nameOf(shape) + "(" + arguments +
           ") attributes {llvm.emit_c_interface} {\n" + body + "\nreturn\n}\n";
  };
  // Matrices of the runner have strides that are not known.
  auto cast = [](const char *name, const std::string &type) {
    std::string from =
        type.substr(0, type.size() - 1) + ", strided<[?, 1], offset: ?>>";
    return std::pair("%" + std::string(name) + "0: " + from,
                     "%" + std::string(name) + " = memref.cast %" + name +
                         "0 : " + from + " to " + type + "\n");
  };
  auto [a, castA] = cast("a", sums);
  auto [q, castQ] = cast("q", codes);
  auto [u, castU] = cast("u", bounds);
  auto [l, castL] = cast("l", sums);
  auto [i, castI] = cast("i", sums);
  auto [j, castJ] = cast("j", sums);
  std::string fs = "%f: " + one + ", %s: " + floats;
  return function("bound",
                  a + ", " + q + ", " + fs + ", %n: " + floats + ", " + u +
                      ", " + i + ", %c: " + count,
                  castA + castQ + castU + castI +
                      "tern.bound_rows(%a, %q, %f, %s, %n) outs(%u, %i, %c : " +
                      bounds + ", " + sums + ", " + count + ") : (" + sums +
                      ", " + codes + ", " + one + ", " + floats + ", " +
                      floats + ")") +
         function("list",
                  u + ", " + a + ", " + l + ", " + i + ", " + fs + ", " + j +
                      ", %c: " + count,
                  castU + castA + castL + castI + castJ +
                      "tern.candidate_rows(%u, %a, %l, %i, %f, %s) outs(%j, "
                      "%c : " +
                      sums + ", " + count + ") : (" + bounds + ", " + sums +
                      ", " + sums + ", " + sums + ", " + one + ", " + floats +
                      ")") +
         function("best",
                  a + ", " + l + ", " + i + ", %c: " + count + ", " + fs +
                      ", %t: " + count,
                  castA + castL + castI +
                      "tern.best_row(%a, %l, %i, %c, %f, %s) outs(%t : " +
                      count + ") : (" + sums + ", " + sums + ", " + sums +
                      ", " + count + ", " + one + ", " + floats + ")");
}

/// A head, codes of a token, and all that follows from them.
class Case {
public:
  Case(Shape shape, unsigned seed)
      : rows(shape.rows), columns(shape.columns), random(seed), upper(1, rows),
        low(1, rows), bounds(1, rows), first(1, rows), list(1, rows),
        codes(1, columns), scales(rows), norms(rows), factor(1), count(1),
        token(1), weights(rows * columns) {
    makeWeights();
  }

  void makeWeights() {
    for (int64_t i = 0; i < rows * columns; ++i)
      weights[i] = int8_t(random());
    for (int64_t r = 3; r < rows; r += 5) // the same but for low bits, or equal
      for (int64_t k = 0; k < columns; ++k)
        weights[r * columns + k] =
            r % 2 ? weights[k] ^ int8_t(random() & 3) : weights[k];
    for (int64_t k = 0; rows > 1 && k < columns; ++k)
      weights[columns + k] = int8_t(k % 2 ? -4 : 3); // low bits of 0 and 3
    for (int64_t r = 0; r < rows; ++r) {
      int64_t squares = 0;
      for (int64_t k = 0; k < columns; ++k)
        squares += error(r, k) * error(r, k);
      norms[r] = float(std::sqrt(double(squares)));
      if (double(norms[r]) * norms[r] < double(squares))
        norms[r] = std::nextafterf(norms[r], INFINITY);
      scales[r] = seedScale();
    }
  }

  float seedScale() { return 0.001f + float(random() % 1000) * 1e-6f; }
  int weight(int64_t r, int64_t k) const { return weights[r * columns + k]; }
  int error(int64_t r, int64_t k) const { return 2 * (weight(r, k) & 3) - 3; }

  /// As hard as they can be for some row, or anything.
  void makeCodes(int kind) {
    int64_t row = kind % rows;
    for (int64_t k = 0; k < columns; ++k) {
      int code = int8_t(random());
      if (kind < 3)
        code = kind == 0 ? 0 : kind == 1 ? -128 : 127;
      else if (kind < 10)
        code = error(row, k) > 0 ? 127 : -127;
      else if (kind < 14)
        code = 40 * error(row, k);
      codes.at(0, k) = int8_t(code);
    }
    factor[0] = 0.01f;
    for (int64_t r = 0; r < rows; ++r) {
      int64_t sum = 0;
      for (int64_t k = 0; k < columns; ++k)
        sum += int64_t(codes.at(0, k)) * (weight(r, k) >> 2);
      upper.at(0, r) = int32_t(sum);
      low.at(0, r) = int32_t(0x55555555);
    }
  }

  int32_t lowSum(int64_t r) {
    int32_t sum = 0;
    for (int64_t k = 0; k < columns; ++k)
      sum += codes.at(0, k) * (weight(r, k) & 3);
    return sum;
  }
  float logit(int64_t r) {
    int32_t sum = 0;
    for (int64_t k = 0; k < columns; ++k)
      sum += codes.at(0, k) * weight(r, k);
    return float(sum) * (factor[0] * scales[r]);
  }

  /// No bound is too low, and none is higher than it has to be.
  void checkBounds() {
    int64_t sum = 0, magnitudes = 0, squares = 0;
    for (int64_t k = 0; k < columns; ++k) {
      int code = codes.at(0, k);
      sum += code;
      magnitudes += std::abs(code);
      squares += code * code;
    }
    for (int64_t r = 0; r < rows; ++r) {
      float bound = bounds.at(0, r), x = logit(r);
      if (std::isfinite(x)) {
        ASSERT_FALSE(bound < x) << "row " << r;
      } else {
        ASSERT_FALSE(std::isfinite(bound) || bound < 0) << "row " << r;
      }
      double e = std::min<double>(3.0 * double(magnitudes),
                                  norms[r] * std::sqrt(double(squares)));
      double most =
          std::floor((8.0 * upper.at(0, r) + 3.0 * double(sum) + e) / 2) + 1 +
          e * 2e-6;
      float scale = factor[0] * scales[r];
      if (std::isfinite(bound))
        ASSERT_LE(bound, float(most) * scale) << "row " << r;
    }
  }

  void run(CompiledModule &module, Shape shape) {
    std::string name = nameOf(shape);
    module.call("bound" + name, upper.argument(), codes.argument(),
                factor.argument(), scales.argument(), norms.argument(),
                bounds.argument(), first.argument(), count.argument());
    checkBounds();
    ASSERT_EQ(count[0], 1);
    int32_t one = first.at(0, 0);
    ASSERT_TRUE(one >= 0 && one < rows);
    low.at(0, one) = lowSum(one);
    module.call("list" + name, bounds.argument(), upper.argument(),
                low.argument(), first.argument(), factor.argument(),
                scales.argument(), list.argument(), count.argument());
    int32_t at = 0;
    for (int64_t r = 0; r < rows; ++r) {
      if (bounds.at(0, r) < logit(one))
        continue;
      ASSERT_LT(at, count[0]);
      ASSERT_EQ(list.at(0, at++), r);
      low.at(0, r) = lowSum(r);
    }
    ASSERT_EQ(count[0], at);
    module.call("best" + name, upper.argument(), low.argument(),
                list.argument(), count.argument(), factor.argument(),
                scales.argument(), token.argument());
    int32_t best = 0;
    bool areFinite = true;
    for (int64_t r = 0; r < rows; ++r) {
      areFinite &= std::isfinite(logit(r));
      if (logit(r) > logit(best))
        best = int32_t(r);
    }
    ASSERT_EQ(token[0], areFinite ? best : -1);
  }

  int64_t rows, columns;
  std::mt19937 random;
  Matrix<int32_t> upper, low;
  Matrix<float> bounds;
  Matrix<int32_t> first, list;
  Matrix<int8_t> codes;
  Vector<float> scales, norms, factor;
  Vector<int32_t> count, token;
  std::vector<int8_t> weights;
};

class BestToken : public testing::TestWithParam<Machine> {
protected:
  void SetUp() override {
    if (!GetParam().isHere())
      GTEST_SKIP() << "this host has no " << GetParam().featureString();
    std::string text;
    for (Shape shape : kShapes)
      text += textOf(shape);
    module = CompiledModule::compile(GetParam(), text);
    ASSERT_TRUE(module);
  }
  std::unique_ptr<CompiledModule> module;
};

TEST_P(BestToken, OfAnyCodes) {
  for (Shape shape : kShapes) {
    Case c(shape, 3);
    for (int kind = 0; kind < 30; ++kind) {
      SCOPED_TRACE(nameOf(shape) + " kind " + std::to_string(kind));
      c.makeCodes(kind);
      c.run(*module, shape);
    }
  }
}

TEST_P(BestToken, OfFactorsAndScalesThatOverflow) {
  const float numbers[] = {1e38f, INFINITY, NAN, 1e-45f};
  for (Shape shape : kShapes)
    for (float number : numbers) {
      SCOPED_TRACE(nameOf(shape) + " " + std::to_string(number));
      Case c(shape, 4);
      c.makeCodes(20);
      c.factor[0] = number;
      c.run(*module, shape);
      c.makeCodes(21);
      c.scales[c.rows / 2] = number;
      c.run(*module, shape);
    }
}

INSTANTIATE_TEST_SUITE_P(, BestToken, testing::ValuesIn(rowMachines()),
                         [](const testing::TestParamInfo<Machine> &info) {
                           return std::string(info.param.name);
                         });

} // namespace
