//===- MemoryUse.cpp - Bytes of a compiled model --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/MemoryUse.h"

#include "tern/Artifact/EmbeddedData.h"
#include "tern/tern.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/LEB128.h"

using namespace tern;
using llvm::Expected;
using llvm::StringRef;
using llvm::object::SectionRef;

//===----------------------------------------------------------------------===//
// Object files
//===----------------------------------------------------------------------===//

template <typename T> static T valueOr(Expected<T> value, T other) {
  if (value)
    return *value;
  llvm::consumeError(value.takeError());
  return other;
}

static bool isLoaded(const SectionRef &section) {
  if (llvm::isa<llvm::object::ELFObjectFileBase>(section.getObject()))
    return llvm::object::ELFSectionRef(section).getFlags() &
           llvm::ELF::SHF_ALLOC;
  return section.isText() || section.isData();
}

/// Of entries of an address and a size each.
static uint64_t largestFrame(StringRef entries, size_t addressBytes) {
  uint64_t largest = 0;
  auto *end = reinterpret_cast<const uint8_t *>(entries.end());
  auto *at = reinterpret_cast<const uint8_t *>(entries.begin());
  while (static_cast<size_t>(end - at) > addressBytes) {
    unsigned bytes = 0;
    const char *error = nullptr;
    uint64_t frame =
        llvm::decodeULEB128(at + addressBytes, &bytes, end, &error);
    if (error)
      break;
    largest = std::max(largest, frame);
    at += addressBytes + bytes;
  }
  return largest;
}

CodeBytes tern::readCodeBytes(const llvm::object::ObjectFile &file) {
  CodeBytes bytes;
  for (const SectionRef &section : file.sections()) {
    StringRef name = valueOr<StringRef>(section.getName(), "");
    StringRef contents = valueOr<StringRef>(section.getContents(), "");
    if (name == ".stack_sizes")
      bytes.largestFrame = std::max(
          bytes.largestFrame, largestFrame(contents, file.getBytesInAddress()));
    if (!isLoaded(section) || section.isBSS())
      continue;
    (section.isText() ? bytes.code : bytes.constants) += section.getSize();
  }
  // Weights are counted kind by kind.
  bytes.constants -= std::min(bytes.constants, countEmbeddedData(file));
  return bytes;
}

/// The text behind `identity` in the section where compilers leave their names.
static std::string readIdentity(const llvm::object::ObjectFile &file,
                                StringRef identity) {
  for (const SectionRef &section : file.sections()) {
    if (valueOr<StringRef>(section.getName(), "") != ".comment")
      continue;
    StringRef contents = valueOr<StringRef>(section.getContents(), "");
    for (StringRef text : llvm::split(contents, '\0'))
      if (text.consume_front(identity))
        return text.str();
  }
  return "";
}

std::string tern::readWeightKinds(const llvm::object::ObjectFile &file) {
  return readIdentity(file, kWeightsIdentity);
}

std::string tern::readDevice(const llvm::object::ObjectFile &file) {
  return readIdentity(file, kDeviceIdentity);
}

//===----------------------------------------------------------------------===//
// MemoryUse
//===----------------------------------------------------------------------===//

void MemoryUse::addWeights(StringRef kinds) {
  for (StringRef kind : llvm::split(kinds, ", ")) {
    auto [name, digits] = kind.split(' ');
    uint64_t bytes = 0;
    if (digits.getAsInteger(10, bytes))
      continue;
    flash.push_back({name == "ternary"  ? "ternary weights"
                     : name == "rotary" ? "rotary tables"
                                        : name.str(),
                     bytes});
  }
}

/// The runtime asks for functions, which those of another machine are not.
static void addFunctions(tern_model &model) {
  static const tern_function none = [](const tern_env *, const void *, void *,
                                       const tern_rows *, size_t) {};
  model.kind_count = model.layer_count = 0;
  static const tern_kind kind = {};
  static const tern_layer layer = {};
  model.kinds = &kind;
  model.layers = &layer;
  for (unsigned i = 0; i < TERN_CLASS_COUNT; ++i)
    model.embed[i] = model.head[i] = none;
}

uint64_t tern::getSessionBytes(tern_model model, uint32_t context,
                               uint32_t workers) {
  addFunctions(model);
  model.size = sizeof(model);
  tern_env env = {};
  env.size = sizeof(env);
  env.worker_count = workers;
  static const tern_device device = {};
  env.device = model.device ? &device : nullptr;
  tern_session_config config = {};
  config.size = sizeof(config);
  config.model = &model;
  config.context = context;
  config.env = &env;
  return tern_session_bytes(&config);
}

void MemoryUse::addSession(const tern_model &model, uint32_t context,
                           uint32_t workers) {
  uint64_t all = getSessionBytes(model, context, workers), before = sum(ram);
  uint64_t state = tern_model_state_bytes(&model, context);
  uint64_t logits = uint64_t(model.vocab_size) * sizeof(float);
  uint64_t fixed = tern_model_scratch_bytes(&model, 0);
  ram.push_back({"state of " + std::to_string(context) + " tokens", state});
  ram.push_back({"scratch", fixed});
  ram.push_back({"scratch of " + std::to_string(workers) +
                     (workers == 1 ? " worker" : " workers"),
                 workers * model.scratch_worker_bytes});
  ram.push_back({"logits", logits});
  uint64_t known = sum(ram) - before;
  ram.push_back({"session", all > known ? all - known : 0});
}

void MemoryUse::addSessionOnGpu(tern_model model, uint32_t context) {
  uint64_t logits = uint64_t(model.vocab_size) * sizeof(float);
  uint64_t row = uint64_t(model.hidden_size) * sizeof(float);
  gpu.push_back({"weights", model.weights_bytes});
  gpu.push_back({"state of " + std::to_string(context) + " tokens",
                 tern_model_state_bytes(&model, context)});
  gpu.push_back({"scratch", model.scratch_bytes});
  gpu.push_back({"hidden states", 2 * model.max_tokens * row});
  gpu.push_back({"logits", model.head_tokens * logits});
  static const tern_device_plan plan = {};
  model.device = &plan;
  uint64_t all = getSessionBytes(model, context, /*workers=*/1);
  uint64_t scratch = tern_model_scratch_bytes(&model, 0);
  ram.push_back({"scratch", scratch});
  ram.push_back({"logits", logits});
  ram.push_back({"session", all - std::min(all, scratch + logits)});
}

uint64_t MemoryUse::sum(const std::vector<Part> &parts) {
  uint64_t bytes = 0;
  for (const Part &part : parts)
    bytes += part.bytes;
  return bytes;
}

std::string MemoryUse::list(const std::vector<Part> &parts) {
  std::vector<std::string> words;
  for (const Part &part : parts)
    if (part.bytes)
      words.push_back(std::to_string(part.bytes) + " " + part.name);
  return llvm::join(words, ", ");
}

tern_model tern::describeModel(const ModelFacts &facts) {
  tern_model model = {};
  model.abi_version = TERN_ABI_VERSION;
  model.size = sizeof(model);
  model.vocab_size = uint32_t(facts.vocabSize);
  model.hidden_size = uint32_t(facts.hiddenSize);
  model.max_context = uint32_t(facts.maxContext);
  model.max_tokens = uint32_t(facts.maxTokens);
  model.head_tokens = uint32_t(facts.headTokens);
  model.alignment = uint32_t(facts.alignment);
  model.state_block_tokens = uint32_t(facts.stateBlockTokens);
  model.scratch_bytes = facts.functionScratchBytes;
  model.scratch_worker_bytes = facts.scratchWorkerBytes;
  model.state_fixed_bytes = facts.stateFixedBytes;
  model.state_block_bytes = facts.stateBlockBytes;
  return model;
}
