//===- InspectText.cpp - tern inspect of tokenizers and chat --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InspectText.h"

#include "InspectArtifact.h"

#include "tern/template.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

#include <cstring>
#include <memory>

using namespace tern;
using llvm::StringRef;

static void printToken(const tern_tokenizer *tokenizer, int32_t id) {
  llvm::outs() << id;
  size_t bytes = 0;
  const char *text = tokenizer
                         ? tern_tokenizer_token(tokenizer, id, &bytes, nullptr)
                         : nullptr;
  if (!text)
    return;
  llvm::outs() << " ";
  llvm::printEscapedString({text, bytes}, llvm::outs());
}

static void printTemplate(const tern_artifact &artifact) {
  printField("chat");
  if (!artifact.chat_template) {
    llvm::outs() << "has no template\n";
    return;
  }
  std::unique_ptr<char[]> memory(new char[TERN_TEMPLATE_MEMORY]);
  tern_template *parsed;
  tern_error error = {};
  if (tern_template_parse(
          memory.get(), TERN_TEMPLATE_MEMORY, artifact.chat_template,
          artifact.generation.chat_template_bytes, &parsed, &error) == 0)
    llvm::outs() << "has a template\n";
  else
    llvm::outs() << "will not work: " << error.text << "\n";
}

static void printGeneration(const tern_artifact &artifact,
                            const tern_tokenizer *tokenizer) {
  const tern_generation &generation = artifact.generation;
  printField("begins with");
  if (generation.bos_id < 0)
    llvm::outs() << "no token";
  else
    printToken(tokenizer, generation.bos_id);
  llvm::outs() << "\n";
  printField("ends at");
  for (uint32_t i = 0; i < generation.eos_count; ++i) {
    llvm::outs() << (i ? ", " : "");
    printToken(tokenizer, generation.eos_ids[i]);
  }
  llvm::outs() << (generation.eos_count ? "\n" : "no token\n");
  printField("sampling");
  if (generation.do_sample)
    llvm::outs() << llvm::format("temperature %g, top-k %u, top-p %g, min-p %g",
                                 generation.temperature, generation.top_k,
                                 generation.top_p, generation.min_p)
                 << llvm::format(", repeat penalty %g\n",
                                 generation.repeat_penalty);
  else
    llvm::outs() << "greedy\n";
  printTemplate(artifact);
}

static StringRef kindOf(const tern_tokenizer_header &header) {
  if (header.kind == TERN_TOKENIZER_UNIGRAM)
    return "Unigram";
  return header.flags & TERN_TOKENIZER_BYTES ? "byte-level BPE" : "BPE";
}

void tern::printText(const tern_artifact &artifact) {
  printField("tokenizer");
  tern_tokenizer tokenizer;
  bool isLoaded = false;
  if (!artifact.tokenizer) {
    llvm::outs() << "none; takes --ids only\n";
  } else if (tern_tokenizer_load(&tokenizer, artifact.tokenizer,
                                 artifact.tokenizer_bytes) == TERN_OK) {
    isLoaded = true;
    llvm::outs() << kindOf(tokenizer.header) << ", "
                 << tokenizer.header.vocab_size << " tokens, "
                 << artifact.tokenizer_bytes << " bytes\n";
  } else {
    llvm::outs() << "damaged, or of another version\n";
  }
  printGeneration(artifact, isLoaded ? &tokenizer : nullptr);
}

void tern::printText(const TextSections &sections) {
  tern_artifact artifact = {};
  if (!sections.tokenizer.empty()) {
    artifact.tokenizer = sections.tokenizer.data();
    artifact.tokenizer_bytes = sections.tokenizer.size();
  }
  tern_generation &generation = artifact.generation;
  std::memcpy(&generation, sections.generation.data(), sizeof(generation));
  if (generation.chat_template_bytes)
    artifact.chat_template =
        reinterpret_cast<const char *>(sections.generation.data()) +
        sizeof(generation);
  printText(artifact);
}
