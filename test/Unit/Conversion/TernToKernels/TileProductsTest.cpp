//===- TileProductsTest.cpp - Products in AMX tiles -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Emulation/amx.h"
#include "ProductReference.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/InitAll.h"
#include "tern/Target/Target.h"

#include "mlir/AsmParser/AsmParser.h"

#include "gtest/gtest.h"

using namespace tern;
using namespace tern::test;

namespace {

/// With VBMI, which groups of columns want.
const Machine kAmx = {"Amx",
                      "x86-64-v4",
                      {"avx2", "avx512f", "avx512bw", "avx512vl", "avx512vnni",
                       "avx512vbmi", "amx-tile", "amx-int8"}};

/// The layout of that name that the target has for a shape.
Layout findLayout(llvm::StringRef name, Shape shape) {
  mlir::DialectRegistry registry;
  tern::registerAllDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<TernDialect>();
  auto attr =
      llvm::cast<TargetAttr>(mlir::parseAttribute(kAmx.attribute(), &context));
  for (const Strategy &strategy : attr.getTarget()->getStrategies(
           attr, ProductShape{shape.rows, shape.columns}))
    if (strategy.layoutName == name)
      return *strategy.layout;
  llvm_unreachable("the target's table has all of the test's names");
}

/// Columns of whole steps of 64, of a step and a part, and of less than one;
/// rows of one panel of 64 or of 32 and of more, padded by most layouts.
const Shape kShapes[] = {{128, 320}, {96, 68}, {32, 116}, {17, 700}, {192, 20}};

/// Thirty-two and sixteen at a time, and what these leave to vectors.
const int64_t kTokens[] = {1, 15, 16, 33, 49, 95};

class TileProducts : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    if (!kAmx.isHere())
      GTEST_SKIP() << "neither AVX-512 nor permission for tiles";
  }
};

TEST_P(TileProducts, EqualTheirDefinition) {
  std::vector<Product> products;
  std::string text;
  for (Shape shape : kShapes) {
    products.emplace_back(Kind::Prefill, shape, findLayout(GetParam(), shape));
    text += products.back().text();
  }
  auto module = CompiledModule::compile(kAmx, text);
  ASSERT_TRUE(module);
  EXPECT_EQ(module->portableProducts(), 0);
  for (const Product &product : products)
    for (int64_t tokens : kTokens)
      for (Data data : {Data::Random, Data::Worst}) {
        unsigned long before = amx_products();
        check(*module, product, data, tokens, /*density=*/1);
        if (HasFatalFailure())
          return;
        bool usesTiles =
            tokens >= 16 && product.columns >= 64 && product.rows % 32 == 0;
        if (amx_is_emulated())
          EXPECT_EQ(amx_products() > before, usesTiles)
              << tokens << " tokens of " << product.columns << " columns";
      }
}

INSTANTIATE_TEST_SUITE_P(, TileProducts,
                         testing::Values("rows_in_lanes", "contiguous_rows",
                                         "contiguous_columns",
                                         "groups_in_lanes"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });

} // namespace
