//===- AmxTest.cpp - Tiles against their definition
//------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "amx.h"
#include "tiles.h"

#include "gtest/gtest.h"

#include <cstring>
#include <immintrin.h>
#include <random>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#define TILES __attribute__((target("amx-tile,amx-int8"), noinline))

namespace {

struct Shape {
  unsigned rows, colsb;
};

/// Tiles 0 to 2: sums, first and second factor.
tile_config configure(Shape sums, Shape first, Shape second) {
  tile_config config = {};
  config.palette = 1;
  for (auto [i, shape] : {std::pair(0, sums), {1, first}, {2, second}}) {
    config.rows[i] = uint8_t(shape.rows);
    config.colsb[i] = uint16_t(shape.colsb);
  }
  return config;
}

tile_config fullTiles() { return configure({16, 64}, {16, 64}, {16, 64}); }

using Bytes = uint8_t[16][64];
using Sums = int32_t[16][16];

enum class Signs { UU, US, SU, SS };

TILES void multiply(Signs signs, const tile_config &config, const Bytes &a,
                    const Bytes &b, Sums &sums) {
  _tile_loadconfig(&config);
  _tile_loadd(0, sums, 64);
  _tile_loadd(1, a, 64);
  _tile_stream_loadd(2, b, 64);
  switch (signs) {
  case Signs::UU:
    _tile_dpbuud(0, 1, 2);
    break;
  case Signs::US:
    _tile_dpbusd(0, 1, 2);
    break;
  case Signs::SU:
    _tile_dpbsud(0, 1, 2);
    break;
  case Signs::SS:
    _tile_dpbssd(0, 1, 2);
    break;
  }
  _tile_stored(0, sums, 64);
  _tile_release();
}

TILES void zeroUnconfigured() {
  _tile_release();
  _tile_zero(0);
}

TILES void load(const tile_config &config) { _tile_loadconfig(&config); }

TILES void copyTile(const tile_config &config, const void *from, size_t stride,
                    void *to) {
  _tile_loadconfig(&config);
  _tile_loadd(1, from, stride);
  _tile_stored(1, to, 64);
  _tile_release();
}

TILES tile_config storeConfig(const tile_config &config) {
  tile_config stored;
  memset(&stored, 0xFF, sizeof(stored));
  _tile_loadconfig(&config);
  _tile_storeconfig(&stored);
  _tile_release();
  return stored;
}

class Amx : public testing::Test {
protected:
  void SetUp() override {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    ASSERT_EQ(syscall(SYS_arch_prctl, AMX_REQUEST_PERMISSION, AMX_TILE_DATA),
              0);
  }
  void fill(Bytes &bytes) {
    for (auto &row : bytes)
      for (uint8_t &byte : row)
        byte = uint8_t(random());
  }
  std::mt19937 random;
};

TEST_F(Amx, ProductsOfAllSigns) {
  const Shape shapes[][3] = {{{16, 64}, {16, 64}, {16, 64}},
                             {{3, 20}, {3, 28}, {7, 20}},
                             {{1, 4}, {1, 4}, {1, 4}}};
  for (auto &shape : shapes)
    for (Signs signs : {Signs::UU, Signs::US, Signs::SU, Signs::SS}) {
      Bytes a, b;
      Sums sums, expected;
      fill(a);
      fill(b);
      a[0][0] = b[0][0] = 128;
      for (int m = 0; m < 16; ++m)
        for (int n = 0; n < 16; ++n) {
          sums[m][n] = expected[m][n] = int32_t(random());
          if (m >= int(shape[0].rows) || n >= int(shape[0].colsb) / 4)
            continue;
          for (unsigned k = 0; k < shape[1].colsb; ++k) {
            uint8_t x = a[m][k], y = b[k / 4][4 * n + k % 4];
            int wideX =
                signs == Signs::SU || signs == Signs::SS ? int8_t(x) : x;
            int wideY =
                signs == Signs::US || signs == Signs::SS ? int8_t(y) : y;
            expected[m][n] =
                int32_t(uint32_t(expected[m][n]) + uint32_t(wideX * wideY));
          }
        }
      multiply(signs, configure(shape[0], shape[1], shape[2]), a, b, sums);
      EXPECT_EQ(memcmp(sums, expected, sizeof(sums)), 0);
    }
}

TEST_F(Amx, RowsLieAStrideApart) {
  uint8_t from[16 * 100], to[16][64] = {};
  for (size_t i = 0; i < sizeof(from); ++i)
    from[i] = uint8_t(random());
  copyTile(configure({1, 4}, {5, 12}, {1, 4}), from, 100, to);
  for (int row = 0; row < 16; ++row)
    for (int byte = 0; byte < 64; ++byte)
      EXPECT_EQ(to[row][byte],
                row < 5 && byte < 12 ? from[100 * row + byte] : 0);
}

TEST_F(Amx, ConfigurationIsKept) {
  tile_config config = configure({3, 20}, {3, 28}, {7, 20});
  tile_config stored = storeConfig(config);
  EXPECT_EQ(memcmp(&config, &stored, sizeof(config)), 0);
}

TEST_F(Amx, ThreadsHaveTheirOwn) {
  load(fullTiles());
  std::thread([&] {
    Bytes a, b;
    Sums sums = {};
    memset(a, 1, sizeof(a));
    memset(b, 2, sizeof(b));
    multiply(Signs::UU, configure({2, 8}, {2, 4}, {1, 8}), a, b, sums);
    EXPECT_EQ(sums[1][1], 8);
  }).join();
  tile_config none = {};
  load(none);
}

//===----------------------------------------------------------------------===//
// Faults
//===----------------------------------------------------------------------===//

class AmxDeathTest : public Amx {
protected:
  void SetUp() override {
    if (!amx_is_emulated())
      GTEST_SKIP() << "this processor has AMX, and says no reasons";
    Amx::SetUp();
  }
  void multiplyIn(const tile_config &config) {
    Bytes a = {}, b = {};
    Sums sums = {};
    multiply(Signs::SU, config, a, b, sums);
  }
};

TEST_F(AmxDeathTest, ShapesMustFit) {
  EXPECT_DEATH(multiplyIn(configure({16, 64}, {15, 64}, {16, 64})),
               "tdpbsud: expected shapes that fit, got 16 x 64, 15 x 64");
  EXPECT_DEATH(multiplyIn(configure({16, 64}, {16, 64}, {15, 64})),
               "expected shapes that fit");
  EXPECT_DEATH(multiplyIn(configure({16, 60}, {16, 64}, {16, 64})),
               "expected shapes that fit");
  EXPECT_DEATH(multiplyIn(configure({16, 62}, {16, 64}, {16, 62})),
               "expected rows of whole double words");
}

TEST_F(AmxDeathTest, TilesMustBeConfigured) {
  EXPECT_DEATH(zeroUnconfigured(), "tilezero: expected tiles to be configured");
  EXPECT_DEATH(multiplyIn(configure({16, 64}, {0, 0}, {16, 64})),
               "tileloadd: expected tile 1 to have a shape");
}

TEST_F(AmxDeathTest, ConfigurationsMustBeLegal) {
  tile_config config = fullTiles();
  config.palette = 2;
  EXPECT_DEATH(load(config), "expected palette 0 or 1, got 2");
  config = fullTiles();
  config.reserved[3] = 1;
  EXPECT_DEATH(load(config), "expected zeros in reserved bytes");
  config = fullTiles();
  config.rows[5] = 17;
  config.colsb[5] = 64;
  EXPECT_DEATH(load(config), "expected tile 5 of up to 16 rows");
  config.rows[5] = 0;
  EXPECT_DEATH(load(config), "expected tile 5 of up to 16 rows");
  config = fullTiles();
  config.rows[8] = 1;
  EXPECT_DEATH(load(config), "expected no shape of tile 8");
}

TEST_F(AmxDeathTest, PermissionIsAskedForFirst) {
  EXPECT_DEATH(
      {
        amx_refuse(0);
        load(fullTiles());
      },
      "expected the permission to be asked for first");
  EXPECT_EXIT(
      {
        amx_refuse(1);
        long result =
            syscall(SYS_arch_prctl, AMX_REQUEST_PERMISSION, AMX_TILE_DATA);
        exit(result == -1 ? 3 : 4);
      },
      testing::ExitedWithCode(3), "");
}

/// tdpbssd of a tile with itself, which no compiler writes.
TEST_F(AmxDeathTest, FactorsAreOtherTiles) {
  load(fullTiles());
  EXPECT_DEATH(__asm__ volatile(".byte 0xc4, 0xe2, 0x73, 0x5e, 0xc1"),
               "tdpbssd: expected three tiles, got 0, 1 and 1");
  tile_config none = {};
  load(none);
}

} // namespace
