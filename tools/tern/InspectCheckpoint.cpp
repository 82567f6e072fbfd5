//===- InspectCheckpoint.cpp - tern inspect of checkpoints ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InspectCheckpoint.h"
#include "InspectMatrices.h"
#include "InspectText.h"
#include "InspectWeights.h"

#include "tern/Driver/TextSections.h"
#include "tern/Import/Checkpoint.h"
#include "tern/Import/GgufNames.h"
#include "tern/Packing/CacheLayout.h"

#include "llvm/Support/FormatVariadic.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::json::Array;
using llvm::json::Object;

//===----------------------------------------------------------------------===//
// The configuration
//===----------------------------------------------------------------------===//

static void reportNorms(const Checkpoint &checkpoint, Report &report) {
  const ModelConfig &c = checkpoint.config();
  Report::Line line = report.line("norms");
  line.put("norm_epsilon", c.rmsNormEps, "epsilon {}");
  if (c.innerNormEps)
    line.put("inner_norm_epsilon", *c.innerNormEps, ", in each projection {}");
  Array names;
  for (StringRef name :
       {checkpoint.attentionSubNormName(), checkpoint.ffnSubNormName()}) {
    if (name.empty())
      continue;
    StringRef end = name.rsplit("{}.").second;
    line.say((names.empty() ? ", sub-norms " : " and ") + end);
    names.push_back(end);
  }
  if (names.empty())
    line.say(", no sub-norms");
  if (c.hasHeadNorms())
    line.say(", of each head of q and k");
  line.note("head_norms", c.hasHeadNorms());
  line.note("sub_norms", std::move(names));
}

static void reportCache(const ModelConfig &c, Report &report) {
  Object cache;
  {
    Report::Line line = report.line("KV cache", cache);
    line.put("bits", c.kvBits, "{} bits");
    if (c.kvBits < 16)
      line.put("bos_bits", c.bosBits, ", first position {}")
          .put("q_bits", c.qBits, ", queries {}");
    CacheLayout layout{c.layerCount - c.recurrentCount(), c.kvHeadCount,
                       c.headDim, c.kvBits, c.bosBits};
    line.put("bytes", layout.stateBytes(c.maxPositions),
             ", {} bytes when full");
    if (int64_t layers = c.recurrentCount())
      line.put("recurrent_bytes", layers * c.deltaNet->stateBytes(),
               ", and {} bytes at any length");
  }
  report.facts["cache"] = std::move(cache);
}

static void reportConfig(const Checkpoint &checkpoint, Report &report) {
  const ModelConfig &c = checkpoint.config();
  report.line("checkpoint").put("input", checkpoint.directory());
  report.line("architecture").put("architecture", c.architecture);
  report.line("family").put("family", tern::toString(c.family));
  report.line("decoder")
      .put("layers", c.layerCount, "{} layers")
      .put("hidden_size", c.hiddenSize, ", hidden {}")
      .put("intermediate_size", c.intermediateSize, ", intermediate {}")
      .put("heads", c.headCount, ", {} heads")
      .put("kv_heads", c.kvHeadCount, " ({} for keys and values)")
      .put("head_size", c.headDim, " of {}");
  if (const auto &net = c.deltaNet)
    report.line("recurrent")
        .put("recurrent_layers", c.recurrentCount(), "{} layers")
        .put("recurrent_heads", net->valueHeads, ", {} heads")
        .put("recurrent_key_heads", net->keyHeads, " ({} for keys)")
        .put("recurrent_key_size", net->keyDim, " of {}")
        .put("recurrent_value_size", net->valueDim, " by {}");
  report.line("vocabulary")
      .put("vocabulary", c.vocabSize, "{} tokens, head ")
      .say(c.tiedHead ? "tied to the embedding" : checkpoint.headName())
      .note("tied_head", c.tiedHead)
      .note("head", checkpoint.headName());
  {
    Report::Line line = report.line("context");
    line.put("context", c.maxPositions, "{} tokens")
        .put("rope_theta", c.ropeTheta, ", rope theta {}");
    if (!c.ropeDivisors.empty())
      line.put("rope_stretch", *llvm::max_element(c.ropeDivisors),
               ", periods up to {} times as long");
    if (c.ropeFactor != 1)
      line.put("rope_factor", c.ropeFactor, ", cosines and sines times {}");
  }
  if (c.family == ModelFamily::MiniCpm)
    report.line("scales")
        .put("embedding_scale", c.embeddingScale, "embedding times {}")
        .put("residual_scale", c.residualScale, ", blocks times {}")
        .put("head_divisor", c.headDivisor, ", input of the head by {}");
  reportNorms(checkpoint, report);
  report.line("gate").put("gate",
                          c.hiddenAct == HiddenAct::Relu2 ? "relu2" : "silu");
  reportCache(c, report);
  reportWeights(checkpoint, report);
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

static void reportSizes(const Checkpoint &checkpoint, Report &report) {
  uint64_t bytes = 0, ternary = 0, ternaryBytes = 0, other = 0;
  for (const auto &[name, entry] : checkpoint.files().all()) {
    bytes += entry.bytes;
    Checkpoint::TensorRole role = Checkpoint::roleOf(name);
    bool isMatrix = isTernaryName(name) || checkpoint.isTernary(name);
    if (isMatrix || role == Checkpoint::TensorRole::Scales)
      ternaryBytes += entry.bytes;
    else if (role == Checkpoint::TensorRole::Parameters)
      other += entry.elements();
    if (isMatrix)
      ternary += llvm::cantFail(checkpoint.ternaryRows(name)) * entry.shape[1];
  }
  auto each = [](double bits, uint64_t count, StringRef where) {
    return llvm::formatv("{0:F2} bits each{1}", bits / count, where).str();
  };
  report.blank();
  report.line("tensors")
      .put("tensors", checkpoint.files().all().size())
      .say(llvm::formatv(", {0:F2} MB", bytes / 1e6).str())
      .note("tensor_bytes", bytes);
  report.line("ternary")
      .put("ternary", ternary, "{} weights, ")
      .say(each(8.0 * ternaryBytes, ternary, " in the files"))
      .note("ternary_bits", 8.0 * ternaryBytes / ternary);
  report.line("parameters")
      .put("parameters", ternary + other, "{}, ")
      .say(each(8.0 * bytes, ternary + other, ""))
      .note("parameter_bits", 8.0 * bytes / (ternary + other));
}

static void listTensors(const Checkpoint &checkpoint, Report &report) {
  Array all;
  report.blank();
  for (const auto &[name, entry] : checkpoint.files().all()) {
    Object facts;
    report.line("", facts)
        .column(22, "type", entry.describe())
        .put("name", name);
    all.push_back(std::move(facts));
  }
  report.facts["tensor_list"] = std::move(all);
}

//===----------------------------------------------------------------------===//
// All
//===----------------------------------------------------------------------===//

/// Every file of the directory and what becomes of it.
static void reportFiles(const Checkpoint &checkpoint, Report &report) {
  Array all;
  for (const CheckpointFile &file : checkpoint.listFiles()) {
    Object facts;
    if (all.empty())
      report.blank();
    Report::Line line = report.line("file", facts);
    line.put("name", file.name, "{}, ").put("use", tern::toString(file.use));
    if (!file.why.empty())
      line.put("why", file.why, ": {}");
    all.push_back(std::move(facts));
  }
  report.facts["files"] = std::move(all);
}

/// Sentences about files and fields that are not followed, or may surprise.
static void reportRemarks(const Checkpoint &checkpoint,
                          const TextRemarks &remarks, Report &report) {
  std::vector<std::string> warnings = checkpoint.warnOfUnread();
  llvm::append_range(warnings, remarks.warnings);
  if (!warnings.empty())
    report.blank();
  Array all;
  for (const std::string &sentence : warnings) {
    Object facts;
    report.line("warning", facts).put("text", sentence);
    all.push_back(llvm::json::fixUTF8(sentence));
  }
  report.facts["warnings"] = std::move(all);
  if (!remarks.rules.empty())
    report.line("rules").put(
        "rules", remarks.rules,
        "run and chat follow {} of generation_config.json");
}

/// A problem that concerns only chat goes to `chatRefusal`.
static Error inspectText(const Checkpoint &checkpoint, Report &report,
                         std::string &chatRefusal) {
  Expected<TextSections> text = makeTextSections(checkpoint);
  if (!text)
    return text.takeError();
  report.blank();
  reportText(*text, report);
  reportFiles(checkpoint, report);
  reportRemarks(checkpoint, text->remarks, report);
  chatRefusal = text->chatRefusal;
  return Error::success();
}

Error tern::inspectCheckpoint(StringRef path,
                              const CheckpointInspection &options,
                              Report &report) {
  Expected<std::unique_ptr<Checkpoint>> checkpoint =
      Checkpoint::open(path, options.gguf);
  if (!checkpoint)
    return report.list(checkpoint.takeError());
  Error problems = (*checkpoint)->checkRopeTables();
  std::string chatRefusal;
  reportConfig(**checkpoint, report);
  reportMatrices(**checkpoint, options.readsAll ? &problems : nullptr, report);
  reportSizes(**checkpoint, report);
  problems = joinErrors(std::move(problems),
                        inspectText(**checkpoint, report, chatRefusal));
  if (options.listsTensors)
    listTensors(**checkpoint, report);
  if (options.readsAll)
    problems =
        joinErrors(std::move(problems), checkTensors(**checkpoint, report));
  report.facts["checked"] = options.readsAll;
  if ((problems = report.list(std::move(problems))))
    return problems;
  if (!chatRefusal.empty() || options.readsAll)
    report.blank();
  if (!chatRefusal.empty())
    report.line("").put("chat_problem", chatRefusal,
                        "only chat would be refused: {}");
  else if (options.readsAll)
    report.line("").say("nothing in it would be refused");
  return Error::success();
}
