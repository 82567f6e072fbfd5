//===- ElementwiseKernelsTest.cpp - Norms, codes, gates, RoPE -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Operations that become linalg, compiled, against plain C++ written from
// docs/numerics.md 0, 2, 4 and 5, to the bit.
//
//===----------------------------------------------------------------------===//

#include "LoweredToBuffers.h"

#include "Kernels/KernelJit.h"
#include "Kernels/RowReference.h"

#include "gtest/gtest.h"

#include <cstring>
#include <limits>
#include <random>
#include <type_traits>

using namespace mlir;
using namespace tern;
using namespace tern::test;

namespace {

constexpr int64_t kSizes[] = {1, 3, 5, 44, 65, 100, 192, 688, 5460};
constexpr int64_t kTokens[] = {1, 2, 5}; // one token is static, others are not
constexpr int kKinds = 8;                // of values, see makeValue

//===----------------------------------------------------------------------===//
// Inputs and comparison
//===----------------------------------------------------------------------===//

class ElementwiseKernelsTest : public testing::TestWithParam<JitTarget> {
protected:
  std::unique_ptr<JitModule> compile(const std::string &functions) {
    return JitModule::compile(lowerToBuffers(functions), GetParam());
  }

  /// Row `kind` of values that are likely to show a difference.
  float makeValue(int kind, int64_t i) {
    static const float odd[] = {0.0f,   -0.0f, 1e-40f, -1e-40f, 1e-5f, 3e38f,
                                -3e38f, 86.5f, -86.5f, 87.5f,   -120.f};
    const float infinity = std::numeric_limits<float>::infinity();
    switch (kind % kKinds) {
    case 0:
      return normal(random) * std::exp(2 * normal(random));
    case 1: // with 127 in front, multiplied by 1 exactly: ties
      return i == 0 ? 127.0f : int(random() % 253) - 126 + 0.5f;
    case 2: // the same for fp4
      return i == 0 ? 6.0f : (int(random() % 49) - 24) * 0.25f;
    case 3:
      return odd[random() % std::size(odd)];
    case 4:
      return random() % 2 ? 0.0f : -0.0f;
    case 5: // sums and squares that pass the range
      return normal(random) * 1e38f;
    case 6:
      return i % 7 == 3 ? (random() % 2 ? infinity : -infinity)
                        : normal(random);
    default: // one NaN, at the beginning or, if there is room, further on
      return i == kind % 40 ? std::nanf("") * (kind % 2 ? 1 : -1)
                            : normal(random);
    }
  }

  Matrix<float> makeRows(int64_t tokens, int64_t n, int firstKind) {
    Matrix<float> x(tokens, n);
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t i = 0; i < n; ++i)
        x.at(t, i) = makeValue(firstKind + t, i);
    return x;
  }

  Vector<float> makeVector(int64_t n) {
    Vector<float> x(n);
    for (float &value : x.data)
      value = normal(random);
    return x;
  }

  std::mt19937 random{11};
  std::normal_distribution<float> normal;
};

template <typename T>
void expectRow(const T *got, const std::vector<T> &want,
               const std::string &what) {
  auto same = [](T x, T y) {
    if constexpr (std::is_same_v<T, float>)
      return isSame(x, y);
    else
      return x == y;
  };
  for (size_t i = 0; i < want.size(); ++i)
    ASSERT_TRUE(same(got[i], want[i])) << what << "[" << i << "]: expected "
                                       << +want[i] << ", got " << +got[i];
}

Row rowOf(Matrix<float> &x, int64_t t) {
  return {x.row(t), x.row(t) + x.columns};
}

void replaceAll(std::string &text, const std::string &name,
                const std::string &value) {
  for (size_t at; (at = text.find(name)) != std::string::npos;)
    text.replace(at, name.size(), value);
}

/// `function`, whose name ends with $F, for one token and for any number, with
/// what depends on $N features.
std::string instantiate(const std::string &function, int64_t n) {
  std::string both;
  for (bool one : {true, false}) {
    std::string text = function;
    replaceAll(text, "$F", one ? ".one" : ".many");
    replaceAll(text, "$T", one ? "1" : "?");
    replaceAll(text, "$N", std::to_string(n));
    replaceAll(text, "$P", std::to_string(n + 3));
    replaceAll(text, "$D", std::to_string(headDim(n)));
    replaceAll(text, "$H", std::to_string(headDim(n) / 2));
    both += text;
  }
  return both;
}

std::string nameFor(const std::string &function, int64_t tokens) {
  return function + (tokens == 1 ? ".one" : ".many");
}

//===----------------------------------------------------------------------===//
// Tests
//===----------------------------------------------------------------------===//

TEST_P(ElementwiseKernelsTest, NormEqualsTheDefinition) {
  const char *text = R"(
    func.func @norm$F(%x: tensor<$Tx$Nxf32>, %w: tensor<$Nxf32>) -> tensor<$Tx$Nxf32> {
      %0 = tern.rms_norm %x, %w eps 1.000000e-05 : tensor<$Tx$Nxf32>, tensor<$Nxf32>
      return %0 : tensor<$Tx$Nxf32>
    })";
  for (int64_t n : kSizes) {
    auto module = compile(instantiate(text, n));
    ASSERT_TRUE(module);
    for (int64_t tokens : kTokens)
      for (int kind = 0; kind < kKinds; ++kind) {
        Matrix<float> x = makeRows(tokens, n, kind), y(tokens, n);
        Vector<float> w = makeVector(n);
        module->call(nameFor("norm", tokens), x.get(), w.get(), y.get());
        for (int64_t t = 0; t < tokens; ++t)
          expectRow(y.row(t), rmsNorm(rowOf(x, t), w.data, 1e-5f), "norm");
      }
  }
}

TEST_P(ElementwiseKernelsTest, NormOfHeadsEqualsTheDefinition) {
  const char *text = R"(
    func.func @norm$F(%x: tensor<$Tx$Mxf32>, %w: tensor<$Nxf32>) -> tensor<$Tx$Mxf32> {
      %0 = tern.rms_norm %x, %w eps 1.000000e-06 head_dim $N : tensor<$Tx$Mxf32>, tensor<$Nxf32>
      return %0 : tensor<$Tx$Mxf32>
    })";
  for (int64_t heads : {1, 3})
    for (int64_t n : {1, 5, 44, 64, 100, 128}) {
      std::string function = text;
      replaceAll(function, "$M", std::to_string(heads * n));
      auto module = compile(instantiate(function, n));
      ASSERT_TRUE(module);
      for (int64_t tokens : kTokens)
        for (int kind = 0; kind < kKinds; ++kind) {
          Matrix<float> x = makeRows(tokens, heads * n, kind);
          Matrix<float> y(tokens, heads * n);
          Vector<float> w = makeVector(n);
          module->call(nameFor("norm", tokens), x.get(), w.get(), y.get());
          for (int64_t t = 0; t < tokens; ++t)
            for (int64_t head = 0; head < heads; ++head) {
              const float *from = x.row(t) + head * n;
              expectRow(y.row(t) + head * n,
                        rmsNorm({from, from + n}, w.data, 1e-6f),
                        "norm of heads");
            }
        }
    }
}

TEST_P(ElementwiseKernelsTest, ScalesEqualTheDefinition) {
  const char *text = R"(
    func.func @scale$F(%x: tensor<$Tx$Nxf32>) -> tensor<$Tx$Nxf32> {
      %0 = tern.scale %x by 0x3E9250FD : tensor<$Tx$Nxf32>
      %1 = tern.scale %0 divided by 6.000000e+00 : tensor<$Tx$Nxf32>
      return %1 : tensor<$Tx$Nxf32>
    })";
  const uint32_t bits = 0x3E9250FD; // about 0.2858
  float factor;
  std::memcpy(&factor, &bits, sizeof(factor));
  for (int64_t n : kSizes) {
    auto module = compile(instantiate(text, n));
    ASSERT_TRUE(module);
    for (int64_t tokens : kTokens)
      for (int kind = 0; kind < kKinds; ++kind) {
        Matrix<float> x = makeRows(tokens, n, kind), y(tokens, n);
        module->call(nameFor("scale", tokens), x.get(), y.get());
        for (int64_t t = 0; t < tokens; ++t) {
          Row want = rowOf(x, t);
          for (float &value : want)
            value = (value * factor) / 6.0f;
          expectRow(y.row(t), want, "scale");
        }
      }
  }
}

TEST_P(ElementwiseKernelsTest, CodesEqualTheDefinition) {
  // The codes are padded, as a layout may ask; the padding is zero.
  const char *text = R"(
    func.func @SCHEME$F(%x: tensor<$Tx$Nxf32>) -> (tensor<$Tx$Pxi8>, tensor<$Txf32>) {
      %q, %s = tern.quantize <SCHEME> (%x) : (tensor<$Tx$Nxf32>) -> tensor<$Tx$Nxi8>, tensor<$Txf32>
      %zero = arith.constant 0 : i8
      %p = tensor.pad %q low[0, 0] high[0, 3] {
      ^bb0(%t: index, %k: index):
        tensor.yield %zero : i8
      } : tensor<$Tx$Nxi8> to tensor<$Tx$Pxi8>
      return %p, %s : tensor<$Tx$Pxi8>, tensor<$Txf32>
    })";
  std::string schemes;
  for (const Scheme &scheme : kSchemes) {
    schemes += text;
    replaceAll(schemes, "SCHEME", scheme.name);
  }
  for (int64_t n : kSizes) {
    auto module = compile(instantiate(schemes, n));
    ASSERT_TRUE(module);
    for (int64_t tokens : kTokens)
      for (const Scheme &scheme : kSchemes)
        for (int kind = 0; kind < kKinds; ++kind) {
          Matrix<float> x = makeRows(tokens, n, kind);
          Matrix<int8_t> q(tokens, n + 3, 99);
          Vector<float> s(tokens);
          module->call(nameFor(scheme.name, tokens), x.get(), q.get(), s.get());
          for (int64_t t = 0; t < tokens; ++t) {
            Codes want = scheme.quantize(rowOf(x, t));
            want.q.resize(n + 3, 0);
            expectRow(q.row(t), want.q, scheme.name);
            expectRow(&s.data[t], {want.s}, "factor");
          }
        }
  }
}

/// Each block is a row of its own.
TEST_P(ElementwiseKernelsTest, CodesOfBlocksEqualTheDefinition) {
  const char *text = R"(
    func.func @SCHEME$F(%x: tensor<$Tx$Nxf32>) -> (tensor<$Tx$Nxi8>, tensor<$TxBLOCKSxf32>) {
      %q, %s = tern.quantize <SCHEME, block = SIZE> (%x) : (tensor<$Tx$Nxf32>) -> tensor<$Tx$Nxi8>, tensor<$TxBLOCKSxf32>
      return %q, %s : tensor<$Tx$Nxi8>, tensor<$TxBLOCKSxf32>
    })";
  for (auto [blocks, size] : {std::pair<int64_t, int64_t>{1, 4},
                              {11, 4},
                              {3, 20},
                              {4, 44},
                              {2, 65},
                              {3, 128},
                              {16, 32}}) {
    int64_t n = blocks * size;
    std::string schemes;
    for (const Scheme &scheme : kSchemes) {
      schemes += text;
      replaceAll(schemes, "SCHEME", scheme.name);
      replaceAll(schemes, "BLOCKS", std::to_string(blocks));
      replaceAll(schemes, "SIZE", std::to_string(size));
    }
    auto module = compile(instantiate(schemes, n));
    ASSERT_TRUE(module);
    for (int64_t tokens : kTokens)
      for (const Scheme &scheme : kSchemes)
        for (int kind = 0; kind < kKinds; ++kind) {
          Matrix<float> x = makeRows(tokens, n, kind), s(tokens, blocks);
          Matrix<int8_t> q(tokens, n, 99);
          module->call(nameFor(scheme.name, tokens), x.get(), q.get(), s.get());
          for (int64_t t = 0; t < tokens; ++t)
            for (int64_t j = 0; j < blocks; ++j) {
              Row block(x.row(t) + j * size, x.row(t) + (j + 1) * size);
              Codes want = scheme.quantize(block);
              expectRow(q.row(t) + j * size, want.q, scheme.name);
              expectRow(s.row(t) + j, {want.s}, "factor");
            }
        }
  }
}

TEST_P(ElementwiseKernelsTest, GatesEqualTheDefinition) {
  // With the sums of two projections before and a residual addition after,
  // which all become one loop.
  const char *text = R"(
    func.func @KIND$F(%a: tensor<$Tx$Nxi32>, %s: tensor<$Txf32>, %alpha: tensor<$Nxf32>,
                    %g: tensor<$Tx$Nxf32>, %x: tensor<$Tx$Nxf32>)
        -> (tensor<$Tx$Nxf32>, tensor<$Tx$Nxf32>) {
      %u = tern.dequantize(%a, %s, %alpha) : (tensor<$Tx$Nxi32>, tensor<$Txf32>, tensor<$Nxf32>) -> tensor<$Tx$Nxf32>
      %one = tensor.extract_slice %alpha[0] [1] [1] : tensor<$Nxf32> to tensor<1xf32>
      %d = tern.dequantize(%a, %s, %one) : (tensor<$Tx$Nxi32>, tensor<$Txf32>, tensor<1xf32>) -> tensor<$Tx$Nxf32>
      %f = tern.glu <KIND> %g, %u : tensor<$Tx$Nxf32>
      %y = arith.addf %x, %f : tensor<$Tx$Nxf32>
      return %y, %d : tensor<$Tx$Nxf32>, tensor<$Tx$Nxf32>
    })";
  std::string kinds;
  for (const char *kind : {"relu2", "silu"}) {
    kinds += text;
    replaceAll(kinds, "KIND", kind);
  }
  for (int64_t n : kSizes) {
    auto module = compile(instantiate(kinds, n));
    ASSERT_TRUE(module);
    for (int64_t tokens : kTokens)
      for (int kind = 0; kind < kKinds; ++kind) {
        Matrix<int32_t> a(tokens, n);
        for (int32_t &sum : a.data)
          sum = int32_t(random()) >> random() % 31;
        Vector<float> s = makeVector(tokens), alpha = makeVector(n);
        if (kind >= 5) // up becomes infinite, behind closed gates too
          s.data[0] = kind == 6 ? std::nanf("") : 3e38f;
        Matrix<float> g = makeRows(tokens, n, kind), x = makeRows(tokens, n, 0);
        for (std::string name : {"relu2", "silu"}) {
          Matrix<float> y(tokens, n), d(tokens, n);
          module->call(nameFor(name, tokens), a.get(), s.get(), alpha.get(),
                       g.get(), x.get(), y.get(), d.get());
          auto activate = name == "silu" ? siluOf : relu2Of;
          for (int64_t t = 0; t < tokens; ++t) {
            Row want(n), sums(n);
            for (int64_t i = 0; i < n; ++i) {
              float u = float(a.at(t, i)) * (s.data[t] * alpha.data[i]);
              want[i] = x.at(t, i) + activate(g.at(t, i), u);
              sums[i] = float(a.at(t, i)) * (s.data[t] * alpha.data[0]);
            }
            expectRow(y.row(t), want, name);
            expectRow(d.row(t), sums, "one scale");
          }
        }
      }
  }
}

TEST_P(ElementwiseKernelsTest, RopeEqualsTheDefinition) {
  const char *text = R"(
    func.func @rope$F(%x: tensor<$Tx$Nxf32>, %p: tensor<$Txi32>, %c: tensor<9x$Hxf32>, %s: tensor<9x$Hxf32>) -> tensor<$Tx$Nxf32> {
      %0 = tern.rope %x at %p cos %c sin %s head_dim $D
          : tensor<$Tx$Nxf32>, tensor<$Txi32>, tensor<9x$Hxf32>, tensor<9x$Hxf32>
      return %0 : tensor<$Tx$Nxf32>
    })";
  for (int64_t n : {44, 100, 192, 688, 5460}) {
    auto module = compile(instantiate(text, n));
    ASSERT_TRUE(module);
    for (int64_t tokens : kTokens) {
      int64_t half = headDim(n) / 2;
      Matrix<float> x = makeRows(tokens, n, 0), y(tokens, n);
      Matrix<float> c = makeRows(9, half, 0), s = makeRows(9, half, 0);
      Vector<int32_t> positions(tokens);
      for (int32_t &position : positions.data)
        position = random() % 9;
      module->call(nameFor("rope", tokens), x.get(), positions.get(), c.get(),
                   s.get(), y.get());
      for (int64_t t = 0; t < tokens; ++t)
        expectRow(y.row(t),
                  rope(rowOf(x, t), rowOf(c, positions.data[t]),
                       rowOf(s, positions.data[t])),
                  "rope");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, ElementwiseKernelsTest,
                         testing::ValuesIn(getJitTargets()),
                         [](const auto &info) { return info.param.name; });

} // namespace
