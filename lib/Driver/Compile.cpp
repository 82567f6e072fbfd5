//===- Compile.cpp - From a checkpoint to files ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Driver/Compile.h"

#include "Compilation.h"
#include "LinkedModel.h"
#include "Project.h"
#include "RuntimeArchive.h"

#include "tern/Artifact/AtomicFile.h"
#include "tern/Artifact/EmbeddedData.h"
#include "tern/Artifact/WeightWriter.h"
#include "tern/Dialect/Tern/Transforms/SharedWeights.h"
#include "tern/Driver/OutputFiles.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static std::string printModule(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text + "\n";
}

mlir::DialectRegistry Compilation::makeRegistry() {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  registerEmission(registry);
  return registry;
}

//===----------------------------------------------------------------------===//
// In
//===----------------------------------------------------------------------===//

Error Compilation::chooseTargets() {
  if (Error error =
          selectVersions(&context, options.model.target, options.model.cpu)
              .moveInto(versions))
    return error;
  for (const TargetVersion &version : versions) {
    TargetAttr chosen = version.target;
    listener.detail((chosen.getTriple() + ", " + chosen.getCpu() +
                     ", features " + chosen.getFeatures())
                        .str());
    if (!version.others.empty())
      listener.message(MessageKind::Note,
                       llvm::join(version.others, " and ") +
                           " would need the same features as " + version.name +
                           ", whose code it runs");
  }
  target = versions.front().target;
  return Error::success();
}

/// Several versions are compiled from one module, to the same weights.
void Compilation::attachTargets() {
  (*module)->setAttr(TernDialect::kTargetAttr, target);
  if (versions.size() == 1)
    return;
  llvm::SmallVector<mlir::Attribute> targets;
  // Where layouts are as good for all, the one of the best CPU is taken.
  for (const TargetVersion &version : llvm::reverse(versions))
    targets.push_back(version.target);
  (*module)->setAttr(kVersionTargetsAttr,
                     mlir::ArrayAttr::get(&context, targets));
}

Error Compilation::checkTarget() {
  for (const TargetVersion &version : versions)
    if (Error error = checkMachine(version.target))
      return error;
  if (versions.empty())
    if (Error error = checkMachine(target))
      return error;
  llvm::Triple triple(getProgramTarget(target).getTriple());
  if (options.embedsWeights && !canEmbedData(triple))
    return llvm::createStringError(
        "--embed-weights is for objects of ELF and WebAssembly, which those "
        "for " +
        triple.str() + " are not; leave it out and map the weights file");
  if (options.form != OutputForm::Program &&
      options.form != OutputForm::Shared && options.form != OutputForm::Archive)
    return Error::success();
  return checkLinkable(getProgramTarget(target), options);
}

/// NAME.h and NAME.weights are written too.
bool Compilation::writesLibrary() const {
  return !options.stream && (options.form == OutputForm::Object ||
                             options.form == OutputForm::Shared ||
                             options.form == OutputForm::Archive);
}

bool Compilation::writesWeights() const {
  return writesLibrary() || options.form == OutputForm::Program ||
         options.form == OutputForm::Weights;
}

Error Compilation::checkOutputs() {
  OutputPlan plan;
  if (!options.stream)
    plan.output = options.output;
  plan.form = nameOf(options.form).str();
  // IR has a name of its own; writeLibrary asks again.
  if (writesLibrary() && !options.inputPhase)
    plan.name = name.str();
  plan.hasWeights = !options.embedsWeights;
  plan.stages = options.stages;
  plan.stageFiles = range.stageFiles(name);
  return tern::checkOutputs(plan, inputs);
}

Error Compilation::import() {
  Timer timer("import", listener);
  listener.step("import");
  Expected<std::unique_ptr<Checkpoint>> opened =
      Checkpoint::open(options.input, options.model.gguf);
  if (!opened)
    return opened.takeError();
  checkpoint = std::move(*opened);
  if (!samplesScales || !writesWeights())
    checkpoint->readAllScales();
  Expected<mlir::OwningOpRef<mlir::ModuleOp>> imported =
      importModel(context, *checkpoint, options.model.import);
  if (!imported)
    return imported.takeError();
  module = std::move(*imported);
  // Before the phases, so that a refusal comes at once.
  Expected<TextSections> sections =
      makeTextSections(*checkpoint, options.chatTemplate);
  if (!sections)
    return sections.takeError();
  reportRemarks(*checkpoint, sections->remarks, listener);
  if (!sections->chatRefusal.empty())
    listener.message(MessageKind::Warning,
                     options.input + ": chat will not work, but run will: " +
                         sections->chatRefusal +
                         "; --chat-template FILE gives another");
  text = std::move(*sections);
  if (!options.project.empty() && text.tokenizer.empty())
    return llvm::createStringError(
        options.input + " has no tokenizer, which the program of a project "
                        "needs; --emit=obj makes an object");
  return Error::success();
}

Error Compilation::parse() {
  module = mlir::parseSourceFile<mlir::ModuleOp>(options.input, &context);
  if (!module)
    return diagnostics.take("cannot read IR from " + options.input);
  target = TargetAttr::lookup(*module);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Through
//===----------------------------------------------------------------------===//

Error Compilation::saveStage(StringRef file, StringRef contents) {
  llvm::SmallString<128> path(options.stages);
  llvm::sys::path::append(path, file);
  return writeFile(path, contents, inputs);
}

Error Compilation::write(StringRef contents) {
  if (!options.stream)
    return writeFile(options.output, contents, inputs);
  *options.stream << contents;
  options.stream->flush();
  return Error::success();
}

Error Compilation::saveModule(mlir::ModuleOp module, unsigned phase) {
  if (options.stages.empty())
    return Error::success();
  return saveStage(stageFile(phase), printModule(module));
}

/// Copies the module's attributes and `tern.weight`s, but no code.
void Compilation::keepWeights(mlir::ModuleOp module) {
  mlir::OpBuilder builder(&context);
  weights = mlir::ModuleOp::create(builder, module.getLoc());
  (*weights)->setAttrs(module->getAttrs());
  builder.setInsertionPointToEnd(weights->getBody());
  for (WeightOp weight : module.getOps<WeightOp>())
    builder.clone(*weight);
}

/// As soon as it is known which weights will be written, and how many bytes.
Error Compilation::checkWeights() {
  auto number = [&](StringRef name) -> uint64_t {
    auto value = (*weights)->getAttrOfType<mlir::IntegerAttr>(name);
    return value ? value.getValue().getZExtValue() : 0;
  };
  if (!writesWeights())
    return Error::success();
  if (writesLibrary() && !options.embedsWeights)
    if (Error error = checkWeightsBeside(options.output, name,
                                         number(TernDialect::kWeightsIdAttr)))
      return error;
  return checkRoom(options.output, number(TernDialect::kWeightsBytesAttr));
}

Error Compilation::runPhases(mlir::ModuleOp module, unsigned from,
                             unsigned to) {
  unsigned object = getPhases().size() - 1;
  // One pipeline per phase, so that each can be timed and saved.
  for (unsigned phase = from; phase < std::min(to, object - 1); ++phase) {
    StringRef next = getPhases()[phase + 1].name;
    Timer timer(next, listener);
    listener.step(next);
    mlir::PassManager passes(&context);
    // Once per phase instead of once per pass: a third of the time otherwise.
    passes.enableVerifier(false);
    buildPipeline(passes, phase, phase + 1, options.model.pipeline);
    if (mlir::failed(passes.run(module)) || mlir::failed(mlir::verify(module)))
      return diagnostics.take("the phase '" + next + "' failed");
    if (Error error = saveModule(module, phase + 1))
      return error;
    if (next == "packed" && checkpoint && !weights) {
      keepWeights(module);
      if (Error error = checkWeights())
        return error;
    }
  }
  return Error::success();
}

/// Several versions part when layouts have to be chosen.
Error Compilation::runPhases() {
  if (Error error = saveModule(*module, range.first))
    return error;
  if (versions.size() <= 1)
    return runPhases(*module, range.first, range.last);
  unsigned common = *findPhase("quantized");
  if (Error error = runPhases(*module, range.first, common))
    return error;
  for (const TargetVersion &version : versions) {
    code.emplace_back(module->clone());
    mlir::ModuleOp own = *code.back();
    own->setAttr(TernDialect::kTargetAttr, version.target);
    // Of a device's versions there is one description.
    if (!isDevice(llvm::Triple(version.target.getTriple())))
      own->setAttr(kVersionNameAttr,
                   mlir::StringAttr::get(&context, version.name));
    if (options.remarks)
      listener.message(MessageKind::Remark, "code for " + version.name);
    if (Error error = runPhases(own, common, range.last))
      return error;
    if (options.form == OutputForm::Weights)
      break;
  }
  return Error::success();
}

llvm::SmallVector<CodeVersion> Compilation::getCode() {
  if (code.empty())
    return {{*module, target}};
  llvm::SmallVector<CodeVersion> all;
  for (auto [version, own] : llvm::zip_equal(versions, code))
    all.push_back({*own, version.target});
  return all;
}

//===----------------------------------------------------------------------===//
// All
//===----------------------------------------------------------------------===//

/// Before they are read, so that a change is noticed.
void Compilation::noteInputs() {
  inputs.addFile(llvm::sys::fs::getMainExecutable(nullptr, nullptr));
  inputs.addModel(options.input);
  for (const std::string &file :
       {options.chatTemplate, options.model.import.schemes.activations})
    if (!file.empty())
      inputs.addFile(file);
}

void Compilation::count() {
  listener.step("counting instructions");
  Expected<std::optional<TokenInstructions>> counts =
      countInstructions(options.project, target);
  if (!counts)
    listener.message(MessageKind::Note, "instructions are not counted: " +
                                            llvm::toString(counts.takeError()));
  else if (*counts)
    listener.instructions((*counts)->least, (*counts)->most);
}

Error Compilation::run() {
  noteInputs();
  if (!options.stream && options.project.empty())
    if (Error error = AtomicFile::check(options.output, inputs))
      return error;
  if (options.remarks)
    if (Error error = diagnostics.enableRemarks(context))
      return error;
  if (options.project.empty())
    if (Error error = checkOutputs())
      return error;
  if (options.inputPhase)
    if (Error error = parse())
      return error;
  bool isChosen = !target;
  if (isChosen)
    if (Error error = chooseTargets())
      return error;
  if (!options.project.empty()) {
    if (Error error = runtimeSources(options.libraryDirectory).takeError())
      return error;
    if (Error error = beginProject(options.project, target))
      return error;
    if (Error error = checkOutputs())
      return error;
  }
  if (Error error = checkTarget())
    return error;
  if (!options.inputPhase)
    if (Error error = import())
      return error;
  if (isChosen)
    attachTargets();
  if (Error error = runPhases())
    return error;
  if (options.form == OutputForm::Weights)
    return writeWeightsAlone();
  if (options.form == OutputForm::IR)
    return write(printModule(*module));
  if (Error error = writeCode())
    return error;
  if (memory)
    listener.memory(*memory);
  if (options.countsInstructions && !options.project.empty())
    count();
  return Error::success();
}

Error tern::compile(const CompileOptions &options, CompileListener *listener) {
  if (Error error = checkOptions(options))
    return error;
  CompileListener silent;
  CompileListener &told = listener ? *listener : silent;
  Error error = Compilation(options, told, /*samplesScales=*/true).run();
  if (!error.isA<WideScales>())
    return error;
  told.detail(llvm::toString(std::move(error)) +
              "; compiling again, with scales of 32 bits");
  return Compilation(options, told, /*samplesScales=*/false).run();
}
