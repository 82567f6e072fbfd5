//===- Compilation.cpp - From a checkpoint to files -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compilation.h"

#include "Commands.h"
#include "Diagnostics.h"
#include "Output.h"
#include "OutputFiles.h"
#include "PhaseRange.h"

#include "tern/Artifact/AtomicFile.h"
#include "tern/Artifact/Emitter.h"
#include "tern/Artifact/InputFiles.h"
#include "tern/Artifact/TargetSelection.h"
#include "tern/Import/ImportModel.h"
#include "tern/InitAll.h"
#include "tern/Pipelines/Phases.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace {

Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

/// One run of `tern compile`.
class Compilation {
public:
  explicit Compilation(const CompileFlags &flags)
      : flags(flags), progress(!flags.quiet && !flags.verbose),
        context(makeRegistry()), diagnostics(context) {}

  Error run();

private:
  static mlir::DialectRegistry makeRegistry() {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    registerEmission(registry);
    return registry;
  }

  Error checkFlags();
  void noteInputs();
  Expected<TargetAttr> chooseTarget();
  Error checkTarget();
  Error checkOutputs();
  bool writesLibrary() const;
  Error checkWeights();
  Error import();
  Error parse();
  Error runPhases();
  Error saveStage(StringRef file, StringRef contents);
  Error saveModule(unsigned phase);
  void keepWeights();
  Error writeCode();
  Error writeWeightsAlone();
  Error saveCode(Emitter &emitter);

  const CompileFlags &flags;
  Progress progress;
  mlir::MLIRContext context;
  Diagnostics diagnostics;
  PhaseRange range;
  TargetAttr target;
  std::string name;
  SchemeOverrides schemes;
  /// Null when compiling from IR.
  std::unique_ptr<Checkpoint> checkpoint;
  TextSections text;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// The planned weights of `module`, which later phases forget.
  mlir::OwningOpRef<mlir::ModuleOp> weights;
};

std::string printModule(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text + "\n";
}

} // namespace

//===----------------------------------------------------------------------===//
// In
//===----------------------------------------------------------------------===//

Error Compilation::checkFlags() {
  if (Error error = PhaseRange::choose(flags).moveInto(range))
    return error;
  if (flags.isStatic && (!range.reachesObject() || flags.emit != "exe"))
    return llvm::make_error<UsageError>(
        "--static is about a program; it goes with --emit=exe");
  name = flags.name.empty()
             ? symbolName(flags.output == "-" ? flags.input : flags.output)
             : flags.name;
  return flags.model.schemes().moveInto(schemes);
}

Expected<TargetAttr> Compilation::chooseTarget() {
  Expected<TargetAttr> chosen =
      selectTarget(&context, flags.model.target, flags.model.cpu);
  if (chosen && flags.verbose)
    llvm::errs() << "tern: " << chosen->getTriple() << ", " << chosen->getCpu()
                 << ", features " << chosen->getFeatures() << "\n";
  return chosen;
}

Error Compilation::checkTarget() {
  if (Error error = checkMachine(target))
    return error;
  bool links =
      range.reachesObject() && (flags.emit == "exe" || flags.emit == "shared");
  return links ? checkLinkable(target, flags.emit == "exe") : Error::success();
}

bool Compilation::writesLibrary() const {
  return range.reachesObject() && flags.output != "-" &&
         (flags.emit == "obj" || flags.emit == "shared");
}

Error Compilation::checkOutputs() {
  OutputPlan plan;
  plan.output = flags.output;
  plan.form = flags.emit.empty() ? "IR" : flags.emit;
  // IR has a name of its own; writeLibrary asks again.
  if (writesLibrary() && flags.compileFrom.empty())
    plan.name = name;
  plan.stages = flags.saveStages;
  plan.stageFiles = range.stageFiles(name);
  return tern::checkOutputs(plan);
}

static std::optional<unsigned> toBits(StringRef text) {
  unsigned bits = 0;
  if (text.empty() || text.getAsInteger(10, bits))
    return std::nullopt;
  return bits;
}

Error Compilation::import() {
  Timer timer("import", flags.verbose);
  progress.step("import");
  Expected<std::unique_ptr<Checkpoint>> opened =
      Checkpoint::open(flags.input, flags.model.gguf.options());
  if (!opened)
    return opened.takeError();
  checkpoint = std::move(*opened);
  ImportOptions options;
  options.name = name;
  options.schemes = schemes;
  options.kvBits = toBits(flags.model.kvBits);
  options.bosBits = toBits(flags.model.bosBits);
  options.qBits = toBits(flags.model.qBits);
  options.head = flags.model.head == "int8" ? HeadRows::Int8 : HeadRows::Stored;
  options.context = flags.context;
  Expected<mlir::OwningOpRef<mlir::ModuleOp>> imported =
      importModel(context, *checkpoint, options);
  if (!imported)
    return imported.takeError();
  module = std::move(*imported);
  // Before the phases, so that a refusal comes at once.
  Expected<TextSections> sections =
      makeTextSections(*checkpoint, flags.chatTemplate);
  if (!sections)
    return sections.takeError();
  std::string lines = remarkLines(*checkpoint, sections->remarks);
  if (!lines.empty() || !sections->chatRefusal.empty())
    progress.clear();
  llvm::errs() << lines;
  if (!sections->chatRefusal.empty())
    llvm::errs() << "tern: warning: " << flags.input
                 << ": chat will not work, but run will: "
                 << inOneLine(sections->chatRefusal)
                 << "; --chat-template FILE gives another\n";
  text = std::move(*sections);
  return Error::success();
}

Error Compilation::parse() {
  module = mlir::parseSourceFile<mlir::ModuleOp>(flags.input, &context);
  if (!module)
    return diagnostics.take("cannot read IR from " + flags.input);
  target = TargetAttr::lookup(*module);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Through
//===----------------------------------------------------------------------===//

Error Compilation::saveStage(StringRef file, StringRef contents) {
  llvm::SmallString<128> path(flags.saveStages);
  llvm::sys::path::append(path, file);
  return writeOutput(path, contents);
}

Error Compilation::saveModule(unsigned phase) {
  if (flags.saveStages.empty())
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
  bool writes =
      writesLibrary() || flags.emit == "exe" || flags.emit == "weights";
  auto number = [&](StringRef name) -> uint64_t {
    auto value = (*weights)->getAttrOfType<mlir::IntegerAttr>(name);
    return value ? value.getValue().getZExtValue() : 0;
  };
  if (!writes || flags.output == "-")
    return Error::success();
  if (writesLibrary())
    if (Error error = checkWeightsBeside(flags.output, name,
                                         number(TernDialect::kWeightsIdAttr)))
      return error;
  return checkRoom(flags.output, number(TernDialect::kWeightsBytesAttr));
}

Error Compilation::runPhases() {
  PipelineOptions options;
  options.maxTokens = flags.model.maxTokens.value_or(options.maxTokens);
  options.dense = flags.model.dense;
  unsigned object = getPhases().size() - 1;
  if (Error error = saveModule(range.first))
    return error;
  // One pipeline per phase, so that each can be timed and saved.
  for (unsigned phase = range.first; phase < std::min(range.last, object - 1);
       ++phase) {
    StringRef next = getPhases()[phase + 1].name;
    Timer timer(next, flags.verbose);
    progress.step(next);
    mlir::PassManager passes(&context);
    // Once per phase instead of once per pass: a third of the time otherwise.
    passes.enableVerifier(false);
    buildPipeline(passes, phase, phase + 1, options);
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
// Out
//===----------------------------------------------------------------------===//

Error Compilation::saveCode(Emitter &emitter) {
  if (flags.saveStages.empty())
    return Error::success();
  Expected<std::string> ir = emitter.emitLLVMIR();
  if (!ir)
    return ir.takeError();
  if (Error error = saveStage(name + ".ll", *ir))
    return error;
  Expected<std::string> assembly = emitter.emitAssembly();
  if (!assembly)
    return assembly.takeError();
  if (Error error = saveStage(name + ".s", *assembly))
    return error;
  Expected<std::string> object = emitter.emitObject();
  if (!object)
    return object.takeError();
  return saveStage(name + ".o", *object);
}

Error Compilation::writeCode() {
  if (!target)
    return failure("the module of " + flags.input +
                   " has no tern.target, which the phases after 'packed' need");
  std::unique_ptr<Emitter> emitter;
  {
    Timer timer("optimize", flags.verbose);
    progress.step("machine code");
    Expected<std::unique_ptr<Emitter>> made = Emitter::create(*module, target);
    if (!made)
      return made.takeError();
    emitter = std::move(*made);
  }
  if (Error error = saveCode(*emitter))
    return error;
  if (flags.emit == "llvm-ir" || flags.emit == "asm") {
    Expected<std::string> text =
        flags.emit == "asm" ? emitter->emitAssembly() : emitter->emitLLVMIR();
    return text ? writeOutput(flags.output, *text) : text.takeError();
  }
  Expected<std::string> object = [&] {
    Timer timer("object", flags.verbose);
    return emitter->emitObject();
  }();
  if (!object)
    return object.takeError();
  Expected<ModelFacts> facts = emitter->readFacts();
  if (!facts)
    return facts.takeError();
  Timer timer("write", flags.verbose);
  Product product{weights ? *weights : mlir::ModuleOp(),
                  checkpoint.get(),
                  text,
                  target,
                  *object,
                  *facts,
                  progress,
                  flags.verbose,
                  flags.isStatic};
  if (flags.emit == "exe")
    return product.writeProgram(flags.output);
  return product.writeLibrary(flags.output, flags.emit == "shared");
}

Error Compilation::writeWeightsAlone() {
  Timer timer("write", flags.verbose);
  return writeArtifactFile(*weights, *checkpoint, text, flags.output, progress);
}

/// Before they are read, so that a change is noticed.
void Compilation::noteInputs() {
  addInputFile(thisExecutable());
  addInputModel(flags.input);
  for (const std::string &file : {flags.chatTemplate, flags.model.activations})
    if (!file.empty())
      addInputFile(file);
}

Error Compilation::run() {
  if (Error error = checkFlags())
    return error;
  noteInputs();
  if (flags.output != "-")
    if (Error error = AtomicFile::check(flags.output))
      return error;
  if (flags.remarks)
    if (Error error = diagnostics.enableRemarks(context))
      return error;
  if (Error error = checkOutputs())
    return error;
  if (!flags.compileFrom.empty())
    if (Error error = parse())
      return error;
  bool isChosen = !target;
  if (isChosen)
    if (Error error = chooseTarget().moveInto(target))
      return error;
  if (Error error = checkTarget())
    return error;
  if (flags.compileFrom.empty())
    if (Error error = import())
      return error;
  if (isChosen)
    (*module)->setAttr("tern.target", target);
  if (Error error = runPhases())
    return error;
  if (flags.emit == "weights")
    return writeWeightsAlone();
  if (!range.reachesObject())
    return writeOutput(flags.output, printModule(*module));
  return writeCode();
}

Error tern::compile(const CompileFlags &flags) {
  return Compilation(flags).run();
}
