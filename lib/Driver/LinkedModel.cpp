//===- LinkedModel.cpp - From an object to a program or library -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinkedModel.h"
#include "RuntimeArchive.h"

#include "tern/Artifact/AtomicFile.h"
#include "tern/Artifact/EmbeddedData.h"
#include "tern/Artifact/Emitter.h"
#include "tern/Artifact/Linker.h"
#include "tern/Artifact/WeightWriter.h"
#include "tern/Driver/OutputFiles.h"
#include "tern/Target/Target.h"
#include "tern/artifact.h"

#include "llvm/Object/Archive.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

/// Known when the weights are written.
static void reportWeights(const Checkpoint &checkpoint,
                          CompileListener &listener) {
  std::string sentence = checkpoint.warnOfInexactGroups();
  if (!sentence.empty())
    listener.message(MessageKind::Warning,
                     (checkpoint.directory() + ": " + sentence).str());
}

static Error fillArtifact(mlir::ModuleOp weights, const Checkpoint &checkpoint,
                          const TextSections &text, AtomicFile &file,
                          CompileListener &listener) {
  Error error = writeArtifact(
      weights, checkpoint, text.tokenizer, text.generation, file, 0,
      [&](uint64_t done, uint64_t total) { listener.weights(done, total); });
  reportWeights(checkpoint, listener);
  return error;
}

Error tern::writeArtifactFile(mlir::ModuleOp weights,
                              const Checkpoint &checkpoint,
                              const TextSections &text, StringRef path,
                              const InputFiles &inputs,
                              CompileListener &listener) {
  Expected<std::unique_ptr<AtomicFile>> file = AtomicFile::create(path, inputs);
  if (!file)
    return file.takeError();
  if (Error error = fillArtifact(weights, checkpoint, text, **file, listener))
    return error;
  return (*file)->commit();
}

//===----------------------------------------------------------------------===//
// Linking
//===----------------------------------------------------------------------===//

static bool hasRuntime(const llvm::Triple &triple) {
  return Toolchain::isNative(triple) ||
         (triple.isOSLinux() && triple.isOSBinFormatELF());
}

/// Programs of other machines: the artifact in them is found and read by those.
static Error checkForeign(const llvm::Triple &triple, OutputForm form) {
  bool program = form == OutputForm::Program;
  if (hasRuntime(triple))
    return Error::success();
  return failure(
      "for another machine than this one, tern links " +
      llvm::Twine(program ? "programs of Linux" : "shared libraries of Linux") +
      " only; for " + triple.str() + " use --emit=obj");
}

Error tern::checkLinkable(TargetAttr target, const CompileOptions &options) {
  llvm::Triple triple(target.getTriple());
  bool shared = options.form == OutputForm::Shared;
  bool archive = options.form == OutputForm::Archive;
  bool native = Toolchain::isNative(triple);
  if (archive && !hasRuntime(triple))
    return Error::success();
  if (!native)
    if (Error error = checkForeign(triple, options.form))
      return error;
  if (!shared)
    if (Error error =
            native ? Linker::runtime(options.libraryDirectory).takeError()
                   : runtimeSources(options.libraryDirectory).takeError())
      return error;
  if (native && archive)
    return Error::success();
  Expected<Toolchain> toolchain = Toolchain::find(triple, options.toolchain);
  if (!toolchain)
    return toolchain.takeError();
  return native ? Error::success() : toolchain->check(triple, !shared);
}

Expected<Toolchain>
LinkedModel::findToolchain(const CompileOptions &options) const {
  Expected<Toolchain> toolchain =
      Toolchain::find(llvm::Triple(target.getTriple()), options.toolchain);
  if (toolchain)
    toolchain->onCommand = [&told = listener](StringRef command) {
      told.detail(command);
    };
  return toolchain;
}

/// The libraries of the runtime, compiled into `scratch` if nothing keeps them.
Expected<std::vector<std::string>>
LinkedModel::findRuntime(const CompileOptions &options,
                         const Toolchain &toolchain,
                         const TemporaryDirectory &scratch) const {
  llvm::Triple triple(target.getTriple());
  if (Toolchain::isNative(triple))
    return Linker::runtime(options.libraryDirectory);
  Expected<std::string> sources = runtimeSources(options.libraryDirectory);
  if (!sources)
    return sources.takeError();
  Expected<std::string> archive =
      runtimeArchive(toolchain, triple, *sources, options.cache,
                     scratch.path("runtime.a"), listener);
  if (!archive)
    return archive.takeError();
  return std::vector<std::string>{*archive};
}

Error LinkedModel::link(const CompileOptions &options,
                        const TemporaryDirectory &scratch,
                        StringRef output) const {
  Expected<std::string> table = emitModelTable(target, facts.versions);
  if (!table)
    return table.takeError();
  std::vector<std::string> objects;
  for (auto [file, contents] :
       {std::pair("model.o", &object), {"models.o", &*table}})
    if (Error error =
            scratch.write(file, *contents).moveInto(objects.emplace_back()))
      return error;
  Linker linker;
  if (Error error = findToolchain(options).moveInto(linker.toolchain))
    return error;
  // The runtime's other parts are without it (runtime/src/host/gpu_weak.h).
  if (isDevice(llvm::Triple(StringRef(facts.target).split('/').first)))
    linker.wanted = {"tern_gpu_open", "tern_gpu_describe"};
  if (options.hasGrammars)
    linker.wanted.push_back("tern_grammars");
  Expected<std::vector<std::string>> libraries =
      findRuntime(options, linker.toolchain, scratch);
  if (!libraries)
    return libraries.takeError();
  Linkage linkage = !Toolchain::isNative(llvm::Triple(target.getTriple()))
                        ? Linkage::Static
                    : options.isStatic ? Linkage::StaticPie
                                       : Linkage::Dynamic;
  // Engines look for what main.c is linked with.
  std::vector<std::string> symbols = facts.versions;
  llvm::append_range(symbols, std::vector{"tern_models", "tern_model_count"});
  return linker.linkProgram(objects, *libraries, symbols, linkage, scratch,
                            output);
}

Error LinkedModel::writeProgram(const CompileOptions &options) const {
  Expected<TemporaryDirectory> scratch = TemporaryDirectory::create();
  if (!scratch)
    return scratch.takeError();
  std::string bare = scratch->path("program");
  listener.step("linking");
  if (Error error = link(options, *scratch, bare))
    return error;
  auto program = llvm::MemoryBuffer::getFile(bare);
  if (!program)
    return failure("cannot read " + bare + ": " + program.getError().message());
  Expected<std::unique_ptr<AtomicFile>> file =
      AtomicFile::create(options.output, inputs, /*executable=*/true);
  if (!file)
    return file.takeError();
  if (Error error = tern::writeProgram(
          (*program)->getBuffer(), weights, *checkpoint, text.tokenizer,
          text.generation, **file, [&](uint64_t done, uint64_t total) {
            listener.weights(done, total);
          }))
    return error;
  reportWeights(*checkpoint, listener);
  return (*file)->commit();
}

Expected<std::string>
LinkedModel::linkShared(const CompileOptions &options) const {
  Expected<TemporaryDirectory> scratch = TemporaryDirectory::create();
  if (!scratch)
    return scratch.takeError();
  Expected<std::string> model = scratch->write("model.o", object);
  if (!model)
    return model.takeError();
  Linker linker;
  if (Error error = findToolchain(options).moveInto(linker.toolchain))
    return std::move(error);
  std::string linked = scratch->path("model.so");
  std::vector<std::string> symbols = facts.versions;
  if (symbols.size() > 1)
    symbols.push_back(facts.symbol);
  if (Error error = linker.linkShared(*model, symbols, *scratch, linked))
    return std::move(error);
  auto buffer = llvm::MemoryBuffer::getFile(linked);
  if (!buffer)
    return failure("cannot read " + linked + ": " +
                   buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

/// Members of the archives at `paths`, which `buffers` keeps.
static Error
addMembers(llvm::ArrayRef<std::string> paths,
           std::vector<std::unique_ptr<llvm::MemoryBuffer>> &buffers,
           std::vector<llvm::NewArchiveMember> &members) {
  using llvm::object::Archive;
  for (const std::string &path : paths) {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    if (!buffer)
      return failure("cannot read " + path + ": " +
                     buffer.getError().message());
    buffers.push_back(std::move(*buffer));
    Expected<std::unique_ptr<Archive>> archive =
        Archive::create(buffers.back()->getMemBufferRef());
    if (!archive)
      return archive.takeError();
    Error error = Error::success();
    for (const Archive::Child &child : (*archive)->children(error)) {
      auto member =
          llvm::NewArchiveMember::getOldMember(child, /*Deterministic=*/true);
      if (!member) {
        llvm::consumeError(std::move(error));
        return member.takeError();
      }
      // A library's caller has one of its own.
      if (!member->MemberName.starts_with("main."))
        members.push_back(std::move(*member));
    }
    if (error)
      return error;
  }
  return Error::success();
}

Expected<std::string>
LinkedModel::makeArchive(const CompileOptions &options) const {
  Expected<TemporaryDirectory> scratch = TemporaryDirectory::create();
  if (!scratch)
    return scratch.takeError();
  std::string name = (facts.name() + ".o").str();
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> buffers;
  std::vector<llvm::NewArchiveMember> members;
  members.emplace_back(llvm::MemoryBufferRef(object, name));
  llvm::Triple triple(target.getTriple());
  if (hasRuntime(triple)) {
    Toolchain toolchain;
    if (!Toolchain::isNative(triple))
      if (Error error = findToolchain(options).moveInto(toolchain))
        return std::move(error);
    Expected<std::vector<std::string>> libraries =
        findRuntime(options, toolchain, *scratch);
    if (!libraries)
      return libraries.takeError();
    if (Error error = addMembers(*libraries, buffers, members))
      return std::move(error);
  }
  auto archive = llvm::writeArchiveToBuffer(
      members, llvm::SymtabWritingMode::NormalSymtab,
      triple.isOSDarwin() ? llvm::object::Archive::K_DARWIN
                          : llvm::object::Archive::K_GNU,
      /*Deterministic=*/true, /*Thin=*/false);
  if (!archive)
    return archive.takeError();
  return (*archive)->getBuffer().str();
}

/// Sections of the artifact that devices link in. Those with an operating
/// system map the file.
static Expected<std::string> makeAssembly(const ModelFacts &facts,
                                          AtomicFile &weights) {
  tern_artifact_header header;
  if (Error error = weights.readAt(
          0, {reinterpret_cast<uint8_t *>(&header), sizeof(header)}))
    return std::move(error);
  return writeWeightsAssembly(
      facts, {{"weights", header.weights.offset, header.weights.bytes},
              {"tokenizer", header.tokenizer.offset, header.tokenizer.bytes}});
}

/// Into the zeros that the library has in their place.
Error LinkedModel::embed(StringRef library, AtomicFile &file) const {
  llvm::MemoryBufferRef buffer(library, "library");
  Expected<uint64_t> start =
      findData(buffer, dataSymbol("weights", facts.name()), facts.weightsBytes);
  if (!start)
    return start.takeError();
  Expected<uint64_t> tokenizer = findData(
      buffer, dataSymbol("tokenizer", facts.name()), text.tokenizer.size());
  if (!tokenizer)
    return tokenizer.takeError();
  if (Error error = writeWeights(weights, *checkpoint, file, *start,
                                 [&](uint64_t done, uint64_t total) {
                                   listener.weights(done, total);
                                 }))
    return error;
  reportWeights(*checkpoint, listener);
  return file.writeAt(*tokenizer, text.tokenizer);
}

Error LinkedModel::writeLibrary(StringRef output, StringRef library,
                                WeightsPlace place) const {
  StringRef name = facts.name();
  bool isEmbedded = place == WeightsPlace::Library;
  bool writesFile = weights && !isEmbedded;
  bool writesAssembly = writesFile && place == WeightsPlace::Assembly;
  llvm::SmallVector<StringRef> suffixes = {".h"};
  if (writesFile)
    suffixes.push_back(".weights");
  if (writesAssembly)
    suffixes.push_back("-weights.S");
  if (Error error = checkBeside(output, name, suffixes, inputs))
    return error;
  auto create = [&](StringRef path) {
    return AtomicFile::create(path, inputs);
  };
  auto main = create(output);
  if (!main)
    return main.takeError();
  auto header = create(besideOutput(output, name, ".h"));
  if (!header)
    return header.takeError();
  if (Error error = (*main)->writeAt(0, library))
    return error;
  if (Error error = (*header)->writeAt(
          0, writeModelHeader(facts, text.tokenizer.size(), isEmbedded)))
    return error;
  if (isEmbedded)
    if (Error error = embed(library, **main))
      return error;
  auto checkSame = [&](const AtomicFile &file) {
    return checkSameBeside(output, name, file.path(), file.temporaryPath());
  };
  // All are written before one takes its place, the library last: while it is
  // missing, nothing looks complete.
  if (writesFile) {
    auto file = create(besideOutput(output, name, ".weights"));
    if (!file)
      return file.takeError();
    if (Error error =
            fillArtifact(weights, *checkpoint, text, **file, listener))
      return error;
    if (Error error = checkSame(**file))
      return error;
    if (Error error = checkSame(**header))
      return error;
    if (writesAssembly) {
      Expected<std::string> lines = makeAssembly(facts, **file);
      if (!lines)
        return lines.takeError();
      if (Error error = writeFile(besideOutput(output, name, "-weights.S"),
                                  *lines, inputs))
        return error;
    }
    if (Error error = (*file)->commit())
      return error;
  }
  if (Error error = checkSame(**header))
    return error;
  if (Error error = (*header)->commit())
    return error;
  return (*main)->commit();
}
