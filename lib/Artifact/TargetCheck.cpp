//===- TargetCheck.cpp - Machines that models can run on ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TargetCheck.h"

#include "tern/Artifact/Emitter.h"
#include "tern/Artifact/TargetSelection.h"
#include "tern/Target/Target.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Target/TargetMachine.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Triple;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// Architectures
//===----------------------------------------------------------------------===//

/// Addresses and sizes of models are as wide as the machine's registers.
static Error checkPointers(const Triple &triple) {
  std::string layout = triple.computeDataLayout();
  unsigned bits = layout.empty()
                      ? triple.getArchPointerBitWidth()
                      : llvm::DataLayout(layout).getPointerSizeInBits(0);
  if (bits == (triple.isArch64Bit() ? 64 : 32))
    return Error::success();
  if (triple.isArch64Bit())
    return failure("target '" + triple.str() + "' has pointers of " +
                   llvm::Twine(bits) +
                   " bits on a 64-bit machine (ILP32); models need 64");
  return failure("target '" + triple.str() + "' is a " + llvm::Twine(bits) +
                 "-bit machine; models need one of 32 or 64 bits");
}

/// Architectures that models were compiled for with LLVM 22. Others fail in its
/// code generators, after all the work.
static Error checkArchitecture(const Triple &triple) {
  if (isDevice(triple))
    return Error::success();
  if (triple.isGPU() || triple.isSPIROrSPIRV())
    return failure("target '" + triple.str() +
                   "' is a GPU that tern makes no code for");
  if (triple.isWindowsArm64EC())
    return failure("target '" + triple.str() +
                   "' calls through the emulator of Windows (ARM64EC), which "
                   "models cannot; aarch64-pc-windows-msvc does not");
  switch (triple.getArch()) {
  case Triple::x86_64:
  case Triple::aarch64:
  case Triple::riscv64:
  case Triple::loongarch64:
  case Triple::mips64el:
  case Triple::ppc64le:
  case Triple::wasm64:
  case Triple::arm:
  case Triple::thumb:
  case Triple::riscv32:
  case Triple::wasm32:
    return Error::success();
  default:
    return failure(
        "target '" + triple.str() +
        "' is of an architecture that tern makes no code for; it "
        "does for x86_64, aarch64, riscv64, loongarch64, "
        "powerpc64le, mips64el and wasm64, and for arm, thumb, riscv32 "
        "and wasm32");
  }
}

Error tern::checkTriple(const Triple &triple) {
  if (!triple.isLittleEndian())
    return failure("target '" + triple.str() +
                   "' is big endian; models and their weights are little "
                   "endian");
  if (Error error = checkPointers(triple))
    return error;
  return checkArchitecture(triple);
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

namespace {

/// Where a machine lacks the instructions, LLVM calls a library, which models
/// do not have.
struct Ability {
  const char *words, *code;
};

/// INDEX is an integer as wide as a pointer.
constexpr Ability abilities[] = {
    {"integer multiplication",
     "define INDEX @f(INDEX %a, INDEX %b) nounwind { %1 = mul INDEX %a, %b\n"
     " ret INDEX %1 }"},
    {"integer division",
     "define INDEX @f(INDEX %a, INDEX %b) nounwind { %1 = udiv INDEX %a, %b\n"
     " ret INDEX %1 }"},
    {"floating point",
     "define void @f(ptr %p) nounwind { %a = load float, ptr %p\n"
     " %1 = fmul float %a, %a\n %2 = fadd float %1, %a\n"
     " %3 = fdiv float %2, %1\n store float %3, ptr %p\n ret void }"},
};

} // namespace

/// True if code for it calls nothing. A machine without object files is asked
/// for nothing: those who want one are refused by that reason.
static bool has(llvm::TargetMachine &machine, const Ability &ability) {
  llvm::LLVMContext context;
  bool complains = false;
  context.setDiagnosticHandlerCallBack(
      [](const llvm::DiagnosticInfo *info, void *flag) {
        if (info->getSeverity() == llvm::DS_Error)
          *static_cast<bool *>(flag) = true;
      },
      &complains);
  llvm::SMDiagnostic error;
  std::string code = ability.code;
  std::string index = "i" + std::to_string(machine.getPointerSizeInBits(0));
  for (size_t at = 0; (at = code.find("INDEX", at)) != std::string::npos;)
    code.replace(at, 5, index);
  std::unique_ptr<llvm::Module> module =
      llvm::parseAssemblyString(code, error, context);
  assert(module && "the code of an ability is not LLVM IR");
  module->setTargetTriple(machine.getTargetTriple());
  module->setDataLayout(machine.createDataLayout());
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr,
                                  llvm::CodeGenFileType::ObjectFile))
    return true;
  passes.run(*module);
  if (complains)
    return false;
  Error undefined = checkUndefinedSymbols(
      llvm::MemoryBufferRef(StringRef(bytes.data(), bytes.size()), "ability"));
  bool calls = static_cast<bool>(undefined);
  llvm::consumeError(std::move(undefined));
  return !calls;
}

StringRef tern::capableCpu(const Triple &triple) {
  if (triple.isRISCV64())
    return "generic-rv64+m+a+f+d+c";
  if (triple.isRISCV32())
    return "generic-rv32+m+a+f+d+c";
  if (triple.isARM())
    return "cortex-a7";
  if (triple.isThumb())
    return "cortex-m4";
  return "";
}

Error tern::checkMachine(TargetAttr target) {
  // Its code is text, and a driver's to compile.
  if (isDevice(Triple(target.getTriple())))
    return checkTarget(target);
  Expected<std::unique_ptr<llvm::TargetMachine>> machine =
      createTargetMachine(target);
  if (!machine)
    return machine.takeError();
  std::vector<std::string> missing;
  for (const Ability &ability : abilities)
    if (!has(**machine, ability))
      missing.push_back(ability.words);
  if (missing.empty())
    return Error::success();
  std::string words = missing.back();
  missing.pop_back();
  if (!missing.empty())
    words = llvm::join(missing, ", ") + " and " + words;
  StringRef capable = capableCpu((*machine)->getTargetTriple());
  return failure("target '" + target.getTriple() + "' with the CPU '" +
                 target.getCpu() + "' has no instructions for " + words +
                 ", which models need; " +
                 (capable.empty() ? "--cpu=NAME or --cpu=NAME+FEATURE chooses "
                                    "a CPU that has"
                                  : "--cpu=" + capable + " has"));
}
