//===- test/Unit/.../ProductModifiersTest.cpp - Modifiers compose ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// tern.matmul with every subset of its modifiers, in layouts of either outer
// axis, for every target, equals its definition.
//
//===----------------------------------------------------------------------===//

#include "Kernels/KernelRunner.h"
#include "Kernels/RowReference.h"

#include "tern/Packing/Codec.h"
#include "tern/Packing/Packer.h"

#include "gtest/gtest.h"

using namespace tern;
using namespace tern::test;

namespace {

const Axis R = Axis::Row, C = Axis::Column;

struct Case {
  bool rows, columns, scales; // modifiers
  Layout layout;
  int64_t groupSize;

  static constexpr int64_t kRows = 37, kColumns = 60, kListed = 60;

  int64_t groups() const { return kColumns / groupSize; }
  int64_t paddedRows() const { return layout.paddedRows(kRows); }
  int64_t codes() const {
    return columns ? kListed : layout.paddedColumns(kColumns);
  }
  std::string name() const {
    return "f" + std::to_string(rows) + std::to_string(columns) +
           std::to_string(scales) + "_" + std::to_string(groupSize) + "_" +
           std::to_string(layout.fingerprint());
  }

  /// (codes, weight, rows, row count, columns, column count, scales, result)
  std::string text() const {
    auto number = [](int64_t x) { return std::to_string(x); };
    std::string x = "memref<1x" + number(codes()) + "xi8>";
    std::string w = "memref<";
    for (int64_t size : layout.gridShape(kRows, kColumns))
      w += number(size) + "x";
    w += "i8>";
    std::string i = "memref<1x" + number(kRows) + "xi32>";
    std::string j = "memref<1x" + number(kListed) + "xi32>";
    std::string n = "memref<1xi32>";
    std::string s =
        "memref<" + number(kRows) + "x" + number(groups()) + "xf32>";
    std::string y =
        "memref<1x" + number(paddedRows()) + (scales ? "xf32>" : "xi32>");
    std::string text =
        "func.func @" + name() + "(%x: " + x + ", %w: " + w + ", %i: " + i +
        ", %n: " + n + ", %j: " + j + ", %m: " + n + ", %s: " + s +
        ", %y: " + y + ") attributes {llvm.emit_c_interface} {\n" +
        tensorOf("%xt", "%x", x) + tensorOf("%wt", "%w", w) +
        tensorOf("%it", "%i", i) + tensorOf("%nt", "%n", n) +
        tensorOf("%jt", "%j", j) + tensorOf("%mt", "%m", n) +
        tensorOf("%st", "%s", s) + tensorOf("%yt", "%y", y, /*written=*/true);
    text += "%r = tern.matmul \"p\" ins(%xt, %wt : " + tensorType(x) + ", " +
            tensorType(w) + ")";
    if (rows)
      text += " rows(%it, %nt : " + tensorType(i) + ", " + tensorType(n) + ")";
    if (columns)
      text +=
          " columns(%jt, %mt : " + tensorType(j) + ", " + tensorType(n) + ")";
    if (scales)
      text += " scales(%st : " + tensorType(s) + ")";
    return text + " outs(%yt : " + tensorType(y) +
           ") codes [-128, 127] weight_type tensor<" + number(kRows) + "x" +
           number(kColumns) + "x!tern.trit, #tern.layout<" + layout.str() +
           ">> -> " + tensorType(y) + "\n" + intoBuffer("%r", "%y", y) +
           "return\n}\n";
  }
};

std::vector<Case> allCases() {
  const Codec *b2 = &codecs::b2;
  const Layout layouts[] = {
      {b2, R, {{C, 4, 1}}, {}},
      {b2, C, {{R, 4, 1}}, {}},
      {b2, C, {{C, 4, 3}}, {{R, 5, 1}, {C, 3, 1}}},
      {&codecs::t4, R, {{C, 4, 4}}, {{R, 3, 1}, {C, 4, 1}}},
      {b2, R, {{C, 4, 4}}, {{R, 2, 8}, {R, 8, 1}, {C, 4, 1}}},
      {b2, R, {{C, 4, 32}}, {{C, 32, 1}}},
      {b2, C, {{R, 4, 32}}, {{R, 2, 4}, {R, 4, 8}, {R, 4, 1}}}};
  std::vector<Case> cases;
  for (const Layout &layout : layouts)
    for (int bits = 0; bits < 8; ++bits)
      for (int64_t groupSize : {int64_t(4), int64_t(15)})
        if (bits & 4 || groupSize == 4)
          cases.push_back({bool(bits & 1), bool(bits & 2), bool(bits & 4),
                           layout, groupSize});
  return cases;
}

/// The first of four bytes of a result nobody wrote.
constexpr int32_t kCanary = 0x5ca1ab1e;

void check(CompiledModule &module, const Case &c, double density) {
  SCOPED_TRACE(c.layout.str() + " " + c.name());
  constexpr int64_t rows = Case::kRows, columns = Case::kColumns;
  std::mt19937 random(rows + int64_t(100 * density));
  std::bernoulli_distribution isActive(density);
  std::vector<int8_t> digits(rows * columns), dense(columns);
  for (int8_t &digit : digits)
    digit = static_cast<int8_t>(random() % 3) - 1;
  for (int8_t &code : dense)
    code = static_cast<int8_t>(random());
  Grid weight(c.layout.gridShape(rows, columns));
  packDigits(c.layout, digits.data(), rows, columns, weight.data());

  auto fillList = [&](Matrix<int32_t> &list, Vector<int32_t> &count,
                      int64_t candidates) {
    std::vector<bool> active(candidates);
    list.fill(0);
    count[0] = 0;
    for (int64_t i = 0; i < candidates; ++i)
      if ((active[i] = isActive(random)))
        list.at(0, count[0]++) = static_cast<int32_t>(i);
    return active;
  };
  Matrix<int32_t> rowList(1, rows), columnList(1, Case::kListed);
  Vector<int32_t> rowCount(1), columnCount(1);
  std::vector<bool> activeRows = fillList(rowList, rowCount, rows);
  std::vector<bool> activeColumns = fillList(columnList, columnCount, columns);
  Matrix<int8_t> codes(1, c.codes());
  codes.fill(0);
  for (int64_t k = 0; k < (c.columns ? columnCount[0] : columns); ++k)
    codes.at(0, k) = dense[c.columns ? columnList.at(0, k) : k];
  Matrix<float> scales(rows, c.groups());
  for (int64_t i = 0; i < scales.size(); ++i)
    scales.data()[i] = std::ldexp(float(random()) - 2e9f, -30);
  Matrix<int32_t> result(1, c.paddedRows());
  result.fill(kCanary);
  module.call(c.name(), codes.argument(), weight.argument(), rowList.argument(),
              rowCount.argument(), columnList.argument(),
              columnCount.argument(), scales.argument(), result.argument());

  for (int64_t n = 0; n < rows; ++n) {
    std::vector<int32_t> sums(c.groups());
    for (int64_t k = 0; k < columns; ++k)
      if (!c.columns || activeColumns[k])
        sums[k / c.groupSize] += digits[n * columns + k] * dense[k];
    int32_t expected = 0;
    Row terms;
    for (int64_t g = 0; g < c.groups(); ++g) {
      expected += sums[g];
      terms.push_back(float(sums[g]) * scales.at(n, g));
    }
    if (c.scales) {
      float sum = r32(terms);
      std::memcpy(&expected, &sum, sizeof sum);
    }
    if (c.rows && !activeRows[n])
      expected = kCanary;
    ASSERT_EQ(result.at(0, n), expected) << "row " << n;
  }
}

class ProductModifiers : public testing::TestWithParam<ProductSetting> {};

TEST_P(ProductModifiers, Compose) {
  const Machine &machine = GetParam().machine;
  if (!machine.isHere())
    GTEST_SKIP() << "this host has no " << machine.featureString();
  std::string text;
  for (const Case &c : allCases())
    text += c.text();
  auto module = CompiledModule::compile(machine, text, GetParam().strategies);
  ASSERT_TRUE(module);
  for (const Case &c : allCases())
    for (double density : {0.0, 0.3, 1.0})
      check(*module, c, density);
}

INSTANTIATE_TEST_SUITE_P(
    , ProductModifiers, testing::ValuesIn(productSettings()),
    [](const testing::TestParamInfo<ProductSetting> &info) {
      return info.param.name;
    });

} // namespace
