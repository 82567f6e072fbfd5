//===- lib/Import/GgufModel.cpp - GGUF in the usual terms -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/GgufModel.h"

#include "Json.h"
#include "tern/Import/GgufNames.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;
using nlohmann::json;

namespace tern {

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

static DType typeOf(const GgufEncoding &encoding) {
  if (encoding.isTernary)
    return DType::U8;
  return encoding.codec == GgufCodec::F16    ? DType::F16
         : encoding.codec == GgufCodec::BF16 ? DType::BF16
                                             : DType::F32;
}

static constexpr StringLiteral architectureKey = "general.architecture";

/// Heads whose rows are paired in this tensor; 0 if they are not.
static Expected<int64_t> pairedHeads(const GgufFile &file, StringRef name) {
  auto architecture = file.string(architectureKey);
  if (!architecture)
    return architecture.takeError();
  if (!*architecture || !hasPairedRows(**architecture, name))
    return 0;
  auto heads = file.integer((**architecture + ".attention.head_count").str());
  if (!heads)
    return heads.takeError();
  auto keyHeads =
      file.integer((**architecture + ".attention.head_count_kv").str());
  if (!keyHeads)
    return keyHeads.takeError();
  uint64_t all = heads->value_or(0);
  return static_cast<int64_t>(
      name.contains(".attn_k.") ? keyHeads->value_or(all) : all);
}

/// Which of the scales of `ternTableScalesKey` is that of a tensor.
static size_t tablePlace(StringRef huggingFaceName) {
  return StringSwitch<size_t>(huggingFaceName)
      .Case("model.embed_tokens.weight", 0)
      .Case("lm_head.weight", 1)
      .Default(SIZE_MAX);
}

Expected<TensorMap> ggufTensors(const GgufFile &file) {
  TensorMap result;
  Expected<std::vector<float>> scales = file.numbers(ternScalesKey);
  if (!scales)
    return scales.takeError();
  Expected<std::vector<float>> ofTables = file.numbers(ternTableScalesKey);
  if (!ofTables)
    return ofTables.takeError();
  size_t ternary = 0;
  StringMap<const GgufTensor *> seen;
  for (const GgufTensor &tensor : file.tensors()) {
    auto [at, isNew] = seen.try_emplace(tensor.name, &tensor);
    if (!isNew) {
      const GgufTensor &first = *at->second;
      if (tensor.sizes != first.sizes || tensor.encoding != first.encoding ||
          file.bytes(tensor) != file.bytes(first))
        return file.error("tensor '" + tensor.name +
                          "' occurs twice, with different values");
      continue;
    }
    std::string name = tensor.name == ropeFactorsName
                           ? tensor.name
                           : huggingFaceName(tensor.name);
    if (name.empty())
      return file.error("tensor '" + tensor.name +
                        "' is of no kind that tern knows");
    TensorEntry entry;
    entry.dtype = typeOf(*tensor.encoding);
    for (uint64_t size : reverse(tensor.sizes))
      entry.shape.push_back(static_cast<int64_t>(size));
    entry.offset = tensor.offset;
    entry.bytes = tensor.bytes;
    entry.encoding = tensor.encoding;
    Expected<int64_t> heads = pairedHeads(file, tensor.name);
    if (!heads)
      return heads.takeError();
    entry.pairedHeads = *heads;
    // 0 where the blocks say all.
    if (std::optional<uint64_t> place = ternaryPlace(name)) {
      ++ternary;
      if (*place < scales->size() && (*scales)[*place] != 0)
        entry.exactScale = (*scales)[*place];
    }
    size_t place = tablePlace(name);
    if (entry.encoding->isTernary && place < ofTables->size() &&
        (*ofTables)[place] != 0)
      entry.exactScale = (*ofTables)[place];
    result.emplace(std::move(name), std::move(entry));
  }
  if (!scales->empty() && ternary != scales->size())
    return file.error("'" + ternScalesKey + "' has " + Twine(scales->size()) +
                      " scales, but there are " + Twine(ternary) +
                      " ternary matrices");
  return result;
}

//===----------------------------------------------------------------------===//
// Configuration
//===----------------------------------------------------------------------===//

namespace {

/// Reads the metadata of one architecture. The first problem is kept.
class ConfigTranslator {
public:
  ConfigTranslator(const GgufFile &file, const GgufOptions &options)
      : file(file), options(options) {}

  Expected<std::string> translate() {
    readArchitecture();
    if (problem.empty()) {
      readSizes();
      readSchemes();
      readRope();
      readActivation();
      readHead();
      checkRest();
    }
    if (!problem.empty())
      return file.error(problem);
    return out.dump();
  }

private:
  void fail(const Twine &message) {
    if (problem.empty())
      problem = message.str();
  }
  template <typename T>
  std::optional<T> take(Expected<std::optional<T>> value) {
    if (value)
      return *value;
    fail(toString(value.takeError()).substr(file.file().size() + 2));
    return std::nullopt;
  }
  std::string keyOf(StringRef field) {
    known.insert(field.str());
    return architecture + "." + field.str();
  }
  std::optional<uint64_t> integer(StringRef field) {
    return take(file.integer(keyOf(field)));
  }
  std::optional<double> number(StringRef field) {
    return take(file.number(keyOf(field)));
  }
  std::optional<StringRef> string(StringRef field) {
    return take(file.string(keyOf(field)));
  }
  void need(StringRef field, const char *name) {
    std::optional<uint64_t> value = integer(field);
    if (!value)
      return fail("'" + keyOf(field) + "' is missing");
    out[name] = *value;
  }
  void wantNeutral(StringRef field, double neutral) {
    std::optional<double> value = number(field);
    if (value && *value != neutral)
      fail("tern does not support '" + keyOf(field) +
           "' = " + std::to_string(*value));
  }

  void readArchitecture();
  void readSizes();
  void readSchemes();
  void readRope();
  void readActivation();
  void readHead();
  void checkRest();

  const GgufFile &file;
  const GgufOptions &options;
  std::string architecture, problem;
  std::set<std::string> known;
  json out = json::object();
};

} // namespace

void ConfigTranslator::readArchitecture() {
  static constexpr StringLiteral names[] = {"bitnet", "bitnet-b1.58",
                                            "bitnet-25", "llama"};
  // Writers of models say "model", or nothing.
  std::optional<StringRef> kind = take(file.string("general.type"));
  if (kind && *kind == "adapter")
    return fail("this is an adapter, not a model; merge it into its base model "
                "first");
  if (kind && *kind != "model")
    return fail("this is of the kind '" + kind->take_front(40) +
                "' ('general.type'), not a model");
  std::optional<StringRef> name = take(file.string(architectureKey));
  if (!name)
    return fail("'general.architecture' is missing");
  if (!is_contained(names, *name))
    return fail("the architecture '" + name->take_front(60) +
                "' is not supported; tern reads bitnet, bitnet-b1.58, "
                "bitnet-25 and llama");
  architecture = name->str();
  bool isLlama = architecture == "llama";
  out["model_type"] = isLlama ? "llama" : "bitnet";
  out["architectures"] = {isLlama ? "LlamaForCausalLM" : "BitNetForCausalLM"};
  // The tensors say themselves how they are quantized; this is the least that
  // marks the model as a ternary one.
  out["quantization_config"] = {{"quant_method", "bitnet"},
                                {"linear_class", "autobitlinear"},
                                {"quantization_mode", "online"}};
}

void ConfigTranslator::readSizes() {
  need("embedding_length", "hidden_size");
  need("feed_forward_length", "intermediate_size");
  need("block_count", "num_hidden_layers");
  need("attention.head_count", "num_attention_heads");
  need("context_length", "max_position_embeddings");
  if (std::optional<uint64_t> heads = integer("attention.head_count_kv"))
    out["num_key_value_heads"] = *heads;
  std::optional<uint64_t> keys = integer("attention.key_length");
  std::optional<uint64_t> values = integer("attention.value_length");
  if (keys)
    out["head_dim"] = *keys;
  if (values && values != keys)
    fail("'" + keyOf("attention.value_length") +
         "' is expected to be equal to the length of a key");
  std::optional<double> epsilon = number("attention.layer_norm_rms_epsilon");
  if (!epsilon)
    return fail("'" + keyOf("attention.layer_norm_rms_epsilon") +
                "' is missing");
  out["rms_norm_eps"] = *epsilon;
}

/// Only tern writes these; see docs/gguf.md.
void ConfigTranslator::readSchemes() {
  for (StringRef field :
       concat<const StringLiteral>(schemeFields, ropeFields)) {
    std::string key = (ternPrefix + field).str();
    std::optional<StringRef> text = take(file.string(key));
    if (!text)
      continue;
    Expected<json> scheme = parseJson(*text, "'" + key + "'", /*maxDepth=*/8);
    if (!scheme)
      return fail(toString(scheme.takeError()));
    out[field.str()] = std::move(*scheme);
  }
}

void ConfigTranslator::readRope() {
  // The values engines assume where writers leave them out.
  out["rope_theta"] = number("rope.freq_base").value_or(10000);
  std::optional<StringRef> scaling = string("rope.scaling.type");
  if (scaling && *scaling != "none" && *scaling != "linear")
    fail("tern does not support '" + keyOf("rope.scaling.type") +
         "' = " + scaling->take_front(60) + "; linear is");
  std::optional<double> factor = number("rope.scaling.factor");
  if (!factor)
    factor = number("rope.scale_linear");
  if (factor && *factor != 0 && *factor != 1 &&
      (!scaling || *scaling != "none"))
    out["rope_scaling"] = {{"rope_type", "linear"}, {"factor", *factor}};
  std::optional<uint64_t> turned = integer("rope.dimension_count");
  if (!problem.empty() || !turned)
    return;
  uint64_t heads = out["num_attention_heads"].get<uint64_t>();
  uint64_t size =
      out.contains("head_dim")
          ? out["head_dim"].get<uint64_t>()
          : out["hidden_size"].get<uint64_t>() / std::max<uint64_t>(heads, 1);
  if (*turned != size)
    fail("tern does not support heads of " + Twine(size) + " of which " +
         Twine(*turned) + " are rotated ('" + keyOf("rope.dimension_count") +
         "')");
}

/// The gate's activation has no field of old, and engines disagree about the
/// architectures named after BitNet.
void ConfigTranslator::readActivation() {
  std::optional<StringRef> stated = string("hidden_activation");
  if (!options.hiddenAct.empty())
    out["hidden_act"] = options.hiddenAct;
  else if (stated && *stated != "silu" && *stated != "relu2")
    fail("tern does not support '" + keyOf("hidden_activation") +
         "' = " + stated->take_front(60) +
         "; silu and relu2 are, and --hidden-act overrides the file");
  else if (stated)
    out["hidden_act"] = stated->str();
  else if (std::optional<StringRef> own = take(file.string(ternHiddenActKey)))
    out["hidden_act"] = own->str();
  else if (architecture == "llama")
    out["hidden_act"] = "silu";
  else
    fail("the file does not say which activation gates the MLP; say "
         "--hidden-act=relu2 (bitnet-b1.58-2B-4T) or --hidden-act=silu "
         "(bitnet_b1_58-large, -3B)");
}

void ConfigTranslator::readHead() {
  bool hasHead = false;
  uint64_t rows = 0;
  for (const GgufTensor &tensor : file.tensors()) {
    hasHead |= tensor.name == "output.weight";
    if (tensor.name == "token_embd.weight")
      rows = tensor.rows();
  }
  if (rows == 0)
    return fail("tensor 'token_embd.weight' is missing");
  out["tie_word_embeddings"] = !hasHead;
  out["vocab_size"] = integer("vocab_size").value_or(rows);
  std::vector<uint64_t> ends;
  for (StringRef name : {"eos_token_id", "eot_token_id", "eom_token_id"})
    if (auto id = take(file.integer(("tokenizer.ggml." + name).str())))
      ends.push_back(*id);
  if (!ends.empty())
    out["eos_token_id"] = ends;
  if (auto id = take(file.integer("tokenizer.ggml.bos_token_id")))
    out["bos_token_id"] = *id;
}

/// A key that is left may change the maths.
void ConfigTranslator::checkRest() {
  for (StringRef field :
       {"logit_scale", "embedding_scale", "residual_scale", "attention.scale"})
    wantNeutral(field, 1);
  for (StringRef field :
       {"expert_count", "expert_used_count", "attention.sliding_window"})
    wantNeutral(field, 0);
  for (const auto &[key, value] : file.metadata()) {
    StringRef field = key;
    if (field.consume_front(architecture + ".") && !known.count(field.str()))
      fail("tern does not know the metadata '" + StringRef(key).take_front(80) +
           "', which may change what the model computes");
  }
}

/// Part of a model, as gguf-split makes it.
static Error checkNotSplit(const GgufFile &file) {
  auto parts = file.integer("split.count");
  if (!parts)
    return parts.takeError();
  if (!*parts || **parts <= 1)
    return Error::success();
  auto number = file.integer("split.no");
  if (!number)
    return number.takeError();
  return file.error("this is part " + Twine(number->value_or(0) + 1) + " of " +
                    Twine(**parts) +
                    " of a split model; put them together: llama-gguf-split "
                    "--merge FIRST-PART OUT.gguf");
}

Expected<std::string> ggufConfig(const GgufFile &file,
                                 const GgufOptions &options) {
  if (Error error = checkNotSplit(file))
    return std::move(error);
  return ConfigTranslator(file, options).translate();
}

} // namespace tern
