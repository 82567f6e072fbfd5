//===- HostTest.cpp - CPU features
//--------------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/host.h"
#include "fake_model.h"

#include "gtest/gtest.h"

#include <string>
#ifdef TERN_AMX_EMULATION
#include "Emulation/amx.h"
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace {

TEST(Cpu, Pick) {
  tern_model plain = tern_model_fake, fast = tern_model_fake,
             faster = tern_model_fake;
  fast.cpu_features = 1u << 6;              // avx2
  faster.cpu_features = 1u << 6 | 1u << 18; // and avx512vnni
  const tern_model *all[] = {&plain, &fast, &faster};
  tern_error error = {};
  EXPECT_EQ(tern_cpu_pick(all, 3, ~0ull, &error), &faster);
  EXPECT_EQ(tern_cpu_pick(all, 3, 1u << 6, &error), &fast);
  EXPECT_EQ(tern_cpu_pick(all, 3, 1u << 18, &error), &plain);
  EXPECT_STREQ(error.text, "");
  EXPECT_EQ(tern_cpu_pick(all + 2, 1, 1u << 6, &error), nullptr);
  EXPECT_EQ(std::string(error.text)
                .find("this program needs avx512vnni, which this CPU does not "
                      "have; compile with --cpu="),
            0u)
      << error.text;
  EXPECT_EQ(tern_cpu_pick(all + 1, 2, 0, &error), nullptr);
  EXPECT_NE(std::string(error.text).find("needs avx2, which"),
            std::string::npos)
      << error.text;
  plain.cpu_features = 1ull << 60; // of a later compiler
  EXPECT_EQ(tern_cpu_pick(all, 1, 0x3FFFFF, &error), nullptr);
  EXPECT_EQ(tern_cpu_pick(all, 0, 0, &error), nullptr);
}

#ifdef TERN_AMX_EMULATION
TEST(Cpu, AsksForTiles) {
  tern_model plain = tern_model_fake, tiles = tern_model_fake;
  tiles.cpu_features = 1u << 22; // amx-tile
  const tern_model *all[] = {&plain, &tiles};
  tern_error error = {};
  EXPECT_EQ(tern_cpu_pick(all, 2, ~0ull, &error), &tiles);
  uint64_t permitted = 0;
  EXPECT_EQ(syscall(SYS_arch_prctl, AMX_GET_PERMISSION, &permitted), 0);
  EXPECT_TRUE(permitted >> AMX_TILE_DATA & 1);
  if (!amx_is_emulated())
    GTEST_SKIP() << "this processor's operating system refuses nothing";
  amx_refuse(1);
  EXPECT_EQ(tern_cpu_pick(all, 2, ~0ull, &error), &plain);
  EXPECT_EQ(tern_cpu_pick(all + 1, 1, ~0ull, &error), nullptr);
  EXPECT_EQ(std::string(error.text)
                .find("this program needs amx-tile, which the operating system "
                      "does not let it use: Operation not permitted; compile "
                      "with --cpu="),
            0u)
      << error.text;
  amx_refuse(0);
}
#endif

#if defined(__x86_64__)
TEST(Cpu, AgreesWithTheCompiler) {
  // A second opinion on those features that the compiler's library can detect.
  uint64_t have = tern_cpu_features();
  __builtin_cpu_init();
  auto expect = [&](unsigned bit, bool wanted) {
    EXPECT_EQ((have >> bit & 1) != 0, wanted) << bit;
  };
  expect(0, __builtin_cpu_supports("sse3"));
  expect(1, __builtin_cpu_supports("ssse3"));
  expect(2, __builtin_cpu_supports("sse4.1"));
  expect(3, __builtin_cpu_supports("sse4.2"));
  expect(4, __builtin_cpu_supports("popcnt"));
  expect(5, __builtin_cpu_supports("avx"));
  expect(6, __builtin_cpu_supports("avx2"));
  expect(7, __builtin_cpu_supports("fma"));
  expect(8, __builtin_cpu_supports("bmi"));
  expect(9, __builtin_cpu_supports("bmi2"));
  expect(13, __builtin_cpu_supports("avx512f"));
  expect(14, __builtin_cpu_supports("avx512bw"));
  expect(15, __builtin_cpu_supports("avx512cd"));
  expect(16, __builtin_cpu_supports("avx512dq"));
  expect(17, __builtin_cpu_supports("avx512vl"));
  expect(18, __builtin_cpu_supports("avx512vnni"));
  expect(19, __builtin_cpu_supports("avx512vbmi"));
  expect(24, __builtin_cpu_supports("sse4a"));
  // Every CPU with avx2 that was ever sold has these.
  if (have >> 6 & 1)
    for (unsigned bit : {10u, 11u, 12u})
      expect(bit, true);
}
#endif

} // namespace
