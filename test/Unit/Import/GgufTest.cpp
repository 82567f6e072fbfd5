//===- GgufTest.cpp - GGUF files, read ------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TinyGguf.h"

#include "tern/Import/Gguf.h"

#include "llvm/ADT/StringExtras.h"

#include "gtest/gtest.h"

using namespace tern;

namespace {

llvm::Expected<GgufFile> parse(const std::string &bytes,
                               const std::vector<std::string> &readings = {}) {
  return GgufFile::parse(
      {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()}, "x.gguf",
      readings);
}

/// The parser's sentence about a file; "" if it accepts it.
std::string verdict(const std::string &bytes,
                    const std::vector<std::string> &readings = {}) {
  auto file = parse(bytes, readings);
  return file ? "" : llvm::toString(file.takeError());
}

} // namespace

TEST(Gguf, ReadsATable) {
  std::string bytes = twoTensors().bytes();
  auto file = parse(bytes);
  ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
  EXPECT_EQ(file->version(), 3u);
  EXPECT_EQ(file->alignment(), 32u);
  ASSERT_EQ(file->tensors().size(), 2u);
  const GgufTensor &a = file->tensors()[0], &b = file->tensors()[1];
  EXPECT_EQ(a.describe(), "f32 [2, 3]");
  EXPECT_EQ(b.describe(), "tq2_0 [256]");
  EXPECT_EQ(llvm::toStringRef(file->bytes(a)).str(), std::string(24, 'a'));
  EXPECT_EQ(llvm::toStringRef(file->bytes(b)).str(), std::string(66, 'b'));
}

TEST(Gguf, ReadsVersion2AndOtherAlignments) {
  TinyGguf file = twoTensors();
  file.version = 2;
  EXPECT_EQ(verdict(file.bytes()), "");
  for (uint32_t alignment : {1, 8, 64, 4096}) {
    file.values = {{"general.alignment", ggufU32(alignment)}};
    file.alignment = alignment;
    EXPECT_EQ(verdict(file.bytes()), "") << alignment;
  }
}

TEST(Gguf, TheLastTensorNeedsNoPadding) {
  TinyGguf file = twoTensors();
  file.padsLast = false;
  EXPECT_EQ(verdict(file.bytes()), "");
}

TEST(Gguf, NoTensorsAreAFile) {
  TinyGguf file;
  EXPECT_EQ(verdict(file.bytes()), "");
}

TEST(Gguf, EveryTruncationIsRefused) {
  TinyGguf file = twoTensors();
  file.padsLast = false;
  std::string bytes = file.bytes();
  ASSERT_EQ(verdict(bytes), "");
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(verdict(bytes.substr(0, size)), "") << size;
}

/// With the sanitizers this is what shows reads outside of the file.
TEST(Gguf, EveryChangedByteIsRefusedOrHarmless) {
  std::string bytes = twoTensors().bytes();
  for (size_t i = 0; i < bytes.size(); ++i)
    for (int change : {1, 2, 0x40, 0x80, 0xff}) {
      std::string broken = bytes;
      broken[i] ^= static_cast<char>(change);
      auto file = parse(broken);
      if (!file) {
        llvm::consumeError(file.takeError());
        continue;
      }
      for (const GgufTensor &tensor : file->tensors())
        EXPECT_LE(tensor.offset + tensor.bytes, broken.size());
    }
}

TEST(Gguf, LooksUpMetadata) {
  TinyGguf tiny;
  tiny.values = {{"count", ggufU32(7)},
                 {"minus", little(5, 4) + little(~0u, 4)},
                 {"big", little(10, 4) + little(~0ull, 8)},
                 {"eps", ggufF32(0.5f)},
                 {"on", ggufBool(true)},
                 {"name", ggufText("tern")},
                 {"words", ggufTexts({"a", "", "bc"})},
                 {"types", ggufArray(5, 2, little(1, 4) + little(~0u, 4))}};
  std::string bytes = tiny.bytes();
  auto file = parse(bytes);
  ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
  auto failure = [](auto result) {
    return result ? "" : llvm::toString(result.takeError());
  };
  EXPECT_EQ(**file->integer("count"), 7u);
  EXPECT_FALSE(file->integer("none")->has_value());
  EXPECT_EQ(**file->number("eps"), 0.5);
  EXPECT_EQ(**file->number("count"), 7.0);
  EXPECT_TRUE(**file->flag("on"));
  EXPECT_EQ(**file->string("name"), "tern");
  EXPECT_EQ(*file->strings("words"),
            (std::vector<llvm::StringRef>{"a", "", "bc"}));
  EXPECT_EQ(*file->integers("types"), (std::vector<int64_t>{1, -1}));
  EXPECT_EQ(failure(file->integer("minus")),
            "x.gguf: the value of 'minus' is expected to be one integer that "
            "is not negative");
  for (const char *wrong : {"big", "eps", "on", "name", "words", "types"})
    EXPECT_NE(failure(file->integer(wrong)), "") << wrong;
  EXPECT_NE(failure(file->number("name")), "");
  EXPECT_NE(failure(file->flag("count")), "");
  EXPECT_NE(failure(file->string("words")), "");
  EXPECT_NE(failure(file->strings("name")), "");
  EXPECT_NE(failure(file->strings("none")), "");
  EXPECT_NE(failure(file->integers("words")), "");
}

//===----------------------------------------------------------------------===//
// One number, several encodings
//===----------------------------------------------------------------------===//

static std::string readingOf(uint32_t type, std::vector<uint64_t> sizes,
                             size_t bytes,
                             const std::vector<std::string> &readings = {}) {
  TinyGguf tiny;
  tiny.tensors = {
      {"w", std::move(sizes), type, std::string(bytes, '\0'), {}, {}},
      {"next", {1}, 0, std::string(4, '\0'), {}, {}}};
  std::string contents = tiny.bytes();
  auto file = parse(contents, readings);
  return file ? file->tensors()[0].encoding->name
              : llvm::toString(file.takeError());
}

TEST(Gguf, SizeTellsEncodingsApart) {
  EXPECT_EQ(readingOf(42, {128, 16}, 16 * 36), "q2_0_g64");
  EXPECT_EQ(readingOf(42, {128, 16}, 16 * 34), "q2_0_g128");
  EXPECT_EQ(readingOf(42, {64, 8}, 8 * 18), "q2_0_g64");
  EXPECT_EQ(readingOf(142, {128, 16}, 16 * 34), "pq2_0");
  EXPECT_EQ(readingOf(143, {128, 16}, 16 * 28), "ptq1_0");
  EXPECT_EQ(readingOf(36, {192, 2}, 96 + 32), "i2_s_arm");
}

TEST(Gguf, TwoReadingsAreRefusedUnlessOneIsAskedFor) {
  // 36 and 34 bytes are both padded to 64.
  EXPECT_EQ(
      readingOf(42, {128}, 36),
      "x.gguf: tensor 'w' could be q2_0_g64 or q2_0_g128 by its size; say "
      "which with --gguf-reading=q2_0_g64 or q2_0_g128");
  EXPECT_EQ(readingOf(42, {128}, 36, {"q2_0_g128"}), "q2_0_g128");
  EXPECT_EQ(readingOf(42, {128}, 36, {"q2_0_g64"}), "q2_0_g64");
  EXPECT_EQ(readingOf(42, {128, 16}, 16 * 34, {"q2_0_g64"}), "q2_0_g128");
}

/// Of the two, nothing in a file tells which it is.
TEST(Gguf, I2SIsAskedForWhereBothFit) {
  EXPECT_EQ(readingOf(36, {256, 2}, 128 + 32),
            "x.gguf: tensor 'w' could be i2_s or i2_s_arm by its size; say "
            "which with --gguf-reading=i2_s or i2_s_arm, as the file was "
            "written on x86 or on ARM");
  EXPECT_EQ(readingOf(36, {256, 2}, 128 + 32, {"i2_s"}), "i2_s");
  EXPECT_EQ(readingOf(36, {256, 2}, 128 + 32, {"i2_s_arm"}), "i2_s_arm");
}
