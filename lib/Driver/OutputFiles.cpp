//===- OutputFiles.cpp - Which files may be written -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Driver/OutputFiles.h"

#include "FileContents.h"

#include "tern/Artifact/AtomicFile.h"
#include "tern/Cache/FileHashes.h"
#include "tern/Driver/ModelInput.h"
#include "tern/artifact.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cstring>

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::SmallString;
using llvm::StringRef;
namespace fs = llvm::sys::fs;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

std::string tern::besideOutput(StringRef output, StringRef name,
                               StringRef suffix) {
  SmallString<128> path = llvm::sys::path::parent_path(output);
  llvm::sys::path::append(path, name + suffix);
  return path.str().str();
}

Error tern::writeFile(StringRef path, StringRef contents,
                      const InputFiles &inputs) {
  Expected<std::unique_ptr<AtomicFile>> file = AtomicFile::create(path, inputs);
  if (!file)
    return file.takeError();
  if (Error error = (*file)->writeAt(0, contents))
    return error;
  return (*file)->commit();
}

Error tern::checkWritable(StringRef path, const InputFiles &inputs) {
  // Making the file is the only question that all file systems answer.
  return AtomicFile::create(path, inputs).takeError();
}

Error tern::checkRoom(StringRef path, uint64_t bytes) {
  StringRef folder = llvm::sys::path::parent_path(path);
  llvm::ErrorOr<fs::space_info> space =
      fs::disk_space(folder.empty() ? "." : folder);
  if (!space || space->available >= bytes)
    return Error::success();
  return failure("cannot write " + path +
                 ": No space left on device; it needs " + llvm::Twine(bytes) +
                 " bytes and " + llvm::Twine(space->available) + " are free");
}

//===----------------------------------------------------------------------===//
// Files that are there
//===----------------------------------------------------------------------===//

/// The beginning of a file; empty if there is none, or none that can be read.
static std::string startOf(StringRef path) {
  Expected<std::string> start = readStart(path, 4096);
  if (start)
    return *start;
  llvm::consumeError(start.takeError());
  return "";
}

static bool isInCheckpoint(StringRef path) {
  StringRef folder = llvm::sys::path::parent_path(path);
  auto has = [&](StringRef name) {
    SmallString<128> full(folder);
    llvm::sys::path::append(full, name);
    return fs::exists(full);
  };
  return has("config.json") &&
         (has("model.safetensors") || has("model.safetensors.index.json"));
}

Error tern::checkReplaceable(StringRef path, StringRef form) {
  if (!fs::exists(path))
    return Error::success();
  std::string start = startOf(path);
  auto refuse = [&](const llvm::Twine &words) {
    return failure("cannot write " + path + ": it exists and is " + words +
                   "; remove it first or choose another name");
  };
  if (startsAsGguf(start))
    return form == "GGUF" ? Error::success() : refuse("a GGUF file");
  if (startsAsArtifact(start))
    return form == "weights" ? Error::success()
                             : refuse("weights of a compiled model");
  // Objects of others in it would be lost.
  if (startsAsArchive(start))
    return form == "archive" && definesModel(path)
               ? Error::success()
               : refuse(describeContents(start, start.size()));
  if (startsAsElf(start) && form != "weights" && form != "GGUF")
    return Error::success();
  if (startsAsElf(start) || startsAsSafetensors(start))
    return refuse(describeContents(start, start.size()));
  if (StringRef(start).starts_with("PK\x03\x04"))
    return refuse("a zip archive");
  if (StringRef(start).starts_with("{"))
    return refuse("JSON");
  if (isInCheckpoint(path))
    return refuse("a file of a checkpoint");
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Beside it
//===----------------------------------------------------------------------===//

/// Another library or object in the folder that the files of NAME belong to.
static std::string otherOwner(StringRef output, StringRef name) {
  StringRef folder = llvm::sys::path::parent_path(output);
  std::error_code code;
  for (fs::directory_iterator at(folder.empty() ? "." : folder, code), end;
       !code && at != end; at.increment(code)) {
    StringRef file = llvm::sys::path::filename(at->path());
    if (file != llvm::sys::path::filename(output) &&
        llvm::is_contained({".o", ".obj", ".so", ".a"},
                           llvm::sys::path::extension(file)) &&
        fs::is_regular_file(at->path()) &&
        definesModel(at->path(), name, /*nothingElse=*/true))
      return file.str();
  }
  return "";
}

static bool isHeaderOf(StringRef start, StringRef name) {
  return start.starts_with(("/* " + name + ", compiled by tern for ").str());
}

static Error refuseBeside(StringRef output, StringRef file,
                          const llvm::Twine &words) {
  return failure("cannot write " + file + " beside " + output +
                 ": it exists and " + words +
                 "; remove it first or choose another name with --name");
}

Error tern::checkBeside(StringRef output, StringRef name,
                        llvm::ArrayRef<StringRef> suffixes,
                        const InputFiles &inputs) {
  for (StringRef suffix : suffixes) {
    std::string file = besideOutput(output, name, suffix);
    if (Error error = checkWritable(file, inputs))
      return error;
    std::string start = startOf(file);
    bool isOurs = suffix == ".weights" ? startsAsArtifact(start)
                                       : isHeaderOf(start, name);
    if (fs::exists(file) && !isOurs)
      return refuseBeside(output, file, "tern did not write it");
  }
  return Error::success();
}

/// The library or object, other than `output`, that the files of NAME belong
/// to; empty if they belong to `output` alone. "another compiled model" if
/// nobody knows to which.
static std::string ownerBeside(StringRef output, StringRef name) {
  std::string owner = otherOwner(output, name);
  if (owner.empty() && !definesModel(output, name))
    owner = "another compiled model";
  return owner;
}

Error tern::checkWeightsBeside(StringRef output, StringRef name,
                               uint64_t weightsId) {
  std::string file = besideOutput(output, name, ".weights");
  std::string start = startOf(file), owner;
  tern_artifact_header header;
  if (start.size() < sizeof header)
    return Error::success();
  std::memcpy(&header, start.data(), sizeof header);
  if (header.weights_id != weightsId)
    owner = ownerBeside(output, name);
  return owner.empty() ? Error::success()
                       : refuseBeside(output, file, "belongs to " + owner);
}

Error tern::checkSameBeside(StringRef output, StringRef name, StringRef file,
                            StringRef written) {
  std::string owner;
  if (!fs::exists(file) || (owner = ownerBeside(output, name)).empty())
    return Error::success();
  FileHashes hashes("");
  Expected<ContentHash> before = hashes.of(file);
  if (!before)
    return before.takeError();
  Expected<ContentHash> after = hashes.of(written);
  if (!after)
    return after.takeError();
  return *before == *after ? Error::success()
                           : refuseBeside(output, file, "belongs to " + owner);
}

//===----------------------------------------------------------------------===//
// Stages
//===----------------------------------------------------------------------===//

/// True if an earlier --save-stages left its files in the folder.
static bool hasStages(StringRef folder) {
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end;
       at.increment(code)) {
    StringRef name = llvm::sys::path::filename(at->path());
    if (name.size() > 3 && llvm::isDigit(name[0]) && llvm::isDigit(name[1]) &&
        name[2] == '-' && name.ends_with(".mlir"))
      return true;
  }
  return false;
}

static Error checkStages(StringRef folder, llvm::ArrayRef<std::string> files,
                         llvm::ArrayRef<std::string> outputs,
                         const InputFiles &inputs) {
  if (std::error_code code = fs::create_directories(folder))
    return failure("cannot make " + folder + ": " + code.message());
  bool again = hasStages(folder);
  for (StringRef file : files) {
    SmallString<128> path(folder);
    llvm::sys::path::append(path, file);
    if (Error error = checkWritable(path, inputs))
      return error;
    if (fs::exists(path) && !again)
      return failure("cannot write " + path +
                     ": it exists and no --save-stages wrote it; name "
                     "another folder");
    SmallString<128> real;
    if (fs::real_path(folder, real))
      continue;
    for (StringRef output : outputs) {
      StringRef parent = llvm::sys::path::parent_path(output);
      SmallString<128> other;
      if (!fs::real_path(parent.empty() ? "." : parent, other) &&
          other == real && llvm::sys::path::filename(output) == file)
        return failure("-o and --save-stages both write " + path +
                       "; name another folder");
    }
  }
  return Error::success();
}

Error tern::checkOutputs(const OutputPlan &plan, const InputFiles &inputs) {
  std::vector<std::string> outputs;
  if (!plan.output.empty()) {
    if (Error error = checkReplaceable(plan.output, plan.form))
      return error;
    if (Error error = checkWritable(plan.output, inputs))
      return error;
    outputs.push_back(plan.output);
  }
  if (!plan.name.empty()) {
    llvm::SmallVector<StringRef> suffixes = {".h"};
    if (plan.hasWeights)
      suffixes.push_back(".weights");
    if (Error error = checkBeside(plan.output, plan.name, suffixes, inputs))
      return error;
    for (StringRef suffix : suffixes)
      outputs.push_back(besideOutput(plan.output, plan.name, suffix));
  }
  if (plan.stages.empty())
    return Error::success();
  return checkStages(plan.stages, plan.stageFiles, outputs, inputs);
}
