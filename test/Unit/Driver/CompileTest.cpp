//===- CompileTest.cpp - Models compiled without a command line -----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Import/TinyCheckpoint.h"

#include "tern/Driver/CachedProgram.h"
#include "tern/Driver/Compile.h"
#include "tern/Driver/ModelInput.h"

#include "gtest/gtest.h"

#include <set>
#include <sstream>
#include <thread>

using namespace tern;

namespace {

std::string contents(const std::string &path) {
  std::stringstream stream;
  stream << std::ifstream(path, std::ios::binary).rdbuf();
  return stream.str();
}

/// Everything that is told, and how a compilation ends.
struct Listener : CompileListener {
  void message(MessageKind kind, llvm::StringRef text) override {
    (kind == MessageKind::Remark || kind == MessageKind::Missed ? remarks
                                                                : messages)
        .push_back(text.str());
  }
  void step(llvm::StringRef name) override { steps.push_back(name.str()); }
  void weights(uint64_t done, uint64_t total) override {
    isWritten = done == total;
  }

  std::vector<std::string> messages, remarks, steps;
  bool isWritten = false;
};

/// The message of what was compiled; empty if it was.
std::string tryCompile(const CompileOptions &options,
                       CompileListener *listener = nullptr) {
  return llvm::toString(compile(options, listener));
}

class CompileTest : public testing::Test {
protected:
  /// For any CPU of this kind, into `name` of the folder.
  CompileOptions make(OutputForm form, const std::string &name = "out") {
    CompileOptions options;
    options.model.target = "generic";
    options.input = model;
    options.output = outputs.file(name);
    options.form = form;
    return options;
  }
  CompileOptions makeIr(unsigned phase) {
    CompileOptions options =
        make(OutputForm::IR, getPhases()[phase].name.str() + ".mlir");
    options.outputPhase = phase;
    return options;
  }
  std::set<std::string> written() const {
    std::set<std::string> names;
    std::error_code code;
    for (llvm::sys::fs::directory_iterator at(outputs.str(), code), end;
         !code && at != end; at.increment(code))
      names.insert(llvm::sys::path::filename(at->path()).str());
    return names;
  }

  TinyCheckpoint tiny;
  std::string model = tiny.write();
  TemporaryDirectory outputs;
};

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

TEST_F(CompileTest, ALibraryInTenLines) {
  tern::CompileOptions options;
  options.input = model;
  options.output = outputs.file("tiny.o");
  options.form = tern::OutputForm::Object;
  options.model.import.name = "tiny";
  if (llvm::Error error = tern::compile(options))
    FAIL() << llvm::toString(std::move(error));

  EXPECT_EQ(written(),
            (std::set<std::string>{"tiny.o", "tiny.h", "tiny.weights"}));
  EXPECT_TRUE(definesModel(outputs.file("tiny.o"), "tiny", true));
}

TEST_F(CompileTest, AListenerIsToldAllThatHappens) {
  Listener listener;
  CompileOptions options = make(OutputForm::Weights);
  options.remarks = true;
  ASSERT_EQ(tryCompile(options, &listener), "");
  EXPECT_EQ(listener.steps, (std::vector<std::string>{"import", "fused",
                                                      "quantized", "packed"}));
  EXPECT_FALSE(listener.remarks.empty());
  EXPECT_TRUE(listener.isWritten);
}

TEST_F(CompileTest, AProgramCarriesItsWeights) {
  CompileOptions options = make(OutputForm::Program);
  ASSERT_EQ(tryCompile(options), "");
  auto found = identifyModel(options.output);
  ASSERT_TRUE(static_cast<bool>(found)) << llvm::toString(found.takeError());
  EXPECT_EQ(found->kind, ModelKind::Program);
  EXPECT_EQ(found->damage, "");

  options.libraryDirectory = outputs.str();
  EXPECT_EQ(tryCompile(options),
            "the runtime library " + outputs.file("libtern_host.a") +
                " is missing; build or install all of tern");
}

TEST_F(CompileTest, IrGoesOnToTheSameCode) {
  CompileOptions whole = make(OutputForm::Assembly);
  ASSERT_EQ(tryCompile(whole), "");
  unsigned packed = *findPhase("packed");
  CompileOptions first = makeIr(packed);
  ASSERT_EQ(tryCompile(first), "");
  CompileOptions second = make(OutputForm::Assembly);
  std::string text;
  llvm::raw_string_ostream stream(text);
  second.stream = &stream;
  second.input = first.output;
  second.inputPhase = packed;
  ASSERT_EQ(tryCompile(second), "");
  EXPECT_TRUE(text == contents(whole.output));
}

//===----------------------------------------------------------------------===//
// Refusals
//===----------------------------------------------------------------------===//

TEST_F(CompileTest, OptionsThatExcludeEachOther) {
  auto message = [](const CompileOptions &options) {
    return llvm::toString(checkOptions(options));
  };
  CompileOptions options = make(OutputForm::Weights);
  EXPECT_EQ(message(options), "");
  options.isStatic = true;
  EXPECT_EQ(message(options),
            "--static is about a program; it goes with --emit=exe");

  options = make(OutputForm::Shared);
  options.inputPhase = 0;
  EXPECT_EQ(message(options),
            "IR does not contain the weights that --emit=shared needs; "
            "--compile-from goes with --emit=obj, asm or llvm-ir");
  options.form = OutputForm::Object;
  EXPECT_EQ(message(options), "");
  options.model.import.kvBits = 4;
  EXPECT_EQ(message(options),
            "--kv-bits is a choice about a checkpoint; the IR that "
            "--compile-from takes has made it");

  options = makeIr(1);
  options.inputPhase = 2;
  EXPECT_EQ(message(options),
            "--compile-to=fused comes before --compile-from=quantized");
  options.outputPhase = 100;
  EXPECT_EQ(message(options), "expected a phase below " +
                                  std::to_string(getPhases().size()) +
                                  ", got 100");

  options = make(OutputForm::Program);
  options.stream = &llvm::outs();
  EXPECT_EQ(message(options), "--emit=exe cannot be written to stdout");
  options = make(OutputForm::Program);
  options.output.clear();
  EXPECT_EQ(message(options), "expected a name for the output, got none");
}

TEST_F(CompileTest, ARefusalLeavesNothing) {
  CompileOptions options = make(OutputForm::Object);
  options.input = outputs.file("nothing");
  EXPECT_NE(tryCompile(options), "");
  options = make(OutputForm::Object);
  options.model.import.schemes.activations = "no-scheme";
  EXPECT_NE(tryCompile(options), "");
  options = make(OutputForm::Assembly);
  options.inputPhase = 1;
  outputs.write("broken.mlir", "module { tern.nothing }");
  options.input = outputs.file("broken.mlir");
  EXPECT_NE(tryCompile(options), "");
  EXPECT_EQ(written(), std::set<std::string>{"broken.mlir"});
}

//===----------------------------------------------------------------------===//
// Several in one process
//===----------------------------------------------------------------------===//

TEST_F(CompileTest, EarlierModelsDoNotCount) {
  ASSERT_EQ(tryCompile(make(OutputForm::Weights)), "");
  tiny.tensors["model.norm.weight"].bytes[0] = '\x00';
  tiny.config["max_position_embeddings"] = 32;
  tiny.write();
  TinyCheckpoint other;
  CompileOptions options = make(OutputForm::Weights, "other");
  options.input = other.write();
  EXPECT_EQ(tryCompile(options), "");
}

TEST_F(CompileTest, TwoAtATime) {
  CompileOptions options[] = {make(OutputForm::Object, "a/out.o"),
                              make(OutputForm::Object, "b/out.o")};
  std::string messages[2];
  for (const char *folder : {"a", "b"})
    llvm::sys::fs::create_directory(outputs.file(folder));
  std::thread first([&] { messages[0] = tryCompile(options[0]); });
  messages[1] = tryCompile(options[1]);
  first.join();
  EXPECT_EQ(messages[0], "");
  EXPECT_EQ(messages[1], "");
  EXPECT_TRUE(contents(options[0].output) == contents(options[1].output));
}

//===----------------------------------------------------------------------===//
// Programs that are kept
//===----------------------------------------------------------------------===//

TEST_F(CompileTest, ACachedProgramIsMadeOnce) {
  auto input = identifyCheckpoint(model);
  ASSERT_TRUE(static_cast<bool>(input));
  ProgramStore store(outputs.str(), isProgram);
  ModelOptions options;
  options.target = "generic";
  Listener listener;
  auto find = [&] {
    listener = {};
    auto program = cachedProgram(*input, options, store, 1 << 30, listener);
    return program ? *program : llvm::toString(program.takeError());
  };
  std::string first = find();
  EXPECT_TRUE(isProgram(first)) << first;
  EXPECT_EQ(listener.messages, std::vector<std::string>{"compiling " + model});
  EXPECT_EQ(find(), first);
  EXPECT_TRUE(listener.messages.empty() && listener.steps.empty());
}

TEST_F(CompileTest, EveryOptionIsPartOfAName) {
  auto input = identifyCheckpoint(model);
  ASSERT_TRUE(static_cast<bool>(input));
  ProgramStore store(outputs.str(), isProgram);
  outputs.write("scheme.json", "{}");
  void (*changes[])(ModelOptions &) = {
      [](ModelOptions &) {},
      [](ModelOptions &o) { o.target = "riscv64-linux-gnu"; },
      [](ModelOptions &o) { o.import.schemes.activations = "a48"; },
      [](ModelOptions &o) {
        o.import.schemes.topK = {{Projection::O, 0.5}};
      },
      [](ModelOptions &o) {
        o.import.schemes.topK = {{Projection::O, 0.25}};
      },
      [](ModelOptions &o) { o.import.kvBits = 3; },
      [](ModelOptions &o) { o.import.bosBits = 3; },
      [](ModelOptions &o) { o.import.qBits = 4; },
      [](ModelOptions &o) { o.import.head = HeadRows::Int8; },
      [](ModelOptions &o) { o.import.context = 8; },
      [](ModelOptions &o) { o.gguf.readings = {"i2_s"}; },
      [](ModelOptions &o) { o.gguf.hiddenAct = "silu"; },
      [](ModelOptions &o) { o.gguf.tokenizerPre = "silu"; },
      [](ModelOptions &o) { o.pipeline.maxTokens = 8; },
      [](ModelOptions &o) { o.pipeline.dense = true; },
  };
  std::set<std::string> names;
  for (auto change : changes) {
    ModelOptions options;
    options.target = "generic";
    change(options);
    auto name = programName(*input, options, store);
    ASSERT_TRUE(static_cast<bool>(name)) << llvm::toString(name.takeError());
    EXPECT_TRUE(names.insert(*name).second) << *name;
  }
  ModelOptions options;
  options.target = "generic";
  options.import.name = "other";
  auto name = programName(*input, options, store);
  ASSERT_TRUE(static_cast<bool>(name));
  EXPECT_FALSE(names.insert(*name).second) << "the symbol decides no bytes";
}

} // namespace
