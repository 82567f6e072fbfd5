//===- ProductReference.cpp - Products and their definition ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductReference.h"

#include "tern/Packing/Codec.h"
#include "tern/Packing/Packer.h"

#include "gtest/gtest.h"

using namespace tern;
using namespace tern::test;

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

Product::Product(Kind kind, Shape shape, Layout layout)
    : kind(kind), shape(shape), layout(layout),
      columns(layout.paddedColumns(shape.columns)),
      rows(layout.paddedRows(shape.rows)),
      listSize(kind == Kind::Sparse ? (columns + 3) / 4 * 4 : rows) {}

std::string Product::name() const {
  return "f" + std::to_string(int(kind)) + "_" + std::to_string(shape.rows) +
         "_" + std::to_string(shape.columns) + "_" +
         std::to_string(layout.fingerprint());
}

std::string Product::text() const {
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
  const DigitFields &fields = layout.codec->fields;
  std::string element =
      fields.isInteger ? "i" + std::to_string(fields.bits) : "!tern.trit";
  std::string digits = "tensor<" + std::to_string(shape.rows) + "x" +
                       std::to_string(shape.columns) + "x" + element +
                       ", #tern.layout<" + layout.str() + ">>";
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
  text += " outs(%at : " + tensorType(acc) + ") codes " + codeRange +
          " weight_type " + digits + strategy + " -> " + tensorType(acc) +
          "\n" + intoBuffer("%r", "%a", acc);
  return text + "return\n}\n";
}

std::string Int8Product::name() const {
  return std::string(isPrefill ? "p" : "d") + std::to_string(shape.rows) + "_" +
         std::to_string(shape.columns);
}

std::string Int8Product::text() const {
  std::string rows = std::to_string(shape.rows),
              columns = std::to_string(shape.columns);
  std::string tokens = isPrefill ? "memref<?x" : "memref<1x";
  std::string strided = ", strided<[?, 1], offset: ?>>";
  std::string x = tokens + columns + "xi8" + strided;
  std::string w = "memref<" + rows + "x" + columns + "xi8>";
  std::string acc = tokens + rows + "xi32" + strided;
  return "func.func @" + name() + "(%x: " + x + ", %w: " + w + ", %a: " + acc +
         ") attributes {llvm.emit_c_interface} {\n" + tensorOf("%xt", "%x", x) +
         tensorOf("%wt", "%w", w) +
         tensorOf("%at", "%a", acc, /*written=*/true) +
         "%r = tern.matmul \"lm_head\" ins(%xt, %wt : " + tensorType(x) + ", " +
         tensorType(w) + ") outs(%at : " + tensorType(acc) +
         ") codes [-128, 127] -> " + tensorType(acc) + "\n" +
         intoBuffer("%r", "%a", acc) + "return\n}\n";
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

static int8_t randomCode(std::mt19937 &random, Data data) {
  switch (data) {
  case Data::Random:
    return static_cast<int8_t>(random());
  case Data::MostZero:
    return static_cast<int8_t>(random() % 6 ? 0 : random());
  case Data::Worst:
    return -128;
  case Data::WorstPlanes:
    return 120;
  case Data::WorstInt4:
    return -8;
  case Data::Int4:
    return static_cast<int8_t>(random() % 16) - 8;
  }
  return 0;
}

static std::vector<int8_t> randomDigits(std::mt19937 &random, Data data,
                                        const Codec &codec, int64_t count) {
  int lowest = codec.lowest(), highest = codec.highest();
  std::vector<int8_t> digits(count);
  bool isRandom =
      data == Data::Random || data == Data::MostZero || data == Data::Int4;
  for (int8_t &digit : digits)
    digit = static_cast<int8_t>(
        isRandom ? lowest + static_cast<int>(random() % (highest - lowest + 1))
                 : highest);
  return digits;
}

//===----------------------------------------------------------------------===//
// Definition
//===----------------------------------------------------------------------===//

/// The count that tern.count_read must have if `active` rows or columns are.
static void checkCounters(CompiledModule &module, const Product &p,
                          int64_t active) {
  int64_t held = p.layout.storageBytes(p.shape.rows, p.shape.columns);
  EXPECT_EQ(module.held(), held);
  if (p.kind == Kind::Rows)
    EXPECT_EQ(module.read(), active * held / p.rows);
  else if (p.kind == Kind::Sparse)
    EXPECT_GE(module.read(), active * held / p.columns);
  else
    EXPECT_EQ(module.read(), held);
}

void tern::test::check(CompiledModule &module, const Product &p, Data data,
                       int64_t tokens, double density) {
  SCOPED_TRACE(p.layout.str() + " " + p.name() + " tokens " +
               std::to_string(tokens) + " data " + std::to_string(int(data)));
  std::mt19937 random(p.shape.rows * 7919 + p.shape.columns + tokens);
  auto [rows, columns] = p.shape;
  std::vector<int8_t> digits =
      randomDigits(random, data, *p.layout.codec, rows * columns);
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

void tern::test::check(CompiledModule &module, const Int8Product &p, Data data,
                       int64_t tokens) {
  SCOPED_TRACE(p.name() + " tokens " + std::to_string(tokens));
  auto [rows, columns] = p.shape;
  std::mt19937 random(rows + 131 * columns);
  Matrix<int8_t> codes(tokens, columns, columns + 1), weight(rows, columns);
  Matrix<int32_t> result(tokens, rows, rows + 2);
  for (int64_t i = 0; i < codes.size(); ++i)
    codes.data()[i] = randomCode(random, data);
  for (int64_t i = 0; i < weight.size(); ++i)
    weight.data()[i] = randomCode(random, data);
  const int32_t canary = 0x5ca1ab1e;
  result.fill(canary);
  module.call(p.name(), codes.argument(), weight.argument(), result.argument());
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
