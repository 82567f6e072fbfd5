//===- Tune.cpp - Strategies for this machine -----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Driver/Tune.h"

#include "Diagnostics.h"

#include "tern/Artifact/AtomicFile.h"
#include "tern/Artifact/Emitter.h"
#include "tern/Artifact/InputFiles.h"
#include "tern/Artifact/TargetSelection.h"
#include "tern/Driver/OutputFiles.h"
#include "tern/Import/Checkpoint.h"
#include "tern/InitAll.h"
#include "tern/Target/Target.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Threading.h"
#include "llvm/Support/xxhash.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

/// Code of the target can run here: it needs no other feature.
static Error checkHere(TargetAttr target, TargetAttr here) {
  llvm::Triple there(target.getTriple()), own(here.getTriple());
  if (there.getArch() != own.getArch() || there.getOS() != own.getOS())
    return failure("strategies are measured on the machine they are for, but "
                   "this one is no " +
                   target.getTriple());
  llvm::SmallVector<StringRef> needed;
  target.getFeatures().split(needed, ',', -1, /*KeepEmpty=*/false);
  for (StringRef feature : needed)
    if (feature.consume_front("+") && !here.hasFeature(feature))
      return failure("strategies are measured on the machine they are for, but "
                     "this one has no " +
                     feature);
  return Error::success();
}

/// One per core if `threads` is 0.
static unsigned countThreads(unsigned threads) {
  return threads
             ? threads
             : llvm::heavyweight_hardware_concurrency().compute_thread_count();
}

/// The target of --target and --cpu, whose code can run here.
static Expected<TargetAttr> selectHere(mlir::MLIRContext &context,
                                       const ModelOptions &model) {
  Expected<TargetAttr> target = selectTarget(&context, model.target, model.cpu);
  if (!target)
    return target.takeError();
  Expected<TargetAttr> here = selectTarget(&context, "", "");
  if (!here)
    return here.takeError();
  if (Error error = checkHere(*target, *here))
    return std::move(error);
  return *target;
}

Error tern::tuneFamily(
    const ModelOptions &model, const TuneEffort &effort,
    llvm::function_ref<void(llvm::ArrayRef<EntrySpeed>)> report) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  registerEmission(registry);
  mlir::MLIRContext context(registry);
  context.loadDialect<TernDialect>();
  Expected<TargetAttr> target = selectHere(context, model);
  if (!target)
    return target.takeError();
  Expected<std::vector<EntrySpeed>> speeds =
      measureFamily(*target, countThreads(effort.threads), effort.rounds);
  if (!speeds)
    return speeds.takeError();
  report(*speeds);
  return Error::success();
}

Error tern::writeFamily(const ModelOptions &model, StringRef layout,
                        StringRef output) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  registerEmission(registry);
  mlir::MLIRContext context(registry);
  context.loadDialect<TernDialect>();
  Expected<TargetAttr> target = selectTarget(&context, model.target, model.cpu);
  if (!target)
    return target.takeError();
  Expected<std::string> object = emitFamily(*target, layout);
  if (!object)
    return object.takeError();
  return writeFile(output, *object, InputFiles());
}

Error tern::tune(const ModelOptions &model, StringRef input,
                 const TuneEffort &effort, CompileListener &listener,
                 llvm::function_ref<void(const TuneResult &)> report) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  registerEmission(registry);
  mlir::MLIRContext context(registry);
  Diagnostics diagnostics(context, listener);
  Expected<TargetAttr> target = selectHere(context, model);
  if (!target)
    return target.takeError();
  listener.step("import");
  Expected<std::unique_ptr<Checkpoint>> checkpoint =
      Checkpoint::open(input, model.gguf);
  if (!checkpoint)
    return checkpoint.takeError();
  Expected<mlir::OwningOpRef<mlir::ModuleOp>> module =
      importModel(context, **checkpoint, model.import);
  if (!module)
    return module.takeError();
  (**module)->setAttr(TernDialect::kTargetAttr, *target);
  mlir::PassManager passes(&context);
  buildPipeline(passes, *findPhase("import"), *findPhase("quantized"),
                model.pipeline);
  if (mlir::failed(passes.run(**module)))
    return diagnostics.take("the phase 'quantized' failed");
  TuneOptions options;
  options.threads = countThreads(effort.threads);
  options.rounds = effort.rounds;
  options.onShape = [&](const std::string &shape) { listener.step(shape); };
  listener.step("machine code");
  Expected<TuneResult> result = tuneProducts(**module, *target, options);
  if (!result)
    return result.takeError();
  report(*result);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Keeping
//===----------------------------------------------------------------------===//

Expected<std::string>
tern::findStrategiesFile(StringRef directory, StringRef target, StringRef cpu) {
  mlir::DialectRegistry registry;
  registerTargets(registry);
  mlir::MLIRContext context(registry);
  Expected<TargetAttr> chosen = selectTarget(&context, target, cpu);
  if (!chosen)
    return chosen.takeError();
  std::string machine =
      (chosen->getTriple() + " " + chosen->getFeatures()).str();
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(
      path, "strategies",
      llvm::utohexstr(llvm::xxh3_64bits(machine), /*LowerCase=*/true) +
          ".json");
  return path.str().str();
}

Expected<std::vector<StrategyRule>> tern::readStrategiesFile(StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file) {
    if (file.getError() == std::errc::no_such_file_or_directory)
      return std::vector<StrategyRule>();
    return failure("cannot read " + path + ": " + file.getError().message());
  }
  Expected<std::vector<StrategyRule>> rules =
      parseStrategyFile((*file)->getBuffer());
  if (!rules)
    return failure(path + ": " + llvm::toString(rules.takeError()));
  return rules;
}

Error tern::keepStrategies(StringRef path, llvm::ArrayRef<StrategyRule> rules) {
  Expected<std::vector<StrategyRule>> kept = readStrategiesFile(path);
  if (!kept)
    return kept.takeError();
  llvm::erase_if(*kept, [&](const StrategyRule &old) {
    return llvm::any_of(rules, [&](const StrategyRule &rule) {
      return rule.weight == old.weight;
    });
  });
  kept->insert(kept->end(), rules.begin(), rules.end());
  StringRef directory = llvm::sys::path::parent_path(path);
  if (std::error_code code = llvm::sys::fs::create_directories(directory))
    return failure("cannot make the folder " + directory + ": " +
                   code.message());
  return writeFile(path, printStrategyFile(*kept), InputFiles());
}
