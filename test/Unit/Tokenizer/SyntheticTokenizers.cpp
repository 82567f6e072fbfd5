//===- SyntheticTokenizers.cpp - Tokenizers of every kind -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SyntheticTokenizers.h"

#include "TokenizerTesting.h"

#include <algorithm>
#include <set>

namespace tern_test {

const char gpt2Pattern[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|)"
    R"(\s+(?!\S)|\s+)";
const char llama3Pattern[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char qwen2Pattern[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const char o200kPattern[] =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

/// GPT-2's letter for each byte.
std::vector<std::string> alphabet() {
  std::vector<std::string> letters;
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    bool visible = (byte >= '!' && byte <= '~') ||
                   (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    letters.push_back(utf8(uint32_t(visible ? byte : next++)));
  }
  return letters;
}

/// Grows `names` by merges of what is there already; frequent ones first.
Json randomMerges(std::vector<std::string> &names, size_t firstSymbol,
                  const std::vector<std::string> &common, size_t size,
                  std::mt19937 &random) {
  Json merges = Json::array();
  std::set<std::string> known(names.begin(), names.end());
  const size_t symbols = names.size();
  const bool pairs = random() % 2; // both are in use
  while (names.size() < size) {
    auto pick = [&]() -> std::string {
      switch (random() % 4) {
      case 0:
        return names[firstSymbol + random() % (symbols - firstSymbol)];
      case 1:
        return common[random() % common.size()];
      default:
        return names[firstSymbol + random() % (names.size() - firstSymbol)];
      }
    };
    std::string a = pick(), b = pick();
    if (a.size() + b.size() > 24 || a[0] == '<' || b[0] == '<')
      continue;
    if (random() % 8)
      merges.push_back(pairs ? Json({a, b}) : Json(a + " " + b));
    if (known.insert(a + b).second)
      names.push_back(a + b);
  }
  return merges;
}

Json bosTemplate(const std::string &name, int id) {
  return {{"type", "TemplateProcessing"},
          {"single",
           {{{"SpecialToken", {{"id", name}, {"type_id", 0}}}},
            {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
          {"pair", Json::array()},
          {"special_tokens",
           {{name, {{"id", name}, {"ids", {id}}, {"tokens", {name}}}}}}};
}

Json sequence(const char *list, Json steps) {
  return {{"type", "Sequence"}, {list, std::move(steps)}};
}

Json byteLevelTokenizer(uint32_t seed, bool ignoreMerges, Json preTokenizer,
                        Json normalizer = nullptr) {
  Json model = byteLevelModel(seed, ignoreMerges);
  int size = int(model["vocab"].size());
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", awkwardTokens(size)},
          {"normalizer", std::move(normalizer)},
          {"pre_tokenizer", std::move(preTokenizer)},
          {"post_processor", bosTemplate("<|begin_of_text|>", size)},
          {"decoder", byteLevelStep(true, true)},
          {"model", std::move(model)}};
}

const char mark[] = "\u2581";

/// The first tokens of SentencePiece vocabularies.
std::vector<std::string> sentencePieceSymbols(bool hasBytes) {
  std::vector<std::string> names = {"<unk>", "<s>", "</s>"};
  for (int byte = 0; hasBytes && byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", byte);
    names.push_back(name);
  }
  for (char c = 'a'; c <= 'z'; ++c)
    names.push_back(std::string(1, c));
  for (const char *letter :
       {mark,     "T",      "R",      "O", "M", "'", ".",      ",",
        "!",      "-",      "0",      "1", "2", "3", "\u00E9", "e\u0301",
        "\u4F60", "\u597D", "\u0939", "<", ">", "|"})
    names.push_back(letter);
  return names;
}

Json markStep() {
  return {
      {"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", mark}};
}

Json markDecoder(bool strips) {
  Json steps = {
      {{"type", "Replace"}, {"pattern", {{"String", mark}}}, {"content", " "}},
      {{"type", "ByteFallback"}},
      {{"type", "Fuse"}}};
  if (strips)
    steps.push_back(
        {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return sequence("decoders", steps);
}

Json metaspace(const char *scheme, bool splits) {
  return {{"type", "Metaspace"},
          {"replacement", mark},
          {"prepend_scheme", scheme},
          {"split", splits}};
}

Json sentencePieceTokenizer(uint32_t seed, bool fuses, bool hasBytes,
                            Json normalizer, Json preTokenizer, Json decoder) {
  std::mt19937 random(seed);
  std::vector<std::string> names = sentencePieceSymbols(hasBytes);
  Json merges = randomMerges(names, hasBytes ? 259 : 3,
                             {mark, "e", "t", "h", "a", "r"}, 2500, random);
  Json vocab = Json::object();
  for (size_t i = 0; i < names.size(); ++i)
    vocab[names[i]] = i;
  Json added = Json::array();
  for (int id = 0; id < 3; ++id)
    added.push_back(addedToken(id, names[size_t(id)], false));
  added.push_back(addedToken(int(names.size()), "late", true));
  return {{"version", "1.0"},
          {"added_tokens", added},
          {"normalizer", std::move(normalizer)},
          {"pre_tokenizer", std::move(preTokenizer)},
          {"post_processor", bosTemplate("<s>", 1)},
          {"decoder", std::move(decoder)},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", "<unk>"},
            {"fuse_unk", fuses},
            {"byte_fallback", hasBytes},
            {"vocab", vocab},
            {"merges", merges}}}};
}

Json unigramTokenizer(uint32_t seed, bool hasBytes, Json normalizer,
                      Json preTokenizer) {
  std::mt19937 random(seed);
  std::vector<std::string> names = sentencePieceSymbols(hasBytes);
  const size_t first = hasBytes ? 259 : 3;
  randomMerges(names, first, {mark, "e", "t", "h", "a", "r"}, 2500, random);
  Json vocab = Json::array();
  for (size_t i = 0; i < names.size(); ++i)
    vocab.push_back(
        {names[i], i < first ? 0.0 : -5 - double(random() % 100000) / 9973});
  Json added = Json::array();
  for (int id = 0; id < 3; ++id)
    added.push_back(addedToken(id, names[size_t(id)], false));
  return {{"version", "1.0"},
          {"added_tokens", added},
          {"normalizer", std::move(normalizer)},
          {"pre_tokenizer", std::move(preTokenizer)},
          {"post_processor", bosTemplate("<s>", 1)},
          {"decoder", metaspace("always", true)},
          {"model",
           {{"type", "Unigram"},
            {"unk_id", 0},
            {"byte_fallback", hasBytes},
            {"vocab", vocab}}}};
}

} // namespace

Json addedToken(int id, const std::string &content, bool normalized) {
  return {{"id", id},
          {"content", content},
          {"single_word", false},
          {"lstrip", false},
          {"rstrip", false},
          {"normalized", normalized},
          {"special", !normalized}};
}

Json awkwardTokens(int id) {
  Json tokens = {addedToken(id, "<|begin_of_text|>", false)};
  for (const char *content : {"<a>", "<a><b>", "<b"})
    tokens.push_back(addedToken(++id, content, false));
  for (const char *content : {"late", "\u0939", "lat", "<|end"})
    tokens.push_back(addedToken(++id, content, true));
  return tokens;
}

Json byteLevelModel(uint32_t seed, bool ignoreMerges) {
  std::mt19937 random(seed);
  std::vector<std::string> names = alphabet();
  Json merges =
      randomMerges(names, 0, {"a", "e", "h", "o", "t", "r", "n", "s", "\u0120"},
                   3000, random);
  std::shuffle(names.begin(), names.end(), random);
  Json vocab = Json::object();
  for (size_t i = 0; i < names.size(); ++i)
    vocab[names[i]] = i;
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", ignoreMerges},
          {"vocab", vocab},
          {"merges", merges}};
}

Json byteLevelStep(bool prefixSpace, bool regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", prefixSpace},
          {"trim_offsets", true},
          {"use_regex", regex}};
}

Json splitStep(const std::string &regex, const std::string &behavior) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", regex}}},
          {"behavior", behavior},
          {"invert", false}};
}

static std::vector<SyntheticTokenizer> makeTokenizers() {
  const char *list = "pretokenizers";
  Json bytes = byteLevelStep(false, false);
  auto by = [&](const char *regex) {
    return sequence(list, {splitStep(regex, "Isolated"), bytes});
  };
  Json nfc = {{"type", "NFC"}}, nfkc = {{"type", "NFKC"}};
  Json digits = {{"type", "Digits"}, {"individual_digits", true}};
  Json punctuation = {{"type", "Punctuation"}, {"behavior", "Contiguous"}};
  Json falcon =
      sequence(list, {punctuation,
                      byteLevelStep(false, true),
                      {{"type", "Digits"}, {"individual_digits", false}},
                      splitStep("[0-9][0-9][0-9]", "Isolated")});
  Json deepseek =
      sequence(list, {splitStep("[\r\n]", "Isolated"),
                      splitStep(R"(\s?[A-Za-z\u00E9]+)", "Isolated"),
                      splitStep(R"(\s?[!-/:-~\u201C\u201D]+)", "Isolated"),
                      splitStep("[\u4E00-\u9FA5\u0800-\u4E00]+", "Isolated"),
                      digits, bytes});
  Json legacy = sequence(
      "normalizers", {{{"type", "Prepend"}, {"prepend", mark}}, markStep()});
  return {
      {"gpt2", byteLevelTokenizer(1, false, byteLevelStep(false, true))},
      {"gpt2-prefix", byteLevelTokenizer(2, false, byteLevelStep(true, true))},
      {"llama3", byteLevelTokenizer(3, true, by(llama3Pattern))},
      {"qwen2", byteLevelTokenizer(4, false, by(qwen2Pattern), nfc)},
      {"o200k", byteLevelTokenizer(5, false, by(o200kPattern))},
      {"falcon", byteLevelTokenizer(6, false, falcon)},
      {"deepseek", byteLevelTokenizer(7, false, deepseek)},
      {"starcoder",
       byteLevelTokenizer(
           8, false, sequence(list, {digits, byteLevelStep(false, true)}))},
      {"nfkc", byteLevelTokenizer(9, false, by(llama3Pattern), nfkc)},
      {"nfd",
       byteLevelTokenizer(10, false, by(qwen2Pattern), {{"type", "NFD"}})},
      {"llama2", sentencePieceTokenizer(11, true, true, legacy, nullptr,
                                        markDecoder(true))},
      {"mistral",
       sentencePieceTokenizer(12, true, true, nullptr,
                              metaspace("first", false), markDecoder(true))},
      {"gemma", sentencePieceTokenizer(13, true, true, markStep(),
                                       {{"type", "Split"},
                                        {"pattern", {{"String", " "}}},
                                        {"behavior", "MergedWithPrevious"},
                                        {"invert", false}},
                                       markDecoder(false))},
      {"words",
       sentencePieceTokenizer(14, false, false, nullptr,
                              metaspace("always", true), markDecoder(true))},
      {"unigram",
       unigramTokenizer(15, false, nullptr, metaspace("always", true))},
      {"unigram-nfkc",
       unigramTokenizer(16, false, nfkc, metaspace("always", true))},
  };
}

const std::vector<SyntheticTokenizer> &syntheticTokenizers() {
  static const std::vector<SyntheticTokenizer> tokenizers = makeTokenizers();
  return tokenizers;
}

} // namespace tern_test
