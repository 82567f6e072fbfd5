//===- WarpTest.cpp - Instructions of warps and blocks
//----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PtxTesting.h"

using namespace tern::ptx;

namespace {

using Words = std::vector<uint32_t>;

Words randomWords(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  Words words(count);
  for (uint32_t &word : words)
    word = uint32_t(random());
  return words;
}

/// %x is the lane's word of the second buffer; %d goes to the first.
std::string withWord(const std::string &statements) {
  return ".reg .b32 %x, %d, %t<8>;\n.reg .b64 %q<4>;\n.reg .pred %c<4>;\n"
         "add.s64 %q0, %p0, %l4;\nadd.s64 %q1, %p1, %l4;\n"
         "ld.global.b32 %x, [%q1];\n" +
         statements + "\nst.global.b32 [%q0], %d;\n";
}

//===----------------------------------------------------------------------===//
// Exchanges
//===----------------------------------------------------------------------===//

TEST(Warp, ShufflesTakeOtherLanes) {
  Words d(32), x = randomWords(32, 1);
  auto run = [&](const char *how, const char *operands) {
    Runner().run(withWord(std::string("shfl.sync.") + how +
                          ".b32 %d|%c0, %x, " + operands +
                          ", -1;\n@!%c0 not.b32 %d, %d;"),
                 d, x);
  };
  auto expect = [&](auto source, auto isFound) {
    for (int lane = 0; lane < 32; ++lane)
      EXPECT_EQ(d[lane], isFound(lane) ? x[source(lane)] : ~x[lane]) << lane;
  };
  run("down", "5, 31");
  expect([](int l) { return l + 5; }, [](int l) { return l + 5 < 32; });
  run("up", "3, 0");
  expect([](int l) { return l - 3; }, [](int l) { return l >= 3; });
  run("bfly", "16, 31");
  expect([](int l) { return l ^ 16; }, [](int) { return true; });
  run("idx", "7, 31");
  expect([](int) { return 7; }, [](int) { return true; });
  // Segments of 8 lanes: mask 24 << 8, and 7 the last of a segment.
  run("down", "2, 6175");
  expect([](int l) { return l + 2; }, [](int l) { return l % 8 + 2 < 8; });
  run("idx", "9, 6175");
  expect([](int l) { return l / 8 * 8 + 1; }, [](int) { return true; });
}

TEST(Warp, SumIsThatOfNumericsR32) {
  // 32 accumulators, then h = 16, 8, 4, 2, 1: acc[i] += acc[i + h].
  std::vector<float> d(32), x(32);
  std::mt19937 random(3);
  for (float &value : x)
    value = float(random()) / 1e6f - 1000;
  std::string text = "mov.b32 %d, %x;\n";
  for (int h = 16; h; h /= 2)
    text += "shfl.sync.down.b32 %t0, %d, " + std::to_string(h) +
            ", 31, -1;\nadd.rn.f32 %d, %d, %t0;\n";
  Runner().run(withWord(text), d, x);
  std::vector<float> expected = x;
  for (int h = 16; h; h /= 2)
    for (int i = 0; i < h; ++i)
      expected[i] += expected[i + h];
  EXPECT_EQ(d[0], expected[0]);
}

TEST(Warp, VotesAndReductions) {
  Words d(32), x = randomWords(32, 2);
  uint32_t ballot = 0, sum = 0, most = 0, both = ~0u;
  int32_t least = INT32_MAX;
  for (int lane = 0; lane < 32; ++lane) {
    ballot |= (x[lane] & 1) << lane;
    sum += x[lane];
    most = std::max(most, x[lane]);
    least = std::min(least, int32_t(x[lane]));
    both &= x[lane] | 0xF0;
  }
  auto is = [&](const char *text, uint32_t expected) {
    SCOPED_TRACE(text);
    Runner().run(withWord(text), d, x);
    EXPECT_EQ(d, Words(32, expected));
  };
  std::string odd = "and.b32 %t0, %x, 1; setp.ne.b32 %c0, %t0, 0;";
  is((odd + "vote.sync.ballot.b32 %d, %c0, -1;").c_str(), ballot);
  is((odd + "vote.sync.any.pred %c1, %c0, -1; selp.b32 %d, 1, 0, %c1;").c_str(),
     1);
  is((odd + "vote.sync.all.pred %c1, %c0, -1; selp.b32 %d, 1, 0, %c1;").c_str(),
     0);
  is((odd + "vote.sync.uni.pred %c1, !%c0, -1; selp.b32 %d, 1, 0, %c1;")
         .c_str(),
     0);
  is("activemask.b32 %d;", ~0u);
  is("redux.sync.add.s32 %d, %x, -1;", sum);
  is("redux.sync.max.u32 %d, %x, -1;", most);
  is("redux.sync.min.s32 %d, %x, -1;", uint32_t(least));
  is("or.b32 %t0, %x, 240; redux.sync.and.b32 %d, %t0, -1;", both);
}

//===----------------------------------------------------------------------===//
// Products of matrices
//===----------------------------------------------------------------------===//

/// Which lane and word hold a row and column: the figures of the manual.
void checkMatrices(unsigned K, bool isSignedA, bool isSignedB) {
  unsigned words = K / 8;
  Words a = randomWords(32 * words, K), b = randomWords(32 * words / 2, 7),
        c = randomWords(32 * 4, 8), d(32 * 4);
  std::string text =
      ".reg .b32 %a<4>, %b<2>, %c<4>, %d<4>;\n.reg .b64 %q<4>;\n";
  auto list = [](const char *name, unsigned count) {
    std::string all;
    for (unsigned i = 0; i < count; ++i)
      all += (i ? ", %" : "%") + std::string(name) + std::to_string(i);
    return "{" + all + "}";
  };
  auto load = [&](const char *name, unsigned count, unsigned buffer) {
    std::string address = "%q" + std::to_string(buffer);
    text += "mul.wide.u32 " + address + ", %l, " + std::to_string(4 * count) +
            ";\nadd.s64 " + address + ", " + address + ", %p" +
            std::to_string(buffer) + ";\nld.global" +
            (count == 1 ? "" : ".v" + std::to_string(count)) + ".b32 " +
            (count == 1 ? "%" + std::string(name) + "0" : list(name, count)) +
            ", [" + address + "];\n";
  };
  load("a", words, 1);
  load("b", words / 2, 2);
  load("c", 4, 3);
  text += "mma.sync.aligned.m16n8k" + std::to_string(K) + ".row.col.s32." +
          (isSignedA ? "s8" : "u8") + (isSignedB ? ".s8" : ".u8") + ".s32 " +
          list("d", 4) + ", " + list("a", words) + ", " + list("b", words / 2) +
          ", " + list("c", 4) +
          ";\nmul.wide.u32 %q0, %l, 16;\n"
          "add.s64 %q0, %q0, %p0;\nst.global.v4.b32 [%q0], " +
          list("d", 4) + ";\n";
  Runner().run(text, d, a, b, c);
  auto byte = [](uint32_t word, unsigned i, bool isSigned) {
    uint8_t bits = uint8_t(word >> 8 * i);
    return isSigned ? int(int8_t(bits)) : int(bits);
  };
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned column = 0; column < 8; ++column) {
      unsigned at = (row % 8 * 4 + column / 2) * 4 + row / 8 * 2 + column % 2;
      uint32_t sum = c[at];
      for (unsigned k = 0; k < K; ++k) {
        unsigned laneA = row % 8 * 4 + k % 16 / 4,
                 laneB = column * 4 + k % 16 / 4;
        sum += uint32_t(
            byte(a[laneA * words + row / 8 + k / 16 * 2], k % 4, isSignedA) *
            byte(b[laneB * (words / 2) + k / 16], k % 4, isSignedB));
      }
      EXPECT_EQ(d[at], sum) << row << " " << column;
    }
}

TEST(Warp, ProductsOfMatrices) {
  checkMatrices(32, false, true);
  checkMatrices(32, true, false);
  checkMatrices(16, true, true);
  checkMatrices(16, false, false);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

TEST(Warp, LoadsAndStoresOfAllSizes) {
  std::vector<uint8_t> d(32 * 16, 0), x(32 * 16);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = uint8_t(i * 37 + 11);
  auto copy = [&](const std::string &type, const std::string &registers) {
    std::fill(d.begin(), d.end(), 0);
    Runner().run(".reg .b16 %h<4>;\n.reg .b32 %x<4>;\n.reg .b64 %y<2>, %q<2>;\n"
                 "mul.wide.u32 %q0, %l, 16;\nadd.s64 %q1, %q0, %p1;\n"
                 "add.s64 %q0, %q0, %p0;\nld.global.nc." +
                     type + " " + registers + ", [%q1];\nst.global." + type +
                     " [%q0], " + registers + ";\n",
                 d, x);
  };
  auto isCopied = [&](unsigned bytes) {
    for (size_t i = 0; i < d.size(); ++i)
      ASSERT_EQ(d[i], i % 16 < bytes ? x[i] : 0) << i;
  };
  copy("v4.b32", "{%x0, %x1, %x2, %x3}");
  isCopied(16);
  copy("v2.b64", "{%y0, %y1}");
  isCopied(16);
  copy("v4.u16", "{%h0, %h1, %h2, %h3}");
  isCopied(8);
  copy("v2.b8", "{%h0, %h1}");
  isCopied(2);
  copy("b8", "%x0");
  isCopied(1);
}

TEST(Warp, LoadsExtendTheSign) {
  std::vector<int8_t> x(32, -5);
  std::vector<int64_t> d(32);
  Runner().run(".reg .b64 %y, %q<2>;\ncvt.u64.u32 %q1, %l;\n"
               "add.s64 %q1, %q1, %p1;\nld.global.s8 %y, [%q1];\n"
               "add.s64 %q0, %p0, %l8;\nst.global.b64 [%q0], %y;\n",
               d, x);
  EXPECT_EQ(d, std::vector<int64_t>(32, -5));
}

TEST(Warp, SharedMemoryGenericAddressesAndConstants) {
  Words d(32), x = randomWords(32, 5);
  Runner runner;
  runner.globals = ".shared .align 16 .b8 held5[128];\n"
                   ".extern .shared .align 16 .b8 more5[];\n"
                   ".const .align 4 .b32 table5[2] = {7, 0x10};\n"
                   ".global .align 4 .b8 sum5[4];\n";
  runner.dynamicShared = 128;
  runner.run(
      withWord("mov.b64 %q2, held5; add.s64 %q2, %q2, %l4;\n"
               "st.shared.b32 [%q2], %x;\n"
               "mov.b64 %q3, more5; add.s64 %q3, %q3, %l4;\n"
               "st.shared.b32 [%q3], %l; bar.sync 0;\n"
               "cvta.shared.u64 %q2, %q2; xor.b64 %q2, %q2, 4;\n"
               "ld.b32 %d, [%q2]; ld.shared.b32 %t0, [%q3];\n"
               "ld.const.b32 %t1, [table5+4]; add.s32 %d, %d, %t0;\n"
               "add.s32 %d, %d, %t1; atom.global.add.u32 %t2, [sum5], 1;"),
      d, x);
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(d[lane], x[lane ^ 1] + lane + 16);
}

TEST(Warp, Atomics) {
  Words x = randomWords(32, 9), d(32);
  auto is = [&](const std::string &operation, uint32_t start, auto combine) {
    Words total(1, start);
    uint32_t expected = start;
    for (uint32_t value : x)
      expected = combine(expected, value);
    Runner().run(
        withWord("red.global." + operation + " [%p2], %x; mov.b32 %d, 0;"), d,
        x, total);
    EXPECT_EQ(total[0], expected) << operation;
  };
  is("add.s32", 5, [](uint32_t a, uint32_t b) { return a + b; });
  is("max.u32", 5, [](uint32_t a, uint32_t b) { return std::max(a, b); });
  is("min.s32", 5, [](uint32_t a, uint32_t b) {
    return uint32_t(std::min(int32_t(a), int32_t(b)));
  });
  is("or.b32", 5, [](uint32_t a, uint32_t b) { return a | b; });
  is("and.b32", ~0u, [](uint32_t a, uint32_t b) { return a & b; });
  is("relaxed.gpu.xor.b32", 5, [](uint32_t a, uint32_t b) { return a ^ b; });
  // Each lane gets another ticket.
  Words count(1, 0);
  Runner().run(withWord("atom.global.add.u32 %d, [%p2], 1;"), d, x, count);
  std::sort(d.begin(), d.end());
  for (uint32_t i = 0; i < 32; ++i)
    EXPECT_EQ(d[i], i);
  Words swapped(1, 3);
  Runner().run(withWord("atom.global.cas.b32 %d, [%p2], 3, 9;"), d, x, swapped);
  EXPECT_EQ(swapped[0], 9u);
  EXPECT_EQ(std::count(d.begin(), d.end(), 3u), 1);
}

TEST(Warp, CopiesLandInGroups) {
  Words d(32), x = randomWords(64, 4);
  Runner runner;
  runner.globals = ".shared .align 16 .b8 held7[256];\n";
  runner.run(withWord("mov.b64 %q2, held7; add.s64 %q2, %q2, %l4;\n"
                      "add.s64 %q2, %q2, 64; add.s64 %q1, %q1, 64;\n"
                      "cp.async.ca.shared.global [%q2+-64], [%q1+-64], 4;\n"
                      "add.s64 %q2, %q2, -64; add.s64 %q1, %q1, -64;\n"
                      "cp.async.commit_group;\n"
                      "cp.async.ca.shared.global [%q2+128], [%q1+128], 4, 0;\n"
                      "cp.async.commit_group;\ncp.async.wait_group 1;\n"
                      "ld.shared.b32 %d, [%q2];\ncp.async.wait_all;\n"
                      "ld.shared.b32 %t0, [%q2+128];\nadd.s32 %d, %d, %t0;"),
             d, x);
  EXPECT_EQ(d, Words(x.begin(), x.begin() + 32));
}

//===----------------------------------------------------------------------===//
// Branches
//===----------------------------------------------------------------------===//

TEST(Warp, LanesGoTheirOwnWayAndMeet) {
  // A loop of lane + 1 rounds; those that are done wait at the shuffle.
  Words d(32), x(32, 1);
  for (uint64_t seed = 1; seed < 5; ++seed) {
    Runner runner;
    runner.seed = seed;
    std::string loop = "$L" + std::to_string(seed);
    runner.run(withWord("mov.b32 %t0, 0;\n" + loop +
                        ":\nadd.s32 %t0, %t0, 1;\nsetp.le.u32 %c0, %t0, %l;\n"
                        "@%c0 bra " +
                        loop + ";\nshfl.sync.bfly.b32 %d, %t0, 31, 31, -1;"),
               d, x);
    for (uint32_t lane = 0; lane < 32; ++lane)
      EXPECT_EQ(d[lane], 32 - lane);
  }
}

TEST(Warp, SomeLanesMeet) {
  // The lower half alone; the upper one has gone on.
  Words d(32), x = randomWords(32, 6);
  Runner().run(
      withWord("mov.b32 %d, 0;\nsetp.gt.u32 %c0, %l, 15;\n@%c0 bra $Out;\n"
               "shfl.sync.bfly.b32 %d, %x, 1, 31, 65535;\n$Out:"),
      d, x);
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(d[lane], lane < 16 ? x[lane ^ 1] : 0);
}

TEST(Warp, TablesOfBranches) {
  Words d(32), x(32);
  for (uint32_t lane = 0; lane < 32; ++lane)
    x[lane] = lane % 3;
  Runner().run(withWord("$Table: .branchtargets $A, $B, $C;\n"
                        "brx.idx %x, $Table;\n$A:\nmov.b32 %d, 10;\nbra $End;\n"
                        "$B:\nmov.b32 %d, 20;\nbra.uni $End;\n$C:\n"
                        "mov.b32 %d, 30;\n$End:"),
               d, x);
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(d[lane], lane % 3 * 10 + 10);
}

TEST(Warp, LocalMemoryIsOfALane) {
  Words d(32), x = randomWords(32, 12);
  Runner().run(".local .align 8 .b8 depot[16];\n" +
                   withWord("mov.b64 %q2, depot; cvta.local.u64 %q3, %q2;\n"
                            "st.local.b32 [%q2+4], %x; ld.b32 %d, [%q3+4];"),
               d, x);
  EXPECT_EQ(d, x);
}

TEST(Warp, BlocksKnowThemselves) {
  Words d(3 * 64);
  Runner runner;
  runner.blocks = 3;
  runner.threads = 64;
  runner.run(".reg .b32 %b, %n, %i;\n.reg .b64 %q;\nmov.b32 %b, %ctaid.x;\n"
             "mov.b32 %n, %ntid.x;\nmad.lo.s32 %i, %b, %n, %l;\n"
             "mul.wide.u32 %q, %i, 4;\nadd.s64 %q, %q, %p0;\n"
             "mov.b32 %n, %nctaid.x;\nmad.lo.s32 %i, %i, 10, %n;\n"
             "st.global.b32 [%q], %i;\n",
             d);
  for (uint32_t i = 0; i < d.size(); ++i)
    EXPECT_EQ(d[i], 10 * i + 3);
}

} // namespace
