//===- test/Unit/.../ProductModifiersTest.cpp - Modifiers compose ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// tern.matmul with every subset of its modifiers, in layouts of either outer
// axis, for every target, equals its definition, of codes and of floats.
//
//===----------------------------------------------------------------------===//

#ifdef TERN_AMX_EMULATION
#include "Emulation/amx.h"
#endif
#include "Kernels/KernelRunner.h"
#include "Kernels/RowReference.h"

#include "tern/Packing/Codec.h"
#include "tern/Packing/HalfFloat.h"
#include "tern/Packing/LayoutFamilies.h"
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

  int64_t numRows = 37, numColumns = 60; // without padding
  int64_t tokens = 1;
  int64_t blocks = 0; // of groups that share a factor; 0: no factors
  bool isOfFloats = false;

  int64_t groups() const { return numColumns / groupSize; }
  int64_t paddedRows() const { return layout.paddedRows(numRows); }
  int64_t codes() const {
    return columns ? numColumns : layout.paddedColumns(numColumns);
  }
  std::string name() const {
    return "f" + std::to_string(rows) + std::to_string(columns) +
           std::to_string(scales) + "_" + std::to_string(numRows) + "_" +
           std::to_string(groupSize) + "_" + std::to_string(tokens) + "_" +
           std::to_string(blocks) + (isOfFloats ? "_floats_" : "_") +
           std::to_string(layout.fingerprint());
  }

  /// (codes, weight, rows, row count, columns, column count, scales, factors,
  /// result)
  std::string text() const {
    auto number = [](int64_t x) { return std::to_string(x); };
    std::string some = tokens == 1 ? "memref<1x" : "memref<?x";
    std::string x = some + number(codes()) + (isOfFloats ? "xf32>" : "xi8>");
    std::string w = "memref<";
    for (int64_t size : layout.gridShape(numRows, numColumns))
      w += number(size) + "x";
    w += "i8>";
    std::string i = "memref<1x" + number(numRows) + "xi32>";
    std::string j = "memref<1x" + number(numColumns) + "xi32>";
    std::string n = "memref<1xi32>";
    std::string s =
        "memref<" + number(numRows) + "x" + number(groups()) + "xf32>";
    std::string f = some + number(std::max<int64_t>(blocks, 1)) + "xf32>";
    std::string y = some + number(paddedRows()) + (scales ? "xf32>" : "xi32>");
    std::string text =
        "func.func @" + name() + "(%x: " + x + ", %w: " + w + ", %i: " + i +
        ", %n: " + n + ", %j: " + j + ", %m: " + n + ", %s: " + s +
        ", %f: " + f + ", %y: " + y +
        ") attributes {llvm.emit_c_interface} {\n" + tensorOf("%xt", "%x", x) +
        tensorOf("%wt", "%w", w) + tensorOf("%it", "%i", i) +
        tensorOf("%nt", "%n", n) + tensorOf("%jt", "%j", j) +
        tensorOf("%mt", "%m", n) + tensorOf("%st", "%s", s) +
        tensorOf("%ft", "%f", f) + tensorOf("%yt", "%y", y, /*written=*/true);
    text += "%r = tern.matmul \"p\" ins(%xt, %wt : " + tensorType(x) + ", " +
            tensorType(w) + ")";
    if (rows)
      text += " rows(%it, %nt : " + tensorType(i) + ", " + tensorType(n) + ")";
    if (columns)
      text +=
          " columns(%jt, %mt : " + tensorType(j) + ", " + tensorType(n) + ")";
    if (scales && !layout.hasScales())
      text += " scales(%st : " + tensorType(s) + ")";
    if (blocks)
      text += " factors(%ft : " + tensorType(f) + ")";
    return text + " outs(%yt : " + tensorType(y) + ") codes " +
           (isOfFloats ? "[]" : "[-128, 127]") + " weight_type tensor<" +
           number(numRows) + "x" + number(numColumns) +
           "x!tern.trit, #tern.layout<" + layout.str() + ">> -> " +
           tensorType(y) + "\n" + intoBuffer("%r", "%y", y) + "return\n}\n";
  }
};

std::vector<Case> allCases() {
  const Codec *b2 = &codecs::b2;
  const Layout layouts[] = {
      {b2, R, {{C, 4, 1}}, {}},
      {b2, C, {{R, 4, 1}}, {}},
      {b2, C, {{C, 4, 3}}, {{R, 5, 1}, {C, 3, 1}}},
      {&codecs::t4, R, {{C, 4, 4}}, {{R, 3, 1}, {C, 4, 1}}},
      GroupsInLanes{&codecs::t3p5, C, 1, 3, 2}.layout(),
      PairedRows{3}.layout(),
      {b2, R, {{C, 4, 4}}, {{R, 2, 8}, {R, 8, 1}, {C, 4, 1}}},
      {b2, R, {{C, 4, 32}}, {{C, 32, 1}}},
      {b2, C, {{R, 4, 32}}, {{R, 2, 4}, {R, 4, 8}, {R, 4, 1}}}};
  std::vector<Case> cases;
  for (const Layout &layout : layouts)
    for (int bits = 0; bits < 8; ++bits)
      for (int64_t groupSize : {int64_t(4), int64_t(15)})
        if (bits & 4 || groupSize == 4) {
          Case one = {bool(bits & 1), bool(bits & 2), bool(bits & 4), layout,
                      groupSize};
          cases.push_back(one);
          // A factor for each group, and for five of them.
          for (int64_t blocks : {one.groups(), int64_t(3)})
            if (one.scales && one.groups() % blocks == 0) {
              one.blocks = blocks;
              cases.push_back(one);
            }
        }
  return cases;
}

/// Of activations that stay floats: groups, and one of all columns.
std::vector<Case> floatCases() {
  std::vector<Case> cases;
  for (const Case &one : allCases())
    if (one.scales && !one.rows && !one.columns && !one.blocks)
      for (int64_t tokens : {1, 3})
        for (int64_t groupSize : {one.groupSize, one.numColumns})
          if (groupSize != one.numColumns || one.groupSize == 4)
            cases.push_back({false, false, true, one.layout, groupSize,
                             one.numRows, one.numColumns, tokens, 0, true});
  return cases;
}

/// The first of four bytes of a result nobody wrote.
constexpr int32_t kCanary = 0x5ca1ab1e;

void check(CompiledModule &module, const Case &c, double density) {
  SCOPED_TRACE(c.layout.str() + " " + c.name());
  const int64_t rows = c.numRows, columns = c.numColumns;
  std::mt19937 random(rows + int64_t(100 * density));
  std::bernoulli_distribution isActive(density);
  std::vector<int8_t> digits(rows * columns), dense(c.tokens * columns);
  for (int8_t &digit : digits)
    digit = static_cast<int8_t>(random() % 3) - 1;
  for (int8_t &code : dense)
    code = static_cast<int8_t>(random());
  Grid weight(c.layout.gridShape(rows, columns));
  packDigits(c.layout, digits.data(), rows, columns, weight.data());
  bool areHalf = c.layout.scales == ScaleFormat::F16;

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
  Matrix<int32_t> rowList(1, rows), columnList(1, columns);
  Vector<int32_t> rowCount(1), columnCount(1);
  std::vector<bool> activeRows = fillList(rowList, rowCount, rows);
  std::vector<bool> activeColumns = fillList(columnList, columnCount, columns);
  Matrix<int8_t> codes(c.tokens, c.codes());
  codes.fill(0);
  for (int64_t t = 0; t < c.tokens; ++t)
    for (int64_t k = 0; k < (c.columns ? columnCount[0] : columns); ++k)
      codes.at(t, k) =
          dense[t * columns + (c.columns ? columnList.at(0, k) : k)];
  auto randomFloats = [&](Matrix<float> &floats) {
    for (int64_t i = 0; i < floats.size(); ++i)
      floats.data()[i] = std::ldexp(float(random()) - 2e9f, -30);
  };
  Matrix<float> scales(rows, c.groups()),
      factors(c.tokens, std::max<int64_t>(c.blocks, 1)),
      floats(c.tokens, c.codes());
  randomFloats(scales);
  randomFloats(factors);
  for (int64_t i = 0; areHalf && i < scales.size(); ++i)
    scales.data()[i] = halfToFloat(floatToHalf(scales.data()[i]));
  if (c.layout.hasScales())
    ASSERT_FALSE(
        packScales(c.layout, scales.data(), rows, columns, weight.data()));
  floats.fill(0);
  for (int64_t t = 0; t < c.tokens; ++t)
    for (int64_t k = 0; k < columns; ++k)
      if (c.isOfFloats)
        floats.at(t, k) = float(dense[t * columns + k]) / 37;
  Matrix<int32_t> result(c.tokens, c.paddedRows());
  result.fill(kCanary);
  module.call(c.name(), c.isOfFloats ? floats.argument() : codes.argument(),
              weight.argument(), rowList.argument(), rowCount.argument(),
              columnList.argument(), columnCount.argument(), scales.argument(),
              factors.argument(), result.argument());

  for (int64_t t = 0; t < c.tokens; ++t)
    for (int64_t n = 0; n < rows; ++n) {
      std::vector<int32_t> sums(c.groups());
      for (int64_t k = 0; k < columns; ++k)
        if (!c.columns || activeColumns[k])
          sums[k / c.groupSize] +=
              digits[n * columns + k] * dense[t * columns + k];
      int32_t expected = 0;
      float scaled = 0;
      for (int64_t g = 0; g < c.groups(); ++g) {
        expected += sums[g];
        float sum = float(sums[g]);
        if (c.isOfFloats) {
          Row products;
          for (int64_t k = g * c.groupSize; k < (g + 1) * c.groupSize; ++k)
            products.push_back(float(digits[n * columns + k]) *
                               floats.at(t, k));
          sum = r32(products);
        }
        float term = sum * scales.at(n, g);
        if (c.blocks)
          term *= factors.at(t, g * c.blocks / c.groups());
        scaled += term;
      }
      if (c.scales)
        std::memcpy(&expected, &scaled, sizeof scaled);
      if (c.rows && !activeRows[n])
        expected = kCanary;
      ASSERT_EQ(result.at(t, n), expected) << "token " << t << " row " << n;
    }
}

/// Scaled products that micro kernels of `lanes` lanes take: no rows that only
/// the layout adds, groups of whole steps, factors of one and of five groups.
std::vector<Case> scaledCases(int64_t lanes, bool hasPermutes = false) {
  std::vector<std::pair<Layout, int64_t>> layouts = {
      {RowsInLanes{lanes, 2}.layout(), 16},
      {ContiguousRows{lanes}.layout(), 16 * lanes},
      {ContiguousColumns{lanes}.layout(), 4}};
  if (hasPermutes) {
    layouts.push_back(
        {ContiguousRows{lanes, 1, &codecs::s5}.layout(), 20 * lanes});
    layouts.push_back({ContiguousColumns{lanes, &codecs::s5}.layout(), 4});
  }
  std::vector<Case> cases;
  for (const auto &[layout, groupSize] : layouts)
    for (int64_t tokens : {1, 3})
      for (int64_t blocks : {0, 7, 35})
        cases.push_back({false, false, true, layout, groupSize,
                         layout.paddedRows(32 * lanes), 35 * groupSize, tokens,
                         blocks});
  return cases;
}

/// Products whose scales are stored with the digits. Rows are padded; of
/// several tokens there are as many as kernels take and some that these leave.
std::vector<Case> storedCases(int64_t lanes) {
  const ScaleFormat f16 = ScaleFormat::F16, f32 = ScaleFormat::F32;
  const Layout inLanes = RowsInLanes{lanes, 2}.layout(),
               inRows = ContiguousRows{lanes}.layout(),
               plain = PlainWords{&codecs::b2, R}.layout();
  const Layout layouts[] = {
      inLanes.withScales(128, f16),
      inLanes.withScales(128, f32),
      inLanes.withScales(16, f16),
      inLanes.withScales(48, f32),
      inRows.withScales(16 * lanes, f16),
      inRows.withScales(32 * lanes, f32),
      plain.withScales(128, f16),
      plain.withScales(20, f32),
      GroupsInLanes{&codecs::t3p5, R, 1, 1, 4}.layout().withScales(48, f16)};
  std::vector<Case> cases;
  for (const Layout &layout : layouts)
    for (int64_t tokens : {1, 47})
      for (int64_t blocks : {0, 5})
        cases.push_back({false, false, true, layout, layout.tileColumns(), 101,
                         5 * layout.tileColumns(), tokens, blocks});
  return cases;
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

TEST_P(ProductModifiers, Floats) {
  const Machine &machine = GetParam().machine;
  if (!machine.isHere())
    GTEST_SKIP() << "this host has no " << machine.featureString();
  std::string text;
  for (const Case &c : floatCases())
    text += c.text();
  auto module = CompiledModule::compile(machine, text, GetParam().strategies);
  ASSERT_TRUE(module);
  for (const Case &c : floatCases())
    check(*module, c, 1);
}

TEST_P(ProductModifiers, ScalesInKernels) {
  const Machine &machine = GetParam().machine;
  if (!machine.isHere())
    GTEST_SKIP() << "this host has no " << machine.featureString();
  for (int64_t lanes : {8, 16}) {
    bool hasPermutes =
        lanes == 16 &&
        llvm::StringRef(machine.featureString()).contains("avx512vbmi");
    std::vector<Case> cases = scaledCases(lanes, hasPermutes);
    std::string text;
    for (const Case &c : cases)
      text += c.text();
    auto module = CompiledModule::compile(machine, text, GetParam().strategies);
    ASSERT_TRUE(module);
    // Kernels of the machine's own lanes take all; Generic has none for tiles
    // as large as these.
    llvm::StringRef name = GetParam().name;
    int64_t own = name.starts_with("Avx512") ? 16 : 8;
    if (GetParam().strategies == Strategies::OfTarget && lanes == own &&
        name != "Generic")
      EXPECT_EQ(module->portableProducts(), 0);
    for (const Case &c : cases)
      check(*module, c, 1);
  }
}

TEST_P(ProductModifiers, StoredScales) {
  const Machine &machine = GetParam().machine;
  if (!machine.isHere())
    GTEST_SKIP() << "this host has no " << machine.featureString();
  bool isWide = llvm::StringRef(GetParam().name).starts_with("Avx512");
  std::vector<Case> cases = storedCases(isWide ? 16 : 8);
  std::string text;
  for (const Case &c : cases)
    text += c.text();
  auto module = CompiledModule::compile(machine, text, GetParam().strategies);
  ASSERT_TRUE(module);
  for (const Case &c : cases)
    check(*module, c, 1);
}

#ifdef TERN_AMX_EMULATION
/// Sixteen tokens and more in tiles, groups of one step of them and of two.
TEST(ScaledTiles, EqualTheirDefinition) {
  const Machine amx = {"Amx",
                       "x86-64-v4",
                       {"avx2", "avx512f", "avx512bw", "avx512vl", "avx512vnni",
                        "amx-tile", "amx-int8"}};
  if (!amx.isHere())
    GTEST_SKIP() << "neither AVX-512 nor permission for tiles";
  std::vector<Case> cases;
  std::string text;
  for (int64_t groupSize : {64, 128, 32})
    for (int64_t rows : {101, 90}) {
      Layout layout =
          RowsInLanes{16, 2}.layout().withScales(groupSize, ScaleFormat::F16);
      cases.push_back(
          {false, false, true, layout, groupSize, rows, 3 * groupSize, 49, 3});
      text += cases.back().text();
    }
  auto module = CompiledModule::compile(amx, text);
  ASSERT_TRUE(module);
  EXPECT_EQ(module->portableProducts(), 0);
  for (const Case &c : cases) {
    unsigned long before = amx_products();
    check(*module, c, 1);
    if (amx_is_emulated())
      EXPECT_EQ(amx_products() > before, c.groupSize >= 64) << c.name();
  }
}
#endif

INSTANTIATE_TEST_SUITE_P(
    , ProductModifiers, testing::ValuesIn(productSettings()),
    [](const testing::TestParamInfo<ProductSetting> &info) {
      return info.param.name;
    });

} // namespace
