//===- CachedProgram.cpp - Programs of tern run ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Driver/CachedProgram.h"

#include "tern/Artifact/Linker.h"
#include "tern/Artifact/TargetSelection.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include "llvm/TargetParser/Host.h"

#include <cstring>
#include <link.h>
#include <unistd.h>

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
namespace fs = llvm::sys::fs;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

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
  Error addOptions(const ModelOptions &options);

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

/// Those there at the first call: one that is loaded later, as a compilation
/// needs it, makes no other tern of this process.
static const std::vector<std::pair<std::string, std::string>> &listLibraries() {
  static const auto libraries = [] {
    std::vector<std::pair<std::string, std::string>> list;
    dl_iterate_phdr(noteLibrary, &list);
    return list;
  }();
  return libraries;
}

Error KeyBuilder::addTern() {
  for (const auto &[path, id] : listLibraries()) {
    add(llvm::sys::path::filename(path));
    add(id);
    if (id.empty())
      if (Error error = addFile(path))
        return error;
  }
  std::vector<std::string> files = {fs::getMainExecutable(nullptr, nullptr)};
  Expected<std::vector<std::string>> archives = Linker::runtime("");
  if (!archives)
    return archives.takeError();
  llvm::append_range(files, *archives);
  Expected<Toolchain> linking =
      Toolchain::find(llvm::Triple(llvm::sys::getDefaultTargetTriple()));
  if (!linking)
    return linking.takeError();
  files.push_back(linking->compiler);
  for (const std::string &file : files)
    if (Error error = addFile(file))
      return error;
  // Where the C compiler looks for its parts.
  for (StringRef name : {"COMPILER_PATH", "GCC_EXEC_PREFIX", "LIBRARY_PATH"})
    add(llvm::sys::Process::GetEnv(name).value_or(""));
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

/// A field that is added to one of the structs is added here, or this does not
/// compile.
Error KeyBuilder::addOptions(const ModelOptions &options) {
  const auto &[targetText, cpu, import, gguf, pipeline] = options;
  const auto &[name, schemes, kvBits, bosBits, qBits, head, embedding,
               context] = import;
  const auto &[activations, topK] = schemes;
  const auto &[readings, hiddenAct, tokenizerPre] = gguf;
  const auto &[maxTokens, dense, few, strategies] = pipeline;
  auto addNumber = [&](auto number) { add(std::to_string(number)); };
  auto addIfGiven = [&](const auto &number) {
    add(number ? std::to_string(*number) : "");
  };
  // "native" is not the same on all machines that share a folder.
  mlir::MLIRContext mlirContext;
  Expected<TargetAttr> target = selectTarget(&mlirContext, targetText, cpu);
  if (!target)
    return target.takeError();
  for (StringRef text : {target->getTriple(), target->getCpu(),
                         target->getFeatures(), StringRef(activations)})
    add(text);
  for (auto [projection, share] : topK) {
    addNumber(static_cast<int>(projection));
    add(std::to_string(llvm::bit_cast<uint64_t>(share)));
  }
  addNumber(topK.size());
  for (const std::optional<unsigned> &bits : {kvBits, bosBits, qBits})
    addIfGiven(bits);
  addNumber(static_cast<int>(head));
  addNumber(static_cast<int>(embedding));
  addIfGiven(context);
  for (const std::string &reading : readings)
    add(reading);
  addNumber(readings.size());
  add(hiddenAct);
  add(tokenizerPre);
  addNumber(maxTokens);
  addNumber(static_cast<int>(dense));
  addNumber(static_cast<int>(few));
  for (const std::string &strategy : strategies)
    add(strategy);
  addNumber(strategies.size());
  // Otherwise it is the name of a preset.
  return fs::is_regular_file(activations) ? addFile(activations)
                                          : Error::success();
}

Expected<std::string> tern::programName(const ModelInput &model,
                                        const ModelOptions &options,
                                        ProgramStore &store) {
  KeyBuilder key(store.hashes());
  if (Error error = key.addOptions(options))
    return std::move(error);
  if (Error error = key.addTern())
    return std::move(error);
  if (Error error = key.addModel(model))
    return std::move(error);
  return symbolOf(model.name) + "-" + key.take();
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

static Error checkRunsHere(const ModelOptions &options) {
  mlir::MLIRContext context;
  Expected<TargetAttr> target =
      selectTarget(&context, options.target, options.cpu);
  if (!target)
    return target.takeError();
  llvm::Triple triple(getProgramTarget(*target).getTriple());
  if (Toolchain::isNative(triple))
    return Error::success();
  return failure("a program for " + target->getTriple() +
                 " cannot be run here; tern compile -o PROGRAM --target=" +
                 options.target + " makes one to copy there");
}

static Expected<std::string> compileInto(ProgramStore &store,
                                         const ModelInput &model,
                                         const ModelOptions &options,
                                         const std::string &name,
                                         CompileListener &listener) {
  std::string staged = store.stagingPath(name);
  llvm::sys::RemoveFileOnSignal(staged);
  llvm::scope_exit cleaning([&] {
    unlink(staged.c_str());
    llvm::sys::DontRemoveFileOnSignal(staged);
  });
  CompileOptions compilation;
  compilation.model = options;
  compilation.model.import.name = symbolOf(model.name);
  compilation.input = model.path;
  compilation.output = staged;
  compilation.hasGrammars = true;
  if (Error error = compile(compilation, &listener))
    return std::move(error);
  // A download that is still going on, another release put in place, or a tern
  // that is just being installed.
  Expected<std::string> now = programName(model, options, store);
  if (!now)
    return now;
  if (*now != name)
    return failure(model.path +
                   " or tern itself changed while it was compiled; run the "
                   "command again");
  return store.add(name, staged, model.path);
}

Expected<std::string> tern::cachedProgram(const ModelInput &model,
                                          const ModelOptions &options,
                                          ProgramStore &store, uint64_t limit,
                                          CompileListener &listener) {
  if (Error error = checkRunsHere(options))
    return std::move(error);
  Expected<std::string> name = programName(model, options, store);
  if (!name)
    return name;
  if (std::string found = store.find(*name); !found.empty())
    return found;
  listener.message(MessageKind::Work, "compiling " + model.path);
  Expected<std::string> program =
      compileInto(store, model, options, *name, listener);
  if (program)
    store.trim(limit, *program);
  return program;
}
