//===- MemoryTest.cpp - Memory in large pages, and how much there is ------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FileTree.h"

#include "gtest/gtest.h"

#include <cstring>
#include <unistd.h>

using namespace tern_test;

namespace {

constexpr uint64_t mega = uint64_t(1) << 20;

uint64_t available(const Files &files) {
  FileTree tree(files);
  return tern_memory_available(tree.root().c_str());
}

TEST(Memory, AvailableOfTheMachine) {
  EXPECT_EQ(available({}), UINT64_MAX);
  EXPECT_EQ(available({{"/proc/meminfo", "MemTotal:  9000 kB\n"
                                         "MemAvailable:    8000 kB\n"}}),
            8000u << 10);
  EXPECT_EQ(available({{"/proc/meminfo", "MemTotal:  9000 kB\n"}}), UINT64_MAX);
}

/// The least that a group leaves; clean pages of files make room.
TEST(Memory, AvailableInUnifiedGroups) {
  Files files =
      unified("/a/b", {{"/proc/meminfo", "MemAvailable: 1048576 kB\n"}});
  EXPECT_EQ(available(files), 1024 * mega);
  const std::string a = "/sys/fs/cgroup/a", b = a + "/b";
  files[b + "/memory.max"] = "max\n";
  EXPECT_EQ(available(files), 1024 * mega);
  files[a + "/memory.max"] = "104857600\n";
  EXPECT_EQ(available(files), 100 * mega);
  files[a + "/memory.current"] = "73400320\n";
  EXPECT_EQ(available(files), 30 * mega);
  files[a + "/memory.stat"] =
      "anon 62914560\nactive_file 1\ninactive_file 10485760\n";
  EXPECT_EQ(available(files), 40 * mega);
  files[b + "/memory.max"] = "1048576\n";
  files[b + "/memory.current"] = "2097152\n";
  EXPECT_EQ(available(files), 0u);
}

TEST(Memory, AvailableInVersionOne) {
  const std::string group = "/sys/fs/cgroup/memory/docker/7";
  Files files = {
      {"/proc/self/cgroup", "5:cpu:/x\n4:memory:/docker/7\n"},
      {"/proc/self/mountinfo",
       "31 22 0:27 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup "
       "rw,memory\n"},
      {group + "/memory.limit_in_bytes", "104857600\n"},
      {group + "/memory.usage_in_bytes", "104857600\n"},
      {group + "/memory.stat",
       "inactive_file 5\ntotal_inactive_file 20971520\n"}};
  EXPECT_EQ(available(files), 20 * mega);
}

/// Those of all CPUs, a shared one once, none for code.
TEST(Memory, Caches) {
  const std::string cpus = "/sys/devices/system/cpu/cpu";
  Files files;
  auto add = [&](const std::string &cache, const char *type, const char *size,
                 const char *sharers) {
    files[cpus + cache + "/type"] = std::string(type) + "\n";
    files[cpus + cache + "/size"] = std::string(size) + "\n";
    files[cpus + cache + "/shared_cpu_list"] = std::string(sharers) + "\n";
  };
  auto bytes = [&] {
    FileTree tree(files);
    return tern_cache_bytes(tree.root().c_str());
  };
  EXPECT_EQ(bytes(), 0u);
  add("0/cache/index0", "Data", "32K", "0");
  add("0/cache/index1", "Instruction", "64K", "0");
  add("0/cache/index2", "Unified", "1M", "0");
  EXPECT_EQ(bytes(), mega + (32u << 10));
  add("0/cache/index3", "Unified", "32768K", "0-1");
  EXPECT_EQ(bytes(), 33 * mega + (32u << 10));
  if (sysconf(_SC_NPROCESSORS_CONF) < 2)
    GTEST_SKIP() << "no second CPU";
  add("1/cache/index0", "Data", "32K", "1");
  add("1/cache/index1", "Unified", "32768K", "0-1");
  EXPECT_EQ(bytes(), 33 * mega + (64u << 10));
}

TEST(Memory, HugePages) {
  auto bytes = [](const std::string &enabled, const std::string &size) {
    const std::string folder = "/sys/kernel/mm/transparent_hugepage";
    FileTree tree(
        {{folder + "/enabled", enabled}, {folder + "/hpage_pmd_size", size}});
    return tern_huge_page_bytes(tree.root().c_str());
  };
  EXPECT_EQ(bytes("always [madvise] never\n", "2097152\n"), 2 * mega);
  EXPECT_EQ(bytes("[always] madvise never\n", "2097152\n"), 2 * mega);
  EXPECT_EQ(bytes("always madvise [never]\n", "2097152\n"), 0u);
  EXPECT_EQ(bytes("always [madvise] never\n", "3000000\n"), 0u);
  EXPECT_EQ(bytes("always [madvise] never\n", "much\n"), 0u);
  // Of 64 KiB pages: mostly nothing would be in it.
  EXPECT_EQ(bytes("always [madvise] never\n", "536870912\n"), 0u);
  EXPECT_EQ(tern_huge_page_bytes("/no/such/root"), 0u);
}

TEST(Memory, Map) {
  uint64_t huge = tern_huge_page_bytes("");
  for (size_t bytes : {size_t(1), size_t(5000), size_t(2 * mega + 1),
                       size_t(4 * mega), size_t(9 * mega + 4097)}) {
    auto *at = static_cast<uint8_t *>(tern_memory_map(bytes));
    ASSERT_NE(at, nullptr);
    for (size_t i = 0; i < bytes; i += 511)
      ASSERT_EQ(at[i], 0) << i;
    std::memset(at, 7, bytes);
    if (huge && bytes >= 2 * huge) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(at) % huge, 0u) << bytes;
    }
    tern_pages pages;
    if (tern_memory_pages(at, bytes, &pages) == 0) {
      EXPECT_GE(pages.resident_bytes, bytes);
      EXPECT_LE(pages.huge_bytes, pages.resident_bytes);
    }
    tern_memory_unmap(at, bytes);
  }
  EXPECT_EQ(tern_memory_map(0), nullptr);
  EXPECT_EQ(tern_memory_map(SIZE_MAX), nullptr);
  tern_memory_unmap(nullptr, 0);
}

} // namespace
