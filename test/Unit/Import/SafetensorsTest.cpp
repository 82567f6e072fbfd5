//===- SafetensorsTest.cpp - Malformed tensor files -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TinyCheckpoint.h"

#include "tern/Import/Safetensors.h"

#include "gtest/gtest.h"

using namespace tern;
using nlohmann::json;

namespace {

std::map<std::string, TinyTensor> twoTensors() {
  return {{"a", {"U8", {2, 3}, "abcdef"}}, {"b", {"F32", {1}, "wxyz"}}};
}

/// The sentence of parseSafetensors about a whole file; "" if it accepts it.
std::string verdict(const std::string &bytes) {
  auto parsed = parseSafetensors(
      {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()},
      bytes.size(), "x.safetensors");
  return parsed ? "" : llvm::toString(parsed.takeError());
}

std::string verdictEdited(void (*edit)(json &)) {
  return verdict(safetensorsBytes(twoTensors(), edit));
}

std::string withHeader(const std::string &header,
                       const std::string &data = "") {
  std::string prefix(8, '\0');
  for (int i = 0; i < 8; ++i)
    prefix[i] = static_cast<char>(header.size() >> 8 * i);
  return prefix + header + data;
}

/// Every message is one line that begins with the file's name.
void expectRefusal(const std::string &message, const std::string &part) {
  EXPECT_EQ(message.rfind("x.safetensors: ", 0), 0u) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

/// A directory with an index and shards.
struct Shards {
  TemporaryDirectory directory;
  json index = {
      {"metadata", {{"total_size", 10}}},
      {"weight_map", {{"a", "one.safetensors"}, {"b", "two.safetensors"}}}};
  std::map<std::string, TinyTensor> one = {{"a", {"U8", {2}, "ab"}}};
  std::map<std::string, TinyTensor> two = {{"b", {"U8", {3}, "cde"}}};

  std::string open() {
    directory.write("one.safetensors", safetensorsBytes(one));
    directory.write("two.safetensors", safetensorsBytes(two));
    directory.write("model.safetensors.index.json", index.dump());
    auto files = TensorFiles::open(directory.str());
    if (!files)
      return llvm::toString(files.takeError());
    auto text = [&](llvm::StringRef name) {
      auto bytes = (*files)->bytes(*(*files)->find(name));
      return std::string(bytes.begin(), bytes.end());
    };
    return text("a") + text("b");
  }
};

} // namespace

TEST(Safetensors, ReadsATable) {
  std::string bytes = safetensorsBytes(twoTensors());
  auto parsed = parseSafetensors(
      {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()},
      bytes.size(), "x");
  ASSERT_TRUE(bool(parsed)) << llvm::toString(parsed.takeError());
  ASSERT_EQ(parsed->size(), 2u);
  const TensorEntry &a = parsed->at("a"), &b = parsed->at("b");
  EXPECT_EQ(a.describe(), "U8 [2, 3]");
  EXPECT_EQ(b.describe(), "F32 [1]");
  EXPECT_EQ(bytes.substr(a.offset, a.bytes), "abcdef");
  EXPECT_EQ(bytes.substr(b.offset, b.bytes), "wxyz");
}

TEST(Safetensors, EveryTruncationIsRefused) {
  std::string bytes = safetensorsBytes(twoTensors());
  ASSERT_EQ(verdict(bytes), "");
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(verdict(bytes.substr(0, size)), "") << size;
  expectRefusal(verdict(bytes.substr(0, 7)), "too few");
  expectRefusal(verdict(bytes.substr(0, 20)), "is the file complete?");
  expectRefusal(verdict(bytes.substr(0, bytes.size() - 1)),
                "only 9 bytes of data; is it complete?");
}

TEST(Safetensors, EveryFlippedBitIsRefusedOrHarmless) {
  std::string bytes = safetensorsBytes(twoTensors());
  for (size_t i = 0; i < bytes.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string broken = bytes;
      broken[i] ^= static_cast<char>(1 << bit);
      auto parsed = parseSafetensors(
          {reinterpret_cast<const uint8_t *>(broken.data()), broken.size()},
          broken.size(), "x");
      if (!parsed) {
        llvm::consumeError(parsed.takeError());
        continue;
      }
      for (const auto &item : *parsed)
        EXPECT_LE(item.second.offset + item.second.bytes, broken.size());
    }
}

TEST(Safetensors, HeaderSizes) {
  expectRefusal(verdict(std::string(8, '\0')), "does not begin with '{'");
  expectRefusal(verdict(std::string(8, '\xff')), "more than the 100000000");
  std::string limit("\x01\xe1\xf5\x05\0\0\0\0", 8); // 100,000,001
  expectRefusal(verdict(limit), "more than the 100000000");
  limit[0] = 0;
  expectRefusal(verdict(limit), "is the file complete?");
  EXPECT_EQ(verdict(withHeader("{}")), "");
  EXPECT_EQ(verdict(withHeader("{}      ")), "");
}

TEST(Safetensors, HeaderText) {
  expectRefusal(verdict(withHeader(" {}")), "does not begin with '{'");
  expectRefusal(verdict(withHeader("[]")), "does not begin with '{'");
  expectRefusal(verdict(withHeader("{]")), "not valid JSON");
  expectRefusal(verdict(withHeader("{} x")), "not valid JSON");
  expectRefusal(verdict(withHeader("{\"\xff\": 1}")), "not valid JSON");
  expectRefusal(verdict(withHeader("{\"a\":" + std::string(100000, '['))),
                "nests deeper");
  expectRefusal(verdict(withHeader("{\"a\": 1}")), "dtype, shape and");
  expectRefusal(verdict(withHeader("{\"__metadata__\": {\"a\": 1}}")),
                "__metadata__");
  expectRefusal(verdict(withHeader("{\"__metadata__\": []}")), "__metadata__");
}

TEST(Safetensors, DuplicateNames) {
  std::string entry = R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  std::string other = R"({"dtype":"I8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_EQ(
      verdict(withHeader("{\"a\":" + entry + ",\"a\":" + entry + "}", "x")),
      "");
  expectRefusal(
      verdict(withHeader("{\"a\":" + entry + ",\"a\":" + other + "}", "x")),
      "'a' occurs twice, with different values");
  expectRefusal(verdict(withHeader("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"I8\","
                                   "\"shape\":[1],\"data_offsets\":[0,1]}}",
                                   "x")),
                "'dtype' occurs twice, with different values");
  // The same name in two different objects is no duplicate.
  EXPECT_EQ(verdict(safetensorsBytes(twoTensors())), "");
}

TEST(Safetensors, Entries) {
  expectRefusal(verdictEdited([](json &h) { h["a"]["dtype"] = "F7"; }),
                "unknown dtype \"F7\"");
  expectRefusal(verdictEdited([](json &h) { h["a"]["dtype"] = 8; }),
                "unknown dtype 8");
  expectRefusal(verdictEdited([](json &h) { h["a"]["dtype"] = "F4"; }),
                "unknown dtype");
  expectRefusal(verdictEdited([](json &h) { h["a"].erase("shape"); }),
                "expected to have dtype, shape");
  expectRefusal(verdictEdited([](json &h) { h["a"]["stride"] = 1; }),
                "expected to have dtype, shape");
  expectRefusal(verdictEdited([](json &h) { h["a"]["shape"] = 6; }),
                "not a list of sizes");
  expectRefusal(verdictEdited([](json &h) {
                  h["a"]["shape"] = {-2, -3};
                }),
                "not a list of sizes");
  expectRefusal(verdictEdited([](json &h) {
                  h["a"]["shape"] = {2.0, 3};
                }),
                "not a list of sizes");
  expectRefusal(verdictEdited([](json &h) {
                  h["a"]["shape"] = {2, 4};
                }),
                "U8 [2, 4], 8 bytes");
  expectRefusal(verdictEdited([](json &h) { h["a"]["data_offsets"] = {0}; }),
                "not two offsets");
  expectRefusal(verdictEdited([](json &h) {
                  h["a"]["data_offsets"] = {6, 0};
                }),
                "data_offsets are [6, 0]");
  // Two wrongs of 2^64 - 8 that agree.
  expectRefusal(verdictEdited([](json &h) {
                  h["b"]["dtype"] = "F64";
                  h["b"]["shape"] = {2305843009213693951};
                  h["b"]["data_offsets"] = {14, 6};
                }),
                "data_offsets are [14, 6]");
}

TEST(Safetensors, SizesThatOverflow) {
  // 2^32 * 2^32 wraps to 0, which would fit an empty range.
  expectRefusal(verdictEdited([](json &h) {
                  h["a"]["shape"] = {4294967296, 4294967296};
                  h["a"]["data_offsets"] = {0, 0};
                }),
                "overflows");
  expectRefusal(verdictEdited([](json &h) {
                  h["b"]["shape"] = {4611686018427387904};
                  h["b"]["data_offsets"] = {6, 6};
                }),
                "overflows");
  expectRefusal(verdictEdited([](json &h) {
                  h["a"]["shape"] = {0, 18446744073709551615ull};
                  h["a"]["data_offsets"] = {0, 0};
                }),
                "overflows");
}

TEST(Safetensors, OverlapHoleAndTail) {
  std::map<std::string, TinyTensor> same = {{"a", {"U8", {4}, "abcd"}},
                                            {"b", {"U8", {4}, "wxyz"}}};
  auto edited = [&](void (*edit)(json &)) {
    return verdict(safetensorsBytes(same, edit));
  };
  expectRefusal(edited([](json &h) {
                  h["b"]["data_offsets"] = {3, 7};
                }),
                "overlap");
  expectRefusal(edited([](json &h) {
                  h["b"]["data_offsets"] = {0, 4};
                }),
                "overlap");
  expectRefusal(edited([](json &h) {
                  h["b"]["data_offsets"] = {5, 9};
                }),
                "leave a hole");
  expectRefusal(edited([](json &h) {
                  h["a"]["data_offsets"] = {4, 8};
                }),
                "leave a hole");
  expectRefusal(edited([](json &h) { h.erase("b"); }),
                "4 bytes follow the last tensor");
  expectRefusal(edited([](json &h) {
                  h["b"]["shape"] = {18446744073709551000ull / 4};
                  h["b"]["data_offsets"] = {4, 4 + 18446744073709551000ull / 4};
                }),
                "needs");
  expectRefusal(verdict(safetensorsBytes(same) + "!"), "1 bytes follow");
}

TEST(Safetensors, EmptyTensorsAndScalarsAreLegal) {
  std::map<std::string, TinyTensor> odd = {{"a", {"U8", {4}, "abcd"}},
                                           {"empty", {"F32", {0, 7}, ""}},
                                           {"scalar", {"F16", {}, "hh"}},
                                           {"z", {"I64", {0}, ""}}};
  EXPECT_EQ(verdict(safetensorsBytes(odd)), "");
}

TEST(TensorFiles, ReadsShards) { EXPECT_EQ(Shards().open(), "abcde"); }

TEST(TensorFiles, ShardNamesStayInTheDirectory) {
  for (const char *name :
       {"../two.safetensors", "/etc/passwd", "sub/two.safetensors", "..", ".",
        "", "a\\b", "./two.safetensors"}) {
    Shards shards;
    shards.index["weight_map"]["b"] = name;
    EXPECT_NE(
        shards.open().find("not the name of a file in the same directory"),
        std::string::npos)
        << name;
  }
  Shards shards;
  shards.index["weight_map"]["b"] = std::string("two.safetensors\0x", 17);
  EXPECT_NE(shards.open().find("not the name of a file"), std::string::npos);
  shards.index["weight_map"]["b"] = 7;
  EXPECT_NE(shards.open().find("not the name of a file"), std::string::npos);
}

TEST(TensorFiles, IndexAndShardsMustAgree) {
  auto expect = [](void (*edit)(Shards &), const char *part) {
    Shards shards;
    edit(shards);
    std::string message = shards.open();
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect([](Shards &s) { s.index["weight_map"]["c"] = "one.safetensors"; },
         "'c' is said to lie in one.safetensors, but is not there");
  expect(
      [](Shards &s) {
        s.index["weight_map"]["a"] = "two.safetensors";
        s.index["weight_map"]["b"] = "one.safetensors";
      },
      "'a' is said to lie in two.safetensors, but is not there");
  expect(
      [](Shards &s) {
        s.two["c"] = {"U8", {1}, "c"};
      },
      "'c' is not listed in the index");
  expect([](Shards &s) { s.two["a"] = {"U8", {1}, "c"}; }, "'a' is also in");
  expect([](Shards &s) { s.index["weight_map"]["c"] = "three.safetensors"; },
         "1 of the 3 files that it names are missing, the first is "
         "'three.safetensors'");
  expect([](Shards &s) { s.index.erase("weight_map"); }, "'weight_map'");
  expect([](Shards &s) { s.index["weight_map"] = json::object(); },
         "'weight_map'");
  expect([](Shards &s) { s.index = json::array(); }, "'weight_map'");
}

TEST(TensorFiles, MissingAndSpecialFiles) {
  TemporaryDirectory directory;
  auto open = [&] {
    auto files = TensorFiles::open(directory.str());
    return files ? "" : llvm::toString(files.takeError());
  };
  EXPECT_NE(open().find("neither model.safetensors nor"), std::string::npos);
  llvm::sys::fs::create_directory(directory.file("model.safetensors"));
  EXPECT_NE(open().find("not a regular file"), std::string::npos);
  llvm::sys::fs::remove(directory.file("model.safetensors"));
  directory.write("model.safetensors", "");
  EXPECT_NE(open().find("the file is empty"), std::string::npos);
}

TEST(TensorFiles, ReleasedPagesCanBeReadAgain) {
  TemporaryDirectory directory;
  std::string bytes(20000, 'q');
  directory.write("model.safetensors",
                  safetensorsBytes({{"a", {"U8", {20000}, bytes}}}));
  auto files = TensorFiles::open(directory.str());
  ASSERT_TRUE(bool(files));
  const TensorEntry &entry = *(*files)->find("a");
  (*files)->release(entry, 0, 20000);
  (*files)->release(entry, 19999, 1);
  auto back = (*files)->bytes(entry);
  EXPECT_EQ(std::string(back.begin(), back.end()), bytes);
}
