//===- ProductKernelsTest.cpp - Products equal their definition -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Kernels/KernelRunner.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/InitAll.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Packing/Packer.h"
#include "tern/Target/Target.h"

#include "mlir/AsmParser/AsmParser.h"

#include "gtest/gtest.h"

using namespace tern;
using namespace tern::test;

namespace {

enum class Data { Random, Worst, Int4 };

struct Shape {
  int64_t rows, columns;
};

/// The layout that the target of `machine` has kernels of one token of this
/// kind for.
Layout pickLayout(const Machine &machine, ProductKind stored, Shape shape) {
  mlir::DialectRegistry registry;
  tern::registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<TernDialect>();
  auto attr = llvm::cast<TargetAttr>(
      mlir::parseAttribute(machine.attribute(), &context));
  return attr.getTarget()
      ->getStrategies(attr, {shape.rows, shape.columns, stored})
      .front()
      .layout;
}

std::string layoutText(const Layout &layout) {
  mlir::DialectRegistry registry;
  tern::registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<TernDialect>();
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << LayoutAttr::get(&context, layout);
  return text;
}

//===----------------------------------------------------------------------===//
// One product
//===----------------------------------------------------------------------===//

enum class Kind { Decode, Prefill, Rows, Sparse };

/// A ternary product, its operands and its definition.
struct Product {
  Product(Kind kind, Shape shape, Layout layout)
      : kind(kind), shape(shape), layout(layout),
        columns(layout.paddedColumns(shape.columns)),
        rows(layout.paddedRows(shape.rows)),
        listSize(kind == Kind::Sparse ? (columns + 3) / 4 * 4 : rows) {}

  std::string name() const {
    return "f" + std::to_string(int(kind)) + "_" + std::to_string(shape.rows) +
           "_" + std::to_string(shape.columns) + "_" +
           std::to_string(layout.fingerprint());
  }

  /// (codes or values, weight, list, count, result)
  std::string text() const {
    auto strided = [](const std::string &shape) {
      return "memref<" + shape + ", strided<[?, 1], offset: ?>>";
    };
    std::string tokens = kind == Kind::Prefill ? "?x" : "1x";
    int64_t width = kind == Kind::Sparse ? listSize : columns;
    std::string x = strided(tokens + std::to_string(width) + "xi8");
    std::string w = "memref<";
    for (int64_t size : layout.gridShape(shape.rows, shape.columns))
      w += std::to_string(size) + "x";
    w += "i8>";
    std::string list = strided("1x" + std::to_string(listSize) + "xi32");
    std::string acc = strided(tokens + std::to_string(rows) + "xi32");
    std::string digits = "tensor<" + std::to_string(shape.rows) + "x" +
                         std::to_string(shape.columns) + "x!tern.trit, " +
                         layoutText(layout) + ">";
    std::string text = "func.func @" + name() + "(%x: " + x + ", %w: " + w +
                       ", %i: " + list + ", %n: memref<1xi32>, %a: " + acc +
                       ") attributes {llvm.emit_c_interface} {\n";
    const std::string n = "memref<1xi32>";
    text += tensorOf("%xt", "%x", x) + tensorOf("%wt", "%w", w) +
            tensorOf("%it", "%i", list) + tensorOf("%nt", "%n", n) +
            tensorOf("%at", "%a", acc, /*written=*/true);
    text += "%r = tern.matmul \"p\" ins(%xt, %wt : " + tensorType(x) + ", " +
            tensorType(w) + ")";
    if (kind == Kind::Rows || kind == Kind::Sparse)
      text += std::string(kind == Kind::Rows ? " rows" : " columns") +
              "(%it, %nt : " + tensorType(list) + ", " + tensorType(n) + ")";
    text += " outs(%at : " + tensorType(acc) +
            ") codes [-128, 127] weight_type " + digits + " -> " +
            tensorType(acc) + "\n" + intoBuffer("%r", "%a", acc);
    return text + "return\n}\n";
  }

  Kind kind;
  Shape shape;
  Layout layout;
  int64_t columns, rows; // padded
  int64_t listSize;
};

int8_t randomCode(std::mt19937 &random, Data data) {
  switch (data) {
  case Data::Random:
    return static_cast<int8_t>(random());
  case Data::Worst:
    return -128;
  case Data::Int4:
    return static_cast<int8_t>(random() % 16) - 8;
  }
  return 0;
}

std::vector<int8_t> randomDigits(std::mt19937 &random, Data data,
                                 int64_t count) {
  std::vector<int8_t> digits(count);
  for (int8_t &digit : digits)
    digit = data == Data::Worst ? 1 : static_cast<int8_t>(random() % 3) - 1;
  return digits;
}

/// The count that tern.count_read must have if `active` rows or columns are.
void checkCounters(CompiledModule &module, const Product &p, int64_t active) {
  int64_t held = p.layout.storageBytes(p.shape.rows, p.shape.columns);
  EXPECT_EQ(module.held(), held);
  if (p.kind == Kind::Rows)
    EXPECT_EQ(module.read(), active * held / p.rows);
  else if (p.kind == Kind::Sparse)
    EXPECT_GE(module.read(), active * held / p.columns);
  else
    EXPECT_EQ(module.read(), held);
}

/// Runs a product on `tokens` tokens; a list holds about `density` of all.
void check(CompiledModule &module, const Product &p, Data data, int64_t tokens,
           double density = 1) {
  SCOPED_TRACE(p.layout.str() + " " + p.name() + " tokens " +
               std::to_string(tokens) + " data " + std::to_string(int(data)));
  std::mt19937 random(p.shape.rows * 7919 + p.shape.columns + tokens);
  auto [rows, columns] = p.shape;
  std::vector<int8_t> digits = randomDigits(random, data, rows * columns);
  Grid weight(p.layout.gridShape(rows, columns));
  packDigits(p.layout, digits.data(), rows, columns, weight.data());

  const int32_t canary = 0x5ca1ab1e;
  std::vector<int32_t> expected(tokens * p.rows, 0);
  std::vector<int8_t> dense(tokens * columns);
  for (int8_t &code : dense)
    code = randomCode(random, data);
  Matrix<int32_t> list(1, p.listSize);
  Vector<int32_t> count(1);
  std::bernoulli_distribution isActive(density);
  int64_t candidates = p.kind == Kind::Sparse ? columns : rows;
  std::vector<bool> active(candidates, false);
  count[0] = 0;
  list.fill(p.kind == Kind::Sparse ? 0 : canary);
  for (int64_t i = 0; i < candidates; ++i)
    if ((active[i] = isActive(random)))
      list.at(0, count[0]++) = static_cast<int32_t>(i);

  bool isSparse = p.kind == Kind::Sparse;
  Matrix<int8_t> codes(tokens, isSparse ? p.listSize : p.columns,
                       isSparse ? p.listSize : p.columns + 7);
  codes.fill(isSparse ? 77 : 0); // padding is zero
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t k = 0; k < columns && !isSparse; ++k)
      codes.at(t, k) = dense[t * columns + k];
  if (isSparse) {
    for (int64_t i = 0; i < (count[0] + 3) / 4 * 4; ++i)
      codes.at(0, i) = i < count[0] ? dense[list.at(0, i)] : 0;
    for (int64_t i = (count[0] + 3) / 4 * 4; i < p.listSize; ++i)
      list.at(0, i) = canary; // unspecified
  }
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t n = 0; n < rows; ++n)
      for (int64_t k = 0; k < columns; ++k)
        if (p.kind != Kind::Sparse || active[k])
          expected[t * p.rows + n] +=
              digits[n * columns + k] * dense[t * columns + k];

  if (p.kind == Kind::Rows)
    for (int64_t n = 0; n < p.rows; ++n)
      if (n >= rows || !active[n])
        expected[n] = canary; // kept

  Matrix<int32_t> result(tokens, p.rows, p.rows + 5);
  result.fill(canary);
  module.call(p.name(), codes.argument(), weight.argument(), list.argument(),
              count.argument(), result.argument());
  checkCounters(module, p, count[0]);
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t n = 0; n < p.rows; ++n)
      ASSERT_EQ(result.at(t, n), expected[t * p.rows + n])
          << "token " << t << " row " << n;
  for (int64_t i = 0; i < result.size(); ++i)
    if (i % (p.rows + 5) >= p.rows)
      ASSERT_EQ(result.data()[i], canary) << "written between rows";
}

const Shape kShapes[] = {{1, 1},     {3, 5},    {5, 3},     {65, 320}, {37, 65},
                         {320, 192}, {4, 5460}, {5460, 20}, {17, 1536}};

/// Every number that kernels of 8, 4 and 1 tokens leave to each other.
const std::vector<int64_t> kTokens = {1, 2, 3, 4, 5, 6, 7, 8, 9, 13};

class Products : public testing::TestWithParam<ProductSetting> {
protected:
  const Machine &machine() { return GetParam().machine; }
  void SetUp() override {
    if (!machine().isHere())
      GTEST_SKIP() << "this host has no " << machine().featureString();
  }

  std::vector<Product> makeProducts(Kind kind, ProductKind stored) {
    std::vector<Product> products;
    for (Shape shape : kShapes)
      products.emplace_back(kind, shape, pickLayout(machine(), stored, shape));
    return products;
  }

  /// All shapes, stored for products of kind `stored`, with every kind of data.
  void checkAll(Kind kind, ProductKind stored,
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
};

TEST_P(Products, DecodeDense) {
  checkAll(Kind::Decode, ProductKind::Dense, {1});
}
TEST_P(Products, DecodeRowLayout) {
  checkAll(Kind::Decode, ProductKind::ListedRows, {1});
}
TEST_P(Products, DecodeColumnLayout) {
  checkAll(Kind::Decode, ProductKind::ListedColumns, {1});
}
TEST_P(Products, PrefillDense) {
  checkAll(Kind::Prefill, ProductKind::Dense, kTokens);
}
TEST_P(Products, PrefillRowLayout) {
  checkAll(Kind::Prefill, ProductKind::ListedRows, kTokens);
}
TEST_P(Products, PrefillColumnLayout) {
  checkAll(Kind::Prefill, ProductKind::ListedColumns, kTokens);
}
TEST_P(Products, ActiveRows) {
  checkAll(Kind::Rows, ProductKind::ListedRows, {1}, {0, 0.1, 1});
}
TEST_P(Products, ActiveColumns) {
  checkAll(Kind::Sparse, ProductKind::ListedColumns, {1}, {0, 0.2, 1});
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

//===----------------------------------------------------------------------===//
// Int8 rows
//===----------------------------------------------------------------------===//

std::string int8Name(Shape shape, bool isPrefill) {
  return std::string(isPrefill ? "p" : "d") + std::to_string(shape.rows) + "_" +
         std::to_string(shape.columns);
}

std::string int8Text(Shape shape, bool isPrefill) {
  std::string rows = std::to_string(shape.rows),
              columns = std::to_string(shape.columns);
  std::string tokens = isPrefill ? "memref<?x" : "memref<1x";
  std::string strided = ", strided<[?, 1], offset: ?>>";
  std::string x = tokens + columns + "xi8" + strided;
  std::string w = "memref<" + rows + "x" + columns + "xi8>";
  std::string acc = tokens + rows + "xi32" + strided;
  return "func.func @" + int8Name(shape, isPrefill) + "(%x: " + x +
         ", %w: " + w + ", %a: " + acc +
         ") attributes {llvm.emit_c_interface} {\n" + tensorOf("%xt", "%x", x) +
         tensorOf("%wt", "%w", w) +
         tensorOf("%at", "%a", acc, /*written=*/true) +
         "%r = tern.matmul \"lm_head\" ins(%xt, %wt : " + tensorType(x) + ", " +
         tensorType(w) + ") outs(%at : " + tensorType(acc) +
         ") codes [-128, 127] -> " + tensorType(acc) + "\n" +
         intoBuffer("%r", "%a", acc) + "return\n}\n";
}

void checkInt8(CompiledModule &module, Shape shape, bool isPrefill, Data data,
               int64_t tokens) {
  SCOPED_TRACE(int8Name(shape, isPrefill) + " tokens " +
               std::to_string(tokens));
  auto [rows, columns] = shape;
  std::mt19937 random(rows + 131 * columns);
  Matrix<int8_t> codes(tokens, columns, columns + 1), weight(rows, columns);
  Matrix<int32_t> result(tokens, rows, rows + 2);
  for (int64_t i = 0; i < codes.size(); ++i)
    codes.data()[i] = randomCode(random, data);
  for (int64_t i = 0; i < weight.size(); ++i)
    weight.data()[i] = randomCode(random, data);
  const int32_t canary = 0x5ca1ab1e;
  result.fill(canary);
  module.call(int8Name(shape, isPrefill), codes.argument(), weight.argument(),
              result.argument());
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t n = 0; n < rows; ++n) {
      int32_t expected = 0;
      for (int64_t k = 0; k < columns; ++k)
        expected += weight.at(n, k) * codes.at(t, k);
      ASSERT_EQ(result.at(t, n), expected) << "token " << t << " row " << n;
    }
  for (int64_t i = rows; i < result.size(); i += rows + 2)
    ASSERT_EQ(result.data()[i], canary) << "written between rows";
}

TEST_P(Products, Int8Rows) {
  const Shape shapes[] = {{1, 1},   {3, 5},    {19, 63},  {33, 64},
                          {40, 65}, {17, 320}, {18, 449}, {5, 1537}};
  std::string text;
  for (Shape shape : shapes)
    text += int8Text(shape, false) + int8Text(shape, true);
  auto module = compile(text, /*fit=*/true);
  ASSERT_TRUE(module);
  for (Shape shape : shapes)
    for (Data data : {Data::Random, Data::Worst}) {
      checkInt8(*module, shape, false, data, 1);
      for (int64_t tokens : kTokens)
        checkInt8(*module, shape, true, data, tokens);
    }
}

INSTANTIATE_TEST_SUITE_P(
    , Products, testing::ValuesIn(productSettings()),
    [](const testing::TestParamInfo<ProductSetting> &info) {
      return info.param.name;
    });

} // namespace
