//===- lib/Cache/ProgramStore.cpp - Programs kept -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Cache/ProgramStore.h"

#include "Records.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <random>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

namespace tern {

/// Hashes that are remembered besides programs.
static constexpr unsigned mostHashes = 4096;

static std::string inside(StringRef directory, StringRef name) {
  SmallString<128> path(directory);
  sys::path::append(path, name);
  return path.str().str();
}

ProgramStore::ProgramStore(StringRef directory,
                           std::function<bool(StringRef)> isProgram)
    : folder(directory), records(inside(directory, "records")),
      isProgram(std::move(isProgram)), fileHashes(inside(directory, "hashes")) {
}

//===----------------------------------------------------------------------===//
// Names and files of ours
//===----------------------------------------------------------------------===//

/// NAME-KEY: letters, digits and underscores, a dash, digits of the key. Keys
/// of tern 0.1.0 had 24.
static bool isProgramName(StringRef name) {
  auto [stem, key] = name.rsplit('-');
  return !stem.empty() &&
         (isHexName(key, ProgramStore::keyDigits) || isHexName(key, 24)) &&
         all_of(stem, [](char c) { return isAlnum(c) || c == '_'; });
}

std::string ProgramStore::pathOf(StringRef name) const {
  return inside(folder, name);
}

std::string ProgramStore::recordOf(StringRef name) const {
  return inside(records, name);
}

static bool isRegular(StringRef path, struct stat &status) {
  return lstat(path.str().c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

bool ProgramStore::isOurs(StringRef path) const {
  StringRef name = sys::path::filename(path);
  struct stat status;
  return isProgramName(name) && isRegular(path, status) &&
         (!readRecord(recordOf(name)).empty() || isProgram(path));
}

//===----------------------------------------------------------------------===//
// Records: a line each for format, hash, and model
//===----------------------------------------------------------------------===//

static constexpr StringRef format = "tern-program-1";

static std::string writeText(const ContentHash &hash, StringRef model) {
  // A name may have any byte but these in it.
  std::string line = model.str();
  llvm::replace(line, '\n', '?');
  return (format + "\n" + toHex(hash) + "\n" + line.substr(0, 3000) + "\n")
      .str();
}

static bool readText(StringRef text, StringRef &hash, StringRef &model) {
  SmallVector<StringRef> lines;
  text.split(lines, '\n');
  if (lines.size() != 4 || lines[0] != format)
    return false;
  hash = lines[1];
  model = lines[2];
  return true;
}

//===----------------------------------------------------------------------===//
// In and out
//===----------------------------------------------------------------------===//

std::string ProgramStore::find(StringRef name) {
  return access(pathOf(name).c_str(), X_OK) == 0 ? findPart(name) : "";
}

std::string ProgramStore::findPart(StringRef name) {
  std::string path = pathOf(name), record = recordOf(name);
  std::string text = readRecord(record);
  StringRef wanted, model;
  struct stat status;
  if (!readText(text, wanted, model) || !isRegular(path, status))
    return "";
  Expected<ContentHash> hash = fileHashes.of(path);
  if (!hash) {
    consumeError(hash.takeError());
    return "";
  }
  if (toHex(*hash) != wanted)
    return "";
  touchRecord(record);
  return path;
}

std::string ProgramStore::stagingPath(StringRef name) const {
  static constexpr char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device random;
  std::string path = pathOf(name) + ".tmp.";
  for (int i = 0; i < 6; ++i)
    path += letters[random() % (sizeof letters - 1)];
  return path;
}

Expected<std::string> ProgramStore::add(StringRef name, StringRef staged,
                                        StringRef model) {
  Expected<ContentHash> hash = fileHashes.of(staged);
  if (!hash)
    return hash.takeError();
  std::string path = pathOf(name);
  if (!writeRecord(recordOf(name), writeText(*hash, model)))
    return createStringError("cannot write into the cache's folder " + records);
  if (rename(staged.str().c_str(), path.c_str()) != 0)
    return createStringError("cannot write " + path + ": " + strerror(errno));
  return path;
}

std::vector<ProgramStore::Program> ProgramStore::list() const {
  std::vector<Program> programs;
  for (const RecordFile &file : listRecords(folder, isProgramName)) {
    if (!isOurs(file.path))
      continue;
    Program program;
    program.path = file.path;
    program.name = sys::path::filename(file.path).str();
    program.used = file.used;
    struct stat status;
    if (isRegular(file.path, status))
      program.bytes = static_cast<uint64_t>(status.st_size);
    std::string record = recordOf(program.name);
    std::string text = readRecord(record);
    StringRef hash, model;
    if (readText(text, hash, model))
      program.model = model.str();
    if (isRegular(record, status))
      program.used =
          status.st_mtim.tv_sec * int64_t(1000000000) + status.st_mtim.tv_nsec;
    programs.push_back(std::move(program));
  }
  sort(programs,
       [](const Program &a, const Program &b) { return a.used > b.used; });
  return programs;
}

//===----------------------------------------------------------------------===//
// Away
//===----------------------------------------------------------------------===//

bool ProgramStore::remove(const Program &program) const {
  // The program first: a record alone does no harm.
  if (unlink(program.path.c_str()) != 0)
    return false;
  unlink(recordOf(program.name).c_str());
  return true;
}

/// Removes files of killed compilations and records of programs that are gone.
void ProgramStore::removeUnfinished(int64_t olderThanSeconds) const {
  int64_t end = (time(nullptr) - olderThanSeconds) * int64_t(1000000000);
  auto isUnfinished = [](StringRef name) {
    return finishedName(name) != name && isProgramName(finishedName(name));
  };
  for (StringRef directory : {StringRef(folder), StringRef(records)})
    for (const RecordFile &file : listRecords(directory, isUnfinished))
      if (file.used <= end)
        unlink(file.path.c_str());
  struct stat status;
  for (const RecordFile &file : listRecords(records, isProgramName))
    if (file.used <= end &&
        !isRegular(pathOf(sys::path::filename(file.path)), status))
      unlink(file.path.c_str());
}

/// A compilation writes all the time; no file on its way rests so long.
static constexpr int64_t restingSeconds = 3600;

ProgramStore::Removed ProgramStore::trim(uint64_t limit, StringRef keep) {
  Removed removed;
  removeUnfinished(restingSeconds);
  fileHashes.trim(mostHashes);
  std::vector<Program> programs = list();
  uint64_t bytes = 0;
  for (const Program &program : programs)
    bytes += program.bytes;
  for (const Program &program : llvm::reverse(programs)) {
    if (bytes <= limit)
      break;
    if (program.path == keep || !remove(program))
      continue;
    bytes -= program.bytes;
    removed.bytes += program.bytes;
    ++removed.programs;
  }
  return removed;
}

/// True unless a store, perhaps that of another process, is at work on it.
static bool isForeign(StringRef path) {
  StringRef name = sys::path::filename(path);
  if (name == "records" || name == "hashes" || name == "strategies")
    return !sys::fs::is_directory(path);
  return finishedName(name) == name || !isProgramName(finishedName(name));
}

ProgramStore::Removed ProgramStore::clear() {
  Removed removed;
  for (const Program &program : list()) {
    if (!remove(program))
      continue;
    removed.bytes += program.bytes;
    ++removed.programs;
  }
  removeUnfinished(restingSeconds);
  fileHashes.trim(0);
  // These fail, as they should, where other files are in them.
  rmdir(records.c_str());
  rmdir(inside(folder, "hashes").c_str());
  std::error_code code;
  for (sys::fs::directory_iterator at(folder, code, false), end;
       !code && at != end; at.increment(code))
    removed.left += isForeign(at->path());
  return removed;
}

} // namespace tern
