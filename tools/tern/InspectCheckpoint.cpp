//===- InspectCheckpoint.cpp - tern inspect of checkpoints ----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InspectCheckpoint.h"
#include "InspectText.h"

#include "tern/Driver/TextSections.h"
#include "tern/Import/Checkpoint.h"
#include "tern/Import/Schemes.h"
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

static std::pair<StringRef, StringRef> describe(WeightForm form) {
  switch (form) {
  case WeightForm::Masters:
    return {"masters", "floating-point masters, ternarized by tern compile"};
  case WeightForm::Multiplies:
    return {"multiplies",
            "packed, 4 to a byte; weight_scale multiplies (it is alpha)"};
  case WeightForm::Divides:
    return {"divides",
            "packed, 4 to a byte; weight_scale divides (it is 1 / alpha)"};
  case WeightForm::PerTensor:
    return {"per tensor", "as each tensor of the GGUF file says (--tensors)"};
  }
  llvm_unreachable("all forms are covered");
}

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
    CacheLayout layout{c.layerCount, c.kvHeadCount, c.headDim, c.kvBits,
                       c.bosBits};
    line.put("bytes", layout.stateBytes(c.maxPositions),
             ", {} bytes when full");
  }
  report.facts["cache"] = std::move(cache);
}

static void reportConfig(const Checkpoint &checkpoint, Report &report) {
  const ModelConfig &c = checkpoint.config();
  report.line("checkpoint").put("input", checkpoint.directory());
  report.line("architecture").put("architecture", c.architecture);
  report.line("decoder")
      .put("layers", c.layerCount, "{} layers")
      .put("hidden_size", c.hiddenSize, ", hidden {}")
      .put("intermediate_size", c.intermediateSize, ", intermediate {}")
      .put("heads", c.headCount, ", {} heads")
      .put("kv_heads", c.kvHeadCount, " ({} for keys and values)")
      .put("head_size", c.headDim, " of {}");
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
  }
  reportNorms(checkpoint, report);
  report.line("gate").put("gate",
                          c.hiddenAct == HiddenAct::Relu2 ? "relu2" : "silu");
  reportCache(c, report);
  auto [form, words] = describe(c.weightForm);
  report.line("weights").say(words).note("weight_form", form);
}

//===----------------------------------------------------------------------===//
// Projections
//===----------------------------------------------------------------------===//

/// Digits of all layers of one projection.
struct DigitCounts {
  uint64_t zeros = 0, all = 0;
};

/// Adds matrices that cannot be read to `problems`.
static DigitCounts countDigits(const Checkpoint &checkpoint,
                               Projection projection, Error &problems) {
  const ModelConfig &config = checkpoint.config();
  std::vector<int8_t> digits(config.rows(projection) *
                             config.columns(projection));
  DigitCounts counts;
  for (int64_t layer = 0; layer < config.layerCount; ++layer) {
    Scales scales;
    if (Error error =
            checkpoint.readDigits(projection, layer, digits.data(), scales)) {
      problems = joinErrors(std::move(problems), std::move(error));
      continue;
    }
    counts.zeros += llvm::count(digits, 0);
    counts.all += digits.size();
  }
  return counts;
}

/// Unusual properties of scales and biases.
static void reportOutputs(const Checkpoint &checkpoint, Projection projection,
                          Report::Line &line) {
  ScaleShape scales = checkpoint.scaleShape(projection);
  int64_t columns = checkpoint.config().columns(projection);
  line.note("scale_rows", scales.rows).note("scale_groups", scales.groups);
  if (scales.groups > 1)
    line.say(", a scale per " + llvm::Twine(columns / scales.groups) +
             " columns of a row");
  else if (scales.rows > 1)
    line.say(", a scale per row");
  line.note("bias", checkpoint.hasBias(projection));
  if (checkpoint.hasBias(projection))
    line.say(", bias");
}

static void reportQuantization(const ProjectionQuant &quant, int64_t columns,
                               Report::Line &line) {
  line.say(tern::describe(quant, columns))
      .note("scheme", tern::toString(quant.scheme))
      .note("topk", quant.topK.value_or(1))
      .note("hadamard", quant.hadamard)
      .note("block", quant.block);
}

/// `problems` is null if digits are not to be read.
static void reportProjections(const Checkpoint &checkpoint, Error *problems,
                              Report &report) {
  const ModelConfig &config = checkpoint.config();
  report.heading(problems
                     ? "projection   rows    columns zero digits activations"
                     : "projection   rows    columns activations");
  Array all;
  for (Projection projection : allProjections) {
    Object facts{{"name", tern::toString(projection)}};
    {
      Report::Line line = report.line(tern::toString(projection), facts);
      line.column(8, "rows", config.rows(projection))
          .column(8, "columns", config.columns(projection));
      if (problems) {
        DigitCounts counts = countDigits(checkpoint, projection, *problems);
        double share = counts.all ? double(counts.zeros) / counts.all : 0;
        std::string words = llvm::formatv("{0:F1} %", 100 * share);
        line.say(llvm::formatv("{0,-12}", words).str()).note("zeros", share);
      }
      reportQuantization(config.quantOf(projection), config.columns(projection),
                         line);
      reportOutputs(checkpoint, projection, line);
    }
    all.push_back(std::move(facts));
  }
  report.facts["projections"] = std::move(all);
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

static void reportSizes(const Checkpoint &checkpoint, Report &report) {
  const ModelConfig &config = checkpoint.config();
  uint64_t bytes = 0, ternary = 0, other = 0;
  for (const auto &[name, entry] : checkpoint.files().all()) {
    bytes += entry.bytes;
    StringRef tensor = name;
    if (!tensor.ends_with("_proj.weight") && !tensor.ends_with("_scale"))
      other += entry.elements();
  }
  for (Projection projection : allProjections)
    ternary += uint64_t(config.layerCount) * config.rows(projection) *
               config.columns(projection);
  uint64_t ternaryBytes = 0;
  for (Projection projection : allProjections)
    for (int64_t layer = 0; layer < config.layerCount; ++layer)
      if (const TensorEntry *entry = checkpoint.files().find(
              Checkpoint::atLayer(Checkpoint::weightName(projection), layer)))
        ternaryBytes += entry->bytes;
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

static Error checkFloats(const Checkpoint &checkpoint, StringRef name,
                         const TensorEntry &entry) {
  uint64_t count = entry.elements();
  std::vector<float> values(std::min<uint64_t>(count, 1 << 16));
  for (uint64_t from = 0; from < count; from += values.size()) {
    uint64_t part = std::min<uint64_t>(values.size(), count - from);
    if (Error error = checkpoint.readFloats(name, from, part, values.data()))
      return error;
  }
  checkpoint.files().release(entry, 0, entry.bytes);
  return Error::success();
}

/// Everything that tern compile reads, so that what it would refuse shows.
static Error checkTensors(const Checkpoint &checkpoint) {
  Error problems = Error::success();
  for (const auto &[name, entry] : checkpoint.files().all())
    if (entry.dtype == DType::F32 || entry.dtype == DType::F16 ||
        entry.dtype == DType::BF16)
      problems =
          joinErrors(std::move(problems), checkFloats(checkpoint, name, entry));
  return problems;
}

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
  reportProjections(**checkpoint, options.readsAll ? &problems : nullptr,
                    report);
  reportSizes(**checkpoint, report);
  problems = joinErrors(std::move(problems),
                        inspectText(**checkpoint, report, chatRefusal));
  if (options.listsTensors)
    listTensors(**checkpoint, report);
  if (options.readsAll)
    problems = joinErrors(std::move(problems), checkTensors(**checkpoint));
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
