//===- ModelInput.cpp - What MODEL on the command line is -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Driver/ModelInput.h"

#include "FileContents.h"
#include "Paths.h"

#include "tern/Import/CheckpointFiles.h"
#include "tern/Import/StandIns.h"
#include "tern/host.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/Archive.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::SmallString;
using llvm::StringRef;
namespace fs = llvm::sys::fs;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

/// Enough for the first lines of IR.
static constexpr size_t startBytes = 1 << 16;

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

/// True for a program of tern 0.1.0, with its artifact behind it.
static bool endsAsProgram(StringRef path) {
  constexpr size_t footerBytes = 32;
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file =
      llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                  /*RequiresNullTerminator=*/false);
  return file && (*file)->getBufferSize() > footerBytes &&
         (*file)->getBuffer().take_back(footerBytes).starts_with("TERNEND1");
}

/// True if an executable carries an artifact; `damage` says why that cannot be
/// used, if so. One of another version is used by its own program.
static bool carriesArtifact(StringRef path, std::string &damage) {
  tern_artifact artifact;
  tern_error error = {};
  if (tern_artifact_open(&artifact, path.str().c_str(), &error) == 0) {
    tern_artifact_close(&artifact);
    return true;
  }
  StringRef reason = error.text;
  if (reason.contains("neither is nor carries"))
    return endsAsProgram(path);
  if (!reason.contains(": artifact version "))
    damage = reason.str();
  return true;
}

bool tern::isProgram(StringRef path) {
  Expected<std::string> start = readStart(path, 4);
  std::string damage;
  if (start)
    return startsAsElf(*start) && carriesArtifact(path, damage);
  llvm::consumeError(start.takeError());
  return false;
}

/// True if a symbol is a model's, or `model`'s, or a table of such a model's
/// versions for several CPUs.
static bool isModel(const llvm::object::SymbolRef &symbol, StringRef model) {
  Expected<StringRef> name = symbol.getName();
  Expected<llvm::object::SymbolRef::Type> type = symbol.getType();
  bool isData = type && *type != llvm::object::SymbolRef::ST_Function;
  StringRef rest = name ? *name : "";
  llvm::consumeError(name.takeError());
  llvm::consumeError(type.takeError());
  rest.consume_front("_"); // of Mach-O
  bool isOurs =
      rest.consume_front("tern_models_") || rest.consume_front("tern_model_");
  return isData && isOurs && rest != "count" &&
         (model.empty() || rest == model);
}

/// Of exported symbols that a model's are among, true if there are no others:
/// one, or a table and the versions in it.
static bool areAllOfModel(llvm::ArrayRef<llvm::object::SymbolRef> symbols) {
  return symbols.size() == 1 ||
         llvm::all_of(symbols, [](const llvm::object::SymbolRef &symbol) {
           Expected<StringRef> name = symbol.getName();
           bool isVersion =
               name &&
               (name->starts_with("tern_models_") ||
                (name->starts_with("tern_model_") && name->contains("_for_")));
           llvm::consumeError(name.takeError());
           return isVersion;
         });
}

static bool isExported(const llvm::object::SymbolRef &symbol) {
  using llvm::object::BasicSymbolRef;
  Expected<uint32_t> flags = symbol.getFlags();
  if (flags)
    return (*flags & BasicSymbolRef::SF_Global) &&
           !(*flags & (BasicSymbolRef::SF_Undefined |
                       BasicSymbolRef::SF_FormatSpecific));
  llvm::consumeError(flags.takeError());
  return false;
}

static bool defines(const llvm::object::ObjectFile *file, StringRef model,
                    bool nothingElse) {
  std::vector<llvm::object::SymbolRef> symbols(file->symbol_begin(),
                                               file->symbol_end());
  auto *elf = llvm::dyn_cast<llvm::object::ELFObjectFileBase>(file);
  bool isShared = elf && elf->getEType() == llvm::ELF::ET_DYN;
  if (isShared && (nothingElse || symbols.empty())) {
    auto dynamic = elf->getDynamicSymbolIterators();
    symbols.assign(dynamic.begin(), dynamic.end());
  }
  bool found = llvm::any_of(
      symbols, [&](const auto &symbol) { return isModel(symbol, model); });
  if (!found || !nothingElse)
    return found;
  llvm::erase_if(symbols,
                 [](const auto &symbol) { return !isExported(symbol); });
  return areAllOfModel(symbols);
}

/// True if a member does, whatever the others are.
static bool membersDefine(const llvm::object::Archive &archive, StringRef model,
                          bool nothingElse) {
  Error error = Error::success();
  bool found = false;
  for (const llvm::object::Archive::Child &child : archive.children(error)) {
    auto member = child.getAsBinary();
    if (!member) {
      llvm::consumeError(member.takeError());
      continue;
    }
    auto *object = llvm::dyn_cast<llvm::object::ObjectFile>(member->get());
    found |= object && defines(object, model, nothingElse);
  }
  llvm::consumeError(std::move(error));
  return found;
}

bool tern::definesModel(StringRef path, StringRef model, bool nothingElse) {
  auto binary = llvm::object::createBinary(path);
  if (!binary) {
    llvm::consumeError(binary.takeError());
    return false;
  }
  llvm::object::Binary *contents = binary->getBinary();
  if (auto *archive = llvm::dyn_cast<llvm::object::Archive>(contents))
    return membersDefine(*archive, model, nothingElse);
  auto *object = llvm::dyn_cast<llvm::object::ObjectFile>(contents);
  return object && defines(object, model, nothingElse);
}

/// "; its folder M is a checkpoint" for a file of one.
static std::string hintAtFolder(StringRef path) {
  StringRef folder = llvm::sys::path::parent_path(path);
  if (!fs::is_regular_file(inside(folder, "config.json")))
    return "";
  return "; MODEL is the folder it is in, " +
         (folder.empty() ? "." : folder).str();
}

static Expected<ModelInput> identifyFile(StringRef path) {
  Expected<std::string> start = readStart(path, startBytes);
  if (!start)
    return start.takeError();
  std::string damage;
  auto as = [&](ModelKind kind) {
    return ModelInput{kind, path.str(), llvm::sys::path::stem(path).str(),
                      damage};
  };
  if (startsAsGguf(*start))
    return as(ModelKind::Gguf);
  if (startsAsArtifact(*start))
    return as(ModelKind::Weights);
  if (startsAsElf(*start) && carriesArtifact(path, damage))
    return as(ModelKind::Program);
  if (llvm::identify_magic(*start) != llvm::file_magic::unknown &&
      definesModel(path))
    return as(ModelKind::Library);
  if (startsAsIr(*start))
    return as(ModelKind::Ir);
  uint64_t bytes = 0;
  if (std::error_code code = fs::file_size(path, bytes))
    return failure("cannot read " + path + ": " + code.message());
  return failure(path + " is not a model: it is " +
                 describeContents(*start, bytes) + hintAtFolder(path));
}

//===----------------------------------------------------------------------===//
// Folders
//===----------------------------------------------------------------------===//

static std::vector<std::string> entriesOf(StringRef directory) {
  std::vector<std::string> entries;
  std::error_code code;
  for (fs::directory_iterator at(directory, code), end; !code && at != end;
       at.increment(code))
    entries.push_back(at->path());
  llvm::sort(entries);
  return entries;
}

static bool hasTensors(StringRef directory) {
  return fs::exists(inside(directory, "model.safetensors")) ||
         fs::exists(inside(directory, "model.safetensors.index.json"));
}

static std::vector<std::string> ggufFilesIn(StringRef directory) {
  std::vector<std::string> files;
  for (const std::string &path : entriesOf(directory)) {
    if (!fs::is_regular_file(path))
      continue;
    Expected<std::string> start = readStart(path, 4);
    if (!start)
      llvm::consumeError(start.takeError());
    else if (startsAsGguf(*start))
      files.push_back(path);
  }
  return files;
}

/// Names of at most three, for a message.
static std::string listNames(llvm::ArrayRef<std::string> paths) {
  std::string names;
  for (const std::string &path : paths.take_front(3))
    names +=
        (names.empty() ? "" : ", ") + llvm::sys::path::filename(path).str();
  return names + (paths.size() > 3 ? ", ..." : "");
}

/// A folder of a model: Hugging Face's files, or one GGUF file.
static Expected<ModelInput> identifyFolder(StringRef directory,
                                           StringRef name) {
  bool hasConfig = fs::exists(inside(directory, "config.json"));
  if (hasConfig && hasTensors(directory))
    return ModelInput{ModelKind::Directory, directory.str(), name.str(), ""};
  std::vector<std::string> files = ggufFilesIn(directory);
  if (files.size() == 1)
    return ModelInput{ModelKind::Gguf, files.front(),
                      llvm::sys::path::stem(files.front()).str(), ""};
  if (files.size() > 1)
    return failure(directory + " has " + llvm::Twine(files.size()) +
                   " GGUF files (" + listNames(files) +
                   "); MODEL is one of them");
  // The reader of checkpoints says best which file is missing besides.
  if (hasConfig)
    return ModelInput{ModelKind::Directory, directory.str(), name.str(), ""};
  if (Error error = refuseAdapter(directory))
    return std::move(error);
  std::vector<std::string> entries = entriesOf(directory), models;
  llvm::copy_if(
      entries, std::back_inserter(models), [](const std::string &path) {
        return fs::exists(inside(path, "config.json")) ||
               llvm::sys::path::filename(path).starts_with("models--");
      });
  if (!models.empty())
    return failure(directory + " is a folder of models (" + listNames(models) +
                   "); MODEL is one of them");
  if (entries.empty())
    return failure(directory + " is not a model: there is nothing in it");
  return refuseWithoutConfig(directory);
}

/// The commit that refs/main names; empty if it names none.
static std::string mainRevision(StringRef cache) {
  Expected<std::string> text =
      readStart(inside(inside(cache, "refs"), "main"), 256);
  if (!text) {
    llvm::consumeError(text.takeError());
    return "";
  }
  return StringRef(*text).trim().str();
}

/// Snapshots of a folder of Hugging Face's cache, the newest first, but before
/// it the one that refs/main names, as Hugging Face's own tools choose.
static std::vector<std::string> snapshotsOf(StringRef cache) {
  std::vector<std::pair<llvm::sys::TimePoint<>, std::string>> found;
  std::string revision = mainRevision(cache);
  for (const std::string &path : entriesOf(inside(cache, "snapshots"))) {
    fs::file_status status;
    if (fs::status(path, status) || !fs::is_directory(status))
      continue;
    bool isMain = llvm::sys::path::filename(path) == revision;
    found.emplace_back(isMain ? llvm::sys::TimePoint<>::max()
                              : status.getLastModificationTime(),
                       path);
  }
  llvm::sort(found, std::greater<>());
  std::vector<std::string> paths;
  for (auto &[time, path] : found)
    paths.push_back(path);
  return paths;
}

static Expected<ModelInput> identifySnapshot(StringRef cache, StringRef name) {
  std::vector<std::string> snapshots = snapshotsOf(cache);
  if (snapshots.empty())
    return failure(cache + " is a folder of Hugging Face's cache without a "
                           "snapshot; download the model again");
  // One that was not fetched whole is passed over for one that was.
  for (const std::string &snapshot : snapshots) {
    bool whole =
        (fs::exists(inside(snapshot, "config.json")) && hasTensors(snapshot)) ||
        ggufFilesIn(snapshot).size() == 1;
    if (whole)
      return identifyFolder(snapshot, name);
  }
  return identifyFolder(snapshots.front(), name);
}

static Expected<ModelInput> identifyDirectory(StringRef path) {
  SmallString<128> real;
  if (std::error_code code = fs::real_path(path, real))
    return failure("cannot read " + path + ": " + code.message());
  std::error_code code;
  fs::directory_iterator first(path, code);
  if (code)
    return failure("cannot read the folder " + path + ": " + code.message());
  StringRef folder = llvm::sys::path::filename(real);
  constexpr StringRef mark = "models--";
  if (folder.starts_with(mark) && fs::is_directory(inside(path, "snapshots")))
    return identifySnapshot(path, folder.rsplit("--").second);
  // A snapshot, whose own name is that of a commit.
  StringRef parent = llvm::sys::path::parent_path(real);
  if (llvm::sys::path::filename(parent) == "snapshots") {
    StringRef cache =
        llvm::sys::path::filename(llvm::sys::path::parent_path(parent));
    if (cache.starts_with(mark))
      return identifyFolder(path, cache.rsplit("--").second);
  }
  return identifyFolder(path, folder);
}

//===----------------------------------------------------------------------===//
// All
//===----------------------------------------------------------------------===//

Expected<ModelInput> tern::identifyModel(StringRef path) {
  fs::file_status status;
  std::error_code code = fs::status(path, status);
  if (code == std::errc::no_such_file_or_directory) {
    if (fs::is_symlink_file(path))
      return failure(path + " is a symbolic link to a file that does not "
                            "exist");
    std::string reason = explainAbsence(path);
    return failure("there is no model " + path +
                   (reason.empty() ? "" : "; " + reason));
  }
  if (code)
    return failure("cannot read " + path + ": " + code.message());
  return fs::is_directory(status) ? identifyDirectory(path)
                                  : identifyFile(path);
}

Expected<ModelInput> tern::identifyCheckpoint(StringRef path) {
  Expected<ModelInput> input = identifyModel(path);
  if (!input || input->isCheckpoint())
    return input;
  switch (input->kind) {
  case ModelKind::Program:
    return failure(path + " is a program that tern compile made, not a "
                          "checkpoint; tern run takes it");
  case ModelKind::Weights:
    return failure(path + " holds weights that tern compile made, not a "
                          "checkpoint; tern inspect says which");
  case ModelKind::Library:
    return failure(path + " is a library or object that tern compile made, "
                          "not a checkpoint; tern inspect says which");
  default:
    return failure(path + " is IR, not a checkpoint; tern compile "
                          "--compile-from=PHASE takes it");
  }
}
