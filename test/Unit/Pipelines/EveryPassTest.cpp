//===- EveryPassTest.cpp - Every pass on the IR of every phase ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A pass that gets IR of a phase it was not made for changes it into valid IR
// or fails and says why; it never crashes or hangs. The passes are those that
// are registered and the phases those of the table, so both may grow.
//
//===----------------------------------------------------------------------===//

#include "Import/TinyGgufModel.h"

#include "tern/Driver/Compile.h"
#include "tern/InitAll.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

#include "gtest/gtest.h"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace tern;

namespace {

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

struct Model {
  std::string name, input, target;
};

/// Each with something the others lack.
std::vector<Model> makeModels(const TemporaryDirectory &directory) {
  TinyGgufModel blocks("q2_0_g64", "llama"); // a scale for each 64 columns
  blocks.set("attention.layer_norm_rms_epsilon", ggufF32(1e-5f));
  blocks.addFloats("blk.0.attn_q.bias", {256});
  directory.write("blocks.gguf", blocks.file.bytes());
  std::string bundled = TERN_TEST_DIR "/models/shakespeare-";
  return {{"b1.58", bundled + "b158", "x86-64-v4"},
          {"a4.8", bundled + "a48", "x86-64-v3"},
          {"blocks", directory.file("blocks.gguf"), "riscv64-linux-gnu"}};
}

/// The IR of a model after a phase.
std::string printPhase(const Model &model, unsigned phase) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  CompileOptions options;
  options.model.target = model.target;
  options.input = model.input;
  options.stream = &stream;
  options.form = OutputForm::IR;
  options.outputPhase = phase;
  if (llvm::Error error = compile(options))
    ADD_FAILURE() << model.name << ": " << llvm::toString(std::move(error));
  return text;
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

/// "tern" as a word of a name.
bool isOurs(llvm::StringRef name) {
  return name.starts_with("tern-") || name.contains("-tern-");
}

/// The names of tern's passes as --help has them, and of its pipelines.
std::vector<std::string> listPasses() {
  registerAllPasses();
  testing::internal::CaptureStdout();
  mlir::printRegisteredPasses();
  llvm::outs().flush();
  std::string help = testing::internal::GetCapturedStdout();
  std::vector<std::string> names;
  llvm::SmallVector<llvm::StringRef> lines;
  llvm::StringRef(help).split(lines, '\n');
  for (llvm::StringRef line : lines) {
    llvm::StringRef name = line.ltrim().split(' ').first;
    if (name.consume_front("--") && isOurs(name))
      names.push_back(name.str());
  }
  for (const Phase &phase : getPhases())
    if (!phase.pipeline.empty())
      names.push_back(phase.pipeline.str());
  // These look into every operation, too.
  names.insert(names.end(), {"canonicalize", "cse", "inline",
                             "loop-invariant-code-motion", "symbol-dce"});
  return names;
}

enum Outcome { Succeeded, Refused, FailedSilently, Unknown };

Outcome runPass(mlir::ModuleOp module, const std::string &name) {
  bool isSaid = false;
  mlir::ScopedDiagnosticHandler handler(
      module.getContext(), [&](mlir::Diagnostic &diagnostic) {
        isSaid |= diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
        return mlir::success();
      });
  mlir::PassManager passes(module.getContext(), "builtin.module",
                           mlir::PassManager::Nesting::Implicit);
  const mlir::PassRegistryEntry *entry = mlir::PassInfo::lookup(name);
  if (!entry)
    entry = mlir::PassPipelineInfo::lookup(name);
  auto fail = [](const llvm::Twine &) { return mlir::failure(); };
  if (!entry || mlir::failed(entry->addToPipeline(passes, "", fail)))
    return Unknown;
  if (mlir::succeeded(passes.run(module))) // and it is valid
    return Succeeded;
  return isSaid ? Refused : FailedSilently;
}

/// How a function ends in a process of its own, which changes nothing here;
/// empty if it succeeds or refuses.
std::string tryAlone(llvm::function_ref<int()> function,
                     unsigned mostSeconds = 60) {
  pid_t child = fork();
  if (child == 0) {
    for (int crash : {SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE})
      signal(crash, SIG_DFL);
    if (!freopen("/dev/null", "w", stderr))
      _exit(100);
    alarm(mostSeconds);
    _exit(function());
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status))
    return WTERMSIG(status) == SIGALRM
               ? "takes too long"
               : std::string("crashes: ") + strsignal(WTERMSIG(status));
  switch (WEXITSTATUS(status)) {
  case Succeeded:
  case Refused:
    return "";
  case FailedSilently:
    return "fails without a reason";
  case Unknown:
    return "is no pass";
  default:
    return "exits with " + std::to_string(WEXITSTATUS(status));
  }
}

TEST(EveryPass, ACrashIsSeen) {
  auto crash = [] {
    abort();
    return 0;
  };
  auto hang = [] {
    pause();
    return 0;
  };
  EXPECT_EQ(tryAlone(crash), "crashes: Aborted");
  EXPECT_EQ(tryAlone(hang, 1), "takes too long");
  EXPECT_EQ(tryAlone([] { return FailedSilently; }), "fails without a reason");
}

TEST(EveryPass, SurvivesEveryPhase) {
  TemporaryDirectory directory;
  std::vector<std::string> passes = listPasses();
  EXPECT_TRUE(llvm::is_contained(passes, "tern-verify-contract"));
  EXPECT_GT(passes.size(), 20u);

  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  for (const Model &model : makeModels(directory)) {
    for (unsigned phase = 0; phase + 1 < getPhases().size(); ++phase) {
      // Of each its own, and without threads, which no child would have.
      mlir::MLIRContext context(registry,
                                mlir::MLIRContext::Threading::DISABLED);
      auto module = mlir::parseSourceString<mlir::ModuleOp>(
          printPhase(model, phase), &context);
      ASSERT_TRUE(module);
      for (const std::string &pass : passes)
        EXPECT_EQ(tryAlone([&] { return runPass(*module, pass); }), "")
            << "--" << pass << " on '" << getPhases()[phase].name.str()
            << "' of " << model.name;
    }
  }
}

} // namespace
