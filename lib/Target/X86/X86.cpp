//===- X86.cpp - x86-64: layouts, dot products, registration --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Target/X86/X86.h"

#include "Lookups.h"
#include "Strategies.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"
#include "tern/Target/X86/Passes.h"

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/AMX/Transforms.h"
#include "llvm/TargetParser/Triple.h"

#include <cerrno>
#include <cstring>
#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

using namespace mlir;
using namespace tern;
using tern::x86::Dot;

namespace {

/// Eight cores at 3 GHz that share 70 GB/s; runs of a few hundred bytes, asked
/// for early, get about two thirds of what a stream gets.
constexpr MachineSpeed kSpeed = {/*streamBytes=*/3, /*runBytes=*/2,
                                 /*issueWidth=*/4};
/// Best entry first; `features` is what the dot product's instructions need.
struct Entry {
  StringRef features;
  x86::Machine machine;
};

/// Zen 4: it gets a stream of packed weights slower if it is asked
/// ahead, and runs faster the earlier, up to what its second level cache holds.
/// Groups take two permutes for each byte, which do not run beside the waiting
/// for runs. Bandwidths are of one core and two, next to rows in lanes.
constexpr x86::Family kWide = {
    kSpeed,
    /*rowsAhead=*/16,
    /*columnsAhead=*/32,
    /*bytesAhead=*/0,
    /*bytesAheadOfFew=*/4096,
    /*lanes=*/{},
    /*row=*/{/*stall=*/1, /*reach=*/0.84, /*runs=*/0.75},
    /*rows=*/{/*stall=*/1.5},
    /*column=*/{/*stall=*/1, /*reach=*/0.45, /*runs=*/1.1},
    /*columns=*/{},
    /*groupsOfRow=*/{/*stall=*/1.15, /*reach=*/0.65, /*runs=*/0.5},
    /*groupsOfColumn=*/{/*stall=*/1, /*reach=*/0.45, /*runs=*/0.7},
    /*plane=*/{/*stall=*/1.1, /*reach=*/0.97},
    /*planes=*/{/*stall=*/1.25, /*reach=*/0.95},
    /*planeOfMany=*/{},
    /*planesOfMany=*/{/*stall=*/1.1},
    /*lookupsOfMany=*/{/*stall=*/0.7}};
constexpr x86::Family kNarrow = {kSpeed,
                                 /*rowsAhead=*/8,
                                 /*columnsAhead=*/8,
                                 /*bytesAhead=*/0,
                                 /*bytesAheadOfFew=*/4096,
                                 /*lanes=*/{},
                                 /*row=*/{},
                                 /*rows=*/{},
                                 /*column=*/{},
                                 /*columns=*/{/*stall=*/1.2},
                                 /*groupsOfRow=*/{},
                                 /*groupsOfColumn=*/{},
                                 /*plane=*/{},
                                 /*planes=*/{},
                                 /*planeOfMany=*/{},
                                 /*planesOfMany=*/{},
                                 /*lookupsOfMany=*/{}};
/// Sapphire Rapids and later: a core asks for too little ahead of a stream of
/// packed weights, which it gets 20 to 60 % faster if it is told to.
constexpr x86::Family kAhead = {
    kSpeed,
    /*rowsAhead=*/8,
    /*columnsAhead=*/16,
    /*bytesAhead=*/1024,
    /*bytesAheadOfFew=*/1024,
    /*lanes=*/{},
    /*row=*/{},
    /*rows=*/{/*stall=*/1.5},
    /*column=*/{/*stall=*/1, /*reach=*/0.45},
    /*columns=*/{},
    /*groupsOfRow=*/{/*stall=*/1.5, /*reach=*/0.85},
    /*groupsOfColumn=*/{/*stall=*/1, /*reach=*/0.45},
    /*plane=*/{/*stall=*/1.4, /*reach=*/1.2},
    /*planes=*/{/*stall=*/1.5, /*reach=*/1.1},
    /*planeOfMany=*/{/*stall=*/1.8},
    /*planesOfMany=*/{/*stall=*/2.1},
    /*lookupsOfMany=*/{/*stall=*/1.6}};

/// Ice Lake: a core reads 13 GB/s from memory, so bytes count for more than
/// what is done with them, and packed weights 20 to 40 % faster if a page of 4
/// KiB is asked for ahead. A permute of two registers takes two cycles.
constexpr x86::Family kNarrowMemory = {
    kSpeed,
    /*rowsAhead=*/8,
    /*columnsAhead=*/8,
    /*bytesAhead=*/4096,
    /*bytesAheadOfFew=*/4096,
    /*lanes=*/{},
    /*row=*/{/*stall=*/1.1, /*reach=*/1, /*runs=*/1},
    /*rows=*/{/*stall=*/1.35},
    /*column=*/{/*stall=*/1.1, /*reach=*/0.45, /*runs=*/0.75},
    /*columns=*/{/*stall=*/1.1},
    /*groupsOfRow=*/{/*stall=*/1.3, /*reach=*/1, /*runs=*/0.97},
    /*groupsOfColumn=*/{/*stall=*/1.55, /*reach=*/0.33, /*runs=*/0.55},
    /*plane=*/{/*stall=*/1.6, /*reach=*/1},
    /*planes=*/{/*stall=*/1.6, /*reach=*/0.93},
    /*planeOfMany=*/{/*stall=*/1.8},
    /*planesOfMany=*/{/*stall=*/1.6},
    /*lookupsOfMany=*/{/*stall=*/1.55}};

/// Of unknown make: Intel's gain up to 40 % by being asked ahead, AMD's lose
/// nothing.
constexpr x86::Family askAhead(x86::Family family) {
  family.bytesAhead = 1024;
  family.bytesAheadOfFew = 1024;
  return family;
}

/// `sse4a` is a mark of AMD's: Zen 4 and Ice Lake have the same vectors.
constexpr Entry kEntries[] = {
    {"avx512f,avx512bw,avx512vl,avx512vnni,sse4a",
     {Dot::Vpdpbusd512, 8, 4, /*few=*/true, kWide}},
    {"avx512f,avx512bw,avx512vl,avx512vnni,avx512fp16",
     {Dot::Vpdpbusd512, 8, 4, /*few=*/true, kAhead}},
    {"avx512f,avx512bw,avx512vl,avx512vnni,amx-int8",
     {Dot::Vpdpbusd512, 8, 4, /*few=*/true, kAhead}},
    {"avx512f,avx512bw,avx512vl,avx512vnni,avx512vbmi",
     {Dot::Vpdpbusd512, 8, 4, /*few=*/true, kNarrowMemory}},
    {"avx512f,avx512bw,avx512vl,avx512vnni",
     {Dot::Vpdpbusd512, 8, 4, /*few=*/true, askAhead(kWide)}},
    {"avx512f,avx512bw,avx512vl",
     {Dot::Vpmaddubsw512, 8, 4, /*few=*/true, askAhead(kWide)}},
    {"avx2,avxvnni", {Dot::Vpdpbusd256, 4, 2, /*few=*/true, askAhead(kNarrow)}},
    {"avx2,sse4a", {Dot::Vpmaddubsw256, 4, 2, /*few=*/true, kNarrow}},
    {"avx2", {Dot::Vpmaddubsw256, 4, 2, /*few=*/true, askAhead(kNarrow)}},
};

struct X86Target : Target {
  StringRef getName() const override { return "X86"; }

  bool handles(TargetAttr attr) const override {
    return llvm::Triple(attr.getTriple()).getArch() == llvm::Triple::x86_64 &&
           find(attr);
  }

  ArrayRef<MachineName> getMachineNames() const override {
    static constexpr MachineName names[] = {
        {"x86-64-v3", "x86_64-unknown-linux-gnu", "x86-64-v3", ""},
        // The level itself lacks the instruction our AVX-512 kernels are made
        // of.
        {"x86-64-v4", "x86_64-unknown-linux-gnu", "x86-64-v4", "avx512vnni"},
    };
    return names;
  }

  StringRef getBaselineCpu(const llvm::Triple &triple) const override {
    return triple.getArch() == llvm::Triple::x86_64 ? "x86-64" : "";
  }

  void populateKernelPatterns(TargetAttr attr,
                              RewritePatternSet &patterns) const override {
    x86::populateLookupPatterns(attr, patterns);
  }

  ArrayRef<StringLiteral> getLayoutNames() const override {
    return x86::layoutNames();
  }

  SmallVector<Strategy>
  getStrategies(TargetAttr attr, const ProductShape &shape) const override {
    const Entry *own = find(attr);
    SmallVector<Strategy> found =
        x86::findStrategies(attr, own->machine, shape);
    if (!shape.layout)
      return found;
    // A weight that machines with shorter vectors read too has their layout.
    SmallVector<Dot> known = {own->machine.dot};
    for (const Entry &entry : ArrayRef(own + 1, std::end(kEntries))) {
      if (!hasAll(attr, entry) || llvm::is_contained(known, entry.machine.dot))
        continue;
      known.push_back(entry.machine.dot);
      x86::Machine shorter = entry.machine;
      shorter.family = own->machine.family;
      llvm::append_range(found, x86::findStrategies(attr, shorter, shape));
    }
    return found;
  }

  bool wantsFew(TargetAttr attr) const override {
    return find(attr)->machine.few;
  }

  MachineSpeed getSpeed(TargetAttr attr) const override {
    return find(attr)->machine.family.speed;
  }

  DotProductAttrInterface getDotProduct(TargetAttr attr) const override {
    return x86::DotAttr::get(attr.getContext(), find(attr)->machine.dot);
  }

  /// Those of the dot product: its sums are as wide as floats.
  int64_t getVectorBytes(TargetAttr attr) const override {
    return 4 * getDotProduct(attr).getLanes();
  }

  /// Repacking a weight is paid for by some ten tokens of vectors, by some
  /// fifty of tiles.
  int64_t getTokensOfPass(TargetAttr attr) const override {
    return attr.hasFeature("amx-int8") ? 256 : 128;
  }

  bool hasHalfFloats(TargetAttr attr) const override {
    return attr.hasFeature("f16c");
  }

  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<x86::TernX86Dialect, amx::AMXDialect>();
    registerConvertAMXToLLVMInterface(registry);
  }
  void loadDialects(MLIRContext *context) const override {
    context->getOrLoadDialect<x86::TernX86Dialect>();
    context->getOrLoadDialect<amx::AMXDialect>();
  }

  /// Linux keeps room for tiles for a process that asks.
  llvm::Error allowHere(TargetAttr attr) const override {
#if defined(__linux__) && defined(__x86_64__)
    constexpr long kRequestPermission = 0x1023, kTileData = 18;
    if (attr.hasFeature("amx-tile") &&
        syscall(SYS_arch_prctl, kRequestPermission, kTileData) != 0)
      return llvm::createStringError(
          llvm::errnoAsErrorCode(),
          "the operating system refuses amx-tile: %s; name the CPU without it, "
          "as --cpu=x86-64-v4",
          strerror(errno));
#endif
    return llvm::Error::success();
  }

  void registerPasses() const override { x86::registerTernX86Passes(); }
  void addPasses(StringRef phase, OpPassManager &pm) const override {
    if (phase == "kernels")
      pm.addPass(x86::createCarryTilesPass());
  }

private:
  static bool hasAll(TargetAttr attr, const Entry &entry) {
    SmallVector<StringRef> needed;
    entry.features.split(needed, ',');
    return llvm::all_of(needed,
                        [&](StringRef f) { return attr.hasFeature(f); });
  }
  static const Entry *find(TargetAttr attr) {
    for (const Entry &entry : kEntries)
      if (hasAll(attr, entry))
        return &entry;
    return nullptr;
  }
};

} // namespace

std::unique_ptr<Target> tern::createX86Target() {
  return std::make_unique<X86Target>();
}
