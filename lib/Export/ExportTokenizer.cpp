//===- lib/Export/ExportTokenizer.cpp - Tokenizers as GGUF metadata -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportTokenizer.h"

#include "Pieces.h"

#include "tern/Import/GgufNames.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

#include "nlohmann/json.hpp"

using namespace llvm;
using nlohmann::json;

namespace tern {

/// Newer files have lists of two, older ones a space between the two.
static json pairOf(const json &merge) {
  if (merge.is_array())
    return merge;
  auto [left, right] =
      StringRef(merge.get_ref<const std::string &>()).split(' ');
  return {left.str(), right.str()};
}

namespace {

/// A tokenizer that tern reads: tokenizer.json with byte-level BPE or
/// SentencePiece's, or the pieces of a GGUF file. The first problem is kept.
class TokenizerExporter {
public:
  TokenizerExporter(GgufWriter &writer, const TokenizerSources &sources,
                    const TokenizerDescription &description, int64_t vocabulary)
      : writer(writer), sources(sources), description(description),
        root(json::parse(sources.tokenizer, nullptr, false)),
        vocabulary(vocabulary) {}

  Error run() {
    if (!sources.pieces.pieces.empty()) {
      copyPieces(sources.pieces);
    } else if (readTokens(); at(at(root, "model"), "byte_fallback") == true) {
      addPieces();
    } else {
      addSplit();
      addMerges();
    }
    writer.addTexts("tokenizer.ggml.tokens", names);
    writer.addIntegers("tokenizer.ggml.token_type", types);
    addSpecialTokens();
    return problem.empty() ? Error::success()
                           : createStringError("tokenizer: " + problem);
  }

private:
  void copyPieces(const SentencePieces &model);
  void readTokens();
  void nameUnused();
  void addPieces();
  void addSplit();
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

  static std::string regexOf(const json &step);

  GgufWriter &writer;
  const TokenizerSources &sources;
  const TokenizerDescription &description;
  json root;
  int64_t vocabulary;
  std::vector<std::string> names; ///< by id
  std::vector<int32_t> types;
  std::string problem;
};

} // namespace

/// The expression of a step that makes each match a piece; empty if it does
/// something else.
std::string TokenizerExporter::regexOf(const json &step) {
  if (textOf(step, "type") == "Digits")
    return at(step, "individual_digits") == true ? R"(\p{N})" : R"(\p{N}+)";
  if (textOf(step, "behavior") != "Isolated" || at(step, "invert") == true)
    return "";
  return textOf(at(step, "pattern"), "Regex");
}

void TokenizerExporter::addSplit() {
  const json &model = at(root, "model"), &pre = at(root, "pre_tokenizer");
  if (textOf(model, "type") != "BPE" ||
      textOf(at(root, "decoder"), "type") != "ByteLevel")
    return fail("it is not byte-level BPE");
  if (at(root, "normalizer").is_object() && !at(root, "normalizer").empty())
    return fail("it has a normalizer");
  std::vector<std::string> regexes;
  bool thenGpt2 = false;
  json steps = at(pre, "pretokenizers");
  if (steps.empty())
    steps = json::array({pre});
  for (const json &step : steps) {
    if (textOf(step, "type") != "ByteLevel") {
      regexes.push_back(thenGpt2 ? "" : regexOf(step));
      continue;
    }
    thenGpt2 |= at(step, "use_regex") != false;
    if (at(step, "add_prefix_space") == true)
      return fail("it puts a space before a text");
  }
  bool ignoresMerges = at(model, "ignore_merges") == true;
  StringRef name = ggufSplitName(regexes, thenGpt2, ignoresMerges);
  if (name.empty())
    return fail("its way to split text has no name");
  writer.addText("tokenizer.ggml.model", "gpt2");
  writer.addText("tokenizer.ggml.pre", name);
}

void TokenizerExporter::readTokens() {
  names.resize(static_cast<size_t>(vocabulary));
  types.assign(names.size(), GgufUnused);
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
  nameUnused();
}

/// Engines want a name for each row of the embedding.
void TokenizerExporter::nameUnused() {
  for (auto [id, name] : enumerate(names))
    if (types[id] == GgufUnused)
      name = "[PAD" + std::to_string(id) + "]";
}

void TokenizerExporter::copyPieces(const SentencePieces &model) {
  if (model.pieces.size() > static_cast<uint64_t>(vocabulary))
    return fail("it has more tokens than the embedding has rows");
  std::vector<float> scores;
  for (const SentencePieces::Piece &piece : model.pieces) {
    names.push_back(piece.text);
    types.push_back(static_cast<int32_t>(piece.type));
    scores.push_back(piece.score);
  }
  names.resize(static_cast<size_t>(vocabulary));
  types.resize(names.size(), GgufUnused);
  scores.resize(names.size());
  nameUnused();
  writer.addText("tokenizer.ggml.model", model.isUnigram ? "t5" : "llama");
  writer.addText("tokenizer.ggml.pre", "default");
  writer.setNumbers("tokenizer.ggml.scores", scores);
  writer.addFlag("tokenizer.ggml.add_space_prefix", model.addsSpace);
  writer.addFlag("tokenizer.ggml.remove_extra_whitespaces",
                 model.removesSpaces);
  if (!model.charsmap.empty())
    writer.addBytes("tokenizer.ggml.precompiled_charsmap", model.charsmap);
}

/// Pieces get a score for the place of their first merge; all merges must
/// follow from that.
void TokenizerExporter::addPieces() {
  const json &model = at(root, "model"), &normalizer = at(root, "normalizer");
  bool hasPrefix = normalizer == pieceNormalizer(true);
  if ((!hasPrefix && normalizer != pieceNormalizer(false)) ||
      at(root, "decoder") != pieceDecoder(hasPrefix) ||
      at(root, "pre_tokenizer").is_object())
    return fail("it changes or splits texts");
  std::vector<StringRef> pieces;
  for (size_t id = 0; id < names.size(); ++id) {
    StringRef name = names[id];
    if (types[id] == GgufNormal && name.size() == 6 && name.starts_with("<0x"))
      types[id] = GgufByte;
    if (name == textOf(model, "unk_token"))
      types[id] = GgufUnknown;
    pieces.push_back(types[id] == GgufNormal ? name : "");
  }
  StringMap<float> rankOf;
  json merges = json::array();
  for (const json &merge : at(model, "merges")) {
    merges.push_back(pairOf(merge));
    rankOf.try_emplace(merges.back()[0].get<std::string>() +
                           merges.back()[1].get<std::string>(),
                       static_cast<float>(merges.size()));
  }
  std::vector<float> scores;
  for (StringRef piece : pieces)
    scores.push_back(-rankOf.lookup(piece));
  if (mergesOfPieces(pieces, scores) != merges)
    return fail("its merges do not follow from scores");
  writer.addText("tokenizer.ggml.model", "llama");
  writer.addText("tokenizer.ggml.pre", "default");
  writer.setNumbers("tokenizer.ggml.scores", scores);
  writer.addFlag("tokenizer.ggml.add_space_prefix", hasPrefix);
}

void TokenizerExporter::addMerges() {
  std::vector<std::string> merges;
  for (const json &merge : at(at(root, "model"), "merges")) {
    json pair = pairOf(merge);
    merges.push_back(pair[0].get<std::string>() + " " +
                     pair[1].get<std::string>());
  }
  writer.addTexts("tokenizer.ggml.merges", merges);
}

void TokenizerExporter::addSpecialTokens() {
  const std::vector<int32_t> &prefix = description.prefix;
  if (prefix.size() > 1 || description.suffix.size() > 1)
    return fail("it adds several tokens before or after a text");
  const json config = json::parse(sources.config, nullptr, false);
  const json &bos = at(config, "bos_token_id");
  if (!prefix.empty())
    writer.addInteger("tokenizer.ggml.bos_token_id", prefix[0]);
  else if (bos.is_number_unsigned())
    writer.addInteger("tokenizer.ggml.bos_token_id", bos);
  writer.addFlag("tokenizer.ggml.add_bos_token", !prefix.empty());
  writer.addFlag("tokenizer.ggml.add_eos_token", !description.suffix.empty());
  addEnds();
}

/// All ids that any of the files calls an end. The format has three places.
void TokenizerExporter::addEnds() {
  // The token put behind a text comes first.
  std::vector<uint32_t> ends(description.suffix.begin(),
                             description.suffix.end());
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

/// -1: a penalty is for all tokens of the text, not for the last 64.
static GgufValue allTokens() {
  static const uint8_t bytes[] = {255, 255, 255, 255};
  GgufValue value;
  value.kind = GgufKind::I32;
  value.bytes = bytes;
  return value;
}

/// Without do_sample the fields that are written here have no meaning, but for
/// the penalty, for which there is no place then.
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
    if (name == "repetition_penalty" && isStated)
      writer.addValue("general.sampling.penalty_last_n", allTokens());
  }
}

Error addTokenizer(GgufWriter &writer, const TokenizerSources &sources,
                   int64_t vocabulary) {
  addSampling(writer, sources.generationConfig);
  if (sources.tokenizer.empty() && sources.pieces.pieces.empty()) {
    writer.addText("tokenizer.ggml.model", "no_vocab");
    return Error::success();
  }
  std::string reason;
  auto description = readTokenizer(sources, reason);
  if (!description)
    return createStringError(reason);
  if (Error error =
          TokenizerExporter(writer, sources, *description, vocabulary).run())
    return error;
  std::string chat = sources.chatTemplate;
  // Of these the first that has one.
  for (const std::string *text :
       {&sources.tokenizerConfig, &sources.chatTemplateJson}) {
    const json file = json::parse(*text, nullptr, false);
    if (chat.empty() && file.is_object() && file.contains("chat_template") &&
        file["chat_template"].is_string())
      chat = file["chat_template"].get<std::string>();
  }
  if (!chat.empty())
    writer.addText("tokenizer.chat_template", chat);
  return Error::success();
}

} // namespace tern
