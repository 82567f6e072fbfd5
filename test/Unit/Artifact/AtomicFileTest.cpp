//===- AtomicFileTest.cpp - Files that appear whole -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Import/TinyCheckpoint.h"

#include "tern/Artifact/AtomicFile.h"

#include "gtest/gtest.h"

#include <csignal>
#include <sstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace tern;

namespace {

std::string contents(const std::string &path) {
  std::stringstream stream;
  stream << std::ifstream(path, std::ios::binary).rdbuf();
  return stream.str();
}

/// Names in the directory, so that a forgotten temporary shows.
std::vector<std::string> names(const TemporaryDirectory &directory) {
  std::vector<std::string> found;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator at(directory.str(), code), end;
       at != end; at.increment(code))
    found.push_back(llvm::sys::path::filename(at->path()).str());
  std::sort(found.begin(), found.end());
  return found;
}

using Names = std::vector<std::string>;

std::unique_ptr<AtomicFile> create(const std::string &path,
                                   const InputFiles &inputs = {},
                                   bool executable = false) {
  auto file = AtomicFile::create(path, inputs, executable);
  if (!file) {
    ADD_FAILURE() << llvm::toString(file.takeError());
    return nullptr;
  }
  return std::move(*file);
}

mode_t modeOf(const std::string &path) {
  struct stat status = {};
  stat(path.c_str(), &status);
  return status.st_mode & 0777;
}

} // namespace

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
  TemporaryDirectory directory;
  directory.write("out", "old");
  auto file = create(directory.file("out"));
  ASSERT_FALSE(file->writeAt(0, llvm::StringRef("new content")));
  EXPECT_EQ(contents(directory.file("out")), "old");
  EXPECT_EQ(names(directory).size(), 2u);
  ASSERT_FALSE(file->commit());
  file.reset();
  EXPECT_EQ(contents(directory.file("out")), "new content");
  EXPECT_EQ(names(directory), Names{"out"});
}

TEST(AtomicFile, LeavesNothingWhenDropped) {
  TemporaryDirectory directory;
  directory.write("out", "old");
  create(directory.file("out"));
  create(directory.file("never"));
  EXPECT_EQ(names(directory), Names{"out"});
  EXPECT_EQ(contents(directory.file("out")), "old");
}

TEST(AtomicFile, GapsAreZero) {
  TemporaryDirectory directory;
  auto file = create(directory.file("out"));
  ASSERT_FALSE(file->writeAt(4, llvm::StringRef("b")));
  ASSERT_FALSE(file->writeAt(0, llvm::StringRef("a")));
  EXPECT_EQ(file->size(), 5u);
  ASSERT_FALSE(file->pad(7));
  ASSERT_FALSE(file->pad(2));
  const uint8_t c = 'c';
  ASSERT_FALSE(file->append(c));
  EXPECT_EQ(file->size(), 8u);
  ASSERT_FALSE(file->commit());
  EXPECT_EQ(contents(directory.file("out")), std::string("a\0\0\0b\0\0c", 8));
}

/// Zeros come ahead of what is written, and before nothing that is there.
/// Writes that follow each other, one back, and one over the end of a piece.
TEST(AtomicFile, GrowsInLargePieces) {
  TemporaryDirectory directory;
  auto file = create(directory.file("out"));
  constexpr uint64_t piece = AtomicFile::growth;
  auto sizeOnDisk = [&] {
    struct stat status = {};
    fstat(file->descriptor(), &status);
    return static_cast<uint64_t>(status.st_size);
  };
  ASSERT_FALSE(file->writeAt(0, llvm::StringRef("head")));
  file->growInLargePieces(4, 3 * piece + 5);
  ASSERT_FALSE(file->writeAt(4, llvm::StringRef("small")));
  EXPECT_EQ(sizeOnDisk(), 9u);
  ASSERT_FALSE(file->writeAt(piece + 3, llvm::StringRef("large")));
  ASSERT_FALSE(file->writeAt(piece, llvm::StringRef("abc")));
  EXPECT_EQ(sizeOnDisk(), 9u);
  ASSERT_FALSE(file->writeAt(2 * piece - 1, llvm::StringRef("no")));
  EXPECT_EQ(sizeOnDisk(), 2 * piece);
  ASSERT_FALSE(file->writeAt(2 * piece - 1, llvm::StringRef("m")));
  uint8_t read[2];
  ASSERT_FALSE(file->readAt(2 * piece - 1, read));
  EXPECT_EQ(read[0], 'm');
  EXPECT_EQ(read[1], 'o');
  ASSERT_FALSE(file->writeAt(3 * piece - 1, llvm::StringRef("xy")));
  EXPECT_EQ(sizeOnDisk(), 3 * piece + 1);
  ASSERT_FALSE(file->commit());
  std::string wanted(3 * piece + 1, '\0');
  wanted.replace(0, 9, "headsmall");
  wanted.replace(piece, 8, "abclarge");
  wanted.replace(2 * piece - 1, 2, "mo");
  wanted.replace(3 * piece - 1, 2, "xy");
  EXPECT_TRUE(contents(directory.file("out")) == wanted);
}

/// A program's table of sections lies behind its weights and comes before them.
TEST(AtomicFile, GrowsUpToWhatIsThere) {
  TemporaryDirectory directory;
  auto file = create(directory.file("out"));
  constexpr uint64_t piece = AtomicFile::growth;
  ASSERT_FALSE(file->writeAt(2 * piece + 7, llvm::StringRef("table")));
  file->growInLargePieces(0, 2 * piece + 7);
  ASSERT_FALSE(file->writeAt(2 * piece, llvm::StringRef("weights")));
  ASSERT_FALSE(file->commit());
  EXPECT_EQ(contents(directory.file("out")),
            std::string(2 * piece, '\0') + "weightstable");
}

TEST(AtomicFile, ModesFollowTheUmask) {
  TemporaryDirectory directory;
  mode_t old = umask(022);
  ASSERT_FALSE(create(directory.file("program"), {}, true)->commit());
  ASSERT_FALSE(create(directory.file("data"))->commit());
  umask(077);
  ASSERT_FALSE(create(directory.file("private"), {}, true)->commit());
  umask(old);
  EXPECT_EQ(modeOf(directory.file("program")), 0755u);
  EXPECT_EQ(modeOf(directory.file("data")), 0644u);
  EXPECT_EQ(modeOf(directory.file("private")), 0700u);
}

TEST(AtomicFile, AFullDiskLeavesNothing) {
  TemporaryDirectory directory;
  directory.write("out", "old");
  auto file = create(directory.file("out"));
  // A limit on file sizes fails as a full disk does: a short write, then errno.
  signal(SIGXFSZ, SIG_IGN);
  rlimit before, small;
  getrlimit(RLIMIT_FSIZE, &before);
  small = before;
  small.rlim_cur = 1000;
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message =
      llvm::toString(file->writeAt(0, llvm::StringRef(std::string(5000, 'x'))));
  std::string padding = llvm::toString(file->pad(5000));
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(message,
            "cannot write " + directory.file("out") + ": File too large");
  EXPECT_EQ(padding, message);
  file.reset();
  EXPECT_EQ(names(directory), Names{"out"});
  EXPECT_EQ(contents(directory.file("out")), "old");
}

TEST(AtomicFile, PlacesThatCannotBeWritten) {
  TemporaryDirectory directory;
  auto message = [](const std::string &path) {
    auto file = AtomicFile::create(path, {});
    return file ? "" : llvm::toString(file.takeError());
  };
  EXPECT_EQ(message(directory.str()),
            "cannot write " + directory.str() +
                ": it exists and is not a regular file");
  EXPECT_EQ(message(directory.file("no/where")),
            "cannot write " + directory.file("no/where") +
                ": No such file or directory");
  EXPECT_EQ(message("/dev/null"),
            "cannot write /dev/null: it exists and is not a regular file");
  EXPECT_EQ(names(directory), Names{});
}

TEST(AtomicFile, LinksStay) {
  TemporaryDirectory directory;
  std::string link = directory.file("link"), other = directory.file("other");
  ASSERT_EQ(symlink("real", link.c_str()), 0);
  ASSERT_EQ(symlink(link.c_str(), other.c_str()), 0);
  // To no file yet, to one, and through two links.
  for (const std::string &path : {link, link, other}) {
    auto file = create(path);
    ASSERT_FALSE(file->writeAt(0, llvm::StringRef(path)));
    ASSERT_FALSE(file->commit());
    EXPECT_EQ(contents(directory.file("real")), path);
    EXPECT_EQ(names(directory), (Names{"link", "other", "real"}));
  }
  EXPECT_EQ(llvm::sys::fs::get_file_type(link, /*follow=*/false),
            llvm::sys::fs::file_type::symlink_file);
}

TEST(AtomicFile, NeverTakesThePlaceOfAnInput) {
  TemporaryDirectory directory;
  for (const char *name :
       {"model.safetensors", "config.json", "notes.md", "chat"})
    directory.write(name, "old");
  std::string weights = directory.file("model.safetensors"),
              same = directory.file("same"), link = directory.file("link");
  ASSERT_EQ(::link(weights.c_str(), same.c_str()), 0);
  ASSERT_EQ(symlink("config.json", link.c_str()), 0);
  InputFiles inputs;
  inputs.addModel(directory.str());
  inputs.addFile(directory.file("chat"));
  auto message = [&](const std::string &path) {
    return llvm::toString(AtomicFile::create(path, inputs).takeError());
  };
  EXPECT_EQ(message(weights),
            "cannot write " + weights + ": it is a file that is read");
  EXPECT_EQ(message(same),
            "cannot write " + same + ": it is " + weights + ", which is read");
  EXPECT_NE(message(link), "");
  EXPECT_NE(message(directory.file("chat")), "");
  // A file of the folder that no checkpoint consists of, and a new one.
  ASSERT_FALSE(create(directory.file("notes.md"), inputs)->commit());
  ASSERT_FALSE(create(directory.file("new"), inputs)->commit());
}

TEST(AtomicFile, IsNotCommittedWhenWeightsChange) {
  TemporaryDirectory directory;
  directory.write("model.safetensors", "old");
  InputFiles inputs;
  inputs.addModel(directory.str());
  auto file = create(directory.file("out"), inputs);
  directory.write("model.safetensors", "longer");
  EXPECT_EQ(llvm::toString(file->commit()),
            directory.file("model.safetensors") +
                ": changed while it was read");
  file.reset();
  EXPECT_EQ(names(directory), Names{"model.safetensors"});
  // One that is gone is still whole for whoever has it open.
  llvm::sys::fs::remove(directory.file("model.safetensors"));
  EXPECT_FALSE(create(directory.file("out"), inputs)->commit());
}

TEST(AtomicFile, OnlyItsOwnInputsCount) {
  TemporaryDirectory directory;
  directory.write("model.safetensors", "old");
  InputFiles inputs;
  inputs.addModel(directory.str());
  directory.write("model.safetensors", "longer");
  EXPECT_FALSE(create(directory.file("out"))->commit());
  EXPECT_TRUE(llvm::errorToBool(
      AtomicFile::create(directory.file("model.safetensors"), inputs)
          .takeError()));
  EXPECT_FALSE(create(directory.file("model.safetensors"))->commit());
}

TEST(AtomicFile, SignalsRemoveTheTemporary) {
  TemporaryDirectory directory;
  std::string path = directory.file("out");
  EXPECT_EXIT(
      {
        auto file = AtomicFile::create(path, {});
        raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
  EXPECT_EQ(names(directory), Names{});
}
