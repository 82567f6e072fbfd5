//===- lib/Import/ImportPlan.cpp - Options over config --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ImportPlan.h"

#include "Json.h"

#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace tern;

static bool isOneOf(unsigned value, ArrayRef<unsigned> choices) {
  return is_contained(choices, value);
}

static std::string nameOf(HeadRows head) {
  if (head == HeadRows::Int8Planes)
    return "int8 in planes";
  return "int" + std::to_string(static_cast<int>(head));
}

/// Of the cache, what the options say in the place of `config`.
static Error planCache(const ImportOptions &options, ModelConfig &config,
                       StringRef what) {
  unsigned &kvBits = config.kvBits, &bosBits = config.bosBits;
  if (options.kvBits) {
    kvBits = *options.kvBits;
    // The first position is never narrower, and 16 bits go with 16 alone.
    if (kvBits == 16 || bosBits == 16 || bosBits < kvBits)
      bosBits = kvBits;
  }
  bosBits = options.bosBits.value_or(bosBits);
  if (!isOneOf(kvBits, {3, 4, 8, 16}) || !isOneOf(bosBits, {3, 4, 8, 16}) ||
      (kvBits == 16) != (bosBits == 16))
    return fileError(what, "a cache of " + Twine(kvBits) + " bits with " +
                               Twine(bosBits) +
                               " for position 0 was asked for; 3, 4 and 8 can "
                               "be combined, 16 stands alone");
  config.qBits = options.qBits.value_or(config.qBits);
  if (!isOneOf(config.qBits, {4, 8}))
    return fileError(what, "queries of " + Twine(config.qBits) +
                               " bits were asked for, but only 4 and 8 are "
                               "possible");
  return Error::success();
}

Expected<ImportPlan> tern::makeImportPlan(const Checkpoint &checkpoint,
                                          const ImportOptions &options) {
  StringRef what = checkpoint.directory();
  if (options.name.empty() || !llvm::all_of(options.name, [](char c) {
        return llvm::isAlnum(c) || c == '_';
      }))
    return fileError(what, "the name '" + options.name +
                               "' is expected to consist of letters, digits "
                               "and '_'");
  ImportPlan plan{checkpoint.config(), 0};
  if (plan.config.ternaryHead && options.head != HeadRows::Stored)
    return fileError(what, "a head of " + nameOf(options.head) +
                               " was asked for, but the head of this model is "
                               "ternary, which takes fewer bits; leave --head "
                               "out");
  if (options.embedding != HeadRows::Stored) {
    if (options.embedding != HeadRows::Int8)
      return fileError(what, "an embedding of int" +
                                 Twine(static_cast<int>(options.embedding)) +
                                 " was asked for, but only int8 is possible");
    if (plan.config.ternaryTable)
      return fileError(what, "an embedding of int8 was asked for, but that of "
                             "this model is ternary, which takes fewer bits; "
                             "leave --embedding out");
  }
  if (!options.context)
    if (Error error = checkpoint.checkRopeTables())
      return std::move(error);
  plan.context = options.context.value_or(plan.config.maxPositions);
  if (plan.context < 1 || plan.context > plan.config.maxPositions)
    return fileError(what, "a context of " + Twine(plan.context) +
                               " tokens was asked for, but the model takes 1 "
                               "to " +
                               Twine(plan.config.maxPositions));
  if (Error error = applySchemes(options.schemes, plan.config, what))
    return std::move(error);
  if (Error error = checkHeadScheme(plan.config, what))
    return std::move(error);
  if (Error error = planCache(options, plan.config, what))
    return std::move(error);
  return plan;
}
