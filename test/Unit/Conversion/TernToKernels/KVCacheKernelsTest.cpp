//===- KVCacheKernelsTest.cpp - Cache and attention -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiled tern.kv_append and tern.attention against plain C++ written from
// docs/numerics.md 6, to the bit.
//
//===----------------------------------------------------------------------===//

#include "AttentionReference.h"
#include "Kernels/KernelJit.h"
#include "Kernels/RowReference.h"

#include "tern/Packing/CacheLayout.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

using namespace tern;

namespace {

struct Case {
  AttentionShape shape;
  int64_t group;
  int64_t capacity;
  /// Tokens of each sequence in each call: calls[c][s].
  std::vector<std::vector<int64_t>> calls;
};

std::string cacheType(const Case &c) {
  const AttentionShape &s = c.shape;
  return "!tern.kv_cache<layers = 2, heads = " + std::to_string(s.heads) +
         ", head_dim = " + std::to_string(s.headDim) +
         ", capacity = " + std::to_string(c.capacity) +
         ", bits = " + std::to_string(s.bits) +
         ", bos_bits = " + std::to_string(s.bosBits) +
         ", q_bits = " + std::to_string(s.qBits) + ">";
}

/// `suffix` tells apart the bodies for one token and for any number.
std::string functions(const Case &c, const std::string &suffix,
                      const std::string &tokens) {
  std::string width = std::to_string(c.shape.heads * c.shape.headDim);
  std::string qWidth =
      std::to_string(c.shape.heads * c.shape.headDim * c.group);
  std::string layout = "xf32, strided<[?, 1], offset: ?>>";
  std::string kv = "memref<" + tokens + "x" + width + layout;
  std::string q = "memref<" + tokens + "x" + qWidth + layout;
  std::string positions = "memref<" + tokens + "xi32>", cache = cacheType(c);
  return "func.func @append" + suffix + "(%k: " + kv + ", %v: " + kv +
         ", %p: " + positions + ", %c: " + cache +
         ", %l: index, %s: memref<?xindex>) {\n"
         "  tern.kv_append %k, %v into %c[%l] at %p : " +
         kv + ", " + kv + ", " + positions + ", " + cache +
         "\n  return\n}\n"
         "func.func @attend" +
         suffix + "(%q: " + q + ", %p: " + positions + ", %o: " + q +
         ", %c: " + cache +
         ", %l: index, %s: memref<?xindex>) {\n"
         "  tern.attention(%q, %c[%l], %p) outs(%o : " +
         q + ") : (" + q + ", " + cache + ", " + positions + ")\n  return\n}\n";
}

/// The state of one sequence, and what the reference knows of it.
struct Sequence {
  std::vector<uint8_t> bytes;
  uint8_t *state;
  std::vector<std::vector<float>> keys[2], values[2]; ///< [layer][position]
};

class KVCacheTest : public testing::TestWithParam<JitTarget> {
protected:
  /// Runs the calls of a case on new sequences, \p rounds times.
  void run(const Case &c, int rounds = 1);
  void runCalls(const Case &c, JitModule &module);
  /// Infinities and NaN among keys, values and queries.
  bool isSpoiled = false;

private:
  void step(const Case &c, JitModule &module, std::vector<Sequence> &sequences,
            const std::vector<int64_t> &counts);
  void runLayer(const Case &c, JitModule &module,
                std::vector<Sequence> &sequences,
                const std::vector<int> &owners, Vector<int32_t> &positions,
                int64_t layer);
  void checkHalves(const Sequence &sequence, const CacheLayout &layout,
                   int64_t layer, int64_t position);
  void checkBytes(const Case &c, const Sequence &sequence, int64_t layer,
                  int64_t position);
  Matrix<float> randomRows(int64_t rows, int64_t columns, bool wild);
  std::mt19937 random{11};
};

Matrix<float> KVCacheTest::randomRows(int64_t rows, int64_t columns,
                                      bool wild) {
  std::normal_distribution<float> normal;
  Matrix<float> x(rows, columns, 0, columns + 3);
  for (int64_t r = 0; r < rows; ++r) {
    float scale = std::exp(normal(random));
    if (wild && random() % 8 == 0)
      scale = std::vector<float>{0, 1e-7f, 3e4f, 1e6f, 2e38f}[random() % 5];
    for (int64_t i = 0; i < columns; ++i)
      x.at(r, i) = normal(random) * scale;
    const float odd[] = {HUGE_VALF, -HUGE_VALF, std::nanf(""), -std::nanf("")};
    if (isSpoiled && random() % 32 == 0)
      x.at(r, random() % columns) = odd[random() % 4];
  }
  return x;
}

std::vector<float> toVector(const Matrix<float> &x, int64_t row) {
  return std::vector<float>(x.row(row), x.row(row) + x.columns);
}

/// The same of a 16-bit cache.
void KVCacheTest::checkHalves(const Sequence &sequence,
                              const CacheLayout &layout, int64_t layer,
                              int64_t position) {
  for (int64_t head = 0; head < layout.heads; ++head)
    for (int part = 0; part < 2; ++part) {
      const auto &row =
          (part ? sequence.values : sequence.keys)[layer][position];
      const uint8_t *at = sequence.state + layout.fixedBytes() +
                          position / 64 * layout.blockBytes() +
                          layout.headOffset(layer, head) +
                          (part ? layout.valuesOffset() : layout.keysOffset());
      for (int64_t i = 0; i < layout.headDim; ++i) {
        uint16_t half;
        std::memcpy(&half,
                    at + (part ? layout.locateHalfValue(position % 64, i)
                               : layout.locateHalfKey(position % 64, i)),
                    2);
        ASSERT_EQ(half, toHalf(row[head * layout.headDim + i]));
      }
    }
}

/// Codes and scales in the state are what the reference has.
void KVCacheTest::checkBytes(const Case &c, const Sequence &sequence,
                             int64_t layer, int64_t position) {
  const AttentionShape &s = c.shape;
  CacheLayout layout{2, s.heads, s.headDim, s.bits, s.bosBits};
  if (layout.isHalf())
    return checkHalves(sequence, layout, layer, position);
  for (int64_t head = 0; head < s.heads; ++head)
    for (int part = 0; part < 2; ++part) {
      const auto &row =
          (part ? sequence.values : sequence.keys)[layer][position];
      CodedRow expected = encodeRow(row.data() + head * s.headDim, s.headDim,
                                    position == 0 ? s.bosBits : s.bits);
      bool isFirst = position == 0 && layout.hasFirstRows();
      const uint8_t *at =
          isFirst ? sequence.state + layout.firstRowOffset(layer, head)
                  : sequence.state + layout.fixedBytes() +
                        position / 64 * layout.blockBytes() +
                        layout.headOffset(layer, head);
      const uint8_t *codes =
          isFirst ? at + part * layout.firstCodeBytes()
                  : at + (part ? layout.valuesOffset() : layout.keysOffset());
      const uint8_t *scale = isFirst
                                 ? at + layout.firstScalesOffset() + 2 * part
                                 : at + 2 * (position % 64) +
                                       (part ? layout.valueScalesOffset()
                                             : layout.keyScalesOffset());
      uint16_t g;
      std::memcpy(&g, scale, 2);
      ASSERT_EQ(g, expected.scaleBits);
      for (int64_t dim = 0; dim < s.headDim; ++dim) {
        int code = isFirst ? codes[dim] : 0;
        for (size_t p = 0; !isFirst && p < layout.planes().size(); ++p) {
          CacheBits bits = part ? layout.locateValue(p, position % 64, dim)
                                : layout.locateKey(p, position % 64, dim);
          CachePlane plane = layout.planes()[p];
          code |= (codes[bits.byte] >> bits.shift & plane.mask())
                  << plane.firstBit;
        }
        ASSERT_EQ(code, expected.codes[dim]) << "dim " << dim;
      }
    }
}

void KVCacheTest::runLayer(const Case &c, JitModule &module,
                           std::vector<Sequence> &sequences,
                           const std::vector<int> &owners,
                           Vector<int32_t> &positions, int64_t layer) {
  const AttentionShape &s = c.shape;
  int64_t tokens = owners.size(), width = s.heads * s.headDim;
  Matrix<float> k = randomRows(tokens, width, true);
  Matrix<float> v = randomRows(tokens, width, true);
  Matrix<float> q = randomRows(tokens, width * c.group, false);
  Matrix<float> out(tokens, width * c.group, 99, width * c.group + 1);
  Vector<int64_t> states(tokens);
  for (int64_t t = 0; t < tokens; ++t) {
    Sequence &sequence = sequences[owners[t]];
    states.data[t] = reinterpret_cast<int64_t>(sequence.state);
    sequence.keys[layer].push_back(toVector(k, t));
    sequence.values[layer].push_back(toVector(v, t));
  }
  std::string suffix = tokens == 1 ? "_one" : "_many";
  module.call("append" + suffix, k.get(), v.get(), positions.get(), layer,
              states.get());
  module.call("attend" + suffix, q.get(), positions.get(), out.get(), layer,
              states.get());
  for (int64_t t = 0; t < tokens; ++t) {
    const Sequence &sequence = sequences[owners[t]];
    int64_t position = positions.data[t];
    checkBytes(c, sequence, layer, position);
    // Long prefills are checked at some positions only.
    if (tokens > 200 && t % 97 != 0 && t + 1 != tokens)
      continue;
    for (int64_t head = 0; head < s.heads * c.group; ++head) {
      std::vector<float> expected =
          attend(s, q.row(t) + head * s.headDim, sequence.keys[layer],
                 sequence.values[layer], head / c.group, position);
      ASSERT_TRUE(std::equal(expected.begin(), expected.end(),
                             out.row(t) + head * s.headDim, test::isSame))
          << "layer " << layer << " token " << t << " position " << position
          << " head " << head << ": expected " << expected[0] << ", got "
          << out.at(t, head * s.headDim);
    }
  }
}

void KVCacheTest::step(const Case &c, JitModule &module,
                       std::vector<Sequence> &sequences,
                       const std::vector<int64_t> &counts) {
  std::vector<int> owners;
  Vector<int32_t> positions(0);
  for (size_t s = 0; s < sequences.size(); ++s)
    for (int64_t i = 0; i < counts[s]; ++i) {
      owners.push_back(s);
      positions.data.push_back(sequences[s].keys[0].size() + i);
    }
  for (int64_t layer = 0; layer < 2; ++layer)
    runLayer(c, module, sequences, owners, positions, layer);
}

void KVCacheTest::run(const Case &c, int rounds) {
  SCOPED_TRACE(cacheType(c) + " group " + std::to_string(c.group));
  auto module = JitModule::compile(
      functions(c, "_one", "1") + functions(c, "_many", "?"), GetParam());
  ASSERT_TRUE(module);
  for (int round = 0; round < rounds && !HasFatalFailure(); ++round)
    runCalls(c, *module);
}

void KVCacheTest::runCalls(const Case &c, JitModule &module) {
  CacheLayout layout{2, c.shape.heads, c.shape.headDim, c.shape.bits,
                     c.shape.bosBits};
  std::vector<Sequence> sequences(c.calls[0].size());
  for (Sequence &sequence : sequences) {
    // A state that was used before: nothing may depend on what is in it.
    sequence.bytes.resize(layout.stateBytes(c.capacity) + 64);
    for (uint8_t &byte : sequence.bytes)
      byte = static_cast<uint8_t>(random());
    auto address = reinterpret_cast<uintptr_t>(sequence.bytes.data());
    sequence.state = sequence.bytes.data() + (64 - address % 64) % 64;
  }
  for (const std::vector<int64_t> &counts : c.calls) {
    step(c, module, sequences, counts);
    if (HasFatalFailure())
      return;
  }
}

/// Two sequences: prefill and decode, together and alone, past 64 and 128.
std::vector<std::vector<int64_t>> mixedCalls() {
  return {{3, 1}, {1, 0}, {60, 2}, {1, 1}, {0, 1}, {66, 60}, {0, 1}, {1, 1}};
}

TEST_P(KVCacheTest, SixteenBits) {
  run({{1, 64, 16, 16, 8}, 3, 160, mixedCalls()});
  run({{5, 100, 16, 16, 8}, 1, 160, {{40}, {30}, {1}}});
  run({{1, 2, 16, 16, 8}, 4, 64, {{1}, {1}, {33}}});
  run({{2, 128, 16, 16, 8}, 4, 128, {{1, 0}, {5, 120}}});
}

TEST_P(KVCacheTest, ThreeBits) {
  run({{1, 64, 3, 4, 8}, 3, 160, mixedCalls()});
  run({{1, 64, 3, 3, 4}, 3, 160, mixedCalls()});
  run({{5, 128, 3, 4, 4}, 4, 128, {{1, 0}, {70, 1}, {1, 1}}});
  run({{2, 100, 3, 8, 8}, 1, 200, {{129}, {1}}});
  run({{1, 2, 3, 3, 8}, 1, 64, {{1}, {1}, {33}, {29}}});
}

TEST_P(KVCacheTest, FourBits) {
  run({{1, 64, 4, 4, 8}, 3, 160, mixedCalls()});
  run({{5, 100, 4, 3, 4}, 3, 128, {{66}, {1}}});
  run({{1, 128, 4, 8, 8}, 9, 128, {{66}, {1}}});
  run({{2, 2, 4, 4, 4}, 4, 64, {{1}, {63}}});
}

TEST_P(KVCacheTest, EightBits) {
  run({{1, 64, 8, 8, 8}, 3, 160, mixedCalls()});
  run({{1, 100, 8, 3, 4}, 4, 128, {{1}, {64}, {1}}});
  run({{5, 128, 8, 4, 8}, 1, 128, {{66}, {1}}});
}

TEST_P(KVCacheTest, NumbersThatAreNotFinite) {
  isSpoiled = true;
  run({{1, 64, 16, 16, 8}, 3, 160, mixedCalls()}, 2);
  run({{2, 100, 3, 4, 8}, 2, 160, mixedCalls()}, 2);
  run({{1, 64, 8, 3, 4}, 3, 160, mixedCalls()}, 2);
}

/// More blocks, and more tokens, than R32 has accumulators.
TEST_P(KVCacheTest, LongContexts) {
  run({{1, 64, 3, 4, 8}, 2, 2200, {{2113}, {1}}});
  run({{1, 16, 16, 16, 8}, 2, 700, {{601}, {1}}});
  run({{1, 36, 8, 8, 8}, 1, 2200, {{2113}, {1}}});
}

/// Tiles of eight, four and two tokens: odd numbers left over, begun within a
/// block and across its end, and sequences that change within a tile.
TEST_P(KVCacheTest, TilesOfTokens) {
  run({{1, 48, 16, 16, 8}, 4, 160, {{63}, {3}, {2}, {5}, {66}}});
  run({{1, 20, 16, 16, 8}, 12, 128, {{67, 3}, {2, 2}}});
  run({{1, 32, 3, 4, 4}, 4, 128, {{63}, {3}, {2}, {5}}});
  isSpoiled = true;
  run({{1, 40, 16, 16, 8}, 1, 160, {{7, 9}, {8, 1}, {45, 58}, {67, 66}}});
  // Position 8 of one sequence comes after position 7 of the other.
  run({{1, 40, 3, 4, 8}, 2, 160, {{5, 8}, {3, 5}, {45, 58}, {67, 66}}});
}

/// A dot product of another machine that is arithmetic of any.
class NeutralDots : public KVCacheTest {};

TEST_P(NeutralDots, OfCodes) {
  run({{1, 64, 3, 4, 8}, 3, 160, mixedCalls()});
  run({{1, 100, 8, 3, 4}, 1, 128, {{66}, {1}}});
}

INSTANTIATE_TEST_SUITE_P(
    Riscv, NeutralDots,
    testing::Values(JitTarget{
        "Vectors",
        "#tern.target<triple = \"riscv64\", cpu = \"generic\", "
        "features = \"+m,+v\">",
        "x86-64", ""}),
    [](const auto &info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(Targets, KVCacheTest,
                         testing::ValuesIn(getJitTargets()),
                         [](const auto &info) { return info.param.name; });

} // namespace
