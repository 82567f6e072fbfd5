//===- TargetSelection.cpp - --target and --cpu ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/TargetSelection.h"

#include "tern/Target/Target.h"

#include "TargetCheck.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

#include <mutex>

using namespace tern;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Triple;

namespace {

struct CpuFeature {
  StringRef arch;
  unsigned bit;
  StringRef name;
};

constexpr CpuFeature knownFeatures[] = {
#define TERN_CPU_FEATURE(arch, bit, name) {#arch, bit, name},
#include "tern/cpu_features.def"
};

Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

StringRef archName(const Triple &triple) {
  return Triple::getArchTypeName(triple.getArch());
}

bool isChecked(const Triple &triple, StringRef feature) {
  return llvm::any_of(knownFeatures, [&](const CpuFeature &known) {
    return known.arch == archName(triple) && known.name == feature;
  });
}

/// True if the runtime can ask a CPU of this architecture for its features: of
/// RISC-V's and 32-bit ARM's, which are many, only for some.
bool hasCheckedFeatures(const Triple &triple) {
  return !triple.isRISCV() && !triple.isARM() &&
         llvm::any_of(knownFeatures, [&](const CpuFeature &known) {
           return known.arch == archName(triple);
         });
}

Triple hostTriple() {
  return Triple(Triple::normalize(llvm::sys::getDefaultTargetTriple()));
}

/// "x86-64-v3, x86-64-v4"; with a comma behind it unless it is empty.
std::string machineNames() {
  std::string names;
  for (const Target *target : getTargets())
    for (const MachineName &machine : target->getMachineNames())
      names += machine.name.str() + ", ";
  return names;
}

Expected<std::unique_ptr<llvm::MCSubtargetInfo>>
createSubtarget(const Triple &triple, StringRef cpu, StringRef features) {
  initializeTargets();
  std::string reason;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, reason);
  if (!target)
    return failure("unknown target '" + triple.str() +
                   "'; known are native, generic, " + machineNames() +
                   "and the triples of LLVM, as aarch64-linux-gnu");
  if (Error error = checkTriple(triple))
    return std::move(error);
  return std::unique_ptr<llvm::MCSubtargetInfo>(
      target->createMCSubtargetInfo(triple, cpu, features));
}

Error unknownCpu(const llvm::MCSubtargetInfo &subtarget, const Triple &triple,
                 StringRef cpu) {
  std::string names = "native";
  for (const llvm::SubtargetSubTypeKV &known :
       subtarget.getAllProcessorDescriptions())
    (names += ", ") += known.Key;
  return failure("unknown CPU '" + cpu + "' for " + archName(triple) +
                 "; known are " + names);
}

bool knowsFeature(const llvm::MCSubtargetInfo &subtarget, StringRef name) {
  return llvm::any_of(subtarget.getAllProcessorFeatures(),
                      [&](const auto &known) { return name == known.Key; });
}

Error unknownFeature(const Triple &triple, StringRef name) {
  std::string names;
  for (const CpuFeature &known : knownFeatures)
    if (hasCheckedFeatures(triple) && known.arch == archName(triple))
      (names += names.empty() ? "" : ", ") += known.name.str();
  if (names.empty())
    names = "those of LLVM";
  return failure("unknown feature '" + name + "' of " + archName(triple) +
                 "; known are " + names);
}

/// "+a,-b" of this machine, with what the operating system forbids forbidden.
std::string hostFeatures() {
  SmallVector<std::string> list;
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    list.push_back((feature.second ? "+" : "-") + feature.first().str());
  llvm::sort(list);
  return llvm::join(list, ",");
}

/// The features `subtarget` has, as the attribute lists them: those the runtime
/// checks, in the order of their file, or all where it checks none.
std::string listFeatures(const llvm::MCSubtargetInfo &subtarget,
                         const Triple &triple) {
  llvm::StringSet<> enabled;
  for (const llvm::SubtargetFeatureKV &feature :
       subtarget.getEnabledProcessorFeatures())
    enabled.insert(feature.Key);
  for (StringRef flushing : getFlushingFeatures(triple))
    enabled.erase(flushing);
  SmallVector<std::string> list;
  if (hasCheckedFeatures(triple)) {
    for (const CpuFeature &known : knownFeatures)
      if (known.arch == archName(triple) && enabled.contains(known.name))
        list.push_back("+" + known.name.str());
    return llvm::join(list, ",");
  }
  for (const auto &feature : enabled)
    list.push_back("+" + feature.first().str());
  llvm::sort(list);
  return llvm::join(list, ",");
}

/// `request` is a CPU with features added: "cortex-a53+crc".
Expected<TargetAttr> withCpu(mlir::MLIRContext *context, const Triple &triple,
                             StringRef request) {
  auto [name, added] = request.split('+');
  std::string cpu = name.str(), features;
  if (name == "native") {
    if (triple.getArch() != hostTriple().getArch())
      return failure("--cpu=native is a CPU of " + archName(hostTriple()) +
                     ", but the target is " + archName(triple));
    cpu = llvm::sys::getHostCPUName().str();
    features = hostFeatures();
  }
  Expected<std::unique_ptr<llvm::MCSubtargetInfo>> plain =
      createSubtarget(triple, "", "");
  if (!plain)
    return plain.takeError();
  // "native" on a CPU newer than LLVM is tuned as the baseline.
  if (!(*plain)->isCPUStringValid(cpu)) {
    if (name != "native")
      return unknownCpu(**plain, triple, name);
    cpu = getBaselineCpu(triple).str();
  }
  SmallVector<StringRef> more;
  added.split(more, '+', -1, false);
  for (StringRef feature : more) {
    bool known = hasCheckedFeatures(triple) ? isChecked(triple, feature)
                                            : knowsFeature(**plain, feature);
    if (!known)
      return unknownFeature(triple, feature);
    features += (features.empty() ? "+" : ",+") + feature.str();
  }
  Expected<std::unique_ptr<llvm::MCSubtargetInfo>> subtarget =
      createSubtarget(triple, cpu, features);
  if (!subtarget)
    return subtarget.takeError();
  return TargetAttr::get(context, triple.str(), cpu,
                         listFeatures(**subtarget, triple));
}

const MachineName *findMachine(StringRef name) {
  for (const Target *target : getTargets())
    for (const MachineName &machine : target->getMachineNames())
      if (machine.name == name)
        return &machine;
  return nullptr;
}

/// The CPU that programs for `triple` may rely on, as --cpu says it. LLVM's
/// RISC-V begins without multiplication, its ARM without floats, which the ABI
/// of hard floats has in registers.
std::string defaultCpu(const Triple &triple) {
  if (triple.isRISCV())
    return getBaselineCpu(triple).str() + "+m+a+f+d+c";
  if (triple.isThumb() && triple.getEnvironment() == Triple::EABIHF)
    switch (triple.getSubArch()) {
    case Triple::ARMSubArch_v7em:
      return "cortex-m4";
    case Triple::ARMSubArch_v8m_mainline:
      return "cortex-m33";
    case Triple::ARMSubArch_v8_1m_mainline:
      return "cortex-m55";
    default:
      break;
    }
  // The first CPUs of phones that divide.
  if (triple.isARM() && triple.isOSLinux())
    return capableCpu(triple).str();
  return getBaselineCpu(triple).str();
}

} // namespace

void tern::initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
  });
}

StringRef tern::getBaselineCpu(const Triple &triple) {
  for (const Target *target : getTargets())
    if (StringRef cpu = target->getBaselineCpu(triple); !cpu.empty())
      return cpu;
  return "generic";
}

ArrayRef<StringRef> tern::getFlushingFeatures(const Triple &triple) {
  static constexpr StringRef ofArm[] = {"neon", "mve.fp"};
  if (triple.isARM() || triple.isThumb())
    return ofArm;
  return {};
}

TargetAttr tern::getProgramTarget(TargetAttr target) {
  if (!isDevice(Triple(target.getTriple())))
    return target;
  Triple host = hostTriple();
  return TargetAttr::get(target.getContext(), host.str(), getBaselineCpu(host),
                         "");
}

Error tern::checkTarget(TargetAttr target) {
  Triple triple(target.getTriple());
  Expected<std::unique_ptr<llvm::MCSubtargetInfo>> subtarget =
      createSubtarget(triple, "", "");
  if (!subtarget)
    return subtarget.takeError();
  if (!(*subtarget)->isCPUStringValid(target.getCpu()))
    return unknownCpu(**subtarget, triple, target.getCpu());
  SmallVector<StringRef> features;
  target.getFeatures().split(features, ',', -1, false);
  for (StringRef feature : features)
    if (!feature.consume_front("+") || !knowsFeature(**subtarget, feature))
      return unknownFeature(triple, feature);
  return Error::success();
}

Expected<TargetAttr> tern::selectTarget(mlir::MLIRContext *context,
                                        StringRef target, StringRef cpu) {
  context->getOrLoadDialect<TernDialect>();
  if (cpu.contains(','))
    return failure("expected one CPU, got the list '" + cpu +
                   "', which only tern compile takes");
  if (target.contains(','))
    return failure("expected one target, got the list '" + target +
                   "'; --cpu takes several names of CPUs");
  Triple host = hostTriple();
  if (target == "generic") {
    if (!cpu.empty())
      return failure("--target=generic is for any CPU of " + archName(host) +
                     ", so it takes no --cpu");
    return TargetAttr::get(context, host.str(), getBaselineCpu(host), "");
  }
  const MachineName *machine = findMachine(target);
  if (machine && machine->cpu.empty())
    target = machine->triple;
  else if (machine) {
    if (!cpu.empty())
      return failure("--target=" + target +
                     " says which CPU, so it takes no "
                     "--cpu");
    Triple triple(machine->triple);
    std::string request = machine->cpu.str();
    if (!machine->features.empty())
      request += "+" + machine->features.str();
    return withCpu(context, triple.getArch() == host.getArch() ? host : triple,
                   request);
  }
  if (target.empty() || target == "native")
    return withCpu(context, host, cpu.empty() ? "native" : cpu);
  Triple triple(Triple::normalize(target));
  return withCpu(context, triple, cpu.empty() ? defaultCpu(triple) : cpu.str());
}
