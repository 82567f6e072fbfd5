//===- InspectText.cpp - tern inspect of tokenizers and chat --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InspectText.h"

#include "tern/template.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <cstring>
#include <memory>

using namespace tern;
using llvm::StringRef;
using llvm::json::Array;
using llvm::json::Object;
using llvm::json::Value;

/// The id, and what the token says, if that is known.
static Object reportToken(const tern_tokenizer *tokenizer, int32_t id,
                          Report::Line &line) {
  Object facts{{"id", id}};
  line.say(llvm::Twine(id));
  size_t bytes = 0;
  const char *text = tokenizer
                         ? tern_tokenizer_token(tokenizer, id, &bytes, nullptr)
                         : nullptr;
  if (!text)
    return facts;
  std::string shown;
  llvm::raw_string_ostream stream(shown);
  llvm::printEscapedString({text, bytes}, stream);
  line.say(" " + shown);
  facts["token"] = shown;
  return facts;
}

static void reportTemplate(const tern_artifact &artifact, Report &report) {
  Report::Line line = report.line("chat");
  line.note("chat", false);
  if (!artifact.chat_template) {
    line.say("has no template");
    return;
  }
  std::unique_ptr<char[]> memory(new char[TERN_TEMPLATE_MEMORY]);
  tern_template *parsed;
  tern_error error = {};
  if (tern_template_parse(
          memory.get(), TERN_TEMPLATE_MEMORY, artifact.chat_template,
          artifact.generation.chat_template_bytes, &parsed, &error) == 0)
    line.say("has a template").note("chat", true);
  else
    line.put("chat_problem", StringRef(error.text), "will not work: {}");
}

/// Without the digits that only come from binary fractions.
static double toDecimal(float value) {
  return std::round(static_cast<double>(value) * 1e6) / 1e6;
}

static void reportSampling(const tern_generation &generation, Report &report) {
  if (!generation.do_sample) {
    report.line("sampling").say("greedy").note("sampling", nullptr);
    return;
  }
  Object sampling;
  report.line("sampling", sampling)
      .put("temperature", toDecimal(generation.temperature), "temperature {}")
      .put("top_k", generation.top_k, ", top-k {}")
      .put("top_p", toDecimal(generation.top_p), ", top-p {}")
      .put("min_p", toDecimal(generation.min_p), ", min-p {}")
      .put("repeat_penalty", toDecimal(generation.repeat_penalty),
           ", repeat penalty {}");
  report.facts["sampling"] = std::move(sampling);
}

/// Fields of generation_config.json besides those of sampling; lists by their
/// length, but stop strings in full.
static void reportRules(const tern_artifact &artifact, Report &report) {
  const tern_generation &g = artifact.generation;
  Object rules;
  std::string words;
  auto say = [&](StringRef name, Value value, const llvm::Twine &shown) {
    words += ((words.empty() ? "" : ", ") + name + " " + shown).str();
    rules[name] = std::move(value);
  };
  auto number = [&](StringRef name, int64_t value, int64_t none) {
    if (value != none)
      say(name, value, llvm::Twine(value));
  };
  number("max_new_tokens", g.max_new_tokens, -1);
  number("max_length", g.max_length, -1);
  number("min_new_tokens", g.min_new_tokens, 0);
  number("min_length", g.min_length, 0);
  // That of a model that samples is said there.
  if (!g.do_sample && g.repeat_penalty != 1)
    say("repetition_penalty", toDecimal(g.repeat_penalty),
        llvm::formatv("{0}", toDecimal(g.repeat_penalty)).str());
  number("no_repeat_ngram_size", g.no_repeat_ngram, 0);
  number("forced_bos_token_id", g.forced_bos_id, -1);
  for (auto [name, count] : {std::pair<StringRef, uint32_t>{
                                 "forced_eos_token_id", g.forced_eos_count},
                             {"suppress_tokens", g.suppress_count},
                             {"begin_suppress_tokens", g.begin_suppress_count},
                             {"bad_words_ids", g.bad_words_count}})
    if (count)
      say(name, count, "(" + llvm::Twine(count) + ")");
  Array stops;
  std::string quoted;
  const char *at = artifact.stops;
  for (uint32_t i = 0; i < g.stop_count && at; ++i, at += std::strlen(at) + 1) {
    stops.push_back(llvm::json::fixUTF8(at));
    quoted += (quoted.empty() ? "\"" : " \"") + std::string(at) + "\"";
  }
  if (!stops.empty())
    say("stop_strings", std::move(stops), quoted);
  if (words.empty()) {
    report.facts["rules"] = nullptr;
    return;
  }
  Object shown;
  report.line("rules", shown).put("rules", words);
  report.facts["rules"] = std::move(rules);
}

static void reportGeneration(const tern_artifact &artifact,
                             const tern_tokenizer *tokenizer, Report &report) {
  const tern_generation &generation = artifact.generation;
  {
    Report::Line line = report.line("begins with");
    if (generation.bos_id < 0)
      line.say("no token").note("begins_with", nullptr);
    else
      line.note("begins_with", reportToken(tokenizer, generation.bos_id, line));
  }
  {
    Report::Line line = report.line("ends at");
    Array ends;
    for (uint32_t i = 0; i < generation.eos_count; ++i) {
      line.say(i ? ", " : "");
      ends.push_back(reportToken(tokenizer, generation.eos_ids[i], line));
    }
    line.say(ends.empty() ? "no token" : "").note("ends_at", std::move(ends));
  }
  reportSampling(generation, report);
  reportRules(artifact, report);
  reportTemplate(artifact, report);
}

static StringRef kindOf(const tern_tokenizer_header &header) {
  if (header.kind == TERN_TOKENIZER_UNIGRAM)
    return "Unigram";
  return header.flags & TERN_TOKENIZER_BYTES ? "byte-level BPE" : "BPE";
}

void tern::reportText(const tern_artifact &artifact, Report &report) {
  tern_tokenizer tokenizer;
  bool isLoaded = false;
  Object facts;
  if (!artifact.tokenizer) {
    report.line("tokenizer").say("none; takes --ids only");
  } else if (tern_tokenizer_load(&tokenizer, artifact.tokenizer,
                                 artifact.tokenizer_bytes) == TERN_OK) {
    isLoaded = true;
    report.line("tokenizer", facts)
        .put("kind", kindOf(tokenizer.header))
        .put("tokens", tokenizer.header.vocab_size, ", {} tokens")
        .put("bytes", artifact.tokenizer_bytes, ", {} bytes");
  } else {
    report.line("tokenizer", facts)
        .put("problem", "damaged, or of another version");
  }
  report.facts["tokenizer"] = facts.empty() ? Value(nullptr) : std::move(facts);
  reportGeneration(artifact, isLoaded ? &tokenizer : nullptr, report);
}

void tern::reportText(const TextSections &sections, Report &report) {
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
  artifact.stops = reinterpret_cast<const char *>(sections.generation.data()) +
                   sizeof(generation) + generation.chat_template_bytes +
                   generation.chat_variables_bytes;
  reportText(artifact, report);
}
