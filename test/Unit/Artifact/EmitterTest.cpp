//===- EmitterTest.cpp - Targets and machine code -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/Emitter.h"
#include "tern/Artifact/TargetSelection.h"
#include "tern/Codegen/Passes.h"
#include "tern/InitAll.h"
#include "tern/Target/Target.h"

#include "mlir/Parser/Parser.h"
#include "llvm/TargetParser/Host.h"

#include "gtest/gtest.h"

using namespace tern;
using llvm::StringRef;

namespace {

class EmitterTest : public ::testing::Test {
protected:
  EmitterTest() {
    registerAllDialects(registry);
    registerEmission(registry);
    context.appendDialectRegistry(registry);
    context.loadDialect<TernDialect>();
  }

  TargetAttr select(StringRef target, StringRef cpu = "") {
    llvm::Expected<TargetAttr> attr = selectTarget(&context, target, cpu);
    if (!attr) {
      ADD_FAILURE() << llvm::toString(attr.takeError());
      return nullptr;
    }
    return *attr;
  }

  std::string refusal(StringRef target, StringRef cpu = "") {
    llvm::Expected<TargetAttr> attr = selectTarget(&context, target, cpu);
    return attr ? "" : llvm::toString(attr.takeError());
  }

  std::unique_ptr<Emitter> emit(StringRef source, TargetAttr target) {
    module = mlir::parseSourceString<mlir::ModuleOp>(source, &context);
    llvm::Expected<std::unique_ptr<Emitter>> emitter =
        Emitter::create(*module, target);
    if (!emitter) {
      ADD_FAILURE() << llvm::toString(emitter.takeError());
      return nullptr;
    }
    return std::move(*emitter);
  }

  mlir::DialectRegistry registry;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

TEST_F(EmitterTest, GenericHasNoFeature) {
  TargetAttr target = select("generic");
  EXPECT_EQ(target.getFeatures(), "");
  EXPECT_EQ(target.getTarget()->getName(), "Generic");
  EXPECT_EQ(getCpuFeatureBits(target), 0u);
}

TEST_F(EmitterTest, LevelsListWhatTheRuntimeChecks) {
  TargetAttr v3 = select("x86-64-v3");
  EXPECT_TRUE(v3.hasFeature("avx2"));
  EXPECT_FALSE(v3.hasFeature("avx512f"));
  EXPECT_EQ(v3.getTarget()->getName(), "X86");
  TargetAttr v4 = select("x86-64-v4");
  EXPECT_TRUE(v4.hasFeature("avx512vnni"));
  EXPECT_EQ(getCpuFeatureBits(v4) & getCpuFeatureBits(v3),
            getCpuFeatureBits(v3));
  EXPECT_EQ(getCpuFeatureBits(v4) >> 18 & 1, 1u);
}

TEST_F(EmitterTest, FeaturesAreAddedToACpu) {
  StringRef triple = "x86_64-unknown-linux-gnu";
  EXPECT_FALSE(select(triple, "x86-64-v4").hasFeature("avx512vnni"));
  EXPECT_TRUE(select(triple, "x86-64-v4+avx512vnni").hasFeature("avx512vnni"));
  EXPECT_TRUE(select(triple, "cascadelake").hasFeature("avx512vnni"));
  EXPECT_FALSE(select(triple, "znver3").hasFeature("avx512f"));
  EXPECT_EQ(select(triple, "").getCpu(), "x86-64");
  EXPECT_TRUE(select("aarch64-linux-gnu", "cortex-a76").hasFeature("dotprod"));
}

TEST_F(EmitterTest, UnknownNamesAreRefused) {
  EXPECT_NE(refusal("toaster").find("unknown target 'toaster'"),
            std::string::npos);
  std::string cpu = refusal("x86_64-linux-gnu", "pentium9");
  EXPECT_NE(cpu.find("unknown CPU 'pentium9' for x86_64; known are native"),
            std::string::npos);
  EXPECT_NE(cpu.find("cascadelake"), std::string::npos);
  EXPECT_NE(refusal("x86_64-linux-gnu", "znver4+teleport")
                .find("unknown feature 'teleport' of x86_64"),
            std::string::npos);
  EXPECT_NE(refusal("generic", "znver4").find("takes no --cpu"),
            std::string::npos);
}

TEST_F(EmitterTest, UnknownFeatureInIRIsRefusedBeforeLLVMDies) {
  auto broken = TargetAttr::get(&context, "x86_64-unknown-linux-gnu", "znver4",
                                "+avx2,+teleport");
  std::string message = llvm::toString(checkTarget(broken));
  EXPECT_NE(message.find("unknown feature 'teleport'"), std::string::npos);
}

TEST_F(EmitterTest, TargetsSayHowWideTheirVectorsAre) {
  auto bytes = [&](StringRef triple, StringRef cpu = "") {
    TargetAttr target = select(triple, cpu);
    return target.getTarget()->getVectorBytes(target);
  };
  EXPECT_EQ(bytes("generic"), 16);
  EXPECT_EQ(bytes("x86-64-v3"), 32);
  EXPECT_EQ(bytes("x86-64-v4"), 64);
  EXPECT_EQ(bytes("aarch64-linux-gnu"), 16);
  EXPECT_EQ(bytes("riscv64-linux-gnu"), 0);
  EXPECT_EQ(bytes("riscv64-linux-gnu", "generic+m+a+f+d+c+v"), 16);
  EXPECT_EQ(bytes("wasm64-unknown-unknown"), 0);
  EXPECT_EQ(bytes("wasm64-unknown-unknown", "generic+simd128"), 16);
  EXPECT_EQ(bytes("powerpc64le-linux-gnu", "pwr8"), 16);
  EXPECT_EQ(bytes("mips64el-linux-gnu"), 0);
}

constexpr StringRef sumOfFloats = R"(
  llvm.func @f(%p: !llvm.ptr, %n: i64) -> f32 {
    %zero = llvm.mlir.constant(0.0 : f32) : f32
    %none = llvm.mlir.constant(0 : i64) : i64
    %one = llvm.mlir.constant(1 : i64) : i64
    llvm.br ^loop(%none, %zero : i64, f32)
  ^loop(%i: i64, %sum: f32):
    %at = llvm.getelementptr %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %x = llvm.load %at : !llvm.ptr -> f32
    %more = llvm.fadd %sum, %x : f32
    %next = llvm.add %i, %one : i64
    %go = llvm.icmp "ult" %next, %n : i64
    llvm.cond_br %go, ^loop(%next, %more : i64, f32), ^end
  ^end:
    llvm.return %more : f32
  })";

TEST_F(EmitterTest, LoopsAreUnrolledWhereThereAreVectors) {
  auto numAdditions = [&](StringRef triple, StringRef addition) {
    std::unique_ptr<Emitter> emitter = emit(sumOfFloats, select(triple));
    llvm::Expected<std::string> code = emitter->emitAssembly();
    return code ? StringRef(*code).count(addition) : 0;
  };
  EXPECT_EQ(numAdditions("riscv64-linux-gnu", "fadd.s"), 1u);
  EXPECT_GT(numAdditions("aarch64-linux-gnu", "fadd"), 1u);
}

constexpr StringRef multiplyAdd = R"(
  llvm.func @f(%a: f32, %b: f32, %c: f32) -> f32 {
    %0 = llvm.fmul %a, %b : f32
    %1 = llvm.fadd %0, %c : f32
    llvm.return %1 : f32
  })";

TEST_F(EmitterTest, NothingIsFused) {
  std::unique_ptr<Emitter> emitter = emit(multiplyAdd, select("x86-64-v4"));
  llvm::Expected<std::string> code = emitter->emitAssembly();
  ASSERT_TRUE(bool(code));
  EXPECT_NE(code->find("vmulss"), std::string::npos);
  EXPECT_NE(code->find("vaddss"), std::string::npos);
  EXPECT_EQ(code->find("fmadd"), std::string::npos);
}

constexpr StringRef clear = R"(
  llvm.func @clear(%p: !llvm.ptr, %n: i64) {
    %zero = llvm.mlir.constant(0 : i64) : i64
    %one = llvm.mlir.constant(1 : i64) : i64
    %byte = llvm.mlir.constant(0 : i8) : i8
    llvm.br ^loop(%zero : i64)
  ^loop(%i: i64):
    %q = llvm.getelementptr %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, i8
    llvm.store %byte, %q : i8, !llvm.ptr
    %next = llvm.add %i, %one : i64
    %more = llvm.icmp "ult" %next, %n : i64
    llvm.cond_br %more, ^loop(%next : i64), ^end
  ^end:
    llvm.return
  })";

TEST_F(EmitterTest, LoopsDoNotBecomeCalls) {
  std::unique_ptr<Emitter> emitter = emit(clear, select("generic"));
  llvm::Expected<std::string> ir = emitter->emitLLVMIR();
  ASSERT_TRUE(bool(ir));
  EXPECT_EQ(ir->find("memset"), std::string::npos);
  EXPECT_TRUE(bool(emitter->emitObject()));
}

TEST_F(EmitterTest, OtherSymbolsAreRefusedByName) {
  std::unique_ptr<Emitter> emitter = emit(R"(
    llvm.func @expf(f32) -> f32
    llvm.func @g(%x: f32) -> f32 {
      %0 = llvm.call @expf(%x) : (f32) -> f32
      llvm.return %0 : f32
    })",
                                          select("generic"));
  llvm::Expected<std::string> code = emitter->emitObject();
  ASSERT_FALSE(bool(code));
  EXPECT_NE(llvm::toString(code.takeError()).find("would call 'expf'"),
            std::string::npos);
}

TEST_F(EmitterTest, ModelTableNamesTheModels) {
  llvm::Expected<std::string> object =
      emitModelTable(select("generic"), {"tern_model_bard"});
  ASSERT_TRUE(bool(object));
  EXPECT_NE(object->find("tern_model_bard"), std::string::npos);
  EXPECT_NE(object->find("tern_model_count"), std::string::npos);
}

//===----------------------------------------------------------------------===//
// Versions for several CPUs
//===----------------------------------------------------------------------===//

TEST_F(EmitterTest, VersionsAreSortedAndMerged) {
  llvm::Expected<std::vector<TargetVersion>> versions =
      selectVersions(&context, "aarch64-linux-gnu",
                     "neoverse-v1,cortex-a76,neoverse-n1,generic");
  ASSERT_TRUE(bool(versions)) << llvm::toString(versions.takeError());
  ASSERT_EQ(versions->size(), 3u);
  EXPECT_EQ((*versions)[0].name, "generic");
  EXPECT_EQ((*versions)[1].name, "cortex-a76");
  EXPECT_EQ((*versions)[1].others, std::vector<std::string>{"neoverse-n1"});
  EXPECT_EQ((*versions)[2].target.getFeatures(), "+neon,+dotprod,+i8mm");
  versions = selectVersions(&context, "aarch64-linux-gnu", "");
  ASSERT_TRUE(bool(versions)) << llvm::toString(versions.takeError());
  EXPECT_EQ(versions->size(), 1u);
}

TEST_F(EmitterTest, VersionsThatCannotBeToldApartAreRefused) {
  auto refuse = [&](StringRef target, StringRef cpus) -> std::string {
    auto versions = selectVersions(&context, target, cpus);
    return versions ? "" : llvm::toString(versions.takeError());
  };
  EXPECT_EQ(refuse("riscv64-linux-gnu", "generic-rv64+m,generic-rv64+m+v"), "");
  EXPECT_EQ(refuse("riscv64-linux-gnu", "generic-rv64+m,generic-rv64+a"),
            "--cpu: code for 'generic-rv64+m' and 'generic-rv64+a' differs in "
            "m, which a program cannot ask its CPU for");
  EXPECT_NE(refuse("thumbv7em-none-eabihf", "cortex-m4,cortex-m7")
                .find("cannot ask its CPU what it has"),
            std::string::npos);
  EXPECT_NE(
      refuse("aarch64-linux-gnu", "cortex-a53,cortex-a53").find("comes twice"),
      std::string::npos);
  EXPECT_EQ(refusal("aarch64-linux-gnu", "cortex-a53,cortex-a76"),
            "expected one CPU, got the list 'cortex-a53,cortex-a76', which "
            "only tern compile takes");
}

} // namespace
