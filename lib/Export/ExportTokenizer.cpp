//===- lib/Export/ExportTokenizer.cpp - Tokenizers as GGUF metadata -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportTokenizer.h"

#include "tern/Import/GgufNames.h"

#include "llvm/ADT/STLExtras.h"

#include "nlohmann/json.hpp"

using namespace llvm;
using nlohmann::json;

namespace tern {

namespace {

/// Byte-level BPE of a tokenizer.json that tern reads. The first problem is
/// kept.
class TokenizerExporter {
public:
  TokenizerExporter(GgufWriter &writer, const TokenizerSources &sources,
                    int64_t vocabulary)
      : writer(writer), sources(sources),
        root(json::parse(sources.tokenizer, nullptr, false)),
        vocabulary(vocabulary) {}

  Error run() {
    addSplit();
    addTokens();
    addMerges();
    addSpecialTokens();
    return problem.empty() ? Error::success()
                           : createStringError("tokenizer.json: " + problem);
  }

private:
  void addSplit();
  void addTokens();
  void addMerges();
  void addSpecialTokens();
  void addEnds();
  void fail(const Twine &message) {
    if (problem.empty())
      problem = (message + ", which a GGUF file cannot say").str();
  }
  /// An empty object or list where there is none.
  static const json &at(const json &object, const char *name) {
    static const json none = json::object();
    auto found = object.is_object() ? object.find(name) : object.end();
    return found == object.end() ? none : *found;
  }

  static std::string textOf(const json &object, const char *name) {
    const json &value = at(object, name);
    return value.is_string() ? value.get<std::string>() : "";
  }

  GgufWriter &writer;
  const TokenizerSources &sources;
  json root;
  int64_t vocabulary;
  std::string problem;
};

} // namespace

void TokenizerExporter::addSplit() {
  const json &model = at(root, "model"), &pre = at(root, "pre_tokenizer");
  if (textOf(model, "type") != "BPE" ||
      textOf(at(root, "decoder"), "type") != "ByteLevel")
    return fail("it is not byte-level BPE");
  if (at(root, "normalizer").is_object() && !at(root, "normalizer").empty())
    return fail("it has a normalizer");
  std::string regex;
  bool isGpt2 = false;
  json steps = at(pre, "pretokenizers");
  if (steps.empty())
    steps = json::array({pre});
  for (const json &step : steps) {
    if (at(step, "pattern").contains("Regex"))
      regex = textOf(at(step, "pattern"), "Regex");
    if (textOf(step, "type") != "ByteLevel")
      continue;
    isGpt2 |= at(step, "use_regex") != false;
    if (at(step, "add_prefix_space") == true)
      return fail("it puts a space before a text");
  }
  bool ignoresMerges = at(model, "ignore_merges") == true;
  StringRef name =
      ggufSplitName(isGpt2 ? nullptr : regex.c_str(), ignoresMerges);
  if (name.empty())
    return fail("its way to split text has no name");
  writer.addText("tokenizer.ggml.model", "gpt2");
  writer.addText("tokenizer.ggml.pre", name);
}

void TokenizerExporter::addTokens() {
  std::vector<std::string> names(static_cast<size_t>(vocabulary));
  std::vector<int32_t> types(names.size(), GgufUnused);
  auto put = [&](const std::string &name, const json &id, int32_t type) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= names.size())
      return fail("token '" + name + "' is no row of the embedding");
    names[id.get<size_t>()] = name;
    types[id.get<size_t>()] = type;
  };
  for (const auto &token : at(at(root, "model"), "vocab").items())
    put(token.key(), token.value(), GgufNormal);
  for (const json &token : at(root, "added_tokens")) {
    for (const char *side : {"lstrip", "rstrip", "single_word"})
      if (at(token, side) == true)
        fail("an added token has '" + Twine(side) + "'");
    put(textOf(token, "content"), at(token, "id"),
        at(token, "special") == true ? GgufControl : GgufUserDefined);
  }
  // Engines want a name for each row of the embedding.
  for (auto [id, name] : enumerate(names))
    if (types[id] == GgufUnused)
      name = "[PAD" + std::to_string(id) + "]";
  writer.addTexts("tokenizer.ggml.tokens", names);
  writer.addIntegers("tokenizer.ggml.token_type", types);
}

void TokenizerExporter::addMerges() {
  std::vector<std::string> merges;
  for (const json &merge : at(at(root, "model"), "merges")) {
    // Newer files have pairs.
    if (merge.is_array() && merge.size() == 2)
      merges.push_back(merge[0].get<std::string>() + " " +
                       merge[1].get<std::string>());
    else
      merges.push_back(merge.get<std::string>());
  }
  writer.addTexts("tokenizer.ggml.merges", merges);
}

void TokenizerExporter::addSpecialTokens() {
  const json &post = at(root, "post_processor");
  const json *single = &at(post, "single");
  const json *special = &at(post, "special_tokens");
  for (const json &step : at(post, "processors"))
    if (step.contains("single")) {
      single = &at(step, "single");
      special = &at(step, "special_tokens");
    }
  bool isBefore = true, addsBos = false, addsEos = false;
  for (const json &step : *single) {
    if (step.contains("Sequence")) {
      isBefore = false;
      continue;
    }
    bool &adds = isBefore ? addsBos : addsEos;
    if (adds)
      return fail("it adds several tokens before or after a text");
    adds = true;
    const json &ids =
        at(at(*special, textOf(at(step, "SpecialToken"), "id").c_str()), "ids");
    if (!ids.is_array() || ids.size() != 1 || !ids[0].is_number_unsigned())
      return fail("it adds several tokens before or after a text");
    if (isBefore)
      writer.addInteger("tokenizer.ggml.bos_token_id", ids[0]);
  }
  writer.addFlag("tokenizer.ggml.add_bos_token", addsBos);
  writer.addFlag("tokenizer.ggml.add_eos_token", addsEos);
  const json config = json::parse(sources.config, nullptr, false);
  const json &bos = at(config, "bos_token_id");
  if (!addsBos && bos.is_number_unsigned())
    writer.addInteger("tokenizer.ggml.bos_token_id", bos);
  addEnds();
}

/// All ids that any of the files calls an end. The format has three places.
void TokenizerExporter::addEnds() {
  std::vector<uint32_t> ends;
  for (const std::string *text : {&sources.generationConfig, &sources.config}) {
    const json config = json::parse(*text, nullptr, false);
    const json &ids = at(config, "eos_token_id");
    for (const json &id : ids.is_array() ? ids : json::array({ids}))
      if (id.is_number_unsigned() && !is_contained(ends, id.get<uint32_t>()))
        ends.push_back(id);
  }
  static constexpr StringLiteral keys[] = {"tokenizer.ggml.eos_token_id",
                                           "tokenizer.ggml.eot_token_id",
                                           "tokenizer.ggml.eom_token_id"};
  if (ends.size() > std::size(keys))
    return fail("there are " + Twine(ends.size()) + " end tokens");
  for (auto [key, id] : zip(keys, ends))
    writer.addInteger(key, id);
}

/// Without do_sample the other fields have no meaning.
static void addSampling(GgufWriter &writer, const std::string &generation) {
  const json config = json::parse(generation, nullptr, false);
  if (!config.is_object() || config.value("do_sample", json()) != true)
    return;
  for (const auto &[key, name] : samplingNames) {
    auto found = config.find(name.str());
    bool isStated = found != config.end() && found->is_number();
    if (name == "top_k") // 50 is what the library that wrote the file takes
      writer.addInteger(key, isStated ? found->get<uint32_t>() : 50);
    else if (isStated)
      writer.addNumber(key, found->get<float>());
  }
}

Error addTokenizer(GgufWriter &writer, const TokenizerSources &sources,
                   int64_t vocabulary) {
  addSampling(writer, sources.generationConfig);
  if (sources.tokenizer.empty()) {
    writer.addText("tokenizer.ggml.model", "no_vocab");
    return Error::success();
  }
  std::string reason;
  if (!readTokenizer(sources, reason))
    return createStringError(reason);
  if (Error error = TokenizerExporter(writer, sources, vocabulary).run())
    return error;
  std::string chat = sources.chatTemplate;
  const json config = json::parse(sources.tokenizerConfig, nullptr, false);
  if (chat.empty() && config.is_object() && config.contains("chat_template") &&
      config["chat_template"].is_string())
    chat = config["chat_template"].get<std::string>();
  if (!chat.empty())
    writer.addText("tokenizer.chat_template", chat);
  return Error::success();
}

} // namespace tern
