//===- Export.cpp - tern export -------------------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Console.h"
#include "GgufFlags.h"
#include "Options.h"
#include "OutputForm.h"

#include "tern/Driver/ModelInput.h"
#include "tern/Driver/OutputFiles.h"
#include "tern/Driver/TextSections.h"
#include "tern/Export/ExportGguf.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;

namespace {

struct ExportFlags {
  std::string output;
  ExportOptions options;
  GgufFlags gguf;
};

} // namespace

static OptionTable makeTable(ExportFlags &flags) {
  OptionTable table("export MODEL -o OUT.gguf [flags]",
                    "Writes a model as a GGUF file, for engines of llama.cpp's "
                    "family.");
  table.addPositional("-m, --model", "MODEL");
  table.addText("-o, --output", "OUT.gguf", "the file to write", flags.output);
  table.addText("--type", "tq2_0|q2_0_g64|q2_0_g128|pq2_0|ptq1_0|f16",
                "how ternary matrices are stored", flags.options.encoding);
  table.addText("--arch", "llama|bitnet|bitnet-b1.58",
                "the architecture it is of for other engines (default: the one "
                "that computes the same)",
                flags.options.architecture);
  flags.gguf.addTo(table);
  return table;
}

void tern::describeExport(TableReader read) {
  ExportFlags flags;
  read(makeTable(flags));
}

Expected<int> tern::exportMain(Arguments arguments) {
  ExportFlags flags;
  OptionTable table = makeTable(flags);
  std::vector<std::string> inputs;
  Expected<bool> isHelp = table.parseOrHelp(arguments, inputs);
  if (!isHelp)
    return isHelp.takeError();
  if (*isHelp)
    return 0;
  if (inputs.size() != 1 || flags.output.empty())
    return llvm::make_error<UsageError>(
        "tern export takes one MODEL and -o OUT.gguf; see tern export --help");
  if (Error error = checkGgufName(flags.output))
    return std::move(error);
  Expected<ModelInput> input = identifyCheckpoint(inputs.front());
  if (!input)
    return input.takeError();
  InputFiles inputFiles;
  inputFiles.addModel(input->path);
  if (Error error = checkReplaceable(flags.output, "GGUF"))
    return std::move(error);
  if (Error error = checkWritable(flags.output, inputFiles))
    return std::move(error);
  auto checkpoint = Checkpoint::open(input->path, flags.gguf.options());
  if (!checkpoint)
    return checkpoint.takeError();
  Expected<TokenizerSources> sources = readTokenizerSources(**checkpoint);
  if (!sources)
    return sources.takeError();
  Expected<TextSections> text = makeTextSections(**checkpoint);
  if (!text)
    return text.takeError();
  std::string rules = std::move(text->remarks.rules);
  text->remarks.rules.clear();
  Console console(/*progress=*/false, /*verbose=*/false);
  reportRemarks(**checkpoint, text->remarks, console);
  if (!rules.empty())
    console.message(MessageKind::Warning, "a GGUF file has no place for " +
                                              rules +
                                              " of generation_config.json");
  std::vector<std::string> notes;
  if (Error error = exportGguf(**checkpoint, *sources, flags.output, inputFiles,
                               flags.options, notes))
    return std::move(error);
  std::string sentence = (*checkpoint)->warnOfInexactGroups();
  if (!sentence.empty())
    console.message(MessageKind::Warning, sentence);
  for (const std::string &note : notes)
    console.message(MessageKind::Note, note);
  return 0;
}
