//===- ModelHeader.cpp - NAME.h of a model --------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/ModelHeader.h"

#include "tern/Artifact/MemoryUse.h"
#include "tern/Codegen/Abi.h"
#include "tern/Codegen/Passes.h"
#include "tern/tern.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/GlobalVariable.h"
#include "llvm/IR/Metadata.h"
#include "llvm/Support/FormatVariadic.h"

using namespace tern;
using llvm::Expected;
using llvm::StringRef;

static constexpr StringRef prefix = "tern_model_", ofTable = "tern_models_";

StringRef ModelFacts::name() const {
  StringRef name = symbol;
  if (!name.consume_front(ofTable))
    name.consume_front(prefix);
  return name;
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

/// Of the names that compilers leave, the rest of the one with this prefix.
static std::string readIdentity(const llvm::Module &module, StringRef start) {
  const llvm::NamedMDNode *names = module.getNamedMetadata("llvm.ident");
  for (unsigned i = 0; names && i < names->getNumOperands(); ++i)
    if (auto *text =
            llvm::dyn_cast<llvm::MDString>(names->getOperand(i)->getOperand(0)))
      if (StringRef rest = text->getString(); rest.consume_front(start))
        return rest.str();
  return "";
}

static const llvm::GlobalVariable *findModel(const llvm::Module &module) {
  for (const llvm::GlobalVariable &global : module.globals())
    if (global.getName().starts_with(prefix) && global.hasInitializer())
      return &global;
  return nullptr;
}

StringRef tern::findModelSymbol(const llvm::Module &module) {
  const llvm::GlobalVariable *model = findModel(module);
  return model ? model->getName() : "";
}

static const llvm::GlobalVariable *findTable(const llvm::Module &module) {
  for (const llvm::GlobalVariable &global : module.globals())
    if (global.getName().starts_with(ofTable) && global.hasInitializer())
      return &global;
  return nullptr;
}

void tern::addVersionTable(llvm::Module &module,
                           llvm::ArrayRef<std::string> symbols) {
  llvm::Type *pointer = llvm::PointerType::getUnqual(module.getContext());
  llvm::SmallVector<llvm::Constant *> models;
  for (const std::string &symbol : symbols)
    models.push_back(module.getNamedGlobal(symbol));
  models.push_back(llvm::Constant::getNullValue(pointer));
  StringRef name = StringRef(symbols.front()).drop_front(prefix.size());
  auto *type = llvm::ArrayType::get(pointer, models.size());
  new llvm::GlobalVariable(module, type, /*isConstant=*/true,
                           llvm::GlobalValue::ExternalLinkage,
                           llvm::ConstantArray::get(type, models),
                           ofTable + name.rsplit(kForVersion).first);
}

static Expected<ModelFacts> readFacts(const llvm::GlobalVariable *global) {
  const llvm::Constant *fields = global ? global->getInitializer() : nullptr;
  if (!fields || !fields->getType()->isStructTy() ||
      fields->getType()->getStructNumElements() <= abi::model::head)
    return llvm::createStringError("the module defines no tern_model");
  auto number = [&](abi::model::Field field) -> uint64_t {
    auto *value = llvm::dyn_cast_or_null<llvm::ConstantInt>(
        fields->getAggregateElement(unsigned(field)));
    return value ? value->getZExtValue() : 0;
  };
  namespace m = abi::model;
  if (number(m::abi_version) != TERN_ABI_VERSION)
    return llvm::createStringError(global->getName() +
                                   " is of another version of tern/abi.h");
  ModelFacts facts;
  facts.symbol = global->getName().str();
  facts.versions = {facts.symbol};
  facts.target = readText(fields->getAggregateElement(unsigned(m::target)));
  facts.weightsId = number(m::weights_id);
  facts.stateId = number(m::state_id);
  facts.cpuFeatures = number(m::cpu_features);
  facts.weightsBytes = number(m::weights_bytes);
  tern_model sizes = {};
  sizes.hidden_size = uint32_t(number(m::hidden_size));
  sizes.max_tokens = uint32_t(number(m::max_tokens));
  sizes.head_tokens = uint32_t(number(m::head_tokens));
  sizes.alignment = uint32_t(number(m::alignment));
  sizes.scratch_bytes = number(m::scratch_bytes);
  // This machine's pointers are not smaller than the target's.
  facts.scratchBytes = tern_model_scratch_bytes(&sizes, 0);
  facts.scratchWorkerBytes = number(m::scratch_worker_bytes);
  facts.stateFixedBytes = number(m::state_fixed_bytes);
  facts.stateBlockBytes = number(m::state_block_bytes);
  facts.stateBlockTokens = number(m::state_block_tokens);
  facts.alignment = number(m::alignment);
  facts.vocabSize = number(m::vocab_size);
  facts.hiddenSize = number(m::hidden_size);
  facts.layerCount = number(m::layer_count);
  facts.maxContext = number(m::max_context);
  facts.kvBits = number(m::kv_bits);
  facts.maxTokens = sizes.max_tokens;
  facts.headTokens = sizes.head_tokens;
  facts.functionScratchBytes = sizes.scratch_bytes;
  facts.weightKinds = readIdentity(*global->getParent(), kWeightsIdentity);
  return facts;
}

/// An error if a version is not of the weights and states of those before.
static llvm::Error add(ModelFacts &facts, const ModelFacts &version) {
  if (facts.weightsId != version.weightsId || facts.stateId != version.stateId)
    return llvm::createStringError(version.target +
                                   " would read other weights "
                                   "or states than " +
                                   facts.target);
  facts.target += ", " + version.target;
  facts.versions.push_back(version.symbol);
  for (uint64_t ModelFacts::*most :
       {&ModelFacts::scratchBytes, &ModelFacts::scratchWorkerBytes,
        &ModelFacts::functionScratchBytes})
    facts.*most = std::max(facts.*most, version.*most);
  return llvm::Error::success();
}

Expected<ModelFacts> tern::readModelFacts(const llvm::Module &module) {
  const llvm::GlobalVariable *table = findTable(module);
  if (!table)
    return readFacts(findModel(module));
  std::optional<ModelFacts> facts;
  for (const llvm::Use &entry : table->getInitializer()->operands()) {
    auto *model = llvm::dyn_cast<llvm::GlobalVariable>(entry);
    if (!model)
      continue;
    Expected<ModelFacts> version = readFacts(model);
    if (!version)
      return version;
    if (!facts)
      facts = std::move(*version);
    else if (llvm::Error error = add(*facts, *version))
      return std::move(error);
  }
  facts->symbol = table->getName().str();
  return std::move(*facts);
}

static std::string declareModels(const ModelFacts &facts) {
  if (facts.versions.size() == 1)
    return "extern const tern_model " + facts.symbol + ";\n";
  std::string macro = "TERN_" + facts.name().upper() + "_VERSIONS";
  return "/* Versions for different CPUs, better ones later, and NULL: see\n"
         " * tern_cpu_pick of tern/host.h. */\n"
         "extern const tern_model *const " +
         facts.symbol + "[];\n#define " + macro + " " +
         std::to_string(facts.versions.size()) + "u\n";
}

std::string tern::writeModelHeader(const ModelFacts &facts,
                                   uint64_t tokenizerBytes, bool embedded) {
  std::string macro = facts.name().upper();
  std::string text;
  llvm::raw_string_ostream s(text);
  uint64_t blocks =
      facts.stateBlockTokens
          ? llvm::divideCeil(facts.maxContext, facts.stateBlockTokens)
          : 0;
  s << "/* " << facts.name() << ", compiled by tern for " << facts.target
    << ".\n *\n"
    << " * Call it through tern/tern.h (libtern_core.a). "
    << (embedded ? "Its weights are linked with it. */\n"
                 : ("Its weights are the artifact\n * file " + facts.name() +
                    ".weights; " + facts.name() + " runs with no others. */\n")
                       .str())
    << "#ifndef TERN_MODEL_" << macro << "_H\n"
    << "#define TERN_MODEL_" << macro << "_H\n\n"
    << "#include \"tern/abi.h\"\n\n"
    << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
    << declareModels(facts)
    << (embedded ? "/* The weights and the tokenizer. */\n"
                 : ("/* Where the sections of " + facts.name() +
                    ".weights are linked in. */\n")
                       .str())
    << "extern const unsigned char tern_weights_" << facts.name() << "[];\n"
    << "extern const unsigned char tern_tokenizer_" << facts.name() << "[];\n\n"
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
  s << "#define TERN_" << macro << "_SCRATCH_BYTES(workers) ("
    << bytes(facts.scratchBytes) << " + (workers) * "
    << bytes(facts.scratchWorkerBytes) << ")\n";
  define("STATE_BYTES",
         bytes(facts.stateFixedBytes + blocks * facts.stateBlockBytes),
         "one sequence of TERN_" + macro + "_MAX_CONTEXT tokens");
  define("LOGITS_BYTES", bytes(facts.vocabSize * sizeof(float)));
  // Scratch memory of a worker is whole lines.
  tern_model model = describeModel(facts);
  uint64_t session = getSessionBytes(model, uint32_t(facts.maxContext), 1) -
                     facts.scratchWorkerBytes;
  s << "/* tern_session_bytes: state, scratch, logits and the session itself. "
       "*/"
    << "\n#define TERN_" << macro << "_SESSION_BYTES(workers) ("
    << bytes(session) << " + (workers) * " << bytes(facts.scratchWorkerBytes)
    << ")\n";
  define("TOKENIZER_BYTES", bytes(tokenizerBytes), "0: there is none");
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

std::string tern::writeWeightsAssembly(const ModelFacts &facts,
                                       llvm::ArrayRef<FilePart> parts) {
  std::string text;
  llvm::raw_string_ostream s(text);
  s << "/* " << facts.name() << ", compiled by tern for " << facts.target
    << ".\n *\n * Weights and tokenizer as read-only data; the assembler looks "
       "for the file where\n * it is started and in folders of -I. */\n"
    << "#ifdef __wasm__\n#define SECTION(name) .section name,\"\",@\n"
    << "#define OBJECT(name) .type name,@object\n"
    << "#else\n#define SECTION(name) .section name,\"a\"\n"
    << "#define OBJECT(name)\n#endif\n";
  for (const FilePart &part : parts) {
    std::string symbol = ("tern_" + part.symbol + "_" + facts.name()).str();
    s << "\nSECTION(.rodata." << symbol << ")\n.p2align 6\n.globl " << symbol
      << "\nOBJECT(" << symbol << ")\n"
      << symbol << ":\n";
    if (part.bytes)
      s << ".incbin \"" << facts.name() << ".weights\", " << part.offset << ", "
        << part.bytes << "\n";
    s << ".size " << symbol << ", .-" << symbol << "\n";
  }
  s << "#ifndef __wasm__\n.section .note.GNU-stack,\"\"\n#endif\n";
  return text;
}
