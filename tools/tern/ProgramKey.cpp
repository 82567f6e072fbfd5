//===- ProgramKey.cpp - What decides the bytes of a program ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProgramKey.h"

#include "Commands.h"

#include "tern/Artifact/Linker.h"
#include "tern/Artifact/TargetSelection.h"
#include "tern/Cache/ProgramStore.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

#include <cstring>
#include <link.h>

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::SmallString;
using llvm::StringRef;
namespace fs = llvm::sys::fs;

namespace {

class KeyBuilder {
public:
  explicit KeyBuilder(FileHashes &hashes) : hashes(hashes) {}

  void add(StringRef text) {
    hash.update(std::to_string(text.size()) + ":");
    hash.update(text);
  }

  Error addFile(StringRef path) {
    Expected<ContentHash> contents = hashes.of(path);
    if (!contents)
      return contents.takeError();
    add(toHex(*contents));
    return Error::success();
  }

  Error addModel(const ModelInput &model);
  Error addTern();
  Error addTarget(const ModelFlags &flags);

  std::string take() {
    return StringRef(toHex(hash.final()))
        .take_front(ProgramStore::keyDigits)
        .str();
  }

private:
  Error addDirectory(StringRef directory);

  FileHashes &hashes;
  llvm::BLAKE3 hash;
};

} // namespace

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

/// No format that is read from a directory; whole releases lie beside each
/// other in some.
static bool isNeverRead(StringRef name) {
  for (StringRef suffix : {".gguf", ".bin", ".pt", ".pth", ".ckpt", ".onnx",
                           ".h5", ".msgpack", ".ot", ".tflite"})
    if (name.ends_with_insensitive(suffix))
      return true;
  return false;
}

Error KeyBuilder::addDirectory(StringRef directory) {
  std::vector<std::string> paths;
  std::error_code code;
  for (fs::directory_iterator at(directory, code), end; !code && at != end;
       at.increment(code))
    paths.push_back(at->path());
  if (code)
    return llvm::createStringError("cannot read the folder " + directory +
                                   ": " + code.message());
  llvm::sort(paths);
  for (const std::string &path : paths) {
    StringRef name = llvm::sys::path::filename(path);
    add(name);
    fs::file_status status;
    bool isFile = !fs::status(path, status) && fs::is_regular_file(status);
    add(isFile ? "file" : fs::is_directory(status) ? "folder" : "other");
    if (!isFile)
      continue;
    if (isNeverRead(name))
      add(llvm::utostr(status.getSize()));
    else if (Error error = addFile(path))
      return error;
  }
  return Error::success();
}

Error KeyBuilder::addModel(const ModelInput &model) {
  if (model.kind == ModelKind::Gguf)
    return addFile(model.path);
  return addDirectory(model.path);
}

//===----------------------------------------------------------------------===//
// tern
//===----------------------------------------------------------------------===//

/// The hash that the linker wrote into a library; empty if it left none.
static std::string buildId(const dl_phdr_info &library) {
  for (unsigned i = 0; i < library.dlpi_phnum; ++i) {
    const ElfW(Phdr) &segment = library.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE)
      continue;
    StringRef notes(
        reinterpret_cast<const char *>(library.dlpi_addr + segment.p_vaddr),
        segment.p_memsz);
    uint64_t alignment = std::max<uint64_t>(segment.p_align, 4);
    ElfW(Nhdr) note;
    while (notes.size() >= sizeof note) {
      std::memcpy(&note, notes.data(), sizeof note);
      notes = notes.drop_front(sizeof note);
      uint64_t nameBytes = llvm::alignTo(note.n_namesz, 4);
      if (nameBytes > notes.size() || note.n_descsz > notes.size() - nameBytes)
        break;
      StringRef text = notes.substr(nameBytes, note.n_descsz);
      if (note.n_type == NT_GNU_BUILD_ID &&
          notes.take_front(note.n_namesz) == StringRef("GNU\0", 4))
        return llvm::toHex(text);
      notes = notes.drop_front(std::min<uint64_t>(
          notes.size(), llvm::alignTo(nameBytes + note.n_descsz, alignment)));
    }
  }
  return "";
}

/// LLVM, MLIR and the other libraries this process was made of.
static int noteLibrary(dl_phdr_info *library, size_t, void *list) {
  StringRef path = library->dlpi_name;
  if (path.contains('/'))
    static_cast<std::vector<std::pair<std::string, std::string>> *>(list)
        ->emplace_back(path, buildId(*library));
  return 0;
}

Error KeyBuilder::addTern() {
  std::vector<std::pair<std::string, std::string>> libraries;
  dl_iterate_phdr(noteLibrary, &libraries);
  for (auto &[path, id] : libraries) {
    add(llvm::sys::path::filename(path));
    add(id);
    if (id.empty())
      if (Error error = addFile(path))
        return error;
  }
  std::vector<std::string> files = {thisExecutable().str()};
  Expected<std::vector<std::string>> linked =
      Linker::inputsBeside(thisExecutable());
  if (!linked)
    return linked.takeError();
  files.insert(files.end(), linked->begin(), linked->end());
  for (const std::string &file : files)
    if (Error error = addFile(file))
      return error;
  // Where the C compiler looks for its parts.
  for (StringRef name : {"COMPILER_PATH", "GCC_EXEC_PREFIX", "LIBRARY_PATH"})
    add(llvm::sys::Process::GetEnv(name).value_or(""));
  return Error::success();
}

//===----------------------------------------------------------------------===//
// All
//===----------------------------------------------------------------------===//

/// "native" is not the same on all machines that share a folder.
Error KeyBuilder::addTarget(const ModelFlags &flags) {
  mlir::MLIRContext context;
  Expected<TargetAttr> target = selectTarget(&context, flags.target, flags.cpu);
  if (!target)
    return target.takeError();
  add(target->getTriple());
  add(target->getCpu());
  add(target->getFeatures());
  return Error::success();
}

Expected<std::string> tern::programKey(const ModelInput &model,
                                       const ModelFlags &flags,
                                       FileHashes &hashes) {
  KeyBuilder key(hashes);
  if (Error error = key.addTarget(flags))
    return std::move(error);
  key.add(flags.describe());
  for (const std::string &file : flags.files())
    if (Error error = key.addFile(file))
      return std::move(error);
  if (Error error = key.addTern())
    return std::move(error);
  if (Error error = key.addModel(model))
    return std::move(error);
  return key.take();
}
