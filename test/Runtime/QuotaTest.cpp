//===- QuotaTest.cpp - CPU quotas of control groups -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// On trees of files as the kernel shows them to a process: on the host, in
// containers with and without a namespace of their own, in both versions.
//
//===----------------------------------------------------------------------===//

#include "FileTree.h"

#include <climits>

using namespace tern_test;

namespace {

unsigned quota(const Files &files) {
  FileTree tree(files);
  return tern_cpu_quota(tree.root().c_str());
}

TEST(Quota, Unified) {
  auto max = [](const std::string &text) {
    return quota(unified("/", {{"/sys/fs/cgroup/cpu.max", text}}));
  };
  EXPECT_EQ(max("max 100000\n"), 0u);
  EXPECT_EQ(max("100000 100000\n"), 1u);
  EXPECT_EQ(max("400000 100000\n"), 4u);
  // Rounded up, and never to none.
  EXPECT_EQ(max("150000 100000\n"), 2u);
  EXPECT_EQ(max("100001 100000\n"), 2u);
  EXPECT_EQ(max("1000 100000\n"), 1u);
  EXPECT_EQ(max("25000 10000\n"), 3u);
  EXPECT_EQ(max("200000"), 2u); // the period that it has by default
  EXPECT_EQ(quota(unified("/", {})), 0u);
}

TEST(Quota, OfEveryGroupAround) {
  const std::string top = "/sys/fs/cgroup";
  auto groups = [&](const char *a, const char *b, const char *c) {
    return quota(unified("/a/b/c", {{top + "/a/cpu.max", a},
                                    {top + "/a/b/cpu.max", b},
                                    {top + "/a/b/c/cpu.max", c}}));
  };
  EXPECT_EQ(groups("max 100000", "max 100000", "300000 100000"), 3u);
  EXPECT_EQ(groups("200000 100000", "max 100000", "300000 100000"), 2u);
  EXPECT_EQ(groups("max 100000", "500000 100000", "max 100000"), 5u);
  // A group beside it says nothing.
  EXPECT_EQ(quota(unified("/a/b", {{top + "/a/x/cpu.max", "100000 100000"},
                                   {top + "/cpu.max.x", "100000 100000"}})),
            0u);
  // One whose folder is not there does not hide those around it.
  EXPECT_EQ(
      quota(unified("/a/gone/b", {{top + "/a/cpu.max", "200000 100000"}})), 2u);
}

TEST(Quota, Containers) {
  const std::string top = "/sys/fs/cgroup";
  const Files two = {{top + "/cpu.max", "200000 100000"}};
  // The mount shows the container's group only, which is named from the host.
  EXPECT_EQ(quota(unified("/docker/1f", two, "/docker/1f")), 2u);
  EXPECT_EQ(
      quota(unified("/docker/1f/x", {{top + "/x/cpu.max", "300000 100000"}},
                    "/docker/1f")),
      3u);
  // A name that only begins alike is no group below.
  EXPECT_EQ(quota(unified("/docker/1fe", two, "/docker/1f")), 2u);
  // In a namespace: both are "/", or lie outside of it.
  EXPECT_EQ(quota(unified("/", two)), 2u);
  EXPECT_EQ(quota(unified("/../..", two)), 2u);
  EXPECT_EQ(quota(unified("/../x", {{top + "/cpu.max", "200000 100000"},
                                    {"/sys/fs/x/cpu.max", "100000 100000"}})),
            2u);
  EXPECT_EQ(quota(unified("/../x/..y",
                          {{top + "/..y/cpu.max", "300000 100000"}}, "/../x")),
            3u);
  // No mount and no group is shown.
  EXPECT_EQ(quota(two), 2u);
  EXPECT_EQ(quota({{top + "/cpu/cpu.cfs_quota_us", "300000\n"},
                   {top + "/cpu/cpu.cfs_period_us", "100000\n"}}),
            3u);
  EXPECT_EQ(quota({}), 0u);
}

/// Version 1, each controller in its place, and what most hosts had for years:
/// both versions at once.
Files legacy(const std::string &quota, const std::string &period) {
  const std::string top = "/sys/fs/cgroup/cpu,cpuacct/box";
  return {{"/proc/self/cgroup", "5:cpuset:/\n4:cpu,cpuacct:/box/in\n"
                                "1:name=systemd:/a\n0::/user.slice\n"},
          {"/proc/self/mountinfo",
           "34 31 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
           "33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:12 master:3 - "
           "cgroup cgroup rw,cpu,cpuacct\n"
           "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"},
          {"/sys/fs/cgroup/cpuset/cpu.cfs_quota_us", "100000"},
          {"/sys/fs/cgroup/cpuset/cpu.cfs_period_us", "100000"},
          {top + "/cpu.cfs_quota_us", quota},
          {top + "/cpu.cfs_period_us", period},
          {top + "/in/cpu.cfs_quota_us", "-1\n"},
          {top + "/in/cpu.cfs_period_us", "100000\n"}};
}

TEST(Quota, Legacy) {
  EXPECT_EQ(quota(legacy("-1\n", "100000\n")), 0u);
  EXPECT_EQ(quota(legacy("200000\n", "100000\n")), 2u);
  EXPECT_EQ(quota(legacy("250000\n", "100000\n")), 3u);
  EXPECT_EQ(quota(legacy("200000\n", "")), 0u);
  Files both = legacy("300000\n", "100000\n");
  both["/sys/fs/cgroup/unified/user.slice/cpu.max"] = "200000 100000";
  EXPECT_EQ(quota(both), 2u);
}

TEST(Quota, BlanksInPaths) {
  Files files = {{"/proc/self/cgroup", "0::/\n"},
                 {"/proc/self/mountinfo",
                  "30 22 0:26 / /a\\040b\\134 rw - cgroup2 cgroup2 rw\n"},
                 {"/a b\\/cpu.max", "200000 100000"}};
  EXPECT_EQ(quota(files), 2u);
}

/// Nothing in these files may do harm; without sense they are no quota.
TEST(Quota, Nonsense) {
  for (const char *text :
       {"", "\n", "max", "-1 100000", "0 100000", "100000 0", "100000 -5",
        "100000 x", "99999999999999999999 100000", "9223372036854775807 1",
        "x 100000", " "})
    EXPECT_EQ(quota(unified("/", {{"/sys/fs/cgroup/cpu.max", text}})), 0u)
        << text;
  const std::string longPath = "/" + std::string(5000, 'x');
  const Files two = {{"/sys/fs/cgroup/cpu.max", "200000 100000"}};
  EXPECT_EQ(quota(unified(longPath, two)), 2u);
  EXPECT_EQ(quota(unified("/" + std::string(4080, 'x'), two)), 0u);
  for (const std::string &line :
       {std::string(), std::string("\n\n"), std::string("1 2 3 - "),
        std::string("1 2 3 / /a - cgroup2"), std::string(" - cgroup2 x y"),
        std::string("- - - - - - - - cgroup"), std::string(9000, ' '),
        std::string(9000, '\\'), "1 2 3 / " + longPath + " r - cgroup2 x y"}) {
    Files files = two;
    files["/proc/self/mountinfo"] = line;
    files["/proc/self/cgroup"] = line;
    EXPECT_LE(quota(files), 2u) << line.substr(0, 80);
  }
}

TEST(Quota, OfThisProcess) {
  unsigned cpus = tern_cpu_quota("");
  EXPECT_LE(tern_cpu_count(), cpus ? cpus : UINT_MAX);
}

} // namespace
