//===- lib/Import/GgufTokenizer.cpp - Tokenizers of GGUF files ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/GgufModel.h"

#include "Json.h"
#include "tern/Import/GgufNames.h"
#include "tern/Import/GgufPieces.h"

#include <cmath>

using namespace llvm;
using nlohmann::json;

namespace tern {

namespace {

/// What `tokenizer.ggml.pre` stands for.
struct PreTokenizer {
  StringLiteral name;
  const char *regex; ///< null: GPT-2's, which ByteLevel brings along
  bool ignoreMerges, addsBos;
};

} // namespace

#define TERN_WORDS(digits)                                                     \
  R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})" digits      \
  R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"

static constexpr PreTokenizer preTokenizers[] = {
    {"llama-bpe", TERN_WORDS("{1,3}"), true, true},
    {"llama3", TERN_WORDS("{1,3}"), true, true},
    {"llama-v3", TERN_WORDS("{1,3}"), true, true},
    {"falcon3", TERN_WORDS("{1,3}"), true, true},
    {"falcon-h1", TERN_WORDS("{1,3}"), true, true},
    {"dbrx", TERN_WORDS("{1,3}"), false, false},
    {"smaug-bpe", TERN_WORDS("{1,3}"), false, false},
    {"qwen2", TERN_WORDS(""), false, false},
    {"deepseek-r1-qwen", TERN_WORDS(""), false, false},
    {"gpt-2", nullptr, false, false},
    {"phi-2", nullptr, false, false},
};

#undef TERN_WORDS

StringRef ggufSplitName(const char *regex, bool ignoreMerges) {
  for (const PreTokenizer &one : preTokenizers)
    if (one.ignoreMerges == ignoreMerges && !one.regex == !regex &&
        (!regex || StringRef(regex) == one.regex))
      return one.name;
  return "";
}

namespace {

/// Four times what models have; keeps what a file can cost in bounds.
constexpr size_t maxTokens = 1 << 20;

/// Puts a tokenizer as tokenizer.json.
class TokenizerTranslator {
public:
  TokenizerTranslator(const GgufFile &file, const GgufOptions &options)
      : file(file), options(options) {}

  Expected<std::string> translate();
  /// What tokenizer_config.json says of tokens; after the above.
  Expected<std::string> names() const;
  /// Tokens that end an answer by their name. Files have only one id to say it,
  /// and engines look for these names too.
  std::vector<size_t> endTokens() const;

private:
  Error findModel();
  Error findPreTokenizer();
  Error readTokens();
  Error readMerges();
  Error readScores();
  json byteLevelBpe(json root);
  Expected<json> sentencePiece(json root);
  Expected<json> postProcessor();
  Expected<json> affix(StringRef name);

  const GgufFile &file;
  const GgufOptions &options;
  bool isSentencePiece = false;
  const PreTokenizer *pre = nullptr; ///< of byte-level BPE
  std::vector<StringRef> tokens;
  std::vector<int64_t> types;
  json vocabulary = json::object(), added = json::array(),
       merges = json::array();
};

} // namespace

Error TokenizerTranslator::findModel() {
  auto model = file.string("tokenizer.ggml.model");
  if (!model)
    return model.takeError();
  isSentencePiece = **model == "llama";
  if (!isSentencePiece && **model != "gpt2")
    return file.error("the tokenizer model '" + (*model)->take_front(40) +
                      "' is not supported; tern reads gpt2, byte-level BPE, "
                      "and llama, SentencePiece's");
  return isSentencePiece ? Error::success() : findPreTokenizer();
}

Error TokenizerTranslator::findPreTokenizer() {
  auto stated = file.string("tokenizer.ggml.pre");
  if (!stated)
    return stated.takeError();
  StringRef name = options.tokenizerPre;
  if (name.empty() && !*stated)
    return file.error("'tokenizer.ggml.pre' is missing, so it is not known how "
                      "text is split; say --tokenizer-pre=llama-bpe, gpt-2 or "
                      "qwen2");
  if (name.empty())
    name = **stated;
  const auto *found =
      find_if(preTokenizers, [&](const auto &one) { return one.name == name; });
  if (found == std::end(preTokenizers))
    return file.error("the tokenizer splits text as '" + name.take_front(40) +
                      "', which is not supported; llama-bpe, gpt-2 and qwen2 "
                      "are");
  pre = found;
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
    bool isPlain = types[id] == GgufNormal || types[id] == GgufByte;
    if (!isPlain)
      added.push_back({{"id", id},
                       {"content", tokens[id].str()},
                       {"special", types[id] != GgufUserDefined}});
    if (isPlain || types[id] == GgufUnknown)
      vocabulary[tokens[id].str()] = id;
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

Error TokenizerTranslator::readScores() {
  auto scores = file.numbers("tokenizer.ggml.scores");
  if (!scores)
    return scores.takeError();
  if (scores->size() != tokens.size())
    return file.error("there are " + Twine(tokens.size()) + " tokens, but " +
                      Twine(scores->size()) + " scores");
  std::vector<StringRef> pieces;
  for (auto [id, piece] : enumerate(tokens)) {
    if (std::isnan((*scores)[id]))
      return file.error("the score of token " + Twine(id) + " is no number");
    if (types[id] == GgufNormal && piece.size() > maxPieceBytes)
      return file.error("token " + Twine(id) + " has " + Twine(piece.size()) +
                        " bytes, more than the " + Twine(maxPieceBytes) +
                        " allowed");
    pieces.push_back(types[id] == GgufNormal ? piece : "");
  }
  merges = mergesOfPieces(pieces, *scores);
  return Error::success();
}

/// A token by the name of its key, as a piece of the template.
Expected<json> TokenizerTranslator::affix(StringRef name) {
  auto id = file.integer(("tokenizer.ggml." + name).str());
  if (!id)
    return id.takeError();
  if (!*id || **id >= tokens.size() || !isUtf8(tokens[**id]))
    return file.error("a token is to be added to texts, but 'tokenizer.ggml." +
                      name + "' is missing or no token");
  return json{{"id", tokens[**id].str()}, {"ids", {**id}}};
}

Expected<json> TokenizerTranslator::postProcessor() {
  json single = json::array(), special = json::object();
  for (StringRef side : {"bos", "text", "eos"}) {
    if (side == "text") {
      single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
      continue;
    }
    auto adds = file.flag(("tokenizer.ggml.add_" + side + "_token").str());
    if (!adds)
      return adds.takeError();
    if (!adds->value_or(side == "bos" && (isSentencePiece || pre->addsBos)))
      continue;
    Expected<json> token = affix((side + "_token_id").str());
    if (!token)
      return token.takeError();
    std::string name = (*token)["id"].get<std::string>();
    single.push_back({{"SpecialToken", {{"id", name}, {"type_id", 0}}}});
    special[name] = std::move(*token);
  }
  return json{{"type", "TemplateProcessing"},
              {"single", std::move(single)},
              {"special_tokens", std::move(special)}};
}

json TokenizerTranslator::byteLevelBpe(json root) {
  json byteLevel = {{"type", "ByteLevel"},
                    {"add_prefix_space", false},
                    {"use_regex", pre->regex == nullptr}};
  json steps = json::array();
  if (pre->regex)
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", pre->regex}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  steps.push_back(byteLevel);
  root["pre_tokenizer"] = {{"type", "Sequence"},
                           {"pretokenizers", std::move(steps)}};
  root["decoder"] = std::move(byteLevel);
  root["model"]["ignore_merges"] = pre->ignoreMerges;
  return root;
}

Expected<json> TokenizerTranslator::sentencePiece(json root) {
  auto prefix = file.flag("tokenizer.ggml.add_space_prefix");
  if (!prefix)
    return prefix.takeError();
  auto strips = file.flag("tokenizer.ggml.remove_extra_whitespaces");
  if (!strips)
    return strips.takeError();
  if (strips->value_or(false) ||
      file.find("tokenizer.ggml.precompiled_charsmap"))
    return file.error("the tokenizer changes texts before it splits them, "
                      "which is not supported");
  bool hasPrefix = prefix->value_or(true);
  root["normalizer"] = pieceNormalizer(hasPrefix);
  root["pre_tokenizer"] = nullptr;
  root["decoder"] = pieceDecoder(hasPrefix);
  json &model = root["model"];
  model["byte_fallback"] = is_contained(types, int64_t(GgufByte));
  auto unknown = find(types, int64_t(GgufUnknown));
  if (unknown != types.end()) {
    model["unk_token"] = tokens[unknown - types.begin()].str();
    model["fuse_unk"] = true;
  }
  return root;
}

Expected<std::string> TokenizerTranslator::translate() {
  if (Error error = findModel())
    return std::move(error);
  if (Error error = readTokens())
    return std::move(error);
  if (Error error = isSentencePiece ? readScores() : readMerges())
    return std::move(error);
  Expected<json> post = postProcessor();
  if (!post)
    return post.takeError();
  json root = {{"added_tokens", added},
               {"post_processor", std::move(*post)},
               {"model",
                {{"type", "BPE"},
                 {"vocab", std::move(vocabulary)},
                 {"merges", std::move(merges)}}}};
  if (!isSentencePiece)
    return byteLevelBpe(std::move(root)).dump();
  Expected<json> whole = sentencePiece(std::move(root));
  if (!whole)
    return whole.takeError();
  return whole->dump();
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
  for (const json &token : added)
    for (const char *name :
         {"<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>",
          "<|endoftext|>", "<|end_of_text|>"})
      if (token["special"] == true && token["content"] == name)
        ids.push_back(token["id"].get<size_t>());
  return ids;
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
  auto model = file.string("tokenizer.ggml.model");
  if (!model)
    return model.takeError();
  // How writers spell that there is none.
  bool hasTokenizer = *model && **model != "no_vocab" && **model != "none";
  if (hasTokenizer) {
    TokenizerTranslator translator(file, options);
    Expected<std::string> text = translator.translate();
    if (!text)
      return text.takeError();
    Expected<std::string> names = translator.names();
    if (!names)
      return names.takeError();
    sources.tokenizer = std::move(*text);
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
