//===- LinkedModel.cpp - From an object to a program or library -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinkedModel.h"

#include "tern/Artifact/AtomicFile.h"
#include "tern/Artifact/Emitter.h"
#include "tern/Artifact/Linker.h"
#include "tern/Artifact/WeightWriter.h"
#include "tern/Driver/OutputFiles.h"

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Host.h"

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

/// The runtime's libraries are this machine's.
Error tern::checkLinkable(TargetAttr target, bool program,
                          StringRef libraryDirectory) {
  llvm::Triple triple(target.getTriple());
  llvm::Triple host(llvm::sys::getDefaultTargetTriple());
  if (triple.getArch() == host.getArch() && triple.getOS() == host.getOS()) {
    if (program)
      return Linker::inputs(libraryDirectory).takeError();
    return Linker::compiler().takeError();
  }
  return failure("programs and shared libraries are linked for " +
                 host.getArchName() + " only; for " + target.getTriple() +
                 " use --emit=obj");
}

Error LinkedModel::writeProgram(StringRef output, bool isStatic,
                                StringRef libraryDirectory) const {
  Expected<Linker> linker = Linker::create(libraryDirectory);
  if (!linker)
    return linker.takeError();
  linker->onCommand = [&](StringRef command) { listener.detail(command); };
  Expected<std::string> table = emitModelTable(target, {facts.name().str()});
  if (!table)
    return table.takeError();
  Expected<TemporaryDirectory> scratch = TemporaryDirectory::create();
  if (!scratch)
    return scratch.takeError();
  Expected<std::string> model = scratch->write("model.o", object);
  if (!model)
    return model.takeError();
  Expected<std::string> models = scratch->write("models.o", *table);
  if (!models)
    return models.takeError();
  std::string bare = scratch->path("program");
  listener.step("linking");
  if (Error error = linker->linkProgram({*model, *models}, facts.symbol,
                                        isStatic, *scratch, bare))
    return error;
  auto program = llvm::MemoryBuffer::getFile(bare);
  if (!program)
    return failure("cannot read " + bare + ": " + program.getError().message());
  Expected<std::unique_ptr<AtomicFile>> file =
      AtomicFile::create(output, inputs, /*executable=*/true);
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

Expected<std::string> LinkedModel::linkShared() const {
  Expected<TemporaryDirectory> scratch = TemporaryDirectory::create();
  if (!scratch)
    return scratch.takeError();
  Expected<std::string> model = scratch->write("model.o", object);
  if (!model)
    return model.takeError();
  Linker linker;
  linker.onCommand = [&](StringRef command) { listener.detail(command); };
  std::string linked = scratch->path("model.so");
  if (Error error = linker.linkShared(*model, facts.symbol, *scratch, linked))
    return std::move(error);
  auto buffer = llvm::MemoryBuffer::getFile(linked);
  if (!buffer)
    return failure("cannot read " + linked + ": " +
                   buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

Error LinkedModel::writeLibrary(StringRef output, StringRef library) const {
  StringRef name = facts.name();
  if (Error error =
          checkBeside(output, name, static_cast<bool>(weights), inputs))
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
  if (Error error = (*header)->writeAt(0, writeModelHeader(facts)))
    return error;
  auto checkSame = [&](const AtomicFile &file) {
    return checkSameBeside(output, name, file.path(), file.temporaryPath());
  };
  // All are written before one takes its place, the library last: while it is
  // missing, nothing looks complete.
  if (weights) {
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
    if (Error error = (*file)->commit())
      return error;
  }
  if (Error error = checkSame(**header))
    return error;
  if (Error error = (*header)->commit())
    return error;
  return (*main)->commit();
}
