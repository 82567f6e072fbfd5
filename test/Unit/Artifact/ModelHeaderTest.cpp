//===- ModelHeaderTest.cpp - NAME.h of a model ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/ModelHeader.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/SourceMgr.h"

#include "gtest/gtest.h"

using namespace tern;
using llvm::StringRef;

namespace {

constexpr llvm::StringRef source = R"(
@text = internal constant [9 x i8] c"x86/fast\00"
@names = internal constant [0 x ptr] zeroinitializer
define internal void @f() { ret void }
@tern_model_bard = constant { i32, i32,
    i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32,
    i64, i64, i64, i64, i64, i64, i64, i64,
    ptr, ptr, ptr, ptr, ptr, [3 x ptr], [3 x ptr] } {
  i32 5, i32 216,
  i32 1024, i32 192, i32 5, i32 1, i32 256, i32 10, i32 3, i32 4096, i32 64,
  i32 0, i32 7, i32 3,
  i64 -2, i64 11, i64 12, i64 1300, i64 1400, i64 1500, i64 15, i64 1600,
  ptr @text, ptr @text, ptr @names, ptr null, ptr null,
  [3 x ptr] [ptr @f, ptr @f, ptr @f], [3 x ptr] [ptr @f, ptr @f, ptr @f] })";

TEST(ModelHeader, SaysWhatTheConstantSays) {
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> module =
      llvm::parseAssemblyString(source, diagnostic, context);
  ASSERT_TRUE(module);
  llvm::Expected<ModelFacts> facts = readModelFacts(*module);
  ASSERT_TRUE(bool(facts));
  EXPECT_EQ(facts->name(), "bard");
  EXPECT_EQ(facts->target, "x86/fast");
  std::string header = writeModelHeader(*facts, 77);
  for (llvm::StringRef line :
       {"extern const tern_model tern_model_bard;",
        "#define TERN_BARD_WEIGHTS_ID UINT64_C(0xfffffffffffffffe)",
        "#define TERN_BARD_WEIGHTS_BYTES UINT64_C(1300)",
        // Eight parts of a step, each a multiple of the alignment.
        "#define TERN_BARD_SCRATCH_BYTES(workers) "
        "(UINT64_C(42360) + (workers) * UINT64_C(1500))",
        "#define TERN_BARD_STATE_BYTES UINT64_C(6415)",
        "#define TERN_BARD_LOGITS_BYTES UINT64_C(4096)",
        "#define TERN_BARD_TOKENIZER_BYTES UINT64_C(77)",
        "extern const unsigned char tern_weights_bard[];",
        "#define TERN_BARD_ALIGNMENT 4096u", "#define TERN_BARD_KV_BITS 3u",
        "#define TERN_BARD_MAX_CONTEXT 256u"})
    EXPECT_NE(header.find(line.str()), std::string::npos) << line.str();
}

/// The model under another name, with other scratch memory or weights.
std::string makeVersion(StringRef cpu, StringRef scratch, StringRef weights) {
  std::string text = source.str();
  auto replace = [&](StringRef from, const std::string &to) {
    text.replace(text.find(from.str()), from.size(), to);
  };
  replace("@tern_model_bard", ("@tern_model_bard_for_" + cpu).str());
  replace("i64 -2", ("i64 " + weights).str());
  replace("i64 1400", ("i64 " + scratch).str());
  return text;
}

TEST(ModelHeader, VersionsHaveATable) {
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  auto make = [&](StringRef otherWeights) {
    auto module = llvm::parseAssemblyString(makeVersion("old", "1400", "-2"),
                                            diagnostic, context);
    auto other = llvm::parseAssemblyString(
        makeVersion("new", "1464", otherWeights), diagnostic, context);
    EXPECT_FALSE(llvm::Linker::linkModules(*module, std::move(other)));
    addVersionTable(*module,
                    {"tern_model_bard_for_old", "tern_model_bard_for_new"});
    return module;
  };
  auto module = make("-2");
  llvm::Expected<ModelFacts> facts = readModelFacts(*module);
  ASSERT_TRUE(bool(facts)) << llvm::toString(facts.takeError());
  EXPECT_EQ(facts->name(), "bard");
  EXPECT_EQ(facts->symbol, "tern_models_bard");
  EXPECT_EQ(facts->versions.back(), "tern_model_bard_for_new");
  std::string header = writeModelHeader(*facts);
  for (StringRef line : {"extern const tern_model *const tern_models_bard[];",
                         "#define TERN_BARD_VERSIONS 2u",
                         // Of the version that takes more.
                         "(UINT64_C(42424) + (workers) * UINT64_C(1500))"})
    EXPECT_NE(header.find(line.str()), std::string::npos) << line.str();
  auto unlike = make("-3");
  llvm::Expected<ModelFacts> refused = readModelFacts(*unlike);
  ASSERT_FALSE(bool(refused));
  EXPECT_NE(
      llvm::toString(refused.takeError()).find("would read other weights"),
      std::string::npos);
}

TEST(ModelHeader, AssemblyTakesPartsOfTheFile) {
  ModelFacts facts = {};
  facts.symbol = "tern_model_bard";
  std::string text =
      writeWeightsAssembly(facts, {{"weights", 4096, 20}, {"tokenizer", 0, 0}});
  for (llvm::StringRef line :
       {".globl tern_weights_bard\n",
        "tern_weights_bard:\n.incbin \"bard.weights\", 4096, 20\n",
        "tern_tokenizer_bard:\n.size tern_tokenizer_bard"})
    EXPECT_NE(text.find(line.str()), std::string::npos) << line.str() << text;
}

TEST(ModelHeader, OfEmbeddedWeightsNamesNoFile) {
  ModelFacts facts = {};
  facts.symbol = "tern_model_bard";
  facts.weightsBytes = 1300;
  std::string header = writeModelHeader(facts, 77, /*embedded=*/true);
  EXPECT_EQ(header.find("bard.weights"), std::string::npos) << header;
  EXPECT_NE(header.find("tern_weights_bard[];"), std::string::npos) << header;
  EXPECT_NE(header.find("TERN_BARD_WEIGHTS_BYTES UINT64_C(1300)"),
            std::string::npos);
}

TEST(ModelHeader, AModuleWithoutAModelIsRefused) {
  llvm::LLVMContext context;
  llvm::Module module("empty", context);
  llvm::Expected<ModelFacts> facts = readModelFacts(module);
  ASSERT_FALSE(bool(facts));
  EXPECT_EQ(llvm::toString(facts.takeError()),
            "the module defines no tern_model");
}

} // namespace
