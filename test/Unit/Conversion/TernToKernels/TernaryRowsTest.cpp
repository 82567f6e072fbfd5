//===- TernaryRowsTest.cpp - Rows of tables of digits, in any layout ------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Kernels/KernelRunner.h"

#include "tern/Packing/Codec.h"
#include "tern/Packing/HalfFloat.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Packing/Packer.h"

#include "gtest/gtest.h"

using namespace tern;
using namespace tern::test;

namespace {

/// A table and its scales: one, one per row (groups 1), or groups of each row.
struct Table {
  int64_t rows, columns, groups;
  bool isOneScale;
};

const Table kTables[] = {{1, 1, 1, true},     {19, 31, 1, false},
                         {7, 60, 5, false},   {33, 128, 4, false},
                         {70, 256, 2, false}, {21, 384, 3, false}};

std::vector<Layout> getLayouts() {
  return {PlainWords{&codecs::b2, Axis::Row}.layout(),
          PlainWords{&codecs::b2, Axis::Column}.layout(),
          RowsInLanes{16, 4}.layout(),
          ContiguousRows{16}.layout(),
          ContiguousRows{16, 1, &codecs::s5}.layout(),
          ContiguousColumns{8}.layout(),
          ContiguousColumns{8, &codecs::s5}.layout(),
          GroupsInLanes{&codecs::s5, Axis::Row, 1, 8, 64}.layout(),
          GroupsInLanes{&codecs::s5, Axis::Column, 24, 8, 64}.layout(),
          GroupsInLanes{&codecs::t3p5, Axis::Row, 1, 2, 16}.layout(),
          PairedRows{4}.layout()};
}

/// Those that may have scales, with these for the groups of a table: none where
/// the groups are few or no whole tiles.
std::vector<Layout> getLayoutsWithScales(const Table &table) {
  std::vector<Layout> layouts;
  int64_t width = table.columns / table.groups;
  ScaleFormat format = table.groups % 2 ? ScaleFormat::F16 : ScaleFormat::F32;
  for (const Layout &layout :
       {PlainWords{&codecs::b2, Axis::Row}.layout(),
        PlainWords{&codecs::b2, Axis::Column}.layout(),
        RowsInLanes{16, 4}.layout(), UnpackedRows{8, 2}.layout(),
        ContiguousRows{2}.layout(), ContiguousRows{8, 4}.layout()})
    if (table.groups > 2 && width % layout.tileColumns() == 0)
      layouts.push_back(layout.withScales(width, format));
  return layouts;
}

std::string memref(std::initializer_list<int64_t> sizes, const char *element) {
  std::string text = "memref<";
  for (int64_t size : sizes)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

std::string getName(const Table &table, size_t layout) {
  return "e" + std::to_string(layout) + "_" + std::to_string(table.rows) + "_" +
         std::to_string(table.columns);
}

std::string getText(const Table &table, const Layout &layout, size_t number) {
  std::array<int64_t, 3> grid = layout.gridShape(table.rows, table.columns);
  std::string w = memref({grid[0], grid[1], grid[2]}, "i8");
  std::string s = table.isOneScale ? memref({1}, "f32")
                  : table.groups == 1
                      ? memref({table.rows}, "f32")
                      : memref({table.rows, table.groups}, "f32");
  std::string y = "memref<?x" + std::to_string(table.columns) +
                  "xf32, strided<[?, 1], offset: ?>>";
  bool isStored = layout.hasScales();
  return "func.func @" + getName(table, number) +
         "(%i: memref<?xi32>, %w: " + w + (isStored ? "" : ", %s: " + s) +
         ", %y: " + y +
         ") attributes {llvm.emit_c_interface} {\n"
         "tern.gather_rows (%i, %w) " +
         (isStored ? "" : "scales(%s : " + s + ") ") + "outs(%y : " + y +
         ") weight_type tensor<" + std::to_string(table.rows) + "x" +
         std::to_string(table.columns) + "x!tern.trit, #tern.layout<" +
         layout.str() + ">> : (memref<?xi32>, " + w + ")\nreturn\n}\n";
}

class TernaryRows : public testing::TestWithParam<Machine> {
protected:
  void SetUp() override {
    if (!GetParam().isHere())
      GTEST_SKIP() << "this host has no " << GetParam().featureString();
  }

  void check(CompiledModule &module, const Table &table, const Layout &layout,
             size_t number) {
    SCOPED_TRACE(getName(table, number) + " " + layout.str());
    std::mt19937 random(table.rows + table.columns);
    std::uniform_real_distribution<float> value(0.5f, 2.0f);
    std::vector<int8_t> digits(table.rows * table.columns);
    for (int8_t &digit : digits)
      digit = static_cast<int8_t>(random() % 3) - 1;
    Grid weight(layout.gridShape(table.rows, table.columns));
    packDigits(layout, digits.data(), table.rows, table.columns, weight.data());
    Matrix<float> scales(table.isOneScale ? 1 : table.rows, table.groups);
    for (int64_t i = 0; i < scales.size(); ++i)
      scales.data()[i] = halfToFloat(floatToHalf(value(random)));
    if (layout.hasScales())
      ASSERT_EQ(packScales(layout, scales.data(), table.rows, table.columns,
                           weight.data()),
                std::nullopt);
    constexpr int64_t tokens = 5;
    Vector<int32_t> ids(tokens);
    for (int64_t t = 0; t < tokens; ++t)
      ids[t] = static_cast<int32_t>(random() % table.rows);
    ids[0] = static_cast<int32_t>(table.rows - 1);
    Matrix<float> output(tokens, table.columns, table.columns + 1);
    output.fill(-12345.0f);
    std::string name = getName(table, number);
    if (layout.hasScales())
      module.call(name, ids.argument(), weight.argument(), output.argument());
    else
      call(module, table, name, ids, weight, scales, output);
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t k = 0; k < table.columns; ++k) {
        int64_t row = ids[t], group = k / (table.columns / table.groups);
        float scale = scales.at(table.isOneScale ? 0 : row, group);
        ASSERT_EQ(output.at(t, k),
                  static_cast<float>(digits[row * table.columns + k]) * scale)
            << "token " << t << " column " << k;
      }
    for (int64_t i = table.columns; i < output.size(); i += table.columns + 1)
      ASSERT_EQ(output.data()[i], -12345.0f) << "written between rows";
  }

  /// Scales of one group are a vector.
  static void call(CompiledModule &module, const Table &table,
                   const std::string &name, Vector<int32_t> &ids, Grid &weight,
                   Matrix<float> &scales, Matrix<float> &output) {
    if (table.groups > 1)
      return module.call(name, ids.argument(), weight.argument(),
                         scales.argument(), output.argument());
    Vector<float> flat(scales.size());
    for (int64_t i = 0; i < scales.size(); ++i)
      flat[i] = scales.data()[i];
    module.call(name, ids.argument(), weight.argument(), flat.argument(),
                output.argument());
  }
};

TEST_P(TernaryRows, EveryLayout) {
  std::vector<Layout> layouts = getLayouts();
  std::string text;
  for (size_t i = 0; i < layouts.size(); ++i)
    for (const Table &table : kTables)
      text += getText(table, layouts[i], i);
  auto module = CompiledModule::compile(GetParam(), text);
  ASSERT_TRUE(module);
  for (size_t i = 0; i < layouts.size(); ++i)
    for (const Table &table : kTables)
      check(*module, table, layouts[i], i);
}

TEST_P(TernaryRows, ScalesInTheLayout) {
  std::string text;
  for (const Table &table : kTables)
    for (auto [i, layout] : llvm::enumerate(getLayoutsWithScales(table)))
      text += getText(table, layout, i);
  auto module = CompiledModule::compile(GetParam(), text);
  ASSERT_TRUE(module);
  size_t count = 0;
  for (const Table &table : kTables)
    for (auto [i, layout] : llvm::enumerate(getLayoutsWithScales(table))) {
      check(*module, table, layout, i);
      ++count;
    }
  EXPECT_EQ(count, 14u);
}

INSTANTIATE_TEST_SUITE_P(, TernaryRows, testing::ValuesIn(rowMachines()),
                         [](const testing::TestParamInfo<Machine> &info) {
                           return info.param.name;
                         });

} // namespace
