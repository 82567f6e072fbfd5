//===- FileTree.h - Files as the kernel shows them to a process -*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_FILETREE_H
#define TERN_TEST_FILETREE_H

#include "tern/host.h"

#include "gtest/gtest.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <unistd.h>

namespace tern_test {

/// Paths and contents.
using Files = std::map<std::string, std::string>;

/// They lie below a folder of their own for as long as this lives.
class FileTree {
public:
  explicit FileTree(const Files &files) {
    static int count = 0;
    path = std::filesystem::path(testing::TempDir()) /
           ("tern-files-" + std::to_string(::getpid()) + "-" +
            std::to_string(count++));
    std::filesystem::create_directories(path);
    for (const auto &[name, text] : files) {
      std::filesystem::path file = path.string() + name;
      std::filesystem::create_directories(file.parent_path());
      std::ofstream(file) << text;
    }
  }
  FileTree(const FileTree &) = delete;
  FileTree &operator=(const FileTree &) = delete;
  ~FileTree() { std::filesystem::remove_all(path); }

  std::string root() const { return path.string(); }

private:
  std::filesystem::path path;
};

/// Version 2, mounted where everyone has it.
inline Files unified(const std::string &group, const Files &more,
                     const std::string &shown = "/") {
  Files files = {{"/proc/self/cgroup", "0::" + group + "\n"},
                 {"/proc/self/mountinfo",
                  "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
                  "30 22 0:26 " +
                      shown +
                      " /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 "
                      "rw,nsdelegate\n"}};
  files.insert(more.begin(), more.end());
  return files;
}

} // namespace tern_test

#endif // TERN_TEST_FILETREE_H
