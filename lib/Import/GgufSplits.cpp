//===- lib/Import/GgufSplits.cpp - How GGUF files split text --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GgufSplits.h"

#include "tern/Import/GgufNames.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace tern {

/// Contractions, words with one character before them, and what is left;
/// `letters` and `others` are sets without their brackets.
#define TERN_WORDS(letters, digits, others)                                    \
  R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?)" letters                 \
  R"(+|\p{N})" digits R"(| ?[^\s)" others                                      \
  R"(\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"
/// Words by the case of their letters, as GPT-4o's.
#define TERN_CASED(after, digits)                                              \
  R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*)"                      \
  R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]+)" after                                        \
  R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+)"                     \
  R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]*)" after R"(|\p{N})" digits                     \
  R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"

static constexpr StringLiteral llama3[] = {
    TERN_WORDS(R"(\p{L})", "{1,3}", R"(\p{L})")};
static constexpr StringLiteral qwen2[] = {
    TERN_WORDS(R"(\p{L})", "", R"(\p{L})")};
static constexpr StringLiteral qwen35[] = {
    TERN_WORDS(R"([\p{L}\p{M}])", "", R"(\p{L}\p{M})")};
static constexpr StringLiteral gpt4o[] = {
    TERN_CASED("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "{1,3}")};
static constexpr StringLiteral tekken[] = {TERN_CASED("", "")};
static constexpr StringLiteral eachDigit[] = {R"(\p{N})"};

static constexpr StringLiteral gpt2Words =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|)"
    R"(\s+(?!\S)|\s+)";
static constexpr StringLiteral falcon[] = {R"([\p{P}$+<=>^~|`]+)", gpt2Words,
                                           "[0-9][0-9][0-9]"};
/// llama.cpp's for a converter that did not know.
static constexpr StringLiteral unknown[] = {R"([\p{P}$+<=>^~|]+)", gpt2Words,
                                            R"(\p{N}+)", "[0-9][0-9][0-9]"};

#undef TERN_WORDS
#undef TERN_CASED

/// As llama.cpp, ik_llama.cpp and bitnet.cpp read them. Of several names for
/// the same the first is written.
static constexpr GgufSplit splits[] = {
    // name, steps, then GPT-2's, ignores merges, adds bos
    {"llama-bpe", llama3, false, true, true},
    {"llama3", llama3, false, true, true},
    {"llama-v3", llama3, false, true, true},
    {"falcon3", llama3, false, true, true},
    {"falcon_e", llama3, false, true, true},
    {"falcon-e", llama3, false, true, true},
    {"falcon-h1", llama3, false, true, true},
    {"pixtral", llama3, false, true, true},
    {"midm-2.0", llama3, false, true, true},
    {"lfm2", llama3, false, true, true},
    {"dbrx", llama3, false, false, false},
    {"smaug-bpe", llama3, false, false, false},
    {"glm4", llama3, false, false, false},
    {"chatglm-bpe", llama3, false, false, false},
    {"qwen2", qwen2, false, false, false},
    {"deepseek-r1-qwen", qwen2, false, false, false},
    {"megrez", qwen2, false, false, false},
    {"stablelm2", qwen2, false, false, false},
    {"hunyuan", qwen2, false, false, false},
    {"grok-2", qwen2, false, false, false},
    {"kormo", qwen2, false, false, false},
    {"f2llmv2", qwen2, false, false, false},
    {"qwen35", qwen35, false, false, false},
    {"gpt-4o", gpt4o, false, false, false},
    {"llama4", gpt4o, false, false, false},
    {"kanana2", gpt4o, false, false, false},
    {"tekken", tekken, false, true, true},
    {"gpt-2", {}, true, false, false},
    {"phi-2", {}, true, false, false},
    {"mpt", {}, true, false, false},
    {"olmo", {}, true, false, false},
    {"jais", {}, true, false, false},
    {"trillion", {}, true, false, false},
    {"granite-docling", {}, true, false, false},
    {"gigachat", {}, true, false, false},
    {"a.x-4.0", {}, true, false, false},
    {"mellum", {}, true, false, false},
    {"modern-bert", {}, true, false, false},
    {"exaone4", {}, true, false, false},
    {"starcoder", eachDigit, true, false, false},
    {"refact", eachDigit, true, false, false},
    {"command-r", eachDigit, true, false, false},
    {"smollm", eachDigit, true, false, false},
    {"codeshell", eachDigit, true, false, false},
    {"exaone", eachDigit, true, false, false},
    {"minerva-7b", eachDigit, true, false, false},
    {"falcon", falcon, false, false, false},
    {"default", unknown, false, false, false},
};

StringRef ggufSplitName(ArrayRef<std::string> steps, bool thenGpt2,
                        bool ignoreMerges) {
  for (const GgufSplit &one : splits)
    if (one.ignoreMerges == ignoreMerges && one.thenGpt2 == thenGpt2 &&
        equal(one.steps, steps))
      return one.name;
  return "";
}

const GgufSplit *ggufSplit(StringRef name) {
  const auto *found =
      find_if(splits, [&](const auto &one) { return one.name == name; });
  return found == std::end(splits) ? nullptr : found;
}

} // namespace tern
