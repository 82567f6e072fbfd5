//===- lib/Import/GgufTokenizer.cpp - Tokenizers of GGUF files ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/GgufModel.h"

#include "GgufSplits.h"
#include "Json.h"
#include "tern/Import/GgufNames.h"
#include <cmath>

using namespace llvm;
using nlohmann::json;

namespace tern {

namespace {

/// Four times what models have; keeps what a file can cost in bounds.
constexpr size_t maxTokens = 1 << 20;

/// Puts a tokenizer as tokenizer.json, or as what tokenizer.model says.
class TokenizerTranslator {
public:
  TokenizerTranslator(const GgufFile &file, const GgufOptions &options)
      : file(file), options(options) {}

  Error translate(TokenizerSources &sources);
  /// The tokens as tokenizer_config.json would name them; after the above.
  Expected<std::string> names() const;
  /// Tokens that end an answer by their name. Files have only one id to say it,
  /// and engines look for these names too.
  std::vector<size_t> endTokens() const;

private:
  Error findModel();
  Error findPreTokenizer();
  Error readTokens();
  Error readMerges();
  Error readAffixes();
  Expected<std::string> byteLevelBpe();
  json postProcessor();
  Expected<SentencePieces> sentencePieces();
  Error readPieces(SentencePieces &out);
  Error readNormalizer(SentencePieces &out);

  const GgufFile &file;
  const GgufOptions &options;
  bool isSentencePiece = false, isUnigram = false;
  const GgufSplit *pre = nullptr; ///< of byte-level BPE
  std::vector<StringRef> tokens;
  std::vector<int64_t> types;
  /// Set around a text, or -1.
  int64_t bos = -1, eos = -1;
  json merges = json::array();
};

} // namespace

Error TokenizerTranslator::findModel() {
  auto model = file.string("tokenizer.ggml.model");
  if (!model)
    return model.takeError();
  isUnigram = **model == "t5";
  isSentencePiece = isUnigram || **model == "llama";
  if (!isSentencePiece && **model != "gpt2")
    return file.error("the tokenizer model '" + (*model)->take_front(40) +
                      "' is not supported; tern reads gpt2, byte-level BPE, "
                      "llama, SentencePiece's, and t5, its Unigram");
  return isSentencePiece ? Error::success() : findPreTokenizer();
}

Error TokenizerTranslator::findPreTokenizer() {
  auto stated = file.string("tokenizer.ggml.pre");
  if (!stated)
    return stated.takeError();
  StringRef name = options.tokenizerPre;
  if (name.empty() && !*stated)
    return file.error("'tokenizer.ggml.pre' is missing, so it is not known how "
                      "text is split; say --tokenizer-pre=llama-bpe, gpt-2, "
                      "qwen2 or another name of docs/gguf.md");
  if (name.empty())
    name = **stated;
  pre = ggufSplit(name);
  if (!pre)
    return file.error("the tokenizer splits text as '" + name.take_front(40) +
                      "', which is not supported; if it is another name for "
                      "one that is, say --tokenizer-pre=llama-bpe, falcon3, "
                      "gpt-2, qwen2 or another name of docs/gguf.md");
  return Error::success();
}

Error TokenizerTranslator::readTokens() {
  Expected<std::vector<StringRef>> list = file.strings("tokenizer.ggml.tokens");
  if (!list)
    return list.takeError();
  tokens = std::move(*list);
  if (tokens.size() > maxTokens)
    return file.error("there are " + Twine(tokens.size()) +
                      " tokens, more than the " + Twine(maxTokens) +
                      " allowed");
  types.assign(tokens.size(), GgufNormal);
  if (file.find("tokenizer.ggml.token_type")) {
    auto stated = file.integers("tokenizer.ggml.token_type");
    if (!stated)
      return stated.takeError();
    if (stated->size() != tokens.size())
      return file.error("there are " + Twine(tokens.size()) + " tokens, but " +
                        Twine(stated->size()) + " types of tokens");
    types = std::move(*stated);
  }
  std::set<StringRef> seen;
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (types[id] < GgufNormal || types[id] > GgufByte)
      return file.error("token " + Twine(id) + " is of type " +
                        Twine(types[id]) + ", which nobody defined");
    if (types[id] == GgufUnused)
      continue;
    if (!isUtf8(tokens[id]) || !seen.insert(tokens[id]).second)
      return file.error("token " + Twine(id) + " is not UTF-8 or occurs twice");
  }
  return Error::success();
}

Error TokenizerTranslator::readMerges() {
  if (!file.find("tokenizer.ggml.merges"))
    return Error::success();
  auto list = file.strings("tokenizer.ggml.merges");
  if (!list)
    return list.takeError();
  if (list->size() > 4 * maxTokens)
    return file.error("there are " + Twine(list->size()) +
                      " merges, more than the " + Twine(4 * maxTokens) +
                      " allowed");
  for (StringRef merge : *list) {
    if (!isUtf8(merge))
      return file.error("a merge of the tokenizer is not UTF-8");
    merges.push_back(merge.str());
  }
  return Error::success();
}

Error TokenizerTranslator::readAffixes() {
  const bool adds[] = {isSentencePiece ? !isUnigram : pre->addsBos, isUnigram};
  for (auto [side, out, isDefault] :
       {std::tuple{"bos", &bos, adds[0]}, {"eos", &eos, adds[1]}}) {
    auto stated =
        file.flag(("tokenizer.ggml.add_" + Twine(side) + "_token").str());
    if (!stated)
      return stated.takeError();
    if (!stated->value_or(isDefault))
      continue;
    std::string key = ("tokenizer.ggml." + Twine(side) + "_token_id").str();
    auto id = file.integer(key);
    if (!id)
      return id.takeError();
    if (!*id || **id >= tokens.size() || !isUtf8(tokens[**id]))
      return file.error("a token is to be added to texts, but '" + key +
                        "' is missing or no token");
    *out = static_cast<int64_t>(**id);
  }
  return Error::success();
}

json TokenizerTranslator::postProcessor() {
  json single = json::array(), special = json::object();
  auto add = [&](int64_t id) {
    if (id < 0)
      return;
    std::string name = tokens[static_cast<size_t>(id)].str();
    single.push_back({{"SpecialToken", {{"id", name}, {"type_id", 0}}}});
    special[name] = {{"id", name}, {"ids", {id}}};
  };
  add(bos);
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  add(eos);
  return json{{"type", "TemplateProcessing"},
              {"single", std::move(single)},
              {"special_tokens", std::move(special)}};
}

Expected<std::string> TokenizerTranslator::byteLevelBpe() {
  if (Error error = readMerges())
    return std::move(error);
  json vocabulary = json::object(), added = json::array();
  for (auto [id, name] : enumerate(tokens)) {
    bool isPlain = types[id] == GgufNormal || types[id] == GgufByte;
    if (!isPlain && types[id] != GgufUnused)
      added.push_back({{"id", id},
                       {"content", name.str()},
                       {"special", types[id] != GgufUserDefined}});
    if (isPlain || types[id] == GgufUnknown)
      vocabulary[name.str()] = id;
  }
  json byteLevel = {{"type", "ByteLevel"},
                    {"add_prefix_space", false},
                    {"use_regex", pre->thenGpt2}};
  json steps = json::array();
  for (StringRef regex : pre->steps)
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", regex.str()}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  steps.push_back(byteLevel);
  json root = {{"added_tokens", std::move(added)},
               {"pre_tokenizer",
                {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}}},
               {"post_processor", postProcessor()},
               {"decoder", std::move(byteLevel)},
               {"model",
                {{"type", "BPE"},
                 {"ignore_merges", pre->ignoreMerges},
                 {"vocab", std::move(vocabulary)},
                 {"merges", std::move(merges)}}}};
  return root.dump();
}

Error TokenizerTranslator::readPieces(SentencePieces &out) {
  auto scores = file.numbers("tokenizer.ggml.scores");
  if (!scores)
    return scores.takeError();
  if (scores->size() != tokens.size())
    return file.error("there are " + Twine(tokens.size()) + " tokens, but " +
                      Twine(scores->size()) + " scores");
  for (auto [id, text] : enumerate(tokens)) {
    if (std::isnan((*scores)[id]))
      return file.error("the score of token " + Twine(id) + " is no number");
    out.pieces.push_back({text.str(), (*scores)[id], types[id]});
  }
  return Error::success();
}

Error TokenizerTranslator::readNormalizer(SentencePieces &out) {
  auto prefix = file.flag("tokenizer.ggml.add_space_prefix");
  if (!prefix)
    return prefix.takeError();
  auto removes = file.flag("tokenizer.ggml.remove_extra_whitespaces");
  if (!removes)
    return removes.takeError();
  out.removesSpaces = removes->value_or(false);
  // llama.cpp's Unigram sets a space before each word where it removes spaces.
  out.addsSpace =
      prefix->value_or(!isUnigram) || (isUnigram && out.removesSpaces);
  if (!file.find("tokenizer.ggml.precompiled_charsmap"))
    return Error::success();
  auto rules = file.integers("tokenizer.ggml.precompiled_charsmap");
  if (!rules)
    return rules.takeError();
  for (int64_t byte : *rules) {
    if (byte < -128 || byte > 255)
      return file.error("'tokenizer.ggml.precompiled_charsmap' is no list of "
                        "bytes");
    out.charsmap += static_cast<char>(byte);
  }
  return Error::success();
}

Expected<SentencePieces> TokenizerTranslator::sentencePieces() {
  SentencePieces out;
  out.isUnigram = isUnigram;
  if (Error error = readPieces(out))
    return std::move(error);
  if (Error error = readNormalizer(out))
    return std::move(error);
  out.bos = bos;
  out.eos = eos;
  out.addsBos = bos >= 0;
  out.addsEos = eos >= 0;
  return out;
}

Error TokenizerTranslator::translate(TokenizerSources &sources) {
  if (Error error = findModel())
    return error;
  if (Error error = readTokens())
    return error;
  if (Error error = readAffixes())
    return error;
  if (isSentencePiece)
    return sentencePieces().moveInto(sources.pieces);
  return byteLevelBpe().moveInto(sources.tokenizer);
}

Expected<std::string> TokenizerTranslator::names() const {
  json names = json::object();
  for (auto [key, name] :
       {std::pair<StringRef, const char *>{"bos", "bos_token"},
        {"eos", "eos_token"},
        {"unknown", "unk_token"},
        {"padding", "pad_token"}}) {
    auto id = file.integer(("tokenizer.ggml." + key + "_token_id").str());
    if (!id)
      return id.takeError();
    if (*id && **id < tokens.size() && isUtf8(tokens[**id]))
      names[name] = tokens[**id].str();
  }
  return names.dump();
}

std::vector<size_t> TokenizerTranslator::endTokens() const {
  std::vector<size_t> ids;
  for (auto [id, name] : enumerate(tokens))
    if ((types[id] == GgufControl || types[id] == GgufUnknown) &&
        is_contained({"<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>",
                      "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>"},
                     name))
      ids.push_back(id);
  return ids;
}

/// How far back a repetition penalty looks; llama.cpp's default where the file
/// does not say it.
static Error readRepeatLastN(const GgufFile &file, TokenizerSources &sources,
                             json &generation) {
  auto last = file.number("general.sampling.penalty_last_n");
  if (!last)
    return last.takeError();
  double tokens = last->value_or(64);
  if (!(tokens >= -1 && tokens <= INT32_MAX))
    return file.error(
        "the value of 'general.sampling.penalty_last_n' is out of "
        "range");
  if (tokens == 0)
    generation.erase("repetition_penalty");
  if (tokens > 0 && generation.contains("repetition_penalty"))
    sources.repeatLastN = static_cast<uint32_t>(tokens);
  return Error::success();
}

/// As generation_config.json says it.
static Error addSampling(const GgufFile &file, json &generation) {
  for (const auto &[key, name] : samplingNames) {
    auto value = file.number(key);
    if (!value)
      return value.takeError();
    if (!*value)
      continue;
    if (!std::isfinite(**value) || **value < 0 || **value > 1e6)
      return file.error("the value of '" + key + "' is out of range");
    generation["do_sample"] = true;
    if (name == "top_k")
      generation[name.str()] = static_cast<uint64_t>(**value);
    else
      generation[name.str()] = **value;
  }
  return Error::success();
}

Expected<TokenizerSources> ggufTokenizer(const GgufFile &file,
                                         const GgufOptions &options,
                                         std::string config) {
  TokenizerSources sources;
  sources.config = std::move(config);
  auto chat = file.string("tokenizer.chat_template");
  if (!chat)
    return chat.takeError();
  sources.chatTemplate = chat->value_or("").str();
  json generation = json::object();
  if (Error error = addSampling(file, generation))
    return std::move(error);
  if (Error error = readRepeatLastN(file, sources, generation))
    return std::move(error);
  auto model = file.string("tokenizer.ggml.model");
  if (!model)
    return model.takeError();
  // How writers spell that there is none.
  bool hasTokenizer = *model && **model != "no_vocab" && **model != "none";
  if (hasTokenizer) {
    TokenizerTranslator translator(file, options);
    if (Error error = translator.translate(sources))
      return std::move(error);
    Expected<std::string> names = translator.names();
    if (!names)
      return names.takeError();
    sources.tokenizerConfig = std::move(*names);
    std::vector<size_t> ends = translator.endTokens();
    if (!ends.empty())
      generation["eos_token_id"] = ends;
  }
  if (!generation.empty())
    sources.generationConfig = generation.dump();
  return sources;
}

} // namespace tern
