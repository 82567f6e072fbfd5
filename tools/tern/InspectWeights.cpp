//===- InspectWeights.cpp - tern inspect of a checkpoint's tensors --------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InspectWeights.h"

using namespace tern;
using llvm::Error;
using llvm::StringRef;
using llvm::json::Array;
using llvm::json::Object;

//===----------------------------------------------------------------------===//
// How they are stored
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
  case WeightForm::Products:
    return {"products", "floats that are digits times a scale for each row and "
                        "128 columns"};
  case WeightForm::Affine:
    return {"affine", "2-bit codes of MLX; digits where bias is -scale"};
  }
  llvm_unreachable("all forms are covered");
}

/// "F16", of the scales that belong to a ternary matrix; empty of masters.
static StringRef scaleType(const Checkpoint &checkpoint, StringRef name,
                           const TensorEntry &entry) {
  WeightForm form = checkpoint.config().weightForm;
  if (form == WeightForm::Masters)
    return "";
  if (form == WeightForm::Products || (entry.encoding && !entry.isBlocked()))
    return toString(entry.dtype);
  if (form == WeightForm::PerTensor)
    return entry.encoding->suffix || entry.encoding->rowPrefix == 4 ? "F32"
                                                                    : "F16";
  std::string beside = form == WeightForm::Affine
                           ? Checkpoint::affineScaleName(name)
                           : Checkpoint::scaleName(name);
  const TensorEntry *scales = checkpoint.files().find(beside);
  return scales ? toString(scales->dtype) : StringRef();
}

/// "6 of pq2_0 (scales F16), 1 of f16": what ternary matrices are stored as,
/// and embedding and head among them if they are ternary.
static void reportTypes(const Checkpoint &checkpoint, Report &report) {
  std::map<std::pair<std::string, StringRef>, int64_t> counts;
  for (const auto &[name, entry] : checkpoint.files().all()) {
    StringRef tensor = name;
    bool isTable = tensor == Checkpoint::embeddingName() ||
                   tensor == Checkpoint::ownHeadName();
    if (isTable ? checkpoint.isTernary(tensor)
                : tensor.ends_with("_proj.weight"))
      ++counts[{StringRef(entry.describe()).split(" [").first.str(),
                scaleType(checkpoint, name, entry)}];
  }
  std::string text;
  Array all;
  for (const auto &[types, count] : counts) {
    const auto &[type, scales] = types;
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " of " + type;
    if (!scales.empty())
      text += " (scales " + scales.str() + ")";
    all.push_back(Object{{"type", type}, {"scales", scales}, {"count", count}});
  }
  report.line("matrices").say(text);
  report.facts["matrix_types"] = std::move(all);
}

void tern::reportWeights(const Checkpoint &checkpoint, Report &report) {
  auto [form, words] = describe(checkpoint.config().weightForm);
  report.line("weights").say(words).note("weight_form", form);
  reportTypes(checkpoint, report);
}

//===----------------------------------------------------------------------===//
// Their values
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

/// Groups whose scale is not all that the file says.
static void reportInexactGroups(const Checkpoint &checkpoint, Report &report) {
  report.facts["inexact_groups"] = checkpoint.inexactGroups();
  std::string sentence = checkpoint.warnOfInexactGroups();
  if (!sentence.empty())
    report.line("warning").say(sentence);
}

Error tern::checkTensors(const Checkpoint &checkpoint, Report &report) {
  Error problems = Error::success();
  for (const auto &[name, entry] : checkpoint.files().all())
    if (entry.dtype == DType::F32 || entry.dtype == DType::F16 ||
        entry.dtype == DType::BF16)
      problems =
          joinErrors(std::move(problems), checkFloats(checkpoint, name, entry));
  reportInexactGroups(checkpoint, report);
  return problems;
}
