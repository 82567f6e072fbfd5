//===- Inspect.cpp - tern inspect -----------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "GgufFlags.h"
#include "InspectArtifact.h"
#include "InspectCheckpoint.h"
#include "Options.h"

#include "tern/Driver/ModelInput.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace {

struct InspectFlags {
  bool asJson = false;
  CheckpointInspection options;
  GgufFlags gguf;
};

} // namespace

static OptionTable makeTable(InspectFlags &flags) {
  OptionTable table(
      "inspect FILE [flags]",
      "Says what is in a checkpoint (a directory or GGUF file) or in what\n"
      "tern compile made: a program, library, object or .weights file.");
  table.addSwitch("--check",
                  "of a checkpoint, read every tensor as tern compile does;\n"
                  "what would be refused is said in any case, and the exit\n"
                  "status is 1. Of a program or .weights file, compare code,\n"
                  "weights and tokenizer with their checksums",
                  flags.options.readsAll);
  table.addSwitch("--tensors", "list the tensors of a checkpoint",
                  flags.options.listsTensors);
  table.addSwitch("--json", "one JSON object instead of lines", flags.asJson);
  flags.gguf.addTo(table);
  return table;
}

void tern::describeInspect(TableReader read) {
  InspectFlags flags;
  read(makeTable(flags));
}

static Error inspect(StringRef path, const CheckpointInspection &options,
                     Report &report) {
  Expected<ModelInput> input = identifyModel(path);
  if (!input)
    return report.list(input.takeError());
  if (input->isCheckpoint())
    return inspectCheckpoint(input->path, options, report);
  if (input->kind == ModelKind::Ir)
    return report.list(llvm::createStringError(
        path + " is IR, which tern inspect does not read; it is text"));
  return inspectArtifact(path.str(), options.readsAll, report);
}

Expected<int> tern::inspectMain(Arguments arguments) {
  InspectFlags flags;
  OptionTable table = makeTable(flags);
  std::vector<std::string> inputs;
  Expected<bool> isHelp = table.parseOrHelp(arguments, inputs);
  if (!isHelp)
    return isHelp.takeError();
  if (*isHelp)
    return 0;
  if (inputs.size() != 1)
    return llvm::make_error<UsageError>(
        "tern inspect takes one FILE; see tern inspect --help");
  const std::string &path = inputs.front();
  CheckpointInspection &options = flags.options;
  options.gguf = flags.gguf.options();
  Report report;
  report.facts["input"] = llvm::json::fixUTF8(path);
  Error error = inspect(path, options, report);
  report.print(llvm::outs(), flags.asJson);
  if (error)
    return std::move(error);
  return 0;
}
