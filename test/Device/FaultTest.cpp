//===- FaultTest.cpp - Kernels that are wrong
//-------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PtxTesting.h"

#include <fstream>
#include <unistd.h>

using namespace tern::ptx;

namespace {

using Words = std::vector<uint32_t>;

const char *const kRegisters =
    ".reg .b32 %x, %y, %t<8>;\n.reg .b64 %q<6>;\n.reg .pred %c<4>;\n";

/// Of 64 threads in two warps, with shared memory for a word each.
struct WrongKernel : testing::Test {
  std::string failure(const std::string &body) {
    std::string room = "room" + std::to_string(allKernels().size());
    runner.globals = ".shared .align 16 .b8 " + room + "[512];\n";
    return runner.failure(kRegisters + ("mov.b64 %q0, " + room) +
                              ";\nadd.s64 %q1, %q0, %l4;\n"
                              "add.s64 %q2, %p0, %l4;\n" +
                              body,
                          memory);
  }
  void SetUp() override { runner.threads = 64; }

  Runner runner;
  Words memory = Words(256, 0);
};

//===----------------------------------------------------------------------===//
// Races
//===----------------------------------------------------------------------===//

TEST_F(WrongKernel, WarpsNeedABarrier) {
  const std::string write = "st.shared.b32 [%q1], %l;\n";
  const std::string read = "xor.b64 %q3, %q1, 128;\nld.shared.b32 %x, [%q3];\n";
  for (runner.seed = 1; runner.seed < 9; ++runner.seed) {
    EXPECT_TRUE(says(failure(write + read), "a race on shared memory"));
    EXPECT_EQ(failure(write + "bar.sync 0;\n" + read), "");
    EXPECT_EQ(failure(write + "barrier.cta.sync.aligned 0;\n" + read), "");
    // One that has read, and another that writes: the other order.
    EXPECT_TRUE(says(failure(write + "bar.sync 0;\n" + read + write),
                     "a race on shared memory"));
    EXPECT_EQ(failure(write + "bar.sync 0;\n" + read + "bar.sync 0;\n" + write),
              "");
  }
}

TEST_F(WrongKernel, ReadsComeBeforeWritesByABarrier) {
  // The second warp alone writes what the first alone reads, in any order.
  const std::string begin = "st.shared.b32 [%q1], %l;\nbar.sync 0;\n"
                            "setp.lt.u32 %c0, %l, 32;\n";
  const std::string read = "@%c0 ld.shared.b32 %x, [%q1];\n";
  const std::string write = "xor.b64 %q3, %q1, 128;\n"
                            "@!%c0 st.shared.b32 [%q3], %l;\n";
  for (runner.seed = 1; runner.seed < 9; ++runner.seed) {
    EXPECT_TRUE(says(failure(begin + read + write), "a race on shared memory"));
    EXPECT_EQ(failure(begin + read + "bar.sync 0;\n" + write), "");
  }
}

TEST_F(WrongKernel, LanesNeedASync) {
  const std::string write = "st.shared.b32 [%q1], %l;\n";
  const std::string read = "xor.b64 %q3, %q1, 4;\nld.shared.b32 %x, [%q3];\n";
  EXPECT_TRUE(says(failure(write + read), "a race on shared memory"));
  EXPECT_EQ(failure(write + "bar.warp.sync -1;\n" + read), "");
  // A shuffle orders no memory.
  EXPECT_TRUE(
      says(failure(write + "shfl.sync.idx.b32 %y, %l, 0, 31, -1;\n" + read),
           "a race on shared memory"));
  EXPECT_TRUE(says(failure(write + "bar.warp.sync -1;\n" + read +
                           "st.shared.b32 [%q1], %x;\nbar.warp.sync -1;\n"),
                   "a race on shared memory"));
}

TEST_F(WrongKernel, WarpsRaceOnGlobalMemory) {
  const std::string write = "st.global.b32 [%q2], %l;\n";
  const std::string read = "xor.b64 %q3, %l4, 128;\nadd.s64 %q3, %q3, %p0;\n"
                           "ld.global.b32 %x, [%q3];\n";
  EXPECT_TRUE(says(failure(write + read), "a race on global memory"));
  EXPECT_EQ(failure(write + "bar.sync 0;\n" + read), "");
  EXPECT_TRUE(says(failure(write + "bar.sync 0;\n" + read + write),
                   "a race on global memory"));
}

TEST_F(WrongKernel, BlocksRaceWithoutAtomics) {
  runner.blocks = 3;
  for (runner.seed = 1; runner.seed < 5; ++runner.seed) {
    EXPECT_TRUE(
        says(failure("st.global.b32 [%q2], %l;\n"), "a race on global memory"));
    EXPECT_EQ(failure("red.global.add.u32 [%q2], 1;\n"), "");
    // A barrier is of one block.
    EXPECT_TRUE(says(failure("mov.b32 %x, %ctaid.x;\nsetp.eq.b32 %c0, %x, 0;\n"
                             "@%c0 st.global.b32 [%q2], %l;\nbar.sync 0;\n"
                             "ld.global.b32 %y, [%q2];\n"),
                     "a race on global memory"));
    EXPECT_TRUE(says(failure("red.global.add.u32 [%q2], 1;\n"
                             "ld.global.b32 %y, [%q2];\n"),
                     "a race on global memory"));
    EXPECT_EQ(failure("ld.global.b32 %y, [%q2];\n"), "");
  }
}

/// Blocks of a warp each: the one that counts last reads what all have written.
struct LastBlock : WrongKernel {
  static std::string text(const std::string &scope, bool isBefore = true,
                          bool isBehind = true, bool areLanesTold = true) {
    std::string fence = "@%c0 fence.acq_rel." + scope + ";\n";
    return "mov.b32 %x, %ctaid.x;\nmul.wide.u32 %q3, %x, 128;\n"
           "add.s64 %q2, %q2, %q3;\nst.global.b32 [%q2], %l;\n"
           "bar.warp.sync -1;\nsetp.eq.b32 %c0, %l, 0;\n" +
           (isBefore ? fence : "") +
           "@%c0 atom.global.inc.u32 %y, [%p0+1020], 3;\n" +
           (isBehind ? fence : "") + "shfl.sync.idx.b32 %y, %y, 0, 31, -1;\n" +
           (areLanesTold ? "bar.warp.sync -1;\n" : "") +
           "setp.eq.b32 %c1, %y, 3;\nadd.s64 %q4, %p0, %l4;\n"
           "@%c1 ld.global.b32 %t0, [%q4];\n@%c1 ld.global.b32 %t1, "
           "[%q4+128];\n"
           "@%c1 ld.global.b32 %t2, [%q4+256];\n"
           "@%c1 ld.global.b32 %t3, [%q4+384];\n"
           "@%c1 add.s32 %t0, %t0, %t1;\n@%c1 add.s32 %t2, %t2, %t3;\n"
           "@%c1 add.s32 %t0, %t0, %t2;\n@%c1 st.global.b32 [%q4+512], %t0;\n";
  }
  void SetUp() override {
    runner.threads = 32;
    runner.blocks = 4;
  }
};

TEST_F(LastBlock, SeesWhatFencesOrder) {
  for (runner.seed = 1; runner.seed < 9; ++runner.seed) {
    EXPECT_EQ(failure(text("gpu")), "");
    EXPECT_EQ(failure(text("sys")), "");
  }
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(memory[128 + lane], 4 * lane);
  // The count begins again.
  EXPECT_EQ(memory[255], 0u);
}

TEST_F(LastBlock, NeedsBothFencesOfTheDevice) {
  const std::string race = "a race on global memory";
  for (runner.seed = 1; runner.seed < 9; ++runner.seed) {
    EXPECT_TRUE(says(failure(text("gpu", false, true)), race));
    EXPECT_TRUE(says(failure(text("gpu", true, false)), race));
    EXPECT_TRUE(says(failure(text("cta")), race));
    // One lane has counted, and the others are told by it.
    EXPECT_TRUE(says(failure(text("gpu", true, true, false)), race));
  }
}

TEST_F(LastBlock, OthersSeeThoseBeforeThemOnly) {
  std::string second = text("gpu");
  second.replace(second.find("%c1, %y, 3"), 10, "%c1, %y, 1");
  for (runner.seed = 1; runner.seed < 9; ++runner.seed) {
    memory[255] = 0;
    EXPECT_TRUE(says(failure(second), "a race on global memory"));
  }
}

TEST_F(LastBlock, DoesNotSeeWhatIsWrittenBehindTheFence) {
  const std::string late = "mov.b32 %x, %ctaid.x;\nmul.wide.u32 %q5, %x, 128;\n"
                           "add.s64 %q5, %q5, %p0;\nadd.s64 %q5, %q5, %l4;\n"
                           "setp.ne.b32 %c2, %y, 3;\n";
  EXPECT_EQ(failure(text("gpu") + late), "");
  EXPECT_TRUE(
      says(failure(text("gpu") + late + "@%c2 st.global.b32 [%q5], %l;\n"),
           "a race on global memory"));
}

TEST_F(WrongKernel, LaunchesWaitForWhatTheyRead) {
  runner.isRepeated = true;
  const std::string read = "ld.global.b32 %x, [%q2];\n";
  const std::string write = "st.global.b32 [%q2], %l;\n";
  const std::string wait = "griddepcontrol.launch_dependents;\n"
                           "griddepcontrol.wait;\n";
  EXPECT_EQ(failure(wait + read + write), "");
  EXPECT_TRUE(says(failure(read + wait + write),
                   "in front of griddepcontrol.wait, a read of byte"));
  EXPECT_TRUE(
      says(failure(write + wait), "a write in front of griddepcontrol.wait"));
  EXPECT_TRUE(says(failure(""), "a warp ends without griddepcontrol.wait"));
}

TEST_F(WrongKernel, CopiesAreWaitedFor) {
  const std::string copy = "cp.async.ca.shared.global [%q1], [%q2], 4;\n"
                           "cp.async.commit_group;\n";
  const std::string use =
      "ld.shared.b32 %x, [%q1];\nst.global.b32 [%q2], %x;\n";
  EXPECT_TRUE(says(failure(copy + use), "a value that was never set"));
  EXPECT_TRUE(says(failure(copy + "cp.async.wait_group 1;\n" + use),
                   "a value that was never set"));
  EXPECT_EQ(failure(copy + "cp.async.wait_group 0;\n" + use), "");
  // For other lanes it takes a barrier besides.
  const std::string other =
      "xor.b64 %q3, %q1, 128;\nld.shared.b32 %x, [%q3];\n";
  EXPECT_TRUE(says(failure(copy + "cp.async.wait_group 0;\n" + other),
                   "a race on shared memory"));
  EXPECT_EQ(failure(copy + "cp.async.wait_group 0;\nbar.sync 0;\n" + other),
            "");
}

//===----------------------------------------------------------------------===//
// Poison
//===----------------------------------------------------------------------===//

TEST_F(WrongKernel, RegistersAreSetFirst) {
  EXPECT_TRUE(says(failure("st.global.b32 [%q2], %x;\n"),
                   "a value that was never set is written"));
  EXPECT_TRUE(says(failure("add.s32 %x, %x, 1;\nst.global.b32 [%q2], %x;\n"),
                   "a value that was never set is written"));
  EXPECT_TRUE(
      says(failure("ld.global.b32 %x, [%q5];\n"), "the address was never set"));
  EXPECT_TRUE(says(failure("setp.eq.b32 %c0, %x, 1;\n@%c0 bra $E;\n$E:\n"),
                   "the predicate was never set"));
  // Of some lanes; and a choice that takes the others.
  const std::string half = "setp.lt.u32 %c0, %l, 16;\n@%c0 mov.b32 %x, 1;\n";
  EXPECT_TRUE(says(failure(half + "st.global.b32 [%q2], %x;\n"),
                   "a value that was never set is written"));
  EXPECT_EQ(failure(half + "selp.b32 %x, %x, 0, %c0;\n"
                           "st.global.b32 [%q2], %x;\n"),
            "");
}

TEST_F(WrongKernel, HalvesOfRegistersAreSet) {
  const std::string pack = ".reg .b16 %h<4>;\ncvt.u16.u32 %h0, %l;\n"
                           "mov.b32 %x, {%h1, %h0};\n";
  EXPECT_EQ(failure(pack + "mov.b32 %y, %x;\nmov.b32 {%h2, %h3}, %y;\n"
                           "st.global.b16 [%q2], %h3;\n"),
            "");
  EXPECT_TRUE(says(failure(pack + "mov.b32 {%h2, %h3}, %x;\n"
                                  "st.global.b16 [%q2], %h2;\n"),
                   "a value that was never set is written"));
  EXPECT_EQ(failure(pack + "prmt.b32 %y, %x, %t0, 0x3232U;\n"
                           "st.global.b32 [%q2], %y;\n"),
            "");
  EXPECT_TRUE(says(failure(pack + "prmt.b32 %y, %x, %t0, 0x3231U;\n"
                                  "st.global.b32 [%q2], %y;\n"),
                   "a value that was never set is written"));
}

TEST_F(WrongKernel, SharedMemoryIsWrittenFirst) {
  EXPECT_TRUE(says(failure("ld.shared.b32 %x, [%q1];\n"
                           "st.global.b32 [%q2], %x;\n"),
                   "a value that was never set is written"));
  // Rubbish may be shuffled and multiplied, as long as nobody wants it.
  EXPECT_EQ(failure("ld.shared.b32 %x, [%q1];\n"
                    "shfl.sync.down.b32 %y, %x, 1, 31, -1;\nmov.b32 %y, 5;\n"
                    "st.global.b32 [%q2], %y;\n"),
            "");
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

TEST_F(WrongKernel, AddressesLieInside) {
  EXPECT_TRUE(says(failure("ld.global.b32 %x, [%q2+1024];\n"),
                   "outside of all allocations: lane 0, 4 bytes"));
  EXPECT_EQ(failure("ld.global.b32 %x, [%q2+768];\n"), "");
  EXPECT_TRUE(says(failure("ld.global.b32 %x, [%q2+772];\n"),
                   "outside of all allocations: lane 31"));
  EXPECT_TRUE(says(failure("ld.shared.b32 %x, [%q1+512];\n"),
                   "outside of all variables"));
  EXPECT_TRUE(says(failure("ld.global.b32 %x, [%q2+2];\n"), "misaligned"));
  EXPECT_TRUE(says(failure("ld.global.v2.b32 {%x, %y}, [%q2];\n"),
                   "misaligned: lane 1, 8 bytes"));
}

//===----------------------------------------------------------------------===//
// Warps and blocks
//===----------------------------------------------------------------------===//

TEST_F(WrongKernel, LanesMeetAtOnePlace) {
  const std::string lower = "setp.lt.u32 %c0, %l, 5;\n";
  EXPECT_TRUE(says(failure(lower + "@%c0 bra $A;\n"
                                   "shfl.sync.idx.b32 %x, %l, 0, 31, -1;\n$A:\n"
                                   "shfl.sync.idx.b32 %x, %l, 0, 31, -1;\n"),
                   "wait at different places"));
  EXPECT_TRUE(says(failure(lower + "@%c0 ret;\nbar.sync 0;\n"),
                   "wait at different places, or for lanes that have left"));
  EXPECT_TRUE(says(failure(lower + "@%c0 bar.warp.sync -1;\n"),
                   "some lanes of the warp only"));
  EXPECT_TRUE(
      says(failure("setp.lt.u32 %c0, %l, 32;\n@%c0 ret;\nbar.sync 0;\n"),
           "a warp has left before a barrier"));
  EXPECT_TRUE(says(failure("trap;\n"), "trap"));
  EXPECT_TRUE(says(failure("mov.b32 %x, 0;\ndiv.u32 %y, %l, %x;\n"),
                   "a division by zero"));
  EXPECT_TRUE(says(failure("trap;\n"), "(seed 1)"));
  EXPECT_TRUE(says(failure("trap;\n"), "(trap)"));
}

//===----------------------------------------------------------------------===//
// Texts
//===----------------------------------------------------------------------===//

TEST_F(WrongKernel, ArithmeticIsExact) {
  for (const char *word : {"add", "sub", "mul", "div"}) {
    std::string type = std::string(word) + ".f32 %x, %y, %y;\n";
    EXPECT_TRUE(says(failure(type), "expected .rn")) << type;
  }
  EXPECT_TRUE(says(failure("fma.rz.f32 %x, %y, %y, %y;\n"), "expected .rn"));
  EXPECT_TRUE(says(failure("mul.rn.ftz.f32 %x, %y, %y;\n"),
                   "expected exact arithmetic, got .ftz"));
  EXPECT_TRUE(says(failure("sqrt.approx.f32 %x, %y;\n"),
                   "expected exact arithmetic, got .approx"));
  EXPECT_TRUE(says(failure("ex2.approx.ftz.f32 %x, %y;\n"), "got .ftz"));
  EXPECT_TRUE(says(failure("div.full.f32 %x, %y, %y;\n"), "got .full"));
  EXPECT_TRUE(says(failure("red.global.add.f32 [%q2], %x;\n"),
                   "sums of floats depend on the order"));
  EXPECT_TRUE(says(failure("cvt.rz.f32.s32 %x, %y;\n"), "expected .rn"));
}

TEST_F(WrongKernel, OpcodesAreKnown) {
  EXPECT_TRUE(says(failure("wgmma.fence.sync.aligned;\n"),
                   "unknown opcode wgmma: wgmma.fence.sync.aligned"));
  EXPECT_TRUE(
      says(failure("add.cc.u32 %x, %y, %y;\n"), "unknown modifier .cc of add"));
  EXPECT_TRUE(says(failure("add.s32 %x, %y;\n"), "expected 3 operands, got 2"));
  EXPECT_TRUE(says(failure("add.s32 %x, %q0, %y;\n"),
                   "expected a register of 32 bits, got %q0"));
  EXPECT_TRUE(
      says(failure("add.s32 %x, %nowhere, %y;\n"), "unknown name %nowhere"));
  EXPECT_TRUE(says(failure("mma.sync.aligned.m16n8k32.row.col.satfinite.s32.s8."
                           "s8.s32 {%x}, {%x}, {%x}, {%x};\n"),
                   "expected 4 registers"));
  EXPECT_TRUE(says(failure("bra $Nowhere;\n"), "unknown label $Nowhere"));
}

/// Pages of this process that are there.
uint64_t residentPages() {
  std::ifstream file("/proc/self/statm");
  uint64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident;
}

TEST(Shadow, TagsThatNobodyWritesTakeNoMemory) {
  constexpr uint64_t bytes = 256 << 20;
  Memory memory;
  uint32_t first = memory.moments.add(0, 0, 0, 0);
  uint32_t second = memory.moments.add(1, 0, 0, 0);
  uint64_t before = residentPages();
  Shadow shadow;
  shadow.resize(bytes);
  Tag other;
  EXPECT_TRUE(
      shadow.write(memory.moments, bytes - 4, 4, first * kLanes, other));
  EXPECT_FALSE(
      shadow.read(memory.moments, bytes - 4, 4, second * kLanes, other));
  EXPECT_LT((residentPages() - before) * uint64_t(getpagesize()), bytes / 16);
  // The same once more is of nobody.
  shadow.resize(bytes);
  EXPECT_TRUE(
      shadow.read(memory.moments, bytes - 4, 4, second * kLanes, other));
}

} // namespace
