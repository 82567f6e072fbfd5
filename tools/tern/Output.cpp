//===- Output.cpp - The files tern compile makes --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Output.h"

#include "Commands.h"
#include "OutputFiles.h"

#include "tern/Artifact/AtomicFile.h"
#include "tern/Artifact/Emitter.h"
#include "tern/Artifact/Linker.h"
#include "tern/Artifact/TargetSelection.h"
#include "tern/Artifact/WeightWriter.h"
#include "tern/Import/StandIns.h"
#include "tern/Tokenizer/TokenizerCompiler.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::SmallString;
using llvm::StringRef;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

static Error writeStdout(StringRef contents) {
  llvm::outs() << contents;
  llvm::outs().flush();
  std::error_code code = llvm::outs().error();
  llvm::outs().clear_error();
  return code ? failure("cannot write to standard output: " + code.message())
              : Error::success();
}

Error tern::writeOutput(StringRef path, StringRef contents) {
  if (path == "-")
    return writeStdout(contents);
  Expected<std::unique_ptr<AtomicFile>> file = AtomicFile::create(path);
  if (!file)
    return file.takeError();
  if (Error error = (*file)->writeAt(0, contents))
    return error;
  return (*file)->commit();
}

//===----------------------------------------------------------------------===//
// Text: what goes into the artifact besides weights
//===----------------------------------------------------------------------===//

/// The largest public tokenizer.json has 34 MB.
static constexpr uint64_t maxTextBytes = uint64_t(128) << 20;

static FileRole roleOf(StringRef file) {
  return file.ends_with(".json")    ? FileRole::Json
         : file.ends_with(".model") ? FileRole::Binary
                                    : FileRole::Text;
}

/// The text of a file of the checkpoint; empty if there is no such file.
static Expected<std::string> readText(StringRef directory, StringRef file) {
  SmallString<128> path(directory);
  llvm::sys::path::append(path, file);
  llvm::sys::fs::file_status status;
  std::error_code code = llvm::sys::fs::status(path, status);
  if (code == std::errc::no_such_file_or_directory) {
    std::string reason = explainAbsence(path);
    if (!reason.empty())
      return failure(path + ": " + reason);
    return std::string();
  }
  if (code)
    return failure("cannot read " + path + ": " + code.message());
  if (!llvm::sys::fs::is_regular_file(status) ||
      status.getSize() > maxTextBytes)
    return failure(path + ": expected a file of at most " +
                   llvm::Twine(maxTextBytes) + " bytes");
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return failure("cannot read " + path + ": " + buffer.getError().message());
  StringRef text = (*buffer)->getBuffer();
  if (std::string other = recognizeStandIn(text, text.size(), roleOf(file));
      !other.empty())
    return failure(path + ": " + other);
  return text.str();
}

static Expected<TokenizerSources> readSources(StringRef directory) {
  TokenizerSources sources;
  for (auto [file, text] :
       {std::pair<StringRef, std::string *>{"tokenizer.json",
                                            &sources.tokenizer},
        {"tokenizer.model", &sources.sentencePiece},
        {"tokenizer_config.json", &sources.tokenizerConfig},
        {"config.json", &sources.config},
        {"generation_config.json", &sources.generationConfig},
        {"chat_template.jinja", &sources.chatTemplate},
        {"chat_template.json", &sources.chatTemplateJson},
        {"special_tokens_map.json", &sources.specialTokensMap},
        {"added_tokens.json", &sources.addedTokens}}) {
    Expected<std::string> read = readText(directory, file);
    if (!read)
      return read.takeError();
    *text = std::move(*read);
  }
  return sources;
}

Expected<TokenizerSources>
tern::readTokenizerSources(const Checkpoint &checkpoint) {
  return checkpoint.isGguf() ? checkpoint.ggufTokenizerSources()
                             : readSources(checkpoint.directory());
}

Expected<TextSections> tern::makeTextSections(const Checkpoint &checkpoint,
                                              StringRef chatTemplate) {
  StringRef directory = checkpoint.directory();
  Expected<TokenizerSources> sources = readTokenizerSources(checkpoint);
  if (!sources)
    return sources.takeError();
  if (!chatTemplate.empty()) {
    auto buffer = llvm::MemoryBuffer::getFile(chatTemplate);
    if (!buffer)
      return failure("cannot read " + chatTemplate + ": " +
                     buffer.getError().message());
    sources->chatTemplate = (*buffer)->getBuffer().str();
    if (sources->chatTemplate.empty())
      return failure(chatTemplate + " is empty");
  }
  std::string reason;
  auto refused = [&] { return failure(directory + ": " + reason); };
  TextSections sections;
  std::optional<TokenizerDescription> tokenizer;
  if (sources->hasTokenizer()) {
    tokenizer = readTokenizer(*sources, reason, &sections.remarks);
    if (!tokenizer)
      return refused();
    auto table = writeTokenizerTable(*tokenizer, reason);
    if (!table)
      return refused();
    sections.tokenizer = std::move(*table);
  }
  auto generation =
      compileGeneration(*sources, tokenizer ? &*tokenizer : nullptr, reason,
                        &sections.chatRefusal, &sections.remarks);
  if (!generation)
    return refused();
  if (!sections.chatRefusal.empty() && !chatTemplate.empty())
    return failure(chatTemplate + ": " + sections.chatRefusal);
  sections.generation = std::move(*generation);
  return sections;
}

std::string tern::remarkLines(const Checkpoint &checkpoint,
                              const TextRemarks &remarks) {
  std::string lines;
  auto add = [&](StringRef kind, const llvm::Twine &sentence) {
    lines +=
        ("tern: " + kind + ": " +
         inOneLine((checkpoint.directory() + ": " + sentence).str()) + "\n")
            .str();
  };
  for (const std::string &sentence : checkpoint.warnOfUnread())
    add("warning", sentence);
  for (const std::string &sentence : remarks.warnings)
    add("warning", sentence);
  if (!remarks.rules.empty())
    add("note",
        "run and chat follow " + remarks.rules + " of generation_config.json");
  return lines;
}

static Error fillArtifact(mlir::ModuleOp weights, const Checkpoint &checkpoint,
                          const TextSections &text, AtomicFile &file,
                          Progress &progress) {
  return writeArtifact(
      weights, checkpoint, text.tokenizer, text.generation, file, 0,
      [&](uint64_t done, uint64_t total) { progress.weights(done, total); });
}

Error tern::writeArtifactFile(mlir::ModuleOp weights,
                              const Checkpoint &checkpoint,
                              const TextSections &text, StringRef path,
                              Progress &progress) {
  Expected<std::unique_ptr<AtomicFile>> file = AtomicFile::create(path);
  if (!file)
    return file.takeError();
  if (Error error = fillArtifact(weights, checkpoint, text, **file, progress))
    return error;
  return (*file)->commit();
}

//===----------------------------------------------------------------------===//
// Product
//===----------------------------------------------------------------------===//

/// The runtime's libraries are this machine's.
Error tern::checkLinkable(TargetAttr target, bool program) {
  llvm::Triple triple(target.getTriple());
  llvm::Triple host(llvm::sys::getDefaultTargetTriple());
  if (triple.getArch() == host.getArch() && triple.getOS() == host.getOS()) {
    if (program)
      return Linker::inputsBeside(thisExecutable()).takeError();
    return Linker::compiler().takeError();
  }
  return failure("programs and shared libraries are linked for " +
                 host.getArchName() + " only; for " + target.getTriple() +
                 " use --emit=obj");
}

Error Product::writeProgram(StringRef output) const {
  Expected<Linker> linker = Linker::besideExecutable(thisExecutable());
  if (!linker)
    return linker.takeError();
  linker->verbose = verbose;
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
  progress.step("linking");
  if (Error error = linker->linkProgram({*model, *models}, facts.symbol,
                                        isStatic, *scratch, bare))
    return error;
  auto program = llvm::MemoryBuffer::getFile(bare);
  if (!program)
    return failure("cannot read " + bare + ": " + program.getError().message());
  Expected<std::unique_ptr<AtomicFile>> file =
      AtomicFile::create(output, /*executable=*/true);
  if (!file)
    return file.takeError();
  if (Error error = tern::writeProgram(
          (*program)->getBuffer(), weights, *checkpoint, text.tokenizer,
          text.generation, **file, [&](uint64_t done, uint64_t total) {
            progress.weights(done, total);
          }))
    return error;
  return (*file)->commit();
}

Error Product::writeLibrary(StringRef output, bool shared) const {
  std::string library = object;
  if (shared) {
    Expected<TemporaryDirectory> scratch = TemporaryDirectory::create();
    if (!scratch)
      return scratch.takeError();
    Expected<std::string> model = scratch->write("model.o", object);
    if (!model)
      return model.takeError();
    Linker linker;
    linker.verbose = verbose;
    std::string linked = scratch->path("model.so");
    if (Error error = linker.linkShared(*model, facts.symbol, *scratch, linked))
      return error;
    auto buffer = llvm::MemoryBuffer::getFile(linked);
    if (!buffer)
      return failure("cannot read " + linked + ": " +
                     buffer.getError().message());
    library = (*buffer)->getBuffer().str();
  }
  if (output == "-")
    return writeOutput(output, library);
  return writeBeside(output, library);
}

Error Product::writeBeside(StringRef output, StringRef library) const {
  StringRef name = facts.name();
  if (Error error = checkBeside(output, name, static_cast<bool>(weights)))
    return error;
  auto create = [](StringRef path) { return AtomicFile::create(path); };
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
            fillArtifact(weights, *checkpoint, text, **file, progress))
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
