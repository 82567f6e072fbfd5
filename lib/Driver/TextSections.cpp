//===- TextSections.cpp - Tokenizer and templates -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Driver/TextSections.h"

#include "tern/Import/StandIns.h"
#include "tern/Tokenizer/TokenizerCompiler.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::SmallString;
using llvm::StringRef;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

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

void tern::reportRemarks(const Checkpoint &checkpoint,
                         const TextRemarks &remarks,
                         CompileListener &listener) {
  auto report = [&](MessageKind kind, const llvm::Twine &sentence) {
    listener.message(kind, (checkpoint.directory() + ": " + sentence).str());
  };
  for (const std::string &sentence : checkpoint.warnOfUnread())
    report(MessageKind::Warning, sentence);
  for (const std::string &sentence : remarks.warnings)
    report(MessageKind::Warning, sentence);
  if (!remarks.rules.empty())
    report(MessageKind::Note, "run and chat follow " + remarks.rules +
                                  " of generation_config.json");
}
