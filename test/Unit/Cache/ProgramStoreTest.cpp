//===- ProgramStoreTest.cpp - Programs kept -------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Cache/ProgramStore.h"

#include "Import/TinyCheckpoint.h"

#include "gtest/gtest.h"

#include <chrono>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace tern;

namespace {

const std::string keyA(32, 'a'), keyB(32, 'b'), keyC(32, 'c');

std::string contents(const std::string &path) {
  std::stringstream stream;
  stream << std::ifstream(path, std::ios::binary).rdbuf();
  return stream.str();
}

/// Here a program is a file that says so.
bool isProgram(llvm::StringRef path) {
  return llvm::StringRef(contents(path.str())).starts_with("program");
}

std::vector<std::string> names(const std::string &directory) {
  std::vector<std::string> found;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator at(directory, code, false), end;
       !code && at != end; at.increment(code))
    found.push_back(llvm::sys::path::filename(at->path()).str());
  std::sort(found.begin(), found.end());
  return found;
}

std::string add(ProgramStore &store, const std::string &name,
                const std::string &bytes) {
  std::string staged = store.stagingPath(name);
  std::ofstream(staged, std::ios::binary) << bytes;
  chmod(staged.c_str(), 0755);
  llvm::Expected<std::string> path = store.add(name, staged, "/models/" + name);
  if (!path) {
    ADD_FAILURE() << llvm::toString(path.takeError());
    return "";
  }
  // So that the times of use differ.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return *path;
}

void age(const std::string &path, time_t seconds) {
  timespec then = {time(nullptr) - seconds, 0}, times[2] = {then, then};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
}

} // namespace

TEST(ProgramStore, FindsWhatWasAdded) {
  TemporaryDirectory directory;
  ProgramStore store(directory.str(), isProgram);
  EXPECT_EQ(store.find("bard-" + keyA), "");
  std::string path = add(store, "bard-" + keyA, "program 1");
  EXPECT_EQ(path, directory.file("bard-" + keyA));
  EXPECT_EQ(store.find("bard-" + keyA), path);
  EXPECT_EQ(store.find("bard-" + keyB), "");
  std::vector<ProgramStore::Program> programs = store.list();
  ASSERT_EQ(programs.size(), 1u);
  EXPECT_EQ(programs[0].name, "bard-" + keyA);
  EXPECT_EQ(programs[0].model, "/models/bard-" + keyA);
  EXPECT_EQ(programs[0].bytes, 9u);
}

TEST(ProgramStore, DamagedProgramsAreNotFound) {
  TemporaryDirectory directory;
  ProgramStore store(directory.str(), isProgram);
  std::string path = add(store, "bard-" + keyA, "program 1");
  for (const char *bytes : {"", "program", "program 2", "program 1 and more"}) {
    directory.write("bard-" + keyA, bytes);
    EXPECT_EQ(store.find("bard-" + keyA), "") << bytes;
  }
  // They are ours all the same.
  EXPECT_EQ(add(store, "bard-" + keyA, "program 3"), path);
  EXPECT_EQ(store.find("bard-" + keyA), path);
  directory.write("bard-" + keyA, "");
  EXPECT_EQ(store.clear().programs, 1u);
  EXPECT_EQ(names(directory.str()), std::vector<std::string>());
}

TEST(ProgramStore, WithoutRecordOrModeNothingIsFound) {
  TemporaryDirectory directory;
  ProgramStore store(directory.str(), isProgram);
  std::string path = add(store, "bard-" + keyA, "program 1");
  chmod(path.c_str(), 0644);
  EXPECT_EQ(store.find("bard-" + keyA), "");
  chmod(path.c_str(), 0755);
  EXPECT_EQ(store.find("bard-" + keyA), path);
  unlink(directory.file("records/bard-" + keyA).c_str());
  EXPECT_EQ(store.find("bard-" + keyA), "");
}

TEST(ProgramStore, LeastRecentlyUsedGoesFirst) {
  TemporaryDirectory directory;
  ProgramStore store(directory.str(), isProgram);
  std::string a = add(store, "a-" + keyA, "program 1");
  std::string b = add(store, "b-" + keyB, "program 2");
  std::string c = add(store, "c-" + keyC, "program 3");
  EXPECT_EQ(store.find("a-" + keyA), a);
  EXPECT_EQ(store.trim(27, c).programs, 0u);
  ProgramStore::Removed removed = store.trim(26, c);
  EXPECT_EQ(removed.programs, 1u);
  EXPECT_EQ(removed.bytes, 9u);
  EXPECT_EQ(store.find("b-" + keyB), "");
  EXPECT_EQ(store.find("a-" + keyA), a);
  // The one to keep stays, however small the limit is.
  store.trim(0, c);
  EXPECT_EQ(store.find("a-" + keyA), "");
  EXPECT_EQ(store.find("c-" + keyC), c);
  EXPECT_EQ(names(directory.file("records")),
            std::vector<std::string>{"c-" + keyC});
}

TEST(ProgramStore, TouchesNothingItDidNotMake) {
  TemporaryDirectory directory, elsewhere;
  ProgramStore store(directory.str(), isProgram);
  add(store, "bard-" + keyA, "program 1");
  elsewhere.write("precious", "program of somebody");
  // Names of the form of ours, and not.
  directory.write("notes-" + keyA, "not a program");
  directory.write("program", "program of somebody");
  directory.write("a.b-" + keyA, "program of somebody");
  ASSERT_EQ(symlink(elsewhere.file("precious").c_str(),
                    directory.file("link-" + keyB).c_str()),
            0);
  llvm::sys::fs::create_directory(directory.file("folder-" + keyC));
  directory.write("hashes", "a file where a folder is expected");
  std::vector<std::string> before = names(directory.str());
  store.trim(0, "");
  ProgramStore::Removed removed = store.clear();
  before.erase(std::remove(before.begin(), before.end(), "bard-" + keyA),
               before.end());
  before.erase(std::remove(before.begin(), before.end(), "records"),
               before.end());
  EXPECT_EQ(names(directory.str()), before);
  EXPECT_EQ(removed.left, before.size());
  EXPECT_EQ(contents(elsewhere.file("precious")), "program of somebody");
  EXPECT_EQ(contents(directory.file("hashes")),
            "a file where a folder is expected");
}

TEST(ProgramStore, KilledCompilationsAreSweptUp) {
  TemporaryDirectory directory;
  ProgramStore store(directory.str(), isProgram);
  std::string name = "bard-" + keyA + ".tmp.abc123";
  for (const std::string &each : {name, name + ".tmp.xyz789"})
    directory.write(each, "half a program");
  directory.write("thesis.tmp.abc123", "mine");
  age(directory.file("thesis.tmp.abc123"), 100000);
  age(directory.file(name), 100000);
  store.trim(1000, "");
  EXPECT_EQ(
      names(directory.str()),
      (std::vector<std::string>{name + ".tmp.xyz789", "thesis.tmp.abc123"}));
}

TEST(ProgramStore, ProgramsOfTheFirstVersionAreOurs) {
  TemporaryDirectory directory;
  ProgramStore store(directory.str(), isProgram);
  directory.write("bard-" + std::string(24, '7'), "program 1");
  EXPECT_EQ(store.list().size(), 1u);
  EXPECT_EQ(store.clear().programs, 1u);
}
