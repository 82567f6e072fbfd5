//===- ChatTemplate.cpp - What chat needs of a checkpoint -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChatTemplate.h"

#include "tern/template.h"
#include "tern/tokenizer.h"

#include <memory>

namespace tern {

const Json *tokenName(const Json *token) {
  if (token && token->is_object() && token->contains("content"))
    token = &(*token)["content"];
  return token && token->is_string() ? token : nullptr;
}

int64_t tokenId(const TokenizerDescription *tokenizer,
                const std::string &name) {
  for (size_t id = 0; tokenizer && id < tokenizer->tokens.size(); ++id)
    if (tokenizer->tokens[id].flags && tokenizer->tokens[id].bytes == name)
      return static_cast<int64_t>(id);
  return -1;
}

/// Tokens that classes of transformers name where the file does not.
static Json defaultTokens(const Json &tokenizerConfig) {
  static const struct {
    const char *kind, *name, *token;
  } defaults[] = {
      {"LlamaTokenizer", "bos_token", "<s>"},
      {"LlamaTokenizer", "eos_token", "</s>"},
      {"LlamaTokenizer", "unk_token", "<unk>"},
      {"GemmaTokenizer", "bos_token", "<bos>"},
      {"GemmaTokenizer", "eos_token", "<eos>"},
      {"GemmaTokenizer", "unk_token", "<unk>"},
      {"GemmaTokenizer", "pad_token", "<pad>"},
      {"GPT2Tokenizer", "bos_token", "<|endoftext|>"},
      {"GPT2Tokenizer", "eos_token", "<|endoftext|>"},
      {"GPT2Tokenizer", "unk_token", "<|endoftext|>"},
      {"GPTNeoXTokenizer", "bos_token", "<|endoftext|>"},
      {"GPTNeoXTokenizer", "eos_token", "<|endoftext|>"},
      {"GPTNeoXTokenizer", "unk_token", "<|endoftext|>"},
      {"Qwen2Tokenizer", "eos_token", "<|endoftext|>"},
      {"Qwen2Tokenizer", "unk_token", "<|endoftext|>"},
      {"Qwen2Tokenizer", "pad_token", "<|endoftext|>"},
  };
  Json tokens = Json::object();
  auto named = tokenizerConfig.find("tokenizer_class");
  if (named == tokenizerConfig.end() || !named->is_string())
    return tokens;
  const auto kind = named->get<std::string>();
  for (const auto &row : defaults)
    if ((kind == row.kind || kind == std::string(row.kind) + "Fast") &&
        !tokenizerConfig.contains(row.name))
      tokens[row.name] = row.token;
  return tokens;
}

Json chatVariables(const Json &tokenizerConfig) {
  Json variables = defaultTokens(tokenizerConfig);
  for (const char *name : {"bos_token", "eos_token", "unk_token", "sep_token",
                           "pad_token", "cls_token", "mask_token"})
    if (auto token = tokenizerConfig.find(name); token != tokenizerConfig.end())
      if (const Json *text = tokenName(&*token); text && *text != "")
        variables[name] = *text;
  // A list, and tokens that a model gives names of its own.
  auto list = tokenizerConfig.find("additional_special_tokens");
  if (list != tokenizerConfig.end() && list->is_array() && !list->empty()) {
    Json names = Json::array();
    for (const Json &token : *list)
      if (const Json *text = tokenName(&token))
        names.push_back(*text);
    variables["additional_special_tokens"] = names;
  }
  auto extra = tokenizerConfig.find("extra_special_tokens");
  if (extra != tokenizerConfig.end() && extra->is_object())
    for (const auto &[name, token] : extra->items())
      if (const Json *text = tokenName(&token); text && *text != "")
        variables[name] = *text;
  return variables;
}

std::vector<int64_t> endsOfTurn(const std::string &chatTemplate,
                                const TokenizerDescription *tokenizer) {
  std::vector<int64_t> ids;
  for (const char *name :
       {"<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<end_of_turn>",
        "<|end_of_turn|>", "<|eot|>", "<|end|>"}) {
    if (chatTemplate.find(name) == std::string::npos)
      continue;
    int64_t id = tokenId(tokenizer, name);
    if (id >= 0 && (tokenizer->tokens[id].flags & TERN_TOKEN_ADDED))
      ids.push_back(id);
  }
  return ids;
}

std::string refusalOfTemplate(const std::string &chatTemplate,
                              const std::string &variables) {
  std::unique_ptr<char[]> memory(new char[TERN_TEMPLATE_MEMORY]);
  tern_template *parsed;
  tern_rendering rendering;
  tern_error error = {};
  // One question: what every chat begins with.
  std::string json =
      R"({"messages":[{"role":"user","content":"?"}],)" TERN_TEMPLATE_VARIABLES;
  json += (variables.size() > 2 ? "," : "") + variables.substr(1);
  if (tern_template_parse(memory.get(), TERN_TEMPLATE_MEMORY,
                          chatTemplate.data(), chatTemplate.size(), &parsed,
                          &error) == 0)
    tern_template_render(parsed, json.data(), json.size(), 0, &rendering,
                         &error);
  return error.text;
}

} // namespace tern
