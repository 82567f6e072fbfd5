//===- Emitter.cpp - LLVM dialect to machine code -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/Emitter.h"

#include "tern/Artifact/TargetSelection.h"
#include "tern/Codegen/ModelFunction.h"
#include "tern/Codegen/Passes.h"
#include "tern/Target/Target.h"
#include "tern/artifact.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

void tern::registerEmission(mlir::DialectRegistry &registry) {
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
}

//===----------------------------------------------------------------------===//
// LLVM, set up once the same way for all
//===----------------------------------------------------------------------===//

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

/// Code may use the listed features and no other; see TargetSelection.h.
static StringRef allowedCpu(TargetAttr target, const llvm::Triple &triple) {
  return getCpuFeatureBits(target) || target.getFeatures().empty()
             ? getBaselineCpu(triple)
             : target.getCpu();
}

/// As LLVM wants them: with a minus, those that the CPU's name would add.
static std::string listFeatures(TargetAttr target, const llvm::Triple &triple) {
  std::string features = target.getFeatures().str();
  for (StringRef flushing : getFlushingFeatures(triple))
    features += (features.empty() ? "-" : ",-") + flushing.str();
  return features;
}

/// Without an operating system nothing moves code after linking.
static llvm::Reloc::Model getRelocation(const llvm::Triple &triple) {
  bool isFixed = (triple.isARM() || triple.isThumb()) && triple.isOSUnknown();
  return isFixed ? llvm::Reloc::Static : llvm::Reloc::PIC_;
}

Expected<std::unique_ptr<llvm::TargetMachine>>
tern::createTargetMachine(TargetAttr target) {
  if (Error error = checkTarget(target))
    return std::move(error);
  llvm::Triple triple(target.getTriple());
  std::string reason;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, reason);
  if (!backend)
    return failure(reason);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  options.FunctionSections = true;
  options.DataSections = true;
  // A driver's assembler knows no such section.
  options.EmitStackSizeSection = !isDevice(triple);
  std::unique_ptr<llvm::TargetMachine> machine(backend->createTargetMachine(
      triple, allowedCpu(target, triple), listFeatures(target, triple), options,
      getRelocation(triple), std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    return failure("LLVM makes no code for " + target.getTriple());
  return machine;
}

static void prepare(llvm::Module &module, llvm::TargetMachine &machine,
                    TargetAttr target) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  if (machine.isPositionIndependent())
    module.setPICLevel(llvm::PICLevel::BigPIC);
  std::string features = listFeatures(target, machine.getTargetTriple());
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("tune-cpu", target.getCpu());
    if (!features.empty())
      function.addFnAttr("target-features", features);
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

/// No function of any library exists: none is recognized, none is made up.
static llvm::TargetLibraryInfoImpl noLibrary(const llvm::Triple &triple) {
  llvm::TargetLibraryInfoImpl library(triple);
  library.disableAllFunctions();
  return library;
}

static Error writeCode(llvm::Module &module, llvm::TargetMachine &machine,
                       bool object, std::string &code) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  passes.add(new llvm::TargetLibraryInfoWrapperPass(
      noLibrary(machine.getTargetTriple())));
  if (machine.addPassesToEmitFile(passes, stream, nullptr,
                                  object ? llvm::CodeGenFileType::ObjectFile
                                         : llvm::CodeGenFileType::AssemblyFile))
    return failure("LLVM writes no such file for " +
                   machine.getTargetTriple().str());
  passes.run(module);
  code.assign(bytes.begin(), bytes.end());
  return Error::success();
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine,
                     TargetAttr target) {
  llvm::PipelineTuningOptions tuning;
  // Kernels are vectors already; loops of the portable ones are not.
  tuning.LoopVectorization = true;
  tuning.SLPVectorization = false;
  // Without vectors a kernel's vectors already are that much scalar code: 2.6
  // times as much, if unrolled, to run 3 % fewer instructions.
  tuning.LoopUnrolling = target.getTarget()->getVectorBytes(target) != 0;
  // Functions for few tokens and for many have most of their loops in common.
  // Those of a device have names that the plan of its launches tells.
  tuning.MergeFunctions = !isDevice(machine.getTargetTriple());
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  functions.registerPass([&] {
    return llvm::TargetLibraryAnalysis(noLibrary(machine.getTargetTriple()));
  });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(module, modules);
}

//===----------------------------------------------------------------------===//
// Emitter
//===----------------------------------------------------------------------===//

Emitter::Emitter() = default;
Emitter::~Emitter() = default;

Expected<std::unique_ptr<Emitter>>
Emitter::create(mlir::ModuleOp module, TargetAttr target, bool optimized) {
  return create(CodeVersion{module, target}, optimized);
}

Expected<std::unique_ptr<Emitter>>
Emitter::create(llvm::ArrayRef<CodeVersion> versions, bool optimized) {
  std::unique_ptr<Emitter> emitter(new Emitter);
  emitter->context = std::make_unique<llvm::LLVMContext>();
  // Without a handler LLVM prints errors itself and ends the process.
  emitter->context->setDiagnosticHandlerCallBack(
      [](const llvm::DiagnosticInfo *info, void *text) {
        if (info->getSeverity() != llvm::DS_Error)
          return;
        llvm::raw_string_ostream stream(*static_cast<std::string *>(text));
        llvm::DiagnosticPrinterRawOStream printer(stream);
        info->print(printer);
      },
      &emitter->complaints);
  for (const CodeVersion &version : versions)
    if (Error error = emitter->add(version, optimized, versions.size() > 1))
      return std::move(error);
  if (versions.size() > 1)
    addVersionTable(*emitter->llvmModule, emitter->symbols);
  return emitter;
}

Expected<std::unique_ptr<llvm::Module>>
Emitter::translate(const CodeVersion &version, llvm::TargetMachine &machine) {
  mlir::ModuleOp module = version.module;
  // Loads without an alignment get that of their type's. Elsewhere its default
  // serves as well, and code is measured as it is.
  if (isDevice(machine.getTargetTriple()))
    module->setAttr(mlir::LLVM::LLVMDialect::getDataLayoutAttrName(),
                    mlir::StringAttr::get(
                        module.getContext(),
                        machine.createDataLayout().getStringRepresentation()));
  std::unique_ptr<llvm::Module> translated =
      mlir::translateModuleToLLVMIR(module, *context, "tern");
  if (!translated)
    return failure("the module is not all in the LLVM dialect, so it cannot be "
                   "translated to LLVM IR");
  prepare(*translated, machine, version.target);
  for (auto [name, identity] : {std::pair(kWeightKindsAttr, kWeightsIdentity),
                                std::pair(kDeviceNameAttr, kDeviceIdentity)})
    if (auto text = module->getAttrOfType<mlir::StringAttr>(name))
      translated->getOrInsertNamedMetadata("llvm.ident")
          ->addOperand(llvm::MDNode::get(
              *context, llvm::MDString::get(
                            *context, (identity + text.getValue()).str())));
  llvm::raw_string_ostream stream(complaints);
  if (llvm::verifyModule(*translated, &stream))
    return failure("the module makes LLVM IR that is not valid: " + complaints);
  return translated;
}

/// "layer.decode.cortex_a76" of the model "tern_model_bard_for_cortex_a76", so
/// that a profiler says which version runs.
static void nameFunctions(llvm::Module &module, StringRef symbol) {
  StringRef version = symbol.rsplit(kForVersion).second;
  for (llvm::Function &function : module)
    if (function.hasLocalLinkage())
      function.setName(function.getName() + "." + version);
}

Error Emitter::add(const CodeVersion &version, bool optimized,
                   bool isOneOfMany) {
  Expected<std::unique_ptr<llvm::TargetMachine>> made =
      createTargetMachine(version.target);
  if (!made)
    return made.takeError();
  Expected<std::unique_ptr<llvm::Module>> translated =
      translate(version, **made);
  if (!translated)
    return translated.takeError();
  if (optimized)
    optimize(**translated, **made, version.target);
  symbols.push_back(findModelSymbol(**translated).str());
  if (isOneOfMany)
    nameFunctions(**translated, symbols.back());
  if (!llvmModule) {
    llvmModule = std::move(*translated);
    machine = std::move(*made);
    return Error::success();
  }
  // All versions say the same.
  if (llvm::NamedMDNode *names = (*translated)->getNamedMetadata("llvm.ident"))
    names->eraseFromParent();
  if (llvm::Linker::linkModules(*llvmModule, std::move(*translated)))
    return failure("LLVM: " + complaints);
  return Error::success();
}

Expected<std::string> Emitter::emitLLVMIR() {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvmModule->print(stream, nullptr);
  return text;
}

Expected<std::string> Emitter::emit(bool object) {
  // Code generation changes the module; a caller may want more than one form.
  std::unique_ptr<llvm::Module> copy = llvm::CloneModule(*llvmModule);
  std::string code;
  if (Error error = writeCode(*copy, *machine, object, code))
    return std::move(error);
  if (!complaints.empty())
    return failure("LLVM: " + complaints);
  return code;
}

Expected<std::string> Emitter::emitAssembly() { return emit(/*object=*/false); }

Expected<std::string> Emitter::emitUncheckedObject() {
  return emit(/*object=*/true);
}

Expected<std::string> Emitter::emitObject() {
  Expected<std::string> object = emitUncheckedObject();
  if (!object)
    return object;
  if (Error error =
          checkUndefinedSymbols(llvm::MemoryBufferRef(*object, "model")))
    return std::move(error);
  return object;
}

Expected<ModelFacts> Emitter::readFacts() const {
  return readModelFacts(*llvmModule);
}

void Emitter::addData(StringRef symbol, uint64_t bytes, uint64_t alignment) {
  auto *type = llvm::ArrayType::get(llvm::Type::getInt8Ty(*context), bytes);
  auto *data =
      new llvm::GlobalVariable(*llvmModule, type, /*isConstant=*/true,
                               llvm::GlobalValue::ExternalLinkage,
                               llvm::ConstantAggregateZero::get(type), symbol);
  data->setAlignment(llvm::Align(alignment));
}

//===----------------------------------------------------------------------===//
// Objects
//===----------------------------------------------------------------------===//

/// Symbols that a linker itself defines, or functions every caller has.
static bool isAlwaysDefined(StringRef name) {
  static constexpr StringRef names[] = {
      "", "memcpy", "memmove", "memset", "_GLOBAL_OFFSET_TABLE_", ".TOC.",
      // Of Windows, a mark that floats are used.
      "_fltused",
      // Of WebAssembly.
      "__stack_pointer", "__memory_base", "__table_base", "__linear_memory",
      "__indirect_function_table"};
  return llvm::is_contained(names, name);
}

Error tern::checkUndefinedSymbols(llvm::MemoryBufferRef object) {
  using llvm::object::BasicSymbolRef;
  Expected<std::unique_ptr<llvm::object::ObjectFile>> file =
      llvm::object::ObjectFile::createObjectFile(object);
  if (!file)
    return file.takeError();
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    Expected<uint32_t> flags = symbol.getFlags();
    if (!flags)
      return flags.takeError();
    if (!(*flags & BasicSymbolRef::SF_Undefined) ||
        (*flags & BasicSymbolRef::SF_FormatSpecific))
      continue;
    Expected<StringRef> name = symbol.getName();
    if (!name)
      return name.takeError();
    if (!isAlwaysDefined(*name))
      return failure("the compiled model would call '" + *name +
                     "', but models may call nothing but memcpy, memmove and "
                     "memset");
  }
  return Error::success();
}

/// A note of its own alignment, for which every linker makes a program header:
/// the one that leads to the artifact later (ProgramImage.h).
static void addNote(llvm::Module &module) {
  llvm::LLVMContext &context = module.getContext();
  struct Note {
    uint32_t nameBytes = sizeof("tern"), descriptionBytes = 4, type = 1;
    char name[8] = "tern";
    uint32_t version = TERN_ARTIFACT_VERSION;
  } note;
  auto *global = new llvm::GlobalVariable(
      module, llvm::ArrayType::get(llvm::Type::getInt8Ty(context), sizeof note),
      true, llvm::GlobalValue::ExternalLinkage,
      llvm::ConstantDataArray::getRaw(
          StringRef(reinterpret_cast<const char *>(&note), sizeof note),
          sizeof note, llvm::Type::getInt8Ty(context)),
      "tern_note");
  global->setSection(".note.tern");
  global->setAlignment(llvm::Align(16));
}

Expected<std::string>
tern::emitModelTable(TargetAttr target, llvm::ArrayRef<std::string> symbols) {
  Expected<std::unique_ptr<llvm::TargetMachine>> machine =
      createTargetMachine(target);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  llvm::Module module("tern_models", context);
  prepare(module, **machine, target);
  llvm::Type *pointer = llvm::PointerType::getUnqual(context);
  llvm::SmallVector<llvm::Constant *> models;
  for (const std::string &symbol : symbols)
    models.push_back(new llvm::GlobalVariable(
        module, pointer, true, llvm::GlobalValue::ExternalLinkage, nullptr,
        symbol));
  auto *table = llvm::ArrayType::get(pointer, models.size());
  new llvm::GlobalVariable(
      module, table, true, llvm::GlobalValue::ExternalLinkage,
      llvm::ConstantArray::get(table, models), "tern_models");
  llvm::Type *count = llvm::Type::getInt32Ty(context);
  new llvm::GlobalVariable(
      module, count, true, llvm::GlobalValue::ExternalLinkage,
      llvm::ConstantInt::get(count, models.size()), "tern_model_count");
  addNote(module);
  std::string code;
  if (Error error = writeCode(module, **machine, /*object=*/true, code))
    return std::move(error);
  return code;
}
