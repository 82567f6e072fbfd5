//===- ProductKernelsTest.cpp - Products equal their definition -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductReference.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/InitAll.h"
#include "tern/Packing/Codec.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Target/Target.h"

#include "mlir/AsmParser/AsmParser.h"

#include "gtest/gtest.h"

using namespace tern;
using namespace tern::test;

namespace {

/// How a weight is stored, of digits or of integers of so many bits: in the
/// layout that the target of `machine` takes for products of one token that
/// read all of it, a list of rows, or of columns; or in that of a name.
enum class Stored { Dense, ListedRows, ListedColumns };

Layout pickLayout(const Machine &machine, Stored stored, Shape shape,
                  int64_t integerBits = 0, llvm::StringRef name = "") {
  mlir::DialectRegistry registry;
  tern::registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<TernDialect>();
  auto attr = llvm::cast<TargetAttr>(
      mlir::parseAttribute(machine.attribute(), &context));
  ProductShape product{shape.rows, shape.columns};
  product.integerBits = integerBits;
  product.listsRows = stored == Stored::ListedRows;
  product.listsColumns = stored == Stored::ListedColumns;
  for (const Strategy &strategy :
       attr.getTarget()->getStrategies(attr, product))
    if (getReasonAgainst(strategy, product).empty() &&
        (name.empty() || strategy.layoutName == name))
      return *strategy.layout;
  llvm_unreachable("a target has kernels for all three");
}

const Shape kShapes[] = {{1, 1},     {3, 5},     {5, 3},    {65, 320},
                         {37, 65},   {320, 192}, {4, 5460}, {5460, 20},
                         {17, 1536}, {96, 68}};

/// Every number that kernels of 12, 8, 6, 4, 2 and 1 tokens leave to each
/// other.
const std::vector<int64_t> kTokens = {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 29};

class Products : public testing::TestWithParam<ProductSetting> {
protected:
  const Machine &machine() { return GetParam().machine; }
  void SetUp() override {
    if (!machine().isHere())
      GTEST_SKIP() << "this host has no " << machine().featureString();
  }

  std::vector<Product> makeProducts(Kind kind, Stored stored) {
    std::vector<Product> products;
    for (Shape shape : kShapes)
      products.emplace_back(kind, shape, pickLayout(machine(), stored, shape));
    return products;
  }

  /// All shapes, stored for products of kind `stored`, with every kind of data.
  void checkAll(Kind kind, Stored stored,
                const std::vector<int64_t> &tokenCounts,
                const std::vector<double> &densities = {1}) {
    checkProducts(makeProducts(kind, stored), tokenCounts, densities,
                  /*fit=*/true);
  }

  /// All products `fit` a kernel of the target, or some do not.
  std::unique_ptr<CompiledModule> compile(const std::string &text, bool fit) {
    Strategies strategies = GetParam().strategies;
    auto module = CompiledModule::compile(machine(), text, strategies);
    if (module && fit && strategies == Strategies::OfTarget)
      EXPECT_EQ(module->portableProducts(), 0);
    return module;
  }

  void checkProducts(const std::vector<Product> &products,
                     const std::vector<int64_t> &tokenCounts,
                     const std::vector<double> &densities, bool fit = false) {
    std::string text;
    for (const Product &product : products)
      text += product.text();
    auto module = compile(text, fit);
    ASSERT_TRUE(module);
    for (const Product &product : products)
      for (int64_t tokens : tokenCounts)
        for (double density : densities)
          for (Data data : {Data::Random, Data::Worst, Data::Int4}) {
            check(*module, product, data, tokens, density);
            if (HasFatalFailure())
              return;
          }
  }

  /// Rows of integers of fewer bits, as the target stores them and word by
  /// word.
  void checkIntegers(Kind kind, const std::vector<int64_t> &tokenCounts,
                     const std::vector<double> &densities = {1}) {
    std::vector<Product> products;
    for (Shape shape : {Shape{1, 1}, Shape{19, 63}, Shape{40, 320},
                        Shape{17, 257}, Shape{5, 1537}})
      for (const Codec *codec : {&codecs::i6, &codecs::i4, &codecs::u2}) {
        if (kind == Kind::Rows && codec != &codecs::u2)
          continue;
        products.emplace_back(
            kind, shape,
            pickLayout(machine(), Stored::Dense, shape, codec->fields.bits));
        products.emplace_back(kind, shape, IntegerRows{codec, 4}.layout());
      }
    checkProducts(products, tokenCounts, densities);
  }

  void checkInt8Rows(const std::vector<int64_t> &tokenCounts) {
    const Shape shapes[] = {{1, 1},   {3, 5},    {19, 63},  {33, 64},
                            {40, 65}, {17, 320}, {18, 449}, {5, 1537}};
    std::string text;
    for (Shape shape : shapes)
      text +=
          Int8Product{shape, false}.text() + Int8Product{shape, true}.text();
    auto module = compile(text, /*fit=*/true);
    ASSERT_TRUE(module);
    for (Shape shape : shapes)
      for (Data data : {Data::Random, Data::Worst}) {
        check(*module, Int8Product{shape, false}, data, 1);
        for (int64_t tokens : tokenCounts)
          check(*module, Int8Product{shape, true}, data, tokens);
      }
  }
};

TEST_P(Products, DecodeDense) { checkAll(Kind::Decode, Stored::Dense, {1}); }
TEST_P(Products, DecodeRowLayout) {
  checkAll(Kind::Decode, Stored::ListedRows, {1});
}
TEST_P(Products, DecodeColumnLayout) {
  checkAll(Kind::Decode, Stored::ListedColumns, {1});
}
TEST_P(Products, PrefillDense) {
  checkAll(Kind::Prefill, Stored::Dense, kTokens);
}
TEST_P(Products, PrefillRowLayout) {
  checkAll(Kind::Prefill, Stored::ListedRows, kTokens);
}
TEST_P(Products, PrefillColumnLayout) {
  checkAll(Kind::Prefill, Stored::ListedColumns, kTokens);
}
TEST_P(Products, ActiveRows) {
  checkAll(Kind::Rows, Stored::ListedRows, {1}, {0, 0.1, 1});
}
TEST_P(Products, ActiveColumns) {
  checkAll(Kind::Sparse, Stored::ListedColumns, {1}, {0, 0.2, 1});
}

/// Layouts that only the portable kernels know, no tile side a power of two.
TEST_P(Products, OtherLayouts) {
  const Axis R = Axis::Row, C = Axis::Column;
  const Layout fieldOfColumns{
      &codecs::b2, C, {{C, 4, 3}}, {{R, 5, 1}, {C, 3, 1}, {C, 7, 12}}};
  const Layout fieldOfRows{&codecs::b2, R, {{R, 4, 2}}, {{C, 3, 1}, {R, 2, 1}}};
  for (Kind kind : {Kind::Decode, Kind::Prefill, Kind::Rows, Kind::Sparse}) {
    std::vector<Product> products;
    for (Shape shape : {Shape{1, 1}, Shape{37, 65}, Shape{11, 192}})
      for (const Layout &layout : {fieldOfColumns, fieldOfRows})
        // A line whose digits share bytes with other lines reads those too.
        if (kind != (layout == fieldOfRows ? Kind::Rows : Kind::Sparse))
          products.emplace_back(kind, shape, layout);
    bool isList = kind == Kind::Rows || kind == Kind::Sparse;
    checkProducts(products, {kind == Kind::Prefill ? 3 : 1},
                  {isList ? 0.3 : 1});
  }
}

/// Bytes of every codec whose digits the portable kernels take one by one.
TEST_P(Products, OtherCodecs) {
  const Axis R = Axis::Row, C = Axis::Column;
  const Layout groups = GroupsInLanes{&codecs::s5, R, 1, 2, 8}.layout();
  const Layout blocks = GroupsInLanes{&codecs::s5, C, 3, 2, 8}.layout();
  const Layout nibbles = GroupsInLanes{&codecs::t2, C, 4, 1, 8}.layout();
  const Layout columns = PlainWords{&codecs::t4, C}.layout();
  const Layout square{&codecs::b2, R, {{R, 2, 1}, {C, 2, 1}}, {{C, 3, 2}}};
  for (Kind kind : {Kind::Decode, Kind::Prefill, Kind::Sparse}) {
    std::vector<Product> products;
    for (const Layout &layout : {groups, blocks, nibbles, columns, square})
      // A column that shares bytes with others reads those too.
      if (kind != Kind::Sparse || layout == columns)
        products.emplace_back(kind, Shape{37, 64}, layout);
    checkProducts(products, {kind == Kind::Prefill ? 3 : 1},
                  {kind == Kind::Sparse ? 0.3 : 1});
  }
}

TEST_P(Products, IntegersOfFewerBits) {
  checkIntegers(Kind::Decode, {1});
  checkIntegers(Kind::Rows, {1}, {0, 0.1, 1});
  checkIntegers(Kind::Prefill, kTokens);
}

/// Groups of five digits, which machines with permutes of bytes read and
/// repack.
TEST_P(Products, Groups) {
  if (!llvm::StringRef(machine().featureString()).contains("avx512vbmi"))
    GTEST_SKIP() << "no permutes of bytes";
  const llvm::StringRef rows = "groups_in_rows", columns = "groups_in_columns",
                        lanes = "groups_in_lanes";
  const std::pair<Kind, std::vector<llvm::StringRef>> readers[] = {
      {Kind::Decode, {rows, columns, lanes}},
      {Kind::Prefill, {rows, columns, lanes}},
      {Kind::Rows, {rows}},
      {Kind::Sparse, {columns}}};
  for (const auto &[kind, layouts] : readers) {
    std::vector<Product> products;
    for (Shape shape : kShapes)
      for (llvm::StringRef name : layouts)
        products.emplace_back(
            kind, shape, pickLayout(machine(), Stored::Dense, shape, 0, name));
    bool isList = kind == Kind::Rows || kind == Kind::Sparse;
    checkProducts(
        products, kind == Kind::Prefill ? kTokens : std::vector<int64_t>{1},
        isList ? std::vector<double>{0, 0.2, 1} : std::vector<double>{1},
        /*fit=*/true);
  }
}

TEST_P(Products, Int8Rows) { checkInt8Rows(kTokens); }

/// Small members of every family, of each codec that it may have: a tile is one
/// piece of code.
std::vector<Layout> layoutsOfFamilies() {
  std::vector<Layout> all = {RowsInLanes{2, 2}.layout(),
                             ContiguousRows{2}.layout(),
                             ContiguousRows{2, 3}.layout(),
                             ContiguousColumns{4}.layout(),
                             ContiguousRows{2, 1, &codecs::s5}.layout(),
                             ContiguousColumns{4, &codecs::s5}.layout(),
                             PairedRows{1}.layout(),
                             PairedRows{3}.layout()};
  for (const Codec *codec : allCodecs()) {
    all.push_back(PlainWords{codec, Axis::Row}.layout());
    all.push_back(PlainWords{codec, Axis::Column}.layout());
    if (codec->fields.isInteger)
      all.push_back(IntegerRows{codec, 2}.layout());
    else
      for (Axis outer : {Axis::Row, Axis::Column})
        all.push_back(GroupsInLanes{codec, outer, 2, 1, 2}.layout());
  }
  return all;
}

/// The kernels that take digit by digit know layouts as data, so they read
/// every one: as micro kernels of Generic and as portable loops.
class Families : public Products {};

TEST_P(Families, AreRead) {
  for (Kind kind : {Kind::Decode, Kind::Prefill}) {
    std::vector<Product> products;
    for (const Layout &layout : layoutsOfFamilies())
      products.emplace_back(kind, Shape{37, 65}, layout);
    checkProducts(products, {kind == Kind::Prefill ? 3 : 1}, {1}, /*fit=*/true);
  }
}

TEST_P(Families, AreReadByLists) {
  for (Kind kind : {Kind::Rows, Kind::Sparse}) {
    std::vector<Product> products;
    // A line whose digits share words with other lines reads those too.
    for (const Layout &layout : layoutsOfFamilies())
      if ((kind == Kind::Rows ? layout.wordRows() : layout.wordColumns()) == 1)
        products.emplace_back(kind, Shape{37, 65}, layout);
    checkProducts(products, {1}, {0.3});
  }
}

std::vector<ProductSetting> settingsOfGeneric() {
  std::vector<ProductSetting> settings = productSettings();
  llvm::erase_if(settings, [](const ProductSetting &setting) {
    return setting.name != "Generic" && setting.name != "Portable";
  });
  return settings;
}

INSTANTIATE_TEST_SUITE_P(
    , Families, testing::ValuesIn(settingsOfGeneric()),
    [](const testing::TestParamInfo<ProductSetting> &info) {
      return info.param.name;
    });

/// Kernels of another machine without an instruction of its own.
class NeutralKernels : public Products {};

TEST_P(NeutralKernels, DecodeDense) {
  checkAll(Kind::Decode, Stored::Dense, {1});
}
TEST_P(NeutralKernels, PrefillDense) {
  checkAll(Kind::Prefill, Stored::Dense, {1, 4, 7});
}

/// Of integers, those without vectors have Generic's.
TEST_P(NeutralKernels, IntegerRows) {
  if (machine().features.empty())
    GTEST_SKIP() << "of no kernels of their own";
  checkInt8Rows({1, 3});
  checkIntegers(Kind::Decode, {1});
}

/// The second layout of CPUs that have one.
TEST_P(NeutralKernels, Tables) {
  if (machine().name != "Riscv32")
    GTEST_SKIP() << "only registers of 32 bits want tables";
  for (auto [kind, shape] : {std::pair(Kind::Decode, Shape{37, 65}),
                             {Kind::Decode, Shape{4, 5460}},
                             {Kind::Prefill, Shape{65, 320}}})
    checkProducts(
        {{kind, shape,
          pickLayout(machine(), Stored::Dense, shape, 0, "groups_in_columns")}},
        {kind == Kind::Prefill ? 3 : 1}, {1}, /*fit=*/true);
}

std::vector<ProductSetting> settingsOfNeutral() {
  std::vector<ProductSetting> settings;
  for (const Machine &machine :
       {Machine{"RiscvVectors", "x86-64", {"v"}, "riscv64"},
        Machine{"Riscv64", "x86-64", {}, "riscv64"},
        Machine{"Riscv32", "x86-64", {}, "riscv32"}})
    settings.push_back({machine.name, machine, Strategies::OfTarget});
  return settings;
}

INSTANTIATE_TEST_SUITE_P(
    , NeutralKernels, testing::ValuesIn(settingsOfNeutral()),
    [](const testing::TestParamInfo<ProductSetting> &info) {
      return info.param.name;
    });

INSTANTIATE_TEST_SUITE_P(
    , Products, testing::ValuesIn(productSettings()),
    [](const testing::TestParamInfo<ProductSetting> &info) {
      return info.param.name;
    });

} // namespace
