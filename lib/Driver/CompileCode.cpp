//===- CompileCode.cpp - From the last phase to files ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compilation.h"
#include "LinkedModel.h"
#include "MemoryBudget.h"
#include "Project.h"
#include "RuntimeArchive.h"

#include "tern/Artifact/EmbeddedData.h"
#include "tern/Artifact/Emitter.h"
#include "tern/Artifact/TargetSelection.h"
#include "tern/Codegen/DeviceModules.h"
#include "tern/Target/Target.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// The model that other options would make.
static Expected<MeasuredModel> measureChoice(CompileOptions options) {
  options.form = OutputForm::LLVMIR;
  options.stages = options.project = "";
  options.embedsWeights = options.remarks = false;
  CompileListener silent;
  return Compilation(options, silent, /*samplesScales=*/false).measure();
}

Error Compilation::checkMemory(StringRef object, const ModelFacts &facts) {
  Expected<MemoryUse> use = measureMemory(
      options, facts, object, text.tokenizer.size(), text.generation.size());
  if (!use)
    return use.takeError();
  memory = std::move(*use);
  Error error = checkBudget(options, {facts, *memory}, measureChoice);
  // Otherwise when all is written, as it may have to be compiled again.
  if (error)
    listener.memory(*memory);
  return error;
}

Expected<MeasuredModel> Compilation::measure() {
  if (Error error = chooseTargets())
    return std::move(error);
  if (Error error = import())
    return std::move(error);
  attachTargets();
  if (Error error = runPhases())
    return std::move(error);
  Expected<std::unique_ptr<Emitter>> emitter = Emitter::create(getCode());
  if (!emitter)
    return emitter.takeError();
  Expected<ModelFacts> facts = (*emitter)->readFacts();
  if (!facts)
    return facts.takeError();
  Expected<std::string> object = (*emitter)->emitObject();
  if (!object)
    return object.takeError();
  Expected<MemoryUse> use = measureMemory(
      options, *facts, *object, text.tokenizer.size(), text.generation.size());
  if (!use)
    return use.takeError();
  return MeasuredModel{*facts, std::move(*use)};
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

/// PTX and the like without the lines that say for which device it is.
static std::string withoutTarget(StringRef text) {
  std::string rest;
  for (StringRef line : llvm::split(text, '\n'))
    if (!line.starts_with(".target") && !line.starts_with(".version"))
      rest += line.str() + "\n";
  return rest;
}

/// Code of one version, unless that of the one before does as well.
Error Compilation::addKernels(mlir::ModuleOp module, TargetAttr version) {
  unsigned capability = version.getTarget()->getDevice(version)->capability;
  DeviceCode made{version.getCpu().str(), capability, nullptr, ""};
  if (Error error = Emitter::create(module, version).moveInto(made.emitter))
    return error;
  if (Error error = made.emitter->emitAssembly().moveInto(made.text))
    return error;
  if (!kernels.empty() &&
      withoutTarget(kernels.back().text) == withoutTarget(made.text))
    listener.message(MessageKind::Note, made.name + " runs the code of " +
                                            kernels.back().name +
                                            ", as its own would be the same");
  else
    kernels.push_back(std::move(made));
  return Error::success();
}

/// Of a device's modules, the code that a program of this machine has; that of
/// the devices is `kernels`, and in it as text.
Expected<std::unique_ptr<Emitter>> Compilation::createEmitter() {
  if (!target.getTarget()->getDevice(target))
    return Emitter::create(getCode());
  llvm::SmallVector<CodeVersion> all = getCode();
  DeviceModules last;
  std::vector<DeviceImage> images;
  for (const CodeVersion &version : all) {
    StringRef cpu = version.target.getCpu();
    unsigned capability =
        version.target.getTarget()->getDevice(version.target)->capability;
    if (haveSamePlan(all.front().module, version.module)) {
      last = splitDeviceModule(version.module);
      if (Error error = addKernels(*last.kernels, version.target))
        return std::move(error);
    } else {
      listener.message(MessageKind::Note,
                       cpu.str() + " runs the code of " + kernels.back().name +
                           ", as its own would need other launches");
      // The host launches early what says a later capability, and this code
      // need not wait.
      capability = kernels.back().capability;
    }
    images.push_back({kernels.back().text, capability});
  }
  addDeviceImages(*last.description, images);
  return Emitter::create(*last.description, getProgramTarget(target));
}

Error Compilation::saveCode(Emitter &emitter) {
  if (options.stages.empty())
    return Error::success();
  for (const DeviceCode &device : kernels) {
    std::string file = name.str();
    if (kernels.size() > 1)
      file += "." + device.name;
    if (Error error = saveStage(file + ".ptx", device.text))
      return error;
  }
  Expected<std::string> ir = emitter.emitLLVMIR();
  if (!ir)
    return ir.takeError();
  if (Error error = saveStage((name + ".ll").str(), *ir))
    return error;
  Expected<std::string> assembly = emitter.emitAssembly();
  if (!assembly)
    return assembly.takeError();
  if (Error error = saveStage((name + ".s").str(), *assembly))
    return error;
  Expected<std::string> object = emitter.emitObject();
  if (!object)
    return object.takeError();
  return saveStage((name + ".o").str(), *object);
}

Error Compilation::writeCode() {
  if (!target)
    return failure("the module of " + options.input +
                   " has no tern.target, which the phases after 'packed' need");
  std::unique_ptr<Emitter> emitter;
  {
    Timer timer("optimize", listener);
    listener.step("machine code");
    if (Error error = createEmitter().moveInto(emitter))
      return error;
  }
  if (Error error = saveCode(*emitter))
    return error;
  if (options.form == OutputForm::LLVMIR ||
      options.form == OutputForm::Assembly) {
    if (kernels.size() > 1)
      return failure("--emit=" + nameOf(options.form) +
                     " writes the code of one GPU, but that of " +
                     kernels.front().name + " and " + kernels.back().name +
                     " differs; name one of them");
    Emitter &shown = kernels.empty() ? *emitter : *kernels.front().emitter;
    Expected<std::string> text = options.form == OutputForm::Assembly
                                     ? shown.emitAssembly()
                                     : shown.emitLLVMIR();
    return text ? write(*text) : text.takeError();
  }
  Expected<ModelFacts> facts = emitter->readFacts();
  if (!facts)
    return facts.takeError();
  if (options.embedsWeights)
    for (auto [part, bytes] :
         {std::pair<StringRef, uint64_t>{"weights", facts->weightsBytes},
          {"tokenizer", text.tokenizer.size()}})
      emitter->addData(dataSymbol(part, facts->name()), bytes,
                       facts->alignment);
  Expected<std::string> object = [&] {
    Timer timer("object", listener);
    return emitter->emitObject();
  }();
  if (!object)
    return object.takeError();
  if (Error error = checkMemory(*object, *facts))
    return error;
  Timer timer("write", listener);
  LinkedModel linked{weights ? *weights : mlir::ModuleOp(),
                     checkpoint.get(),
                     text,
                     getProgramTarget(target),
                     *object,
                     *facts,
                     inputs,
                     listener};
  if (options.form == OutputForm::Program)
    return linked.writeProgram(options);
  Expected<std::string> library =
      options.form == OutputForm::Shared    ? linked.linkShared(options)
      : options.form == OutputForm::Archive ? linked.makeArchive(options)
                                            : *object;
  if (!library)
    return library.takeError();
  if (options.stream)
    return write(*library);
  if (Error error =
          linked.writeLibrary(options.output, *library, placeWeights()))
    return error;
  return options.project.empty() ? Error::success() : finishProject();
}

WeightsPlace Compilation::placeWeights() const {
  if (options.embedsWeights)
    return WeightsPlace::Library;
  // Devices have no files to map.
  bool isForDevice = options.form == OutputForm::Object &&
                     (!options.project.empty() ||
                      llvm::Triple(target.getTriple()).isOSUnknown());
  return isForDevice ? WeightsPlace::Assembly : WeightsPlace::File;
}

Error Compilation::finishProject() {
  Expected<std::string> sources = runtimeSources(options.libraryDirectory);
  if (!sources)
    return sources.takeError();
  return writeProject(options.project, target, *sources, text.tokenizer,
                      options.embedsWeights, inputs);
}

Error Compilation::writeWeightsAlone() {
  Timer timer("write", listener);
  return writeArtifactFile(*weights, *checkpoint, text, options.output, inputs,
                           listener);
}
