//===- MemoryBudget.cpp - What a device has room for ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MemoryBudget.h"

#include "tern/tern.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <functional>

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
// Choices
//===----------------------------------------------------------------------===//

namespace {

/// A flag that may save memory.
struct Choice {
  std::string flag;
  std::function<void(CompileOptions &)> set;
};

/// One that does: so much is taken with it.
struct Saving {
  Choice choice;
  uint64_t taken;
};

struct Budget {
  StringRef flag, words;
  uint64_t limit;
  std::vector<MemoryUse::Part> MemoryUse::*parts;

  uint64_t taken(const MeasuredModel &model) const {
    return MemoryUse::sum(model.use.*parts);
  }
};

} // namespace

/// The longest context that `limit` bytes of RAM have room for; 0: none.
static uint32_t longestContext(const MeasuredModel &model, unsigned workers,
                               uint64_t limit) {
  tern_model numbers = describeModel(model.facts);
  uint32_t low = 0, high = uint32_t(model.facts.maxContext);
  uint64_t others =
      MemoryUse::sum(model.use.ram) - getSessionBytes(numbers, high, workers);
  while (low < high) {
    uint32_t middle = low + (high - low + 1) / 2;
    if (getSessionBytes(numbers, middle, workers) + others <= limit)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

static Choice chooseContext(uint32_t tokens) {
  return {"--context=" + std::to_string(tokens),
          [tokens](CompileOptions &options) {
            options.model.import.context = tokens;
          }};
}

static std::vector<Choice> flashChoices(const CompileOptions &options) {
  std::vector<Choice> choices;
  for (auto [name, rows] :
       {std::pair<StringRef, HeadRows>{"--head=int8", HeadRows::Int8},
        {"--head=int4", HeadRows::Int4}})
    if (options.model.import.head != rows)
      choices.push_back({name.str(), [rows = rows](CompileOptions &changed) {
                           changed.model.import.head = rows;
                         }});
  if (options.model.import.embedding == HeadRows::Stored)
    choices.push_back({"--embedding=int8", [](CompileOptions &changed) {
                         changed.model.import.embedding = HeadRows::Int8;
                       }});
  return choices;
}

static std::vector<Choice> ramChoices(const CompileOptions &options,
                                      const MeasuredModel &model,
                                      uint64_t limit) {
  std::vector<Choice> choices;
  if (uint32_t tokens = longestContext(model, options.workers, limit))
    choices.push_back(chooseContext(tokens));
  if (options.workers > 1)
    choices.push_back(
        {"--workers=1", [](CompileOptions &changed) { changed.workers = 1; }});
  if (model.facts.kvBits > 3)
    choices.push_back({"--kv-bits=3", [](CompileOptions &changed) {
                         changed.model.import.kvBits = 3;
                       }});
  if (model.facts.maxTokens > 1)
    choices.push_back({"--max-tokens=1", [](CompileOptions &changed) {
                         changed.model.pipeline.maxTokens = 1;
                       }});
  return choices;
}

/// Those of `choices` that save memory, the best value of each flag.
static std::vector<Saving> findSavings(const std::vector<Choice> &choices,
                                       const CompileOptions &options,
                                       const Budget &budget, uint64_t taken,
                                       MeasureChoice measure) {
  std::vector<Saving> savings;
  for (const Choice &choice : choices) {
    CompileOptions changed = options;
    choice.set(changed);
    Expected<MeasuredModel> model = measure(changed);
    if (!model) {
      // Of a ternary embedding, which has fewer bits, and such.
      llvm::consumeError(model.takeError());
      continue;
    }
    uint64_t after = budget.taken(*model);
    if (after >= taken)
      continue;
    StringRef flag = StringRef(choice.flag).split('=').first;
    auto same = llvm::find_if(savings, [&](const Saving &saving) {
      return StringRef(saving.choice.flag).split('=').first == flag;
    });
    if (same == savings.end())
      savings.push_back({choice, after});
    else if (after < same->taken)
      *same = {choice, after};
  }
  return savings;
}

/// "; --kv-bits=3 makes it 81234" of each saving that is enough.
static std::string adviseOne(const std::vector<Saving> &savings,
                             uint64_t limit) {
  std::string words;
  for (const Saving &saving : savings)
    if (saving.taken <= limit)
      words += (words.empty() ? "; " : ", ") + saving.choice.flag +
               " makes it " + std::to_string(saving.taken);
  return words;
}

/// The same of all of them at once, and of RAM with the context that then fits.
static Expected<std::string> adviseAll(const std::vector<Saving> &savings,
                                       const CompileOptions &options,
                                       const Budget &budget,
                                       MeasureChoice measure) {
  if (savings.empty())
    return "; no flag makes it smaller";
  CompileOptions changed = options;
  std::string flags;
  auto apply = [&](const Choice &choice) {
    choice.set(changed);
    flags += (flags.empty() ? "" : " ") + choice.flag;
  };
  for (const Saving &saving : savings)
    apply(saving.choice);
  Expected<MeasuredModel> model = measure(changed);
  if (!model)
    return model.takeError();
  uint64_t taken = budget.taken(*model);
  if (taken > budget.limit && budget.parts == &MemoryUse::ram)
    if (uint32_t tokens =
            longestContext(*model, changed.workers, budget.limit)) {
      apply(chooseContext(tokens));
      model = measure(changed);
      if (!model)
        return model.takeError();
      taken = budget.taken(*model);
    }
  bool isOne = !StringRef(flags).contains(' ');
  return "; " + flags + (isOne ? " makes it " : " together make it ") +
         std::to_string(taken) +
         (taken <= budget.limit ? "" : ", which is still too much");
}

//===----------------------------------------------------------------------===//
// Budgets
//===----------------------------------------------------------------------===//

Error tern::checkBudget(const CompileOptions &options,
                        const MeasuredModel &model, MeasureChoice measure) {
  std::string words;
  for (const Budget &budget :
       {Budget{"--max-flash", "flash", options.maxFlash.value_or(UINT64_MAX),
               &MemoryUse::flash},
        Budget{"--max-ram", "RAM", options.maxRam.value_or(UINT64_MAX),
               &MemoryUse::ram}}) {
    uint64_t taken = budget.taken(model);
    if (taken <= budget.limit)
      continue;
    std::vector<Saving> savings =
        findSavings(budget.parts == &MemoryUse::ram
                        ? ramChoices(options, model, budget.limit)
                        : flashChoices(options),
                    options, budget, taken, measure);
    Expected<std::string> advice = adviseOne(savings, budget.limit);
    if (advice->empty())
      advice = adviseAll(savings, options, budget, measure);
    if (!advice)
      return advice.takeError();
    words += ((words.empty() ? " takes " : "; and ") + llvm::Twine(taken) +
              " bytes of " + budget.words + ", " +
              llvm::Twine(taken - budget.limit) + " more than " + budget.flag +
              "=" + llvm::Twine(budget.limit) +
              " allows: " + MemoryUse::list(model.use.*budget.parts) + *advice)
                 .str();
  }
  return words.empty() ? Error::success()
                       : llvm::createStringError(model.facts.name() + words);
}
