//===- lib/Import/GgufTokenizer.cpp - Tokenizers of GGUF files ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/GgufModel.h"

#include "Json.h"

#include "llvm/Support/ConvertUTF.h"

using namespace llvm;
using nlohmann::json;

namespace tern {

static bool isUtf8(StringRef text) {
  const UTF8 *at = text.bytes_begin();
  return isLegalUTF8String(&at, text.bytes_end());
}

namespace {

/// What `tokenizer.ggml.pre` stands for.
struct PreTokenizer {
  StringLiteral name;
  const char *regex; ///< null: GPT-2's, which ByteLevel brings along
  bool ignoreMerges, addsBos;
};

/// As `tokenizer.ggml.token_type` numbers them.
enum TokenType { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };

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

namespace {

/// Puts a tokenizer as tokenizer.json.
class TokenizerTranslator {
public:
  TokenizerTranslator(const GgufFile &file, const GgufOptions &options)
      : file(file), options(options) {}

  Expected<std::string> translate();
  /// What tokenizer_config.json says of tokens; after the above.
  Expected<std::string> names() const;

private:
  Error findPreTokenizer();
  Error readTokens();
  Error readMerges();
  Expected<json> postProcessor();
  Expected<json> affix(StringRef name);

  const GgufFile &file;
  const GgufOptions &options;
  const PreTokenizer *pre = nullptr;
  std::vector<StringRef> tokens;
  json vocabulary = json::object(), added = json::array(),
       merges = json::array();
};

} // namespace

Error TokenizerTranslator::findPreTokenizer() {
  auto model = file.string("tokenizer.ggml.model");
  if (!model)
    return model.takeError();
  if (**model != "gpt2")
    return file.error("the tokenizer model '" + (*model)->take_front(40) +
                      "' is not supported; tern reads gpt2, byte-level BPE");
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
  std::vector<int64_t> types(tokens.size(), Normal);
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
    if (types[id] < Normal || types[id] > Byte)
      return file.error("token " + Twine(id) + " is of type " +
                        Twine(types[id]) + ", which nobody defined");
    if (types[id] == Unused)
      continue;
    if (!isUtf8(tokens[id]) || !seen.insert(tokens[id]).second)
      return file.error("token " + Twine(id) + " is not UTF-8 or occurs twice");
    if (types[id] == Control || types[id] == UserDefined)
      added.push_back({{"id", id},
                       {"content", tokens[id].str()},
                       {"special", types[id] == Control}});
    else
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
  for (StringRef merge : *list) {
    if (!isUtf8(merge))
      return file.error("a merge of the tokenizer is not UTF-8");
    merges.push_back(merge.str());
  }
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
    if (!adds->value_or(side == "bos" && pre->addsBos))
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

Expected<std::string> TokenizerTranslator::translate() {
  if (Error error = findPreTokenizer())
    return std::move(error);
  if (Error error = readTokens())
    return std::move(error);
  if (Error error = readMerges())
    return std::move(error);
  Expected<json> post = postProcessor();
  if (!post)
    return post.takeError();
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
  json root = {{"added_tokens", std::move(added)},
               {"pre_tokenizer",
                {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}}},
               {"post_processor", std::move(*post)},
               {"decoder", std::move(byteLevel)},
               {"model",
                {{"type", "BPE"},
                 {"ignore_merges", pre->ignoreMerges},
                 {"vocab", std::move(vocabulary)},
                 {"merges", std::move(merges)}}}};
  return root.dump();
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

Expected<TokenizerSources> ggufTokenizer(const GgufFile &file,
                                         const GgufOptions &options,
                                         std::string config) {
  TokenizerSources sources;
  sources.config = std::move(config);
  auto chat = file.string("tokenizer.chat_template");
  if (!chat)
    return chat.takeError();
  sources.chatTemplate = chat->value_or("").str();
  auto model = file.string("tokenizer.ggml.model");
  if (!model)
    return model.takeError();
  // How writers spell that there is none.
  if (!*model || **model == "no_vocab" || **model == "none")
    return sources;
  TokenizerTranslator translator(file, options);
  Expected<std::string> text = translator.translate();
  if (!text)
    return text.takeError();
  Expected<std::string> names = translator.names();
  if (!names)
    return names.takeError();
  sources.tokenizer = std::move(*text);
  sources.tokenizerConfig = std::move(*names);
  return sources;
}

} // namespace tern
