//===- FileHashesTest.cpp - Hashes of files -------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Cache/FileHashes.h"

#include "Import/TinyCheckpoint.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"

#include "gtest/gtest.h"

#include <chrono>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace tern;

namespace {

/// Remembers what changed just now too; the file system may be any.
constexpr FileHashes::Options eager{-1000000, true};

std::string hashOf(FileHashes &hashes, const std::string &path) {
  llvm::Expected<ContentHash> hash = hashes.of(path);
  if (!hash)
    return llvm::toString(hash.takeError());
  return toHex(*hash);
}

std::string expected(const std::string &bytes) {
  llvm::BLAKE3 hash;
  hash.update(llvm::StringRef(bytes));
  return toHex(hash.final());
}

/// Longer than a tick of the clock that stamps files.
void waitForTick() {
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
}

/// Overwrites a byte of the same inode and sets the times back.
void overwrite(const std::string &path, off_t offset, char byte) {
  struct stat before;
  ASSERT_EQ(stat(path.c_str(), &before), 0);
  int file = open(path.c_str(), O_WRONLY);
  ASSERT_EQ(pwrite(file, &byte, 1, offset), 1);
  timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(futimens(file, times), 0);
  close(file);
  struct stat after;
  ASSERT_EQ(stat(path.c_str(), &after), 0);
  ASSERT_EQ(after.st_ino, before.st_ino);
  ASSERT_EQ(after.st_size, before.st_size);
  ASSERT_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

/// All bytes of a file, for writing.
class Mapping {
public:
  explicit Mapping(const std::string &path) {
    int file = open(path.c_str(), O_RDWR);
    struct stat status = {};
    fstat(file, &status);
    size = static_cast<size_t>(status.st_size);
    bytes = static_cast<char *>(
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    EXPECT_NE(static_cast<void *>(bytes), MAP_FAILED);
    close(file);
  }
  ~Mapping() { munmap(bytes, size); }
  char &operator[](size_t offset) { return bytes[offset]; }

private:
  char *bytes;
  size_t size;
};

const std::string large(size_t(2) << 20, 'a');
/// In none of the sampled pages.
constexpr size_t notSampled = 40000;

} // namespace

TEST(FileHashes, AreOfAllBytes) {
  TemporaryDirectory directory;
  FileHashes hashes(directory.file("hashes"));
  for (size_t size : {0, 1, 4096, 1048575, 1048576, 1048577, 3000001}) {
    std::string bytes(size, 'x');
    directory.write("file", bytes);
    EXPECT_EQ(hashOf(hashes, directory.file("file")), expected(bytes)) << size;
  }
}

TEST(FileHashes, LargeFilesAreReadOnce) {
  TemporaryDirectory directory;
  directory.write("large", large);
  directory.write("small", "small");
  std::string path = directory.file("large");
  FileHashes hashes(directory.file("hashes"), eager);
  EXPECT_EQ(hashOf(hashes, path), expected(large));
  EXPECT_EQ(hashOf(hashes, path), expected(large));
  EXPECT_EQ(hashes.filesRead(), 1u);
  FileHashes later(directory.file("hashes"), eager);
  EXPECT_EQ(hashOf(later, path), expected(large));
  EXPECT_EQ(later.filesRead(), 0u);
  hashOf(later, directory.file("small"));
  hashOf(later, directory.file("small"));
  EXPECT_EQ(later.filesRead(), 2u);
}

TEST(FileHashes, SameTimesAndOtherBytesAreAnotherFile) {
  TemporaryDirectory directory;
  directory.write("large", large);
  std::string path = directory.file("large");
  FileHashes hashes(directory.file("hashes"), eager);
  hashOf(hashes, path);
  waitForTick();
  overwrite(path, notSampled, 'b');
  std::string other = large;
  other[notSampled] = 'b';
  EXPECT_EQ(hashOf(hashes, path), expected(other));
}

TEST(FileHashes, WritesThroughMappingsAreSeen) {
  TemporaryDirectory directory;
  directory.write("large", large);
  std::string path = directory.file("large"), other = large;
  FileHashes hashes(directory.file("hashes"), {-1000000, false});
  Mapping mapping(path);
  for (char byte : {'b', 'c', 'd'}) {
    waitForTick();
    // From the second time on the page is in the mapping already.
    mapping[notSampled] = byte;
    other[notSampled] = byte;
    EXPECT_EQ(hashOf(hashes, path), expected(other));
  }
}

/// Where writes through a mapping leave no time behind.
class MemoryFile : public testing::Test {
protected:
  void SetUp() override {
    std::ofstream(path, std::ios::binary) << large;
    struct stat status;
    if (stat(path.c_str(), &status) != 0)
      GTEST_SKIP() << "there is no /dev/shm";
  }
  void TearDown() override { unlink(path.c_str()); }

  std::string path = "/dev/shm/tern-hashes-test-" + std::to_string(getpid());
  TemporaryDirectory directory;
};

TEST_F(MemoryFile, IsNotTrusted) {
  FileHashes hashes(directory.file("hashes"), {-1000000, false});
  Mapping mapping(path);
  std::string other = large;
  for (char byte : {'b', 'c'}) {
    mapping[notSampled] = byte;
    other[notSampled] = byte;
    EXPECT_EQ(hashOf(hashes, path), expected(other));
  }
}

TEST_F(MemoryFile, SamplesNoticeAnotherFile) {
  FileHashes hashes(directory.file("hashes"), eager);
  Mapping mapping(path);
  std::string other = large;
  hashOf(hashes, path);
  for (size_t offset :
       {size_t(0), large.size() / 31 * 7 + 2000, large.size() - 1}) {
    for (char byte : {'b', 'c'}) {
      mapping[offset] = byte;
      other[offset] = byte;
      EXPECT_EQ(hashOf(hashes, path), expected(other)) << offset;
    }
  }
}

TEST(FileHashes, WhatChangedJustNowIsReadAgain) {
  TemporaryDirectory directory;
  directory.write("large", large);
  FileHashes hashes(directory.file("hashes"), {3600, true});
  hashOf(hashes, directory.file("large"));
  hashOf(hashes, directory.file("large"));
  EXPECT_EQ(hashes.filesRead(), 2u);
}

TEST(FileHashes, DamagedRecordsAreIgnored) {
  TemporaryDirectory directory;
  directory.write("large", large);
  FileHashes hashes(directory.file("hashes"), eager);
  hashOf(hashes, directory.file("large"));
  std::error_code code;
  llvm::sys::fs::directory_iterator record(directory.file("hashes"), code);
  ASSERT_FALSE(code);
  std::string path = record->path();
  EXPECT_TRUE(FileHashes::isRecordName(llvm::sys::path::filename(path)));
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  for (size_t at = 0; at < text.str().size(); at += 7) {
    std::string damaged = text.str();
    damaged[at] = damaged[at] == '1' ? '2' : '1';
    std::ofstream(path) << damaged;
    EXPECT_EQ(hashOf(hashes, directory.file("large")), expected(large));
  }
}

TEST(FileHashes, RefusesAllButRegularFiles) {
  TemporaryDirectory directory;
  FileHashes hashes("");
  EXPECT_NE(hashOf(hashes, "/dev/null").find("not a regular file"),
            std::string::npos);
  EXPECT_NE(hashOf(hashes, directory.str()).find(directory.str()),
            std::string::npos);
  EXPECT_NE(hashOf(hashes, directory.file("none")).find("No such file"),
            std::string::npos);
}
