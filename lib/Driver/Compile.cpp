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
#include "tern/Artifact/TargetSelection.h"
#include "tern/Artifact/WeightWriter.h"
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

Expected<TargetAttr> Compilation::chooseTarget() {
  Expected<TargetAttr> chosen =
      selectTarget(&context, options.model.target, options.model.cpu);
  if (chosen)
    listener.detail((chosen->getTriple() + ", " + chosen->getCpu() +
                     ", features " + chosen->getFeatures())
                        .str());
  return chosen;
}

Error Compilation::checkTarget() {
  if (Error error = checkMachine(target))
    return error;
  llvm::Triple triple(target.getTriple());
  if (options.embedsWeights && !canEmbedData(triple))
    return llvm::createStringError(
        "--embed-weights is for objects of ELF and WebAssembly, which those "
        "for " +
        triple.str() + " are not; leave it out and map the weights file");
  if (options.form != OutputForm::Program &&
      options.form != OutputForm::Shared && options.form != OutputForm::Archive)
    return Error::success();
  return checkLinkable(target, options);
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

Error Compilation::saveModule(unsigned phase) {
  if (options.stages.empty())
    return Error::success();
  return saveStage(stageFile(phase), printModule(*module));
}

/// Copies the module's attributes and `tern.weight`s, but no code.
void Compilation::keepWeights() {
  mlir::OpBuilder builder(&context);
  weights = mlir::ModuleOp::create(builder, module->getLoc());
  (*weights)->setAttrs((*module)->getAttrs());
  builder.setInsertionPointToEnd(weights->getBody());
  for (WeightOp weight : module->getOps<WeightOp>())
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

Error Compilation::runPhases() {
  unsigned object = getPhases().size() - 1;
  if (Error error = saveModule(range.first))
    return error;
  // One pipeline per phase, so that each can be timed and saved.
  for (unsigned phase = range.first; phase < std::min(range.last, object - 1);
       ++phase) {
    StringRef next = getPhases()[phase + 1].name;
    Timer timer(next, listener);
    listener.step(next);
    mlir::PassManager passes(&context);
    // Once per phase instead of once per pass: a third of the time otherwise.
    passes.enableVerifier(false);
    buildPipeline(passes, phase, phase + 1, options.model.pipeline);
    if (mlir::failed(passes.run(*module)) ||
        mlir::failed(mlir::verify(*module)))
      return diagnostics.take("the phase '" + next + "' failed");
    if (Error error = saveModule(phase + 1))
      return error;
    if (next == "packed" && checkpoint) {
      keepWeights();
      if (Error error = checkWeights())
        return error;
    }
  }
  return Error::success();
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
    if (Error error = chooseTarget().moveInto(target))
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
    (*module)->setAttr("tern.target", target);
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
