//===- InspectMatrices.cpp - tern inspect of ternary matrices -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InspectMatrices.h"

#include "tern/Import/Schemes.h"

#include "llvm/Support/FormatVariadic.h"

using namespace tern;
using llvm::Error;
using llvm::StringRef;
using llvm::json::Array;
using llvm::json::Object;

//===----------------------------------------------------------------------===//
// Projections
//===----------------------------------------------------------------------===//

/// Digits of all layers of one projection.
struct DigitCounts {
  uint64_t zeros = 0, all = 0;
};

/// Adds the digits of one matrix, or what is wrong with it to `problems`.
static void addDigits(const Checkpoint &checkpoint, StringRef name,
                      DigitCounts &counts, Error &problems) {
  Scales scales;
  DigitCounts more;
  auto count = [&](llvm::ArrayRef<int8_t> digits) -> Error {
    more.zeros += llvm::count(digits, 0);
    more.all += digits.size();
    return Error::success();
  };
  if (Error error = checkpoint.readDigits(name, count, scales)) {
    problems = joinErrors(std::move(problems), std::move(error));
    return;
  }
  counts.zeros += more.zeros;
  counts.all += more.all;
}

/// Adds matrices that cannot be read to `problems`.
static DigitCounts countDigits(const Checkpoint &checkpoint,
                               Projection projection, Error &problems) {
  DigitCounts counts;
  for (int64_t layer = 0; layer < checkpoint.config().layerCount; ++layer)
    if (checkpoint.config().hasProjection(projection, layer))
      addDigits(checkpoint,
                Checkpoint::atLayer(Checkpoint::weightName(projection), layer),
                counts, problems);
  return counts;
}

static void reportScales(ScaleShape scales, int64_t columns,
                         Report::Line &line) {
  line.note("scale_rows", scales.rows).note("scale_groups", scales.groups);
  if (scales.groups > 1)
    line.say(", a scale per " + llvm::Twine(columns / scales.groups) +
             " columns of a row");
  else if (scales.rows > 1)
    line.say(", a scale per row");
}

static void reportZeros(const DigitCounts &counts, Report::Line &line) {
  double share = counts.all ? double(counts.zeros) / counts.all : 0;
  std::string words = llvm::formatv("{0:F1} %", 100 * share);
  line.say(llvm::formatv("{0,-12}", words).str()).note("zeros", share);
}

/// Unusual properties of scales and biases.
static void reportOutputs(const Checkpoint &checkpoint, Projection projection,
                          Report::Line &line) {
  reportScales(checkpoint.scaleShape(projection),
               checkpoint.config().columns(projection), line);
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

static void reportProjections(const Checkpoint &checkpoint, Error *problems,
                              Report &report) {
  const ModelConfig &config = checkpoint.config();
  report.heading(problems
                     ? "projection   rows    columns zero digits activations"
                     : "projection   rows    columns activations");
  Array all;
  for (Projection projection : config.projections()) {
    Object facts{{"name", tern::toString(projection)}};
    {
      Report::Line line = report.line(tern::toString(projection), facts);
      line.column(8, "rows", config.rows(projection))
          .column(8, "columns", config.columns(projection));
      if (problems)
        reportZeros(countDigits(checkpoint, projection, *problems), line);
      reportQuantization(config.quantOf(projection), config.columns(projection),
                         line);
      reportOutputs(checkpoint, projection, line);
    }
    all.push_back(std::move(facts));
  }
  report.facts["projections"] = std::move(all);
}

/// A ternary embedding or head; the lines follow those of the projections.
static void reportTable(const Checkpoint &checkpoint, StringRef name,
                        ScaleShape scales, Error *problems, Report &report,
                        Array &all) {
  const ModelConfig &config = checkpoint.config();
  int64_t rows = config.vocabSize, columns = config.hiddenSize;
  bool isHead = name == checkpoint.headName();
  Object facts{{"name", name}, {"head", isHead}};
  {
    Report::Line line = report.line(
        name.split('.').first == "model" ? "embed_tokens" : "lm_head", facts);
    line.column(8, "rows", rows).column(8, "columns", columns);
    if (problems) {
      DigitCounts counts;
      addDigits(checkpoint, name, counts, *problems);
      reportZeros(counts, line);
    }
    if (isHead)
      reportQuantization(config.quantOfHead(), columns, line);
    else
      line.say("looked up");
    reportScales(scales, columns, line);
  }
  all.push_back(std::move(facts));
}

static void reportTables(const Checkpoint &checkpoint, Error *problems,
                         Report &report) {
  const ModelConfig &config = checkpoint.config();
  Array all;
  if (config.ternaryTable)
    reportTable(checkpoint, Checkpoint::embeddingName(),
                checkpoint.tableScaleShape(), problems, report, all);
  if (config.ternaryHead && !config.tiedHead)
    reportTable(checkpoint, checkpoint.headName(), checkpoint.headScaleShape(),
                problems, report, all);
  report.facts["ternary_tables"] = std::move(all);
}

void tern::reportMatrices(const Checkpoint &checkpoint, Error *problems,
                          Report &report) {
  reportProjections(checkpoint, problems, report);
  reportTables(checkpoint, problems, report);
}
