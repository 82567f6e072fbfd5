//===- LookupKernelsTest.cpp - Lookups equal digit by digit ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Products written with tern.build_table, tern.lookup_add and tern.widen, run
// in this process and compared with sums over digits.
//
//===----------------------------------------------------------------------===//

#include "Kernels/KernelJit.h"
#include "Kernels/KernelText.h"

#include "gtest/gtest.h"

#include <functional>
#include <random>

using namespace tern;
using namespace tern::test;

namespace {

enum class Widening { Lanes, Words };

/// A product of `groups` groups of codes and a vector of rows.
struct Lookup {
  std::string name, table; ///< table: without its digits
  int64_t digits;
  bool isSigned; ///< codes are sign and magnitude
  int64_t size;
  int minCode, maxCode;
  int64_t lanes, chunk, groups, start, bias;
  Widening widening;
  std::string narrow = "i8", wide = "i32", suffix = "";

  std::string attribute() const {
    return "#tern.lookup_table<digits = " + number(digits) + ", codes = [" +
           number(minCode) + ", " + number(maxCode) + "]" + table + ">";
  }
  /// Of each row's sum, what starts and biases add.
  int64_t offset() const { return groups / chunk * start + groups * bias; }
};

const std::string kSign = ", sign_magnitude";

const Lookup kLookups[] = {
    {"s5", kSign, 5, true, 128, -8, 7, 64, 3, 30, 0, 0, Widening::Lanes},
    {"s5_unsigned", kSign, 5, true, 128, -8, 7, 64, 3, 30, 128, 0,
     Widening::Lanes, "i8", "i32", " start 128 unsigned"},
    {"s5_words", kSign, 5, true, 128, -8, 7, 64, 3, 819, 128, 0,
     Widening::Words, "i8", "i16", " start 128"},
    {"t4", ", bias = 32", 4, false, 128, -8, 7, 64, 3, 30, 0, 32,
     Widening::Lanes, "i8", "i32", " unsigned"},
    {"t4_words", ", bias = 32", 4, false, 128, -8, 8, 64, 3, 1020, 0, 32,
     Widening::Words, "i8", "i16"},
    {"sign4", kSign, 4, true, 64, -8, 8, 32, 3, 12, 0, 0, Widening::Lanes},
    {"three", "", 3, false, 32, -8, 7, 16, 5, 1365, 0, 0, Widening::Lanes, "i8",
     "i16"},
    {"two", "", 2, false, 16, -8, 7, 16, 7, 28, 0, 0, Widening::Lanes},
    {"two_words", ", bias = 16", 2, false, 16, -8, 8, 32, 6, 2046, 0, 16,
     Widening::Words, "i8", "i16"},
    {"two_wide", ", bias = 16", 2, false, 16, -8, 8, 64, 7, 28, 0, 16,
     Widening::Lanes, "i8", "i32", " unsigned"},
    {"one", "", 1, false, 4, -128, 127, 8, 1, 9, 0, 0, Widening::Lanes, "i16"},
    {"five_words", "", 5, false, 256, -128, 127, 4, 51, 102, 0, 0,
     Widening::Lanes, "i16"},
};

/// (codes, weights, sums): memrefs of groups x digits, groups x lanes, lanes.
std::string productText(const Lookup &p) {
  std::string bytes = vectorType(p.lanes, "i8");
  std::string codes = vectorType(p.digits, "i8");
  std::string narrow = vectorType(p.lanes, p.narrow);
  std::string table = vectorType(p.size, p.narrow);
  bool isWords = p.widening == Widening::Words;
  std::string wide = vectorType(isWords ? p.lanes / 2 : p.lanes, p.wide);
  std::string sums = vectorType(p.lanes, p.wide);
  std::string x = "memref<?x" + number(p.digits) + "xi8>";
  std::string w = "memref<?x" + number(p.lanes) + "xi8>";
  std::string out = "memref<" + number(p.lanes) + "x" + p.wide + ">";
  int64_t start = p.start > 127 ? p.start - 256 : p.start;
  std::string text =
      "func.func @" + p.name + "(%x: " + x + ", %w: " + w + ", %out: " + out +
      ") {\n%c0 = arith.constant 0 : index\n%c1 = arith.constant 1 : index\n"
      "%chunk = arith.constant " +
      number(p.chunk) +
      " : index\n"
      "%groups = arith.constant " +
      number(p.groups) +
      " : index\n"
      "%start = arith.constant dense<" +
      number(start) + "> : " + narrow +
      "\n%zero = arith.constant dense<0> : " + wide +
      "\n%r, %odd = scf.for %g = %c0 to %groups step %chunk "
      "iter_args(%a = %zero, %b = %zero) -> (" +
      wide + ", " + wide +
      ") {\n"
      "%end = arith.addi %g, %chunk : index\n"
      "%n = scf.for %i = %g to %end step %c1 iter_args(%s = %start) -> (" +
      narrow + ") {\n%xi = vector.load %x[%i, %c0] : " + x + ", " + codes +
      "\n%t = tern.build_table " + p.attribute() + " %xi : " + codes + " -> " +
      table + "\n%ci = vector.load %w[%i, %c0] : " + w + ", " + bytes +
      "\n%si = tern.lookup_add " + p.attribute() + " %s, %t[%ci] : " + narrow +
      ", " + table + ", " + bytes + "\nscf.yield %si : " + narrow + "\n}\n";
  std::string proof =
      " chunk " + number(p.chunk) + " groups " + number(p.groups) + p.suffix;
  if (isWords)
    text += "%a1, %b1 = tern.widen_words " + p.attribute() + " %n, %a, %b" +
            proof + " : " + narrow + ", " + wide + "\n";
  else
    text += "%a1 = tern.widen " + p.attribute() + " %n, %a" + proof + " : " +
            narrow + ", " + wide + "\n";
  text += "scf.yield %a1, " + std::string(isWords ? "%b1" : "%b") + " : " +
          wide + ", " + wide + "\n}\n";
  if (isWords)
    text += "%j = tern.join_words %r, %odd : " + wide + " -> " + sums + "\n";
  text += "vector.store " + std::string(isWords ? "%j" : "%r") +
          ", %out[%c0] : " + out + ", " + sums + "\nreturn\n}\n";
  return text;
}

/// The code of a group, by its definition.
uint8_t encode(const int8_t *digits, int64_t count, bool isSigned) {
  int v = 0, all = 0, power = 1;
  for (int64_t i = 0; i < count; ++i, power *= 3) {
    v += digits[i] * power;
    all += power;
  }
  if (!isSigned)
    return static_cast<uint8_t>(v + all);
  return static_cast<uint8_t>(v < 0 ? 0x80 | -v : v);
}

/// Codes and digits of a product, and its sums.
struct Data {
  Data(const Lookup &p, std::function<int(int64_t)> code,
       std::function<int()> digit)
      : codes(p.groups, p.digits), weights(p.groups, p.lanes),
        sums(p.lanes, 0) {
    for (int64_t g = 0; g < p.groups; ++g) {
      for (int64_t j = 0; j < p.digits; ++j)
        codes.at(g, j) = static_cast<int8_t>(code(g * p.digits + j));
      for (int64_t lane = 0; lane < p.lanes; ++lane) {
        std::vector<int8_t> digits(p.digits);
        for (int64_t j = 0; j < p.digits; ++j) {
          digits[j] = static_cast<int8_t>(digit());
          sums[lane] += digits[j] * codes.at(g, j);
        }
        weights.at(g, lane) =
            static_cast<int8_t>(encode(digits.data(), p.digits, p.isSigned));
      }
    }
  }
  Matrix<int8_t> codes, weights;
  std::vector<int64_t> sums;
};

/// Random, and the largest and smallest sums that there are.
std::vector<Data> allData(const Lookup &p) {
  std::mt19937 random(static_cast<unsigned>(p.groups + p.digits));
  int range = p.maxCode - p.minCode + 1;
  auto any = [&](int64_t) {
    return p.minCode + static_cast<int>(random() % range);
  };
  auto digit = [&] { return static_cast<int>(random() % 3) - 1; };
  int largest = -p.minCode > p.maxCode ? p.minCode : p.maxCode;
  auto extreme = [&](int64_t) { return largest; };
  std::vector<Data> data;
  data.emplace_back(p, any, digit);
  data.emplace_back(p, extreme, [] { return 1; });
  data.emplace_back(p, extreme, [] { return -1; });
  data.emplace_back(p, extreme, [] { return 0; });
  return data;
}

class Lookups : public testing::TestWithParam<JitTarget> {};

template <typename Wide>
void checkProduct(JitModule &module, const Lookup &p, Data &data) {
  Vector<Wide> out(p.lanes);
  module.call(p.name, data.codes.get(), data.weights.get(), out.get());
  for (int64_t lane = 0; lane < p.lanes; ++lane)
    ASSERT_EQ(static_cast<Wide>(out.data[lane] - p.offset()), data.sums[lane])
        << p.name << " row " << lane;
}

} // namespace

TEST_P(Lookups, Products) {
  std::string text;
  for (const Lookup &p : kLookups)
    text += productText(p);
  auto module = JitModule::compile(text, GetParam());
  ASSERT_TRUE(module);
  for (const Lookup &p : kLookups)
    for (Data &data : allData(p))
      if (p.wide == "i16")
        checkProduct<int16_t>(*module, p, data);
      else
        checkProduct<int32_t>(*module, p, data);
}

/// Every code of a table, also those that no digits have: these are the bias.
TEST_P(Lookups, EveryCode) {
  std::string text;
  for (const Lookup &p : kLookups) {
    std::string codes = vectorType(p.digits, "i8");
    std::string table = vectorType(p.size, p.narrow);
    std::string x = "memref<" + number(p.digits) + "xi8>";
    std::string out = "memref<256x" + p.narrow + ">";
    text += "func.func @" + p.name + "(%x: " + x + ", %out: " + out +
            ") {\n%c0 = arith.constant 0 : index\n%c1 = arith.constant 1 : "
            "index\n%c256 = arith.constant 256 : index\n"
            "%xi = vector.load %x[%c0] : " +
            x + ", " + codes + "\n%t = tern.build_table " + p.attribute() +
            " %xi : " + codes + " -> " + table +
            "\n%zero = arith.constant dense<0> : vector<1x" + p.narrow +
            ">\nscf.for %i = %c0 to %c256 step %c1 {\n"
            "%b = arith.index_cast %i : index to i8\n"
            "%v = vector.broadcast %b : i8 to vector<1xi8>\n"
            "%s = tern.lookup_add " +
            p.attribute() + " %zero, %t[%v] : " + "vector<1x" + p.narrow +
            ">, " + table +
            ", vector<1xi8>\n"
            "vector.store %s, %out[%i] : " +
            out + ", vector<1x" + p.narrow + ">\n}\nreturn\n}\n";
  }
  auto module = JitModule::compile(text, GetParam());
  ASSERT_TRUE(module);
  std::mt19937 random(11);
  for (const Lookup &p : kLookups) {
    Vector<int8_t> x(p.digits);
    for (int8_t &code : x.data)
      code = static_cast<int8_t>(
          p.minCode + static_cast<int>(random() % (p.maxCode - p.minCode + 1)));
    Vector<int8_t> bytes(256);
    Vector<int16_t> words(256);
    module->call(p.name, x.get(),
                 p.narrow == "i8" ? static_cast<void *>(bytes.get())
                                  : static_cast<void *>(words.get()));
    std::vector<int64_t> expected(256, p.bias);
    int64_t combinations = 1;
    for (int64_t j = 0; j < p.digits; ++j)
      combinations *= 3;
    for (int64_t m = 0; m < combinations; ++m) {
      std::vector<int8_t> digits(p.digits);
      int64_t rest = m, sum = p.bias;
      for (int64_t j = 0; j < p.digits; ++j, rest /= 3) {
        digits[j] = static_cast<int8_t>(rest % 3 - 1);
        sum += digits[j] * x.data[j];
      }
      expected[encode(digits.data(), p.digits, p.isSigned)] = sum;
    }
    for (int64_t code = 0; code < 256; ++code) {
      int64_t index = code % p.size;
      int64_t sum =
          p.isSigned && code >= 128 ? -expected[index] : expected[index];
      ASSERT_EQ(p.narrow == "i8" ? bytes.data[code] : words.data[code],
                p.narrow == "i8" ? static_cast<int8_t>(sum) : sum)
          << p.name << " code " << code;
    }
  }
}

/// Chunks of six where the data lets them, else of three.
TEST_P(Lookups, ChunkByBound) {
  const std::string four = "digits = 4, codes = [-8, 7]";
  auto chunk = [&](int64_t bias, int64_t size) {
    std::string lookup =
        "#tern.lookup_table<" + four + ", bias = " + number(bias) + ">";
    std::string text = "%t = tern.build_table " + lookup +
                       " %x : vector<6x4xi8> -> vector<6x128xi8>\n";
    std::string sum = "%wide";
    for (int64_t first = 0; first < 6; first += size) {
      std::string narrow = "%zero";
      for (int64_t g = first; g < first + size; ++g) {
        std::string i = number(g);
        text += "%t" + i + " = vector.extract %t[" + i +
                "] : vector<128xi8> from vector<6x128xi8>\n%n" + i +
                " = tern.lookup_add " + lookup + " " + narrow + ", %t" + i +
                "[%w" + i +
                "] : vector<16xi8>, vector<128xi8>, "
                "vector<16xi8>\n";
        narrow = "%n" + i;
      }
      std::string next = "%s" + number(first);
      text += next + " = tern.widen " + lookup + " " + narrow + ", " + sum +
              " chunk " + number(size) + " groups 6 unsigned" +
              (size == 6 ? " bound %m" : "") +
              " : vector<16xi8>, vector<16xi32>\n";
      sum = next;
    }
    return text + "%offset = arith.constant dense<" + number(6 * bias) +
           "> : vector<16xi32>\n%d = arith.subi " + sum +
           ", %offset : vector<16xi32>\nscf.yield %d : vector<16xi32>\n";
  };
  std::string text =
      "func.func @f(%codes: memref<6x4xi8>, %weights: memref<6x16xi8>, %out: "
      "memref<16xi32>, %path: memref<1xi32>) {\n"
      "%c0 = arith.constant 0 : index\n%c126 = arith.constant 126 : i32\n"
      "%zero = arith.constant dense<0> : vector<16xi8>\n"
      "%wide = arith.constant dense<0> : vector<16xi32>\n";
  text += indexText(6) + loadText("%x", "%codes", 6, 4);
  for (int64_t g = 0; g < 6; ++g)
    text += "%w" + number(g) + " = vector.load %weights[%i" + number(g) +
            ", %c0] : memref<6x16xi8>, vector<16xi8>\n";
  text += "%u, %each = tern.build_table #tern.lookup_table<" + four +
          "> %x : vector<6x4xi8> -> vector<6x128xi8>, vector<6xi32>\n"
          "%m = vector.reduction <add>, %each : vector<6xi32> into i32\n"
          "memref.store %m, %path[%c0] : memref<1xi32>\n"
          "%fits = arith.cmpi sle, %m, %c126 : i32\n"
          "%r = scf.if %fits -> vector<16xi32> {\n" +
          chunk(21, 6) + "} else {\n" + chunk(32, 3) +
          "}\nvector.store %r, %out[%c0] : memref<16xi32>, vector<16xi32>\n"
          "return\n}\n";
  auto module = JitModule::compile(text, GetParam());
  ASSERT_TRUE(module);
  const Lookup shape = {"f", "", 4, false,          128, -8, 7, 16, 6,
                        6,   0,  0, Widening::Lanes};
  std::mt19937 random(12);
  auto check = [&](std::function<int(int64_t)> code,
                   std::function<int()> digit) {
    Data data(shape, code, digit);
    Vector<int32_t> out(16), bound(1);
    module->call("f", data.codes.get(), data.weights.get(), out.get(),
                 bound.get());
    int32_t expected = 0;
    for (int8_t code : data.codes.data)
      expected += code < 0 ? -code : code;
    EXPECT_EQ(bound.data[0], expected);
    for (int64_t lane = 0; lane < 16; ++lane)
      ASSERT_EQ(out.data[lane], data.sums[lane]) << "bound " << expected;
  };
  auto any = [&] { return static_cast<int>(random() % 3) - 1; };
  for (int i = 0; i < 50; ++i)
    check([&](int64_t) { return static_cast<int>(random() % 16) - 8; }, any);
  for (int sign : {-1, 1}) {
    // The bound itself, one more, and the largest: 126, 127, 192.
    for (int last : {-6, -7})
      check([&](int64_t i) { return i < 15    ? -8
                                    : i == 15 ? last
                                              : 0; },
            [&] { return sign; });
    check([](int64_t) { return -8; }, [&] { return sign; });
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Lookups, testing::ValuesIn(getJitTargets()),
                         [](const auto &info) { return info.param.name; });
