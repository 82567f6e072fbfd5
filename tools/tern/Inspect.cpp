//===- Inspect.cpp - tern inspect -----------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "GgufFlags.h"
#include "InspectArtifact.h"
#include "InspectText.h"
#include "Options.h"
#include "Output.h"

#include "tern/Import/Checkpoint.h"
#include "tern/Import/Schemes.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Checkpoints
//===----------------------------------------------------------------------===//

static StringRef describe(WeightForm form) {
  switch (form) {
  case WeightForm::Masters:
    return "floating-point masters, ternarized by tern compile";
  case WeightForm::Multiplies:
    return "packed, 4 to a byte; weight_scale multiplies (it is alpha)";
  case WeightForm::Divides:
    return "packed, 4 to a byte; weight_scale divides (it is 1 / alpha)";
  case WeightForm::PerTensor:
    return "as each tensor of the GGUF file says (--tensors)";
  }
  llvm_unreachable("all forms are covered");
}

static void printConfig(const Checkpoint &checkpoint) {
  const ModelConfig &c = checkpoint.config();
  printField("checkpoint") << checkpoint.directory() << "\n";
  printField("decoder") << c.layerCount << " layers, hidden " << c.hiddenSize
                        << ", intermediate " << c.intermediateSize << ", "
                        << c.headCount << " heads (" << c.kvHeadCount
                        << " for keys and values) of " << c.headDim << "\n";
  printField("vocabulary") << c.vocabSize << " tokens, head "
                           << (c.tiedHead ? "tied to the embedding"
                                          : checkpoint.headName())
                           << "\n";
  printField("context") << c.maxPositions << " tokens, rope theta "
                        << llvm::format("%g", c.ropeTheta);
  if (!c.ropeDivisors.empty())
    llvm::outs() << ", periods up to "
                 << llvm::format("%g", *llvm::max_element(c.ropeDivisors))
                 << " times as long";
  llvm::outs() << "\n";
  printField("norms") << "epsilon " << llvm::format("%g", c.rmsNormEps);
  if (c.innerNormEps)
    llvm::outs() << ", in each projection "
                 << llvm::format("%g", *c.innerNormEps);
  if (checkpoint.attentionSubNormName().empty())
    llvm::outs() << ", no sub-norms\n";
  else
    llvm::outs() << ", sub-norms "
                 << checkpoint.attentionSubNormName().rsplit("{}.").second
                 << " and " << checkpoint.ffnSubNormName().rsplit("{}.").second
                 << "\n";
  printField("gate") << (c.hiddenAct == HiddenAct::Relu2 ? "relu2" : "silu")
                     << "\n";
  printField("KV cache") << c.kvBits << " bits";
  if (c.kvBits < 16)
    llvm::outs() << ", first position " << c.bosBits << ", queries " << c.qBits;
  llvm::outs() << "\n";
  printField("weights") << describe(c.weightForm) << "\n";
}

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

/// What is unusual about scales and biases.
static std::string describeOutputs(const Checkpoint &checkpoint,
                                   Projection projection) {
  ScaleShape scales = checkpoint.scaleShape(projection);
  std::string text;
  if (scales.groups > 1)
    text =
        llvm::formatv(", a scale per {0} columns of a row",
                      checkpoint.config().columns(projection) / scales.groups);
  else if (scales.rows > 1)
    text = ", a scale per row";
  return text + (checkpoint.hasBias(projection) ? ", bias" : "");
}

/// `problems` is null if digits are not to be read.
static void printProjections(const Checkpoint &checkpoint, Error *problems) {
  const ModelConfig &config = checkpoint.config();
  llvm::outs() << "\nprojection   rows    columns "
               << (problems ? "zero digits " : "") << "activations\n";
  for (Projection projection : allProjections) {
    printField(toString(projection))
        << llvm::left_justify(std::to_string(config.rows(projection)), 8)
        << llvm::left_justify(std::to_string(config.columns(projection)), 8);
    if (problems) {
      DigitCounts counts = countDigits(checkpoint, projection, *problems);
      double share = counts.all ? 100.0 * counts.zeros / counts.all : 0;
      llvm::outs() << llvm::formatv("{0,-12}",
                                    llvm::formatv("{0:F1} %", share).str());
    }
    llvm::outs() << describe(config.quantOf(projection),
                             config.columns(projection))
                 << describeOutputs(checkpoint, projection) << "\n";
  }
}

static void printSizes(const Checkpoint &checkpoint) {
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
  llvm::outs() << "\n";
  printField("tensors") << checkpoint.files().all().size() << ", "
                        << llvm::formatv("{0:F2} MB", bytes / 1e6) << "\n";
  printField("ternary") << ternary << " weights, "
                        << llvm::formatv("{0:F2} bits each in the files",
                                         8.0 * ternaryBytes / ternary)
                        << "\n";
  printField("parameters") << ternary + other << ", "
                           << llvm::formatv("{0:F2} bits each",
                                            8.0 * bytes / (ternary + other))
                           << "\n";
}

static void listTensors(const Checkpoint &checkpoint) {
  llvm::outs() << "\n";
  for (const auto &[name, entry] : checkpoint.files().all())
    llvm::outs() << llvm::left_justify(entry.describe(), 22) << name << "\n";
}

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

/// What chat lacks goes to `chatRefusal`; only chat would be refused.
static Error inspectText(const Checkpoint &checkpoint,
                         std::string &chatRefusal) {
  Expected<TextSections> text = makeTextSections(checkpoint);
  if (!text)
    return text.takeError();
  llvm::outs() << "\n";
  printText(*text);
  chatRefusal = text->chatRefusal;
  return Error::success();
}

/// All of it on stdout; the answer is the same problems.
static Error listProblems(Error problems) {
  Error again = Error::success();
  llvm::outs() << "\n";
  handleAllErrors(std::move(problems), [&](const llvm::ErrorInfoBase &problem) {
    printField("refused") << inOneLine(problem.message()) << "\n";
    again = joinErrors(std::move(again),
                       llvm::createStringError(problem.message()));
  });
  return again;
}

static Error inspectCheckpoint(StringRef path, const GgufOptions &options,
                               bool check, bool tensors) {
  Expected<std::unique_ptr<Checkpoint>> checkpoint =
      Checkpoint::open(path, options);
  if (!checkpoint)
    return listProblems(checkpoint.takeError());
  Error problems = (*checkpoint)->checkRopeTables();
  std::string chatRefusal;
  printConfig(**checkpoint);
  printProjections(**checkpoint, check ? &problems : nullptr);
  printSizes(**checkpoint);
  problems =
      joinErrors(std::move(problems), inspectText(**checkpoint, chatRefusal));
  if (tensors)
    listTensors(**checkpoint);
  if (check)
    problems = joinErrors(std::move(problems), checkTensors(**checkpoint));
  if (problems)
    return listProblems(std::move(problems));
  if (!chatRefusal.empty())
    llvm::outs() << "\nonly chat would be refused: " << chatRefusal << "\n";
  else if (check)
    llvm::outs() << "\nnothing in it would be refused\n";
  return Error::success();
}

//===----------------------------------------------------------------------===//
// The command
//===----------------------------------------------------------------------===//

Expected<int> tern::inspectMain(Arguments arguments) {
  bool help = false, check = false, tensors = false;
  GgufFlags gguf;
  OptionTable table(
      "inspect FILE [flags]",
      "Says what is in a checkpoint (a directory) or in what tern "
      "compile made:\na program, library, object or .weights file.");
  table.addSwitch("--check",
                  "read every tensor as tern compile does; what would be\n"
                  "refused is said in any case, and the exit status is 1",
                  check);
  table.addSwitch("--tensors", "list the tensors of a checkpoint", tensors);
  gguf.addTo(table);
  table.addSwitch("-h, --help", "this text", help);
  std::vector<std::string> inputs;
  if (Error error = table.parse(arguments, inputs))
    return std::move(error);
  if (help) {
    table.printHelp(llvm::outs());
    return 0;
  }
  if (inputs.size() != 1)
    return llvm::make_error<UsageError>(
        "tern inspect takes one FILE; see tern inspect --help");
  const std::string &path = inputs.front();
  bool isCheckpoint =
      llvm::sys::fs::is_directory(path) || StringRef(path).ends_with(".gguf");
  if (Error error =
          isCheckpoint ? inspectCheckpoint(path, gguf.options(), check, tensors)
                       : inspectArtifact(path))
    return std::move(error);
  return 0;
}
