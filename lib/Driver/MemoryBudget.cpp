//===- MemoryBudget.cpp - What a device has room for ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MemoryBudget.h"

#include "tern/tern.h"

#include "llvm/ADT/StringExtras.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

static void addWeights(MemoryUse &use, const ModelFacts &facts) {
  if (!facts.weightKinds.empty())
    return use.addWeights(facts.weightKinds);
  use.flash.push_back({"weights", facts.weightsBytes});
}

Expected<MemoryUse> tern::measureMemory(const CompileOptions &options,
                                        const ModelFacts &facts,
                                        StringRef object,
                                        uint64_t tokenizerBytes,
                                        uint64_t generationBytes) {
  auto file = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(object, "model"));
  if (!file)
    return file.takeError();
  CodeBytes code = readCodeBytes(**file);
  MemoryUse use;
  use.flash.push_back({"code", code.code});
  use.flash.push_back({"constants", code.constants});
  addWeights(use, facts);
  use.flash.push_back({"tokenizer", tokenizerBytes});
  use.flash.push_back({"defaults of generation", generationBytes});
  use.addSession(describeModel(facts), uint32_t(facts.maxContext),
                 options.workers);
  use.ram.push_back({"largest stack frame", code.largestFrame});
  return use;
}

//===----------------------------------------------------------------------===//
// Knobs
//===----------------------------------------------------------------------===//

namespace {

/// A flag that would save memory, and its effect.
struct Saving {
  std::string flag;
  uint64_t bytes;
};

struct Budget {
  StringRef flag, words;
  uint64_t limit, taken;
  const std::vector<MemoryUse::Part> &parts;
};

} // namespace

static uint64_t ramOf(const ModelFacts &facts, uint32_t context,
                      uint32_t workers) {
  return getSessionBytes(describeModel(facts), context, workers);
}

static std::string describeExcess(const Budget &budget,
                                  const std::string &advice) {
  return (llvm::Twine(budget.taken) + " bytes of " + budget.words + ", " +
          llvm::Twine(budget.taken - budget.limit) + " more than " +
          budget.flag + "=" + llvm::Twine(budget.limit) +
          " allows: " + MemoryUse::list(budget.parts) + advice)
      .str();
}

/// "; --kv-bits=3 makes it 81234", of those that are enough, or else of all.
static std::string advise(const std::vector<Saving> &savings,
                          const Budget &budget) {
  uint64_t over = budget.taken - budget.limit, all = 0;
  std::string enough, flags;
  for (const Saving &saving : savings) {
    if (saving.bytes >= over)
      enough += (enough.empty() ? "; " : ", ") + saving.flag + " makes it " +
                std::to_string(budget.taken - saving.bytes);
    flags += (flags.empty() ? "" : " ") + saving.flag;
    all += saving.bytes;
  }
  if (!enough.empty())
    return enough;
  if (savings.empty())
    return "; no flag makes it smaller";
  return "; " + flags + (savings.size() > 1 ? " together make" : " makes") +
         " it about " +
         std::to_string(budget.taken - std::min(all, budget.taken)) +
         (all >= over ? "" : ", which is still too much");
}

/// Adds the saving of a choice unless it is made already or saves nothing.
static Error add(std::vector<Saving> &savings, StringRef flag,
                 const CompileOptions &options, FactsOfChoice tryChoice,
                 llvm::function_ref<void(ModelOptions &)> set,
                 llvm::function_ref<uint64_t(const ModelFacts &)> measure,
                 uint64_t now) {
  ModelOptions changed = options.model;
  set(changed);
  Expected<ModelFacts> facts = tryChoice(changed);
  if (!facts)
    return facts.takeError();
  uint64_t bytes = measure(*facts);
  if (bytes < now)
    savings.push_back({flag.str(), now - bytes});
  return Error::success();
}

static Expected<std::vector<Saving>> saveFlash(const CompileOptions &options,
                                               const ModelFacts &facts,
                                               FactsOfChoice tryChoice) {
  std::vector<Saving> savings;
  auto weights = [](const ModelFacts &facts) { return facts.weightsBytes; };
  for (auto [flag, rows] :
       {std::pair<StringRef, HeadRows>{"--head=int8", HeadRows::Int8},
        {"--head=int4", HeadRows::Int4}})
    if (Error error = add(
            savings, flag, options, tryChoice,
            [rows = rows](ModelOptions &model) { model.import.head = rows; },
            weights, facts.weightsBytes))
      return std::move(error);
  if (options.model.import.embedding == HeadRows::Stored)
    if (Error error = add(
            savings, "--embedding=int8", options, tryChoice,
            [](ModelOptions &model) {
              model.import.embedding = HeadRows::Int8;
            },
            weights, facts.weightsBytes))
      // Of a ternary embedding, which has fewer bits.
      llvm::consumeError(std::move(error));
  return savings;
}

/// The longest context that a session of `limit` bytes has room for.
static uint32_t longestContext(const ModelFacts &facts, uint32_t workers,
                               uint64_t limit) {
  uint32_t low = 0, high = uint32_t(facts.maxContext);
  while (low < high) {
    uint32_t middle = low + (high - low + 1) / 2;
    if (ramOf(facts, middle, workers) <= limit)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

static Expected<std::vector<Saving>> saveRam(const CompileOptions &options,
                                             const ModelFacts &facts,
                                             const Budget &budget,
                                             FactsOfChoice tryChoice) {
  std::vector<Saving> savings;
  uint32_t context = uint32_t(facts.maxContext);
  uint64_t now = ramOf(facts, context, options.workers);
  uint64_t others = budget.taken - now;
  auto save = [&](std::string flag, uint64_t bytes) {
    if (bytes < now)
      savings.push_back({std::move(flag), now - bytes});
  };
  if (budget.limit > others)
    if (uint32_t fits =
            longestContext(facts, options.workers, budget.limit - others))
      save("--context=" + std::to_string(fits),
           ramOf(facts, fits, options.workers));
  if (options.workers > 1)
    save("--workers=1", ramOf(facts, context, 1));
  auto ram = [&](const ModelFacts &changed) {
    return ramOf(changed, context, options.workers);
  };
  if (facts.kvBits > 3)
    if (Error error = add(
            savings, "--kv-bits=3", options, tryChoice,
            [](ModelOptions &model) { model.import.kvBits = 3; }, ram, now))
      return std::move(error);
  if (facts.maxTokens > 1)
    if (Error error = add(
            savings, "--max-tokens=1", options, tryChoice,
            [](ModelOptions &model) { model.pipeline.maxTokens = 1; }, ram,
            now))
      return std::move(error);
  return savings;
}

//===----------------------------------------------------------------------===//
// Budgets
//===----------------------------------------------------------------------===//

Error tern::checkBudget(const CompileOptions &options, const ModelFacts &facts,
                        const MemoryUse &use, FactsOfChoice tryChoice) {
  std::string words;
  auto check = [&](const Budget &budget, auto &&save) -> Error {
    if (budget.taken <= budget.limit)
      return Error::success();
    Expected<std::vector<Saving>> savings = save(budget);
    if (!savings)
      return savings.takeError();
    words += (words.empty() ? " takes " : "; and ") +
             describeExcess(budget, advise(*savings, budget));
    return Error::success();
  };
  if (Error error = check(
          {"--max-flash", "flash", options.maxFlash.value_or(UINT64_MAX),
           MemoryUse::sum(use.flash), use.flash},
          [&](const Budget &) { return saveFlash(options, facts, tryChoice); }))
    return error;
  if (Error error =
          check({"--max-ram", "RAM", options.maxRam.value_or(UINT64_MAX),
                 MemoryUse::sum(use.ram), use.ram},
                [&](const Budget &budget) {
                  return saveRam(options, facts, budget, tryChoice);
                }))
    return error;
  return words.empty() ? Error::success()
                       : llvm::createStringError(facts.name() + words);
}
