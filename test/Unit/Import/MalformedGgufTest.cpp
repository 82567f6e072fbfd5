//===- MalformedGgufTest.cpp - GGUF files to be refused -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TinyGguf.h"

#include "tern/Import/Gguf.h"

#include "gtest/gtest.h"

using namespace tern;

namespace {

/// The parser's sentence about a file; "" if it accepts it.
std::string verdict(const std::string &bytes) {
  auto file = GgufFile::parse(
      {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()},
      "x.gguf");
  return file ? "" : llvm::toString(file.takeError());
}

struct Case {
  const char *what;
  void (*edit)(TinyGguf &);
  const char *part; ///< of the message
};

void PrintTo(const Case &one, std::ostream *out) { *out << one.what; }

class MalformedGguf : public testing::TestWithParam<Case> {};

constexpr uint64_t huge = uint64_t(1) << 62;

/// Puts bytes in the place of all metadata.
void setValue(TinyGguf &file, const std::string &value) {
  file.values = {{"k", value}};
}

const Case cases[] = {
    // The start.
    {"Magic", [](TinyGguf &f) { f.magic = "GGUX"; }, "does not begin with"},
    {"Lowercase", [](TinyGguf &f) { f.magic = "gguf"; }, "does not begin with"},
    {"Version0", [](TinyGguf &f) { f.version = 0; }, "big-endian"},
    {"Version1", [](TinyGguf &f) { f.version = 1; }, "of version 1"},
    {"Version4", [](TinyGguf &f) { f.version = 4; }, "of version 4"},
    {"BigEndian", [](TinyGguf &f) { f.version = 3u << 24; }, "big-endian"},
    {"TooManyTensors", [](TinyGguf &f) { f.tensorCount = huge; }, "tensors"},
    {"NegativeTensors", [](TinyGguf &f) { f.tensorCount = UINT64_MAX; },
     "18446744073709551615 tensors"},
    {"WrappingTensors",
     [](TinyGguf &f) { f.tensorCount = UINT64_MAX / 33 + 1; }, "tensors"},
    {"TooManyValues", [](TinyGguf &f) { f.valueCount = huge; }, "values"},
    {"NegativeValues", [](TinyGguf &f) { f.valueCount = UINT64_MAX; },
     "values"},
    {"OneTensorMore", [](TinyGguf &f) { f.tensorCount = 3; }, "tensor"},
    {"OneTensorLess", [](TinyGguf &f) { f.tensorCount = 1; }, "bytes"},
    {"OneValueMore", [](TinyGguf &f) { f.valueCount = 2; },
     "than the 63 allowed"},
    {"OneValueLess", [](TinyGguf &f) { f.valueCount = 0; }, "tensor"},
    // Keys and values.
    {"EmptyKey", [](TinyGguf &f) { f.values[0].first = ""; }, "is empty"},
    {"ZeroInKey",
     [](TinyGguf &f) { f.values[0].first = std::string("a\0b", 3); },
     "zero byte"},
    {"LongKey",
     [](TinyGguf &f) { f.values[0].first = std::string(65536, 'k'); },
     "more than the 65535 allowed"},
    {"SameKeyTwice",
     [](TinyGguf &f) { f.values.emplace_back(f.values[0].first, ggufU32(1)); },
     "'general.architecture' occurs twice, with different values"},
    {"Kind13", [](TinyGguf &f) { setValue(f, little(13, 4) + "12345678"); },
     "of kind 13"},
    {"KindHuge", [](TinyGguf &f) { setValue(f, little(~0u, 4) + "12345678"); },
     "of kind 4294967295"},
    {"BoolOf2", [](TinyGguf &f) { setValue(f, little(7, 4) + "\2"); },
     "truth value"},
    {"BoolsOf2",
     [](TinyGguf &f) {
       setValue(f, ggufArray(7, 2, {"\1\2", 2}));
     },
     "truth value"},
    {"LongString",
     [](TinyGguf &f) { setValue(f, little(8, 4) + little(1 << 20, 8) + "x"); },
     "is the file complete?"},
    {"HugeString",
     [](TinyGguf &f) { setValue(f, little(8, 4) + little(huge, 8) + "x"); },
     "more than the 1073741824 allowed"},
    {"WrappingString",
     [](TinyGguf &f) {
       setValue(f, little(8, 4) + little(UINT64_MAX, 8) + "x");
     },
     "more than the 1073741824 allowed"},
    {"ArrayOfArrays",
     [](TinyGguf &f) { setValue(f, ggufArray(9, 1, ggufU32(1))); },
     "elements of kind 9"},
    {"ArrayOfKind13",
     [](TinyGguf &f) { setValue(f, ggufArray(13, 1, "12345678")); },
     "elements of kind 13"},
    {"LongArray",
     [](TinyGguf &f) { setValue(f, ggufArray(4, 1 << 20, "1234")); },
     "is the file complete?"},
    {"HugeArray", [](TinyGguf &f) { setValue(f, ggufArray(4, huge, "1234")); },
     "elements, more than"},
    {"WrappingArray",
     [](TinyGguf &f) { setValue(f, ggufArray(10, UINT64_MAX / 8 + 2, "x")); },
     "elements, more than"},
    {"ManyStrings",
     [](TinyGguf &f) { setValue(f, ggufArray(8, 1 << 29, ggufString("x"))); },
     "strings, more than"},
    {"LongStringInArray",
     [](TinyGguf &f) { setValue(f, ggufArray(8, 1, little(9999, 8) + "x")); },
     "is the file complete?"},
    {"WrappingStringInArray",
     [](TinyGguf &f) { setValue(f, ggufArray(8, 1, little(~0ull, 8) + "x")); },
     "more than the 1073741824 allowed"},
    // The alignment.
    {"Alignment0",
     [](TinyGguf &f) {
       f.values = {{"general.alignment", ggufU32(0)}};
     },
     "power of two"},
    {"Alignment24",
     [](TinyGguf &f) {
       f.values = {{"general.alignment", ggufU32(24)}};
     },
     "power of two"},
    {"Alignment2to31",
     [](TinyGguf &f) {
       f.values = {{"general.alignment", ggufU32(0x80000000)}};
     },
     "power of two up to"},
    {"AlignmentOfMinus1",
     [](TinyGguf &f) {
       f.values = {{"general.alignment", ggufU32(~0u)}};
     },
     "power of two"},
    {"AlignmentAsText",
     [](TinyGguf &f) {
       f.values = {{"general.alignment", ggufText("32")}};
     },
     "expected to be a u32"},
    {"AlignmentAs64Bits",
     [](TinyGguf &f) {
       f.values = {{"general.alignment", little(10, 4) + little(32, 8)}};
     },
     "expected to be a u32"},
    {"AlignmentAsArray",
     [](TinyGguf &f) {
       f.values = {{"general.alignment", ggufArray(4, 0, "")}};
     },
     "expected to be a u32"},
    {"AlignmentNotKept",
     [](TinyGguf &f) {
       f.values = {{"general.alignment", ggufU32(64)}};
       f.alignment = 32;
     },
     "no multiple of 64"},
    // Tensors' names and sizes.
    {"EmptyName", [](TinyGguf &f) { f.tensors[0].name = ""; }, "is empty"},
    {"LongName", [](TinyGguf &f) { f.tensors[0].name = std::string(64, 'n'); },
     "more than the 63 allowed"},
    {"EscapeInName", [](TinyGguf &f) { f.tensors[0].name = "\x1b[2J"; },
     "'\\1B[2J'"},
    {"ZeroInName",
     [](TinyGguf &f) { f.tensors[0].name = std::string("a\0", 2); },
     "not plain text"},
    {"NoSizes", [](TinyGguf &f) { f.tensors[0].sizes = {}; },
     "has 0 dimensions"},
    {"FiveSizes",
     [](TinyGguf &f) {
       f.tensors[0].sizes = {1, 1, 1, 1, 6};
     },
     "has 5 dimensions"},
    {"ManySizes", [](TinyGguf &f) { f.tensors[0].sizeCount = ~0u; },
     "dimensions"},
    {"SizeOf0",
     [](TinyGguf &f) {
       f.tensors[0].sizes = {0, 2};
     },
     "dimension of size 0"},
    {"SizeOf0AtTheEnd",
     [](TinyGguf &f) {
       f.tensors[0].sizes = {2, 0};
     },
     "dimension of size 0"},
    {"NegativeSize",
     [](TinyGguf &f) {
       f.tensors[0].sizes = {3, ~0ull};
     },
     "more elements"},
    {"SizeOf2to63",
     [](TinyGguf &f) { f.tensors[0].sizes = {uint64_t(1) << 63}; },
     "more elements"},
    {"ProductWrapsTo0",
     [](TinyGguf &f) {
       f.tensors[0].sizes = {uint64_t(1) << 32, uint64_t(1) << 32};
     },
     "more elements"},
    {"ProductWrapsTo6",
     [](TinyGguf &f) {
       f.tensors[0].sizes = {6, 3, 0xAAAAAAAAAAAAAAABull};
     },
     "more elements"},
    {"BytesWrap", [](TinyGguf &f) { f.tensors[0].sizes = {huge + 6}; },
     "f32 needs"},
    {"ColumnsOf2to42",
     [](TinyGguf &f) { f.tensors[1].sizes = {(uint64_t(1) << 42) + 256}; },
     "tq2_0 takes"},
    {"PartialBlock", [](TinyGguf &f) { f.tensors[1].sizes = {255}; },
     "whole blocks of 256"},
    {"BlockAcrossRows",
     [](TinyGguf &f) {
       f.tensors[1].sizes = {128, 2};
     },
     "whole blocks of 256"},
    // Types.
    {"TypeRemoved", [](TinyGguf &f) { f.tensors[0].type = 4; },
     "type 4, which tern does not read"},
    {"TypeNotRead", [](TinyGguf &f) { f.tensors[0].type = 13; },
     "type 13 (Q5_K), which tern does not read"},
    {"TypeUnknown", [](TinyGguf &f) { f.tensors[0].type = ~0u; },
     "type 4294967295, which"},
    {"TypeOfOtherSize", [](TinyGguf &f) { f.tensors[1].type = 34; },
     "tq1_0 takes 54"},
    {"TL1", [](TinyGguf &f) { f.tensors[1].type = 38; }, "TL1"},
    {"TL2orMXFP4", [](TinyGguf &f) { f.tensors[1].type = 39; }, "TL2 or MXFP4"},
    {"TL2as42",
     [](TinyGguf &f) {
       f.tensors[1] = {"b", {512, 24}, 42, "", {}, {}};
       f.tensors[1].data = std::string(3232, 'b');
     },
     "type 42 (Q2_0 or TL2)"},
    {"OldTypeAsI2S",
     [](TinyGguf &f) {
       f.tensors[1] = {"b", {256}, 36, std::string(144, 'b'), {}, {}};
     },
     "IQ4_NL_4_4"},
    // Offsets.
    {"FirstNotAt0",
     [](TinyGguf &f) {
       f.tensors[0].offset = 32;
       f.tensors[1].offset = 64;
     },
     "first one, but its offset is 32"},
    {"Overlap", [](TinyGguf &f) { f.tensors[1].offset = 0; },
     "has the offset 0"},
    {"Unaligned", [](TinyGguf &f) { f.tensors[1].offset = 33; },
     "no multiple of 32"},
    {"Hole", [](TinyGguf &f) { f.tensors[1].offset = 64; }, "f32 takes 24"},
    {"BehindTheEnd", [](TinyGguf &f) { f.tensors[1].offset = 4096; },
     "has the offset 4096"},
    {"WrappingOffset", [](TinyGguf &f) { f.tensors[1].offset = ~0ull - 31; },
     "is the file complete?"},
    {"NegativeOffset",
     [](TinyGguf &f) { f.tensors[1].offset = uint64_t(1) << 63; },
     "is the file complete?"},
    {"Swapped",
     [](TinyGguf &f) {
       f.tensors[0].offset = 32;
       f.tensors[1].offset = 0;
     },
     "first one"},
    {"BytesBehind", [](TinyGguf &f) { f.tail = std::string(32, 't'); },
     "has 128 bytes, but tq2_0 takes 66"},
    {"OneByteBehind", [](TinyGguf &f) { f.tail = "t"; }, "tq2_0 takes 66"},
    {"PaddingCutShort",
     [](TinyGguf &f) {
       f.padsLast = false;
       f.tail = "t";
     },
     "has 67 bytes"},
    {"LastCutShort",
     [](TinyGguf &f) {
       f.padsLast = false;
       f.tensors[1].data.pop_back();
     },
     "has 65 bytes"},
};

} // namespace

TEST_P(MalformedGguf, IsRefusedInOneLine) {
  TinyGguf file = twoTensors();
  ASSERT_EQ(verdict(file.bytes()), "");
  GetParam().edit(file);
  std::string message = verdict(file.bytes());
  EXPECT_EQ(message.rfind("x.gguf: ", 0), 0u) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_NE(message.find(GetParam().part), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(Gguf, MalformedGguf, testing::ValuesIn(cases),
                         [](const auto &info) {
                           return std::string(info.param.what);
                         });
