//===- Compile.cpp - tern compile -----------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Cache.h"
#include "Commands.h"
#include "CompileFlags.h"
#include "Console.h"
#include "OutputForm.h"
#include "Tune.h"

#include "tern/Dialect/Tern/Transforms/StrategyRules.h"
#include "tern/Driver/ModelInput.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;

/// A line for each preset.
static std::string activationsHelp() {
  std::string help = "how activations and the cache are quantized, instead of "
                     "as the checkpoint says: a JSON file (docs/schemes.md) or";
  for (const SchemePreset &preset : schemePresets())
    help += llvm::formatv("\n  {0,-9} {1}", preset.name, preset.summary).str();
  return help;
}

void ModelFlags::addTo(OptionTable &table) {
  table.addText("--target", "T",
                "native (default), generic (any CPU of this kind), x86-64-v3, "
                "x86-64-v4 (with AVX-512 VNNI) or an LLVM triple",
                target);
  table.addText(
      "--cpu", "CPU",
      "native (default) or LLVM's name of a CPU, with features added: "
      "cascadelake, x86-64-v4+avx512vnni; of tern compile several with commas "
      "between: code for each, of which the program takes the best that its "
      "CPU can run",
      cpu);
  table.addText("--activations", "SCHEME", activationsHelp(), activations);
  table.addText("--topk", "SHARE",
                "share of o_proj's inputs that is kept; of others too: "
                "o_proj=0.5,down_proj=0.4; default: the scheme's",
                topK);
  table.addText("--kv-bits", "3|4|8|16",
                "bits of a value in the KV cache; default: the scheme's",
                kvBits);
  table.addText("--bos-bits", "3|4|8|16",
                "the same for the first position; default: the scheme's, or "
                "that of --kv-bits if it is wider or one of them is 16",
                bosBits);
  table.addText("--q-bits", "4|8",
                "bits of a query where the cache has fewer than 16; default: 8",
                qBits);
  table.addText(
      "--head", "16|int8|int8-planes|int6|int4",
      "output head: the checkpoint's 16 bits (default), or 8, 6 or 4; "
      "in planes, 8 of which greedy decoding reads about 6",
      head);
  table.addText("--embedding", "16|int8",
                "embedding: the checkpoint's 16 bits (default), or 8; a tied "
                "head is then computed with the same integers",
                embedding);
  table.addNumber("--max-tokens", "N",
                  "tokens one pass over the weights takes; default: 128 on "
                  "x86-64 with AVX2, else 32",
                  1, 4096, maxTokens);
  table.addSwitch("--dense", "read inactive rows and columns too, to measure",
                  dense);
  table.addSwitch("--few", "code of its own for two to sixteen tokens", few);
  table.addText("--strategy", "FILE",
                "how weights are stored and read, instead of the target's "
                "choice: a JSON file (docs/strategies.md)",
                strategy);
  gguf.addTo(table);
}

bool ModelFlags::areGiven() const {
  for (const std::string *text :
       {&target, &cpu, &head, &embedding, &activations, &topK, &kvBits,
        &bosBits, &qBits, &strategy})
    if (!text->empty())
      return true;
  return maxTokens || dense || few || gguf.areGiven();
}

static std::optional<unsigned> toBits(llvm::StringRef text) {
  unsigned bits = 0;
  if (text.empty() || text.getAsInteger(10, bits))
    return std::nullopt;
  return bits;
}

/// The rules of a file, as passes take them.
static Expected<std::vector<std::string>>
readStrategies(const std::string &path) {
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return llvm::make_error<UsageError>("--strategy: " + path + ": " +
                                        file.getError().message());
  Expected<std::vector<StrategyRule>> rules =
      parseStrategyFile((*file)->getBuffer());
  if (!rules)
    return llvm::make_error<UsageError>("--strategy: " + path + ": " +
                                        llvm::toString(rules.takeError()));
  std::vector<std::string> texts;
  for (const StrategyRule &rule : *rules)
    texts.push_back(printStrategyRule(rule));
  return texts;
}

Expected<ModelOptions> ModelFlags::options() const {
  ModelOptions options;
  options.target = target;
  options.cpu = cpu;
  ImportOptions &import = options.import;
  import.schemes.activations = activations;
  if (!topK.empty())
    if (Error error = parseTopK(topK).moveInto(import.schemes.topK))
      return llvm::make_error<UsageError>("--topk: " +
                                          llvm::toString(std::move(error)));
  import.kvBits = toBits(kvBits);
  import.bosBits = toBits(bosBits);
  import.qBits = toBits(qBits);
  import.head = llvm::StringSwitch<HeadRows>(head)
                    .Case("int8", HeadRows::Int8)
                    .Case("int8-planes", HeadRows::Int8Planes)
                    .Case("int6", HeadRows::Int6)
                    .Case("int4", HeadRows::Int4)
                    .Default(HeadRows::Stored);
  if (embedding == "int8")
    import.embedding = HeadRows::Int8;
  options.gguf = gguf.options();
  if (maxTokens)
    options.pipeline.maxTokens = *maxTokens;
  options.pipeline.dense = dense;
  options.pipeline.few = few;
  if (!strategy.empty())
    if (Error error =
            readStrategies(strategy).moveInto(options.pipeline.strategies))
      return error;
  if (Error error = addKeptStrategies(target, cpu, options.pipeline.strategies))
    return error;
  return options;
}

static std::string phaseNames() {
  std::string names;
  for (const Phase &phase : getPhases())
    (names += names.empty() ? "" : "|") += phase.name.str();
  return names;
}

static OptionTable makeTable(CompileFlags &flags) {
  OptionTable table("compile MODEL -o OUT [flags]",
                    "Compiles a checkpoint to a program that runs alone, or to "
                    "another form.");
  table.addPositional("-m, --model", "MODEL");
  table.addText("-o, --output", "OUT", "the file to write; - is stdout",
                flags.output);
  table.addText("--emit", "exe|shared|obj|archive|weights|asm|llvm-ir|project",
                "what OUT is; by default as its suffix says: .o, .so, .a, .s, "
                ".ll or .weights, otherwise a program\n"
                "exe: a program\n"
                "shared: OUT.so, and NAME.h and NAME.weights beside it\n"
                "obj: OUT.o, the same beside it\n"
                "archive: OUT.a of the object and, for Linux, the runtime that "
                "calls it, the same beside it\n"
                "weights: OUT alone, for a library that was made of a model "
                "of the same shape, as before a fine-tuning\n"
                "asm, llvm-ir: text\n"
                "project: a folder OUT that builds a program for a device",
                flags.emit);
  table.addSwitch("--static",
                  "link a program that needs no library, not even libc, and "
                  "runs where there is none",
                  flags.isStatic);
  table.addSwitch("--grammars",
                  "link what --grammar and --json-schema of a program need, "
                  "130 KB",
                  flags.hasGrammars);
  table.addSwitch(
      "--embed-weights",
      "of obj, archive and project: weights and tokenizer are data of the "
      "object, which needs no file beside it",
      flags.embedsWeights);
  table.addText("--cc", "CC",
                "the C compiler that links; default: TERN_CC, or the system's, "
                "and for another machine TRIPLE-gcc or clang",
                flags.compiler);
  table.addText("--sysroot", "DIR",
                "where that compiler finds the C library of another machine",
                flags.sysroot);
  table.addText("--name", "NAME",
                "of the symbol tern_model_NAME; default: from OUT", flags.name);
  table.addText("--chat-template", "FILE",
                "a Jinja template for chat; default: the checkpoint's",
                flags.chatTemplate);
  table.addNumber("-c, --context", "N",
                  "tokens of context at most; default: the checkpoint's", 1,
                  1 << 24, flags.context);
  table.addSwitch("--report",
                  "say on stdout what memory the model takes, part by part, "
                  "and of a project that an emulator counts, the instructions "
                  "of a token",
                  flags.report);
  table.addSize("--max-flash",
                "refuse a model whose code, weights and tokenizer take more, "
                "and say what would make it fit: 1M",
                flags.maxFlash);
  table.addSize("--max-ram",
                "the same of the memory that one sequence works in: 256K",
                flags.maxRam);
  table.addNumber("--workers", "N",
                  "threads that memory is counted for; default: 1", 1, 64,
                  flags.workers);
  table.addSwitch("--tune",
                  "measure first how this machine computes the model best, as "
                  "tern tune does",
                  flags.tune);
  table.addSwitch("-q, --quiet", "no progress bar on a terminal", flags.quiet);
  table.addHeading("The model");
  flags.model.addTo(table);
  table.addHeading("For work on the compiler");
  std::string phases = phaseNames();
  table.addText("--compile-to", phases, "stop after a phase and write the IR",
                flags.compileTo);
  table.addText("--compile-from", phases,
                "MODEL is IR as --compile-to writes it; - is stdin",
                flags.compileFrom);
  table.addText("--save-stages", "DIR",
                "write the IR after each phase, LLVM IR, assembly and object",
                flags.saveStages);
  table.addSwitch("--remarks", "say on stderr what the compiler chose and why",
                  flags.remarks);
  table.addSwitch("-v, --verbose", "times of the phases, commands, on stderr",
                  flags.verbose);
  return table;
}

void tern::describeCompile(TableReader read) {
  CompileFlags flags;
  read(makeTable(flags));
}

/// MODEL as a path to read; `stem` is what names the model if nothing else
/// does.
static Expected<std::string> findInput(const std::string &input, bool isIr,
                                       std::string &stem) {
  stem = llvm::sys::path::stem(input);
  if (!isIr) {
    Expected<ModelInput> found = identifyCheckpoint(input);
    if (!found)
      return found.takeError();
    stem = found->name;
    return found->path;
  }
  if (input == "-")
    return input;
  // IR may be any text; MLIR's parser says the rest.
  Expected<ModelInput> found = identifyModel(input);
  if (found && found->kind != ModelKind::Ir)
    return llvm::createStringError(
        input + " is not IR, which --compile-from takes, but a " +
        (found->isCheckpoint() ? "checkpoint" : "file that tern compile made"));
  llvm::consumeError(found.takeError());
  return input;
}

static Expected<CompileOptions> makeOptions(CompileFlags &flags,
                                            const std::string &input) {
  CompileOptions options;
  if (Error error = chooseProject(flags))
    return std::move(error);
  if (Error error = chooseForm(flags).moveInto(options.form))
    return std::move(error);
  std::string stem;
  if (Error error = findInput(input, !flags.compileFrom.empty(), stem)
                        .moveInto(options.input))
    return std::move(error);
  if (Error error = flags.model.options().moveInto(options.model))
    return std::move(error);
  options.model.import.name = flags.name.empty() ? symbolOf(stem) : flags.name;
  options.model.import.context = flags.context;
  if (!flags.compileFrom.empty())
    options.inputPhase = findPhase(flags.compileFrom);
  if (options.form == OutputForm::IR)
    options.outputPhase = *findPhase(flags.compileTo);
  options.output = flags.output;
  options.project = flags.project;
  if (flags.output == "-")
    options.stream = &llvm::outs();
  options.chatTemplate = flags.chatTemplate;
  options.stages = flags.saveStages;
  options.isStatic = flags.isStatic;
  options.hasGrammars = flags.hasGrammars;
  options.embedsWeights = flags.embedsWeights;
  options.maxFlash = flags.maxFlash;
  options.maxRam = flags.maxRam;
  options.workers = unsigned(flags.workers.value_or(1));
  options.toolchain = {flags.compiler, flags.sysroot};
  // Without a home directory nothing is kept.
  if (Error error = cacheDirectory().moveInto(options.cache))
    llvm::consumeError(std::move(error));
  options.countsInstructions = flags.report;
  options.remarks = flags.remarks;
  if (Error error = checkOptions(options))
    return llvm::make_error<UsageError>(llvm::toString(std::move(error)));
  return options;
}

Expected<int> tern::compileMain(Arguments arguments) {
  CompileFlags flags;
  OptionTable table = makeTable(flags);
  std::vector<std::string> inputs;
  Expected<bool> isHelp = table.parseOrHelp(arguments, inputs);
  if (!isHelp)
    return isHelp.takeError();
  if (*isHelp)
    return 0;
  if (inputs.size() != 1)
    return llvm::make_error<UsageError>(
        inputs.empty()
            ? "tern compile needs a MODEL; see tern compile --help"
            : "tern compile takes one MODEL, but also got '" + inputs[1] + "'");
  if (flags.output.empty()) {
    if (flags.compileTo.empty())
      return llvm::make_error<UsageError>("tern compile needs -o OUT");
    flags.output = "-";
  }
  Expected<CompileOptions> options = makeOptions(flags, inputs.front());
  if (!options)
    return options.takeError();
  Console console(/*progress=*/!flags.quiet && !flags.verbose, flags.verbose,
                  flags.report);
  if (flags.report && flags.output == "-")
    return llvm::make_error<UsageError>(
        "--report and the output would both be written to stdout");
  if (flags.tune) {
    if (options->inputPhase)
      return llvm::make_error<UsageError>(
          "--tune needs a checkpoint, but --compile-from takes IR");
    if (llvm::StringRef(flags.model.cpu).contains(','))
      return llvm::make_error<UsageError>(
          "--tune measures code for one CPU, this one, but --cpu names "
          "several");
    if (Error error = measureKernels(options->model, options->input, {},
                                     /*keeps=*/true, console, llvm::errs()))
      return std::move(error);
    // Once more, with what was kept.
    options = makeOptions(flags, inputs.front());
    if (!options)
      return options.takeError();
  }
  if (Error error = compile(*options, &console))
    return std::move(error);
  return 0;
}
