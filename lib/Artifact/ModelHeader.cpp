//===- ModelHeader.cpp - NAME.h of a model --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/ModelHeader.h"

#include "tern/abi.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/GlobalVariable.h"
#include "llvm/Support/FormatVariadic.h"

using namespace tern;
using llvm::Expected;
using llvm::StringRef;

static constexpr StringRef prefix = "tern_model_";

StringRef ModelFacts::name() const {
  return StringRef(symbol).drop_front(prefix.size());
}

/// The text a constant pointer points at; empty if it is no such pointer.
static std::string readText(const llvm::Constant *pointer) {
  auto *global =
      llvm::dyn_cast<llvm::GlobalVariable>(pointer->stripPointerCasts());
  if (!global || !global->hasInitializer())
    return "";
  auto *data =
      llvm::dyn_cast<llvm::ConstantDataSequential>(global->getInitializer());
  if (!data || !data->isString())
    return "";
  return data->getAsString().split('\0').first.str();
}

static const llvm::GlobalVariable *findModel(const llvm::Module &module) {
  for (const llvm::GlobalVariable &global : module.globals())
    if (global.getName().starts_with(prefix) && global.hasInitializer())
      return &global;
  return nullptr;
}

Expected<ModelFacts> tern::readModelFacts(const llvm::Module &module) {
  const llvm::GlobalVariable *global = findModel(module);
  const llvm::Constant *fields = global ? global->getInitializer() : nullptr;
  // As many as tern_model has; the order is that of abi.h.
  if (!fields || !fields->getType()->isStructTy() ||
      fields->getType()->getStructNumElements() < 21)
    return llvm::createStringError("the module defines no tern_model");
  auto number = [&](unsigned index) -> uint64_t {
    auto *value = llvm::dyn_cast_or_null<llvm::ConstantInt>(
        fields->getAggregateElement(index));
    return value ? value->getZExtValue() : 0;
  };
  if (number(0) != TERN_ABI_VERSION)
    return llvm::createStringError(global->getName() +
                                   " is of another version of tern/abi.h");
  ModelFacts facts;
  facts.symbol = global->getName().str();
  facts.target = readText(fields->getAggregateElement(3u));
  facts.weightsId = number(6);
  facts.stateId = number(7);
  facts.cpuFeatures = number(8);
  facts.weightsBytes = number(9);
  facts.scratchBytes = number(10);
  facts.stateFixedBytes = number(11);
  facts.stateBlockBytes = number(12);
  facts.stateBlockTokens = number(13);
  facts.alignment = number(14);
  facts.vocabSize = number(15);
  facts.hiddenSize = number(16);
  facts.layerCount = number(17);
  facts.maxContext = number(18);
  facts.kvBits = number(20);
  return facts;
}

std::string tern::writeModelHeader(const ModelFacts &facts) {
  std::string macro = facts.name().upper();
  std::string text;
  llvm::raw_string_ostream s(text);
  uint64_t blocks =
      facts.stateBlockTokens
          ? llvm::divideCeil(facts.maxContext, facts.stateBlockTokens)
          : 0;
  s << "/* " << facts.name() << ", compiled by tern for " << facts.target
    << ".\n *\n"
    << " * Call it through tern/tern.h (libtern_core.a) or tern/abi.h alone. "
       "Its weights\n * are the artifact file "
    << facts.name() << ".weights; " << facts.name()
    << " runs with no others. */\n"
    << "#ifndef TERN_MODEL_" << macro << "_H\n"
    << "#define TERN_MODEL_" << macro << "_H\n\n"
    << "#include \"tern/abi.h\"\n\n"
    << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
    << "extern const tern_model " << facts.symbol << ";\n\n"
    << "#ifdef __cplusplus\n}\n#endif\n\n"
    << "/* The same as the fields of " << facts.symbol
    << ", for memory sized when a\n * program is built. */\n";
  auto define = [&](StringRef what, const llvm::Twine &value,
                    StringRef comment = "") {
    s << "#define TERN_" << macro << "_" << what << " " << value;
    if (!comment.empty())
      s << " /* " << comment << " */";
    s << "\n";
  };
  auto id = [](uint64_t value) {
    return "UINT64_C(0x" + llvm::utohexstr(value, true, 16) + ")";
  };
  auto bytes = [](uint64_t value) {
    return "UINT64_C(" + llvm::utostr(value) + ")";
  };
  define("WEIGHTS_ID", id(facts.weightsId));
  define("STATE_ID", id(facts.stateId));
  define("WEIGHTS_BYTES", bytes(facts.weightsBytes));
  define("SCRATCH_BYTES", bytes(facts.scratchBytes));
  define("STATE_BYTES",
         bytes(facts.stateFixedBytes + blocks * facts.stateBlockBytes),
         "one sequence of TERN_" + macro + "_MAX_CONTEXT tokens");
  define("ALIGNMENT", llvm::Twine(facts.alignment) + "u",
         "of weights, state and scratch");
  define("VOCAB_SIZE", llvm::Twine(facts.vocabSize) + "u");
  define("HIDDEN_SIZE", llvm::Twine(facts.hiddenSize) + "u");
  define("LAYER_COUNT", llvm::Twine(facts.layerCount) + "u");
  define("MAX_CONTEXT", llvm::Twine(facts.maxContext) + "u");
  define("KV_BITS", llvm::Twine(facts.kvBits) + "u");
  s << "\n#endif /* TERN_MODEL_" << macro << "_H */\n";
  return text;
}
