//===- TableKernelsTest.cpp - Head and rows of tables, to the bit ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Kernels/KernelRunner.h"

#include "tern/Packing/HalfFloat.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace tern;
using namespace tern::test;

namespace {

struct Shape {
  int64_t rows, columns;
};

const Shape kShapes[] = {{1, 1},   {3, 5},    {19, 31},
                         {40, 65}, {33, 192}, {16, 1537}};

float floatFromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// A type of table elements: what it is stored as, and its exact value.
struct Float {
  using Bits = uint32_t;
  static constexpr const char *name = "f32";
  static float widen(uint32_t bits) { return floatFromBits(bits); }
};
struct Half {
  using Bits = uint16_t;
  static constexpr const char *name = "f16";
  static float widen(uint16_t bits) { return halfToFloat(bits); }
};
struct BFloat {
  using Bits = uint16_t;
  static constexpr const char *name = "bf16";
  static float widen(uint16_t bits) { return bfloatToFloat(bits); }
};

/// docs/numerics.md 0, word by word.
float r32(const std::vector<float> &terms) {
  float a[32] = {};
  for (size_t i = 0; i < terms.size(); ++i)
    a[i % 32] = a[i % 32] + terms[i];
  for (int h : {16, 8, 4, 2, 1})
    for (int j = 0; j < h; ++j)
      a[j] = a[j] + a[j + h];
  return a[0];
}

std::string headText(const char *element, Shape shape, const char *tokens) {
  std::string rows = std::to_string(shape.rows),
              columns = std::to_string(shape.columns);
  std::string x = std::string("memref<") + tokens + "x" + columns +
                  "xf32, strided<[?, 1], offset: ?>>";
  std::string w = "memref<" + rows + "x" + columns + "x" + element + ">";
  std::string y = std::string("memref<") + tokens + "x" + rows +
                  "xf32, strided<[?, 1], offset: ?>>";
  std::string name = std::string("h") + (tokens[0] == '?' ? "n" : "1") + "_" +
                     rows + "_" + columns;
  return "func.func @" + name + "(%x: " + x + ", %w: " + w + ", %y: " + y +
         ") attributes {llvm.emit_c_interface} {\n"
         "tern.lm_head (%x, %w) outs(%y : " +
         y + ") : (" + x + ", " + w + ")\nreturn\n}\n";
}

std::string gatherText(const char *element, Shape shape) {
  std::string rows = std::to_string(shape.rows),
              columns = std::to_string(shape.columns);
  std::string w = "memref<" + rows + "x" + columns + "x" + element + ">";
  std::string y = "memref<?x" + columns + "xf32, strided<[?, 1], offset: ?>>";
  return "func.func @e_" + rows + "_" + columns +
         "(%i: memref<?xi32>, %w: " + w + ", %y: " + y +
         ") attributes {llvm.emit_c_interface} {\n"
         "tern.gather_rows (%i, %w) outs(%y : " +
         y + ") : (memref<?xi32>, " + w + ")\nreturn\n}\n";
}

/// Finite values of the element type with exponents close enough for sums to
/// round, and a few subnormals.
template <typename Element>
typename Element::Bits randomElement(std::mt19937 &random) {
  for (;;) {
    auto bits = static_cast<typename Element::Bits>(random());
    float value = std::fabs(Element::widen(bits));
    if (value < 4.0f && (value > 1e-3f || random() % 8 == 0))
      return bits;
  }
}

class Tables : public testing::TestWithParam<Machine> {
protected:
  void SetUp() override {
    if (!GetParam().isHere())
      GTEST_SKIP() << "this host has no " << GetParam().featureString();
  }

  template <typename Element> void checkHead() {
    std::string text;
    for (Shape shape : kShapes)
      text += headText(Element::name, shape, "1") +
              headText(Element::name, shape, "?");
    auto module = CompiledModule::compile(GetParam(), text);
    ASSERT_TRUE(module);
    for (Shape shape : kShapes) {
      checkLogits<Element>(*module, shape, 1, "h1_");
      for (int64_t tokens : {1, 2, 3, 5, 9})
        checkLogits<Element>(*module, shape, tokens, "hn_");
    }
  }

  template <typename Element>
  void checkLogits(CompiledModule &module, Shape shape, int64_t tokens,
                   std::string name) {
    auto [rows, columns] = shape;
    name += std::to_string(rows) + "_" + std::to_string(columns);
    SCOPED_TRACE(name + " " + Element::name);
    std::mt19937 random(rows + 31 * columns + tokens);
    std::normal_distribution<float> normal;
    Matrix<float> input(tokens, columns, columns + 3);
    Matrix<typename Element::Bits> weight(rows, columns);
    Matrix<float> logits(tokens, rows, rows + 2);
    for (int64_t i = 0; i < input.size(); ++i)
      input.data()[i] = normal(random);
    for (int64_t i = 0; i < weight.size(); ++i)
      weight.data()[i] = randomElement<Element>(random);
    logits.fill(-12345.0f);
    module.call(name, input.argument(), weight.argument(), logits.argument());
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t v = 0; v < rows; ++v) {
        std::vector<float> terms;
        for (int64_t k = 0; k < columns; ++k)
          terms.push_back(input.at(t, k) * Element::widen(weight.at(v, k)));
        ASSERT_EQ(bitsOf(logits.at(t, v)), bitsOf(r32(terms)))
            << "token " << t << " row " << v;
      }
    for (int64_t i = rows; i < logits.size(); i += rows + 2)
      ASSERT_EQ(logits.data()[i], -12345.0f) << "written between rows";
  }

  template <typename Element> void checkGather() {
    std::string text;
    for (Shape shape : kShapes)
      text += gatherText(Element::name, shape);
    auto module = CompiledModule::compile(GetParam(), text);
    ASSERT_TRUE(module);
    std::mt19937 random(5);
    for (auto [rows, columns] : kShapes) {
      Vector<int32_t> ids(4);
      Matrix<typename Element::Bits> table(rows, columns);
      Matrix<float> output(4, columns, columns + 1);
      for (int64_t i = 0; i < table.size(); ++i)
        table.data()[i] = randomElement<Element>(random);
      for (int64_t t = 0; t < 4; ++t)
        ids[t] = static_cast<int32_t>(random() % rows);
      module->call("e_" + std::to_string(rows) + "_" + std::to_string(columns),
                   ids.argument(), table.argument(), output.argument());
      for (int64_t t = 0; t < 4; ++t)
        for (int64_t k = 0; k < columns; ++k)
          ASSERT_EQ(bitsOf(output.at(t, k)),
                    bitsOf(Element::widen(table.at(ids[t], k))));
    }
  }
};

TEST_P(Tables, HeadFloat) { checkHead<Float>(); }
TEST_P(Tables, HeadHalf) { checkHead<Half>(); }
TEST_P(Tables, HeadBFloat) { checkHead<BFloat>(); }
TEST_P(Tables, GatherFloat) { checkGather<Float>(); }
TEST_P(Tables, GatherHalf) { checkGather<Half>(); }
TEST_P(Tables, GatherBFloat) { checkGather<BFloat>(); }

INSTANTIATE_TEST_SUITE_P(, Tables, testing::ValuesIn(rowMachines()),
                         [](const testing::TestParamInfo<Machine> &info) {
                           return info.param.name;
                         });

} // namespace
