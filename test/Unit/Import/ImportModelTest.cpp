//===- ImportModelTest.cpp - The IR of a checkpoint -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TinyCheckpoint.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Import/ImportModel.h"

#include "mlir/IR/MLIRContext.h"

#include "gtest/gtest.h"

using namespace tern;

namespace {

/// The module as text, or what is wrong.
std::string import(const std::string &directory,
                   const ImportOptions &options = {}) {
  auto checkpoint = Checkpoint::open(directory);
  if (!checkpoint)
    return llvm::toString(checkpoint.takeError());
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto module = importModel(context, **checkpoint, options);
  if (!module)
    return llvm::toString(module.takeError());
  std::string text;
  llvm::raw_string_ostream stream(text);
  (*module)->print(stream);
  return text;
}

/// A function's operations as "name = operation(operands)", one per line. A
/// weight goes by its symbol, a bitlinear's result by its projection.
std::string dataflow(mlir::ModuleOp module, llvm::StringRef function) {
  mlir::Operation *op = module.lookupSymbol(function);
  llvm::DenseMap<mlir::Value, std::string> names;
  std::string text;
  int number = 0;
  for (mlir::BlockArgument argument : op->getRegion(0).getArguments())
    names[argument] = "arg" + std::to_string(argument.getArgNumber());
  op->walk([&](mlir::Operation *inner) {
    if (inner == op)
      return;
    if (auto weight = llvm::dyn_cast<GetWeightOp>(inner)) {
      names[weight] = "@" + weight.getWeight().str();
      if (weight.getLayer())
        names[weight] += "[" + names[weight.getLayer()] + "]";
      return;
    }
    for (mlir::Value result : inner->getResults()) {
      auto linear = llvm::dyn_cast<BitLinearOp>(inner);
      names[result] = linear ? linear.getProjection().str()
                             : "t" + std::to_string(number++);
      text += names[result] + " = ";
    }
    text += inner->getName().stripDialect().str() + "(";
    for (mlir::Value operand : inner->getOperands())
      text += (text.back() == '(' ? "" : ", ") + names[operand];
    text += ")\n";
  });
  return text;
}

size_t count(const std::string &text, const std::string &part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1))
    ++found;
  return found;
}

#define EXPECT_HAS(text, part) EXPECT_EQ(count(text, part), 1u) << (text)

} // namespace

TEST(ImportModel, BundledModel) {
  ImportOptions options;
  options.name = "bard";
  std::string text = import(TERN_TEST_DIR "/models/shakespeare-a48", options);
  EXPECT_HAS(text,
             "#model = #tern.model<name = \"bard\", vocab = 1024, hidden = "
             "192, layers = 5, max_context = 256>");
  EXPECT_HAS(text, "module @bard attributes {tern.model = #model, "
                   "tern.schemes = \"int4_absmean: ");
  EXPECT_HAS(text, "tern.weight @embed_tokens <values> "
                   "[\"model.embed_tokens.weight\"] : tensor<1024x192xbf16>");
  EXPECT_HAS(text, "tern.weight @rope_cos <rope_cos> [] {head_dim = 64 : i64, "
                   "theta = 1.000000e+04 : f64} : tensor<256x32xf32>");
  EXPECT_HAS(text, "tern.weight @k_proj per_layer <digits> "
                   "[\"model.layers.{}.self_attn.k_proj.weight\"] : "
                   "tensor<64x192x!tern.trit>");
  EXPECT_HAS(text, "tern.weight @k_proj.scale per_layer <scale> "
                   "[\"model.layers.{}.self_attn.k_proj.weight\"] : "
                   "tensor<1xf32>");
  EXPECT_HAS(text, "tern.weight @ffn_sub_norm per_layer <values> "
                   "[\"model.layers.{}.mlp.ffn_sub_norm.weight\"] : "
                   "tensor<512xf32>");
  EXPECT_HAS(text, "tern.bitlinear \"o_proj\"");
  EXPECT_HAS(text, "act_quant <int8_absmax> top_k <keep = 96>");
  EXPECT_EQ(count(text, "act_quant <int4_absmean>"), 5u);
  EXPECT_EQ(count(text, "act_quant <int8_absmax>"), 2u);
  EXPECT_HAS(text, "tern.glu <relu2>");
  EXPECT_EQ(count(text, "eps 9.99999974E-6"), 5u) << text;
  EXPECT_HAS(text, "!kv_cache = !tern.kv_cache<layers = 5, heads = 1, head_dim "
                   "= 64, capacity = 256, bits = 3, bos_bits = 4>");
  EXPECT_HAS(text, "%arg3: !kv_cache)");
  EXPECT_EQ(count(text, "tern.weight @"), 22u);
  EXPECT_EQ(count(text, "func.func @"), 3u);
}

TEST(ImportModel, ValuesFlowAsInTheDefinition) {
  auto checkpoint = Checkpoint::open(TERN_TEST_DIR "/models/shakespeare-a48");
  ASSERT_TRUE(bool(checkpoint));
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto module = importModel(context, **checkpoint);
  ASSERT_TRUE(bool(module));
  EXPECT_EQ(dataflow(**module, "embed"),
            "t0 = gather_rows(arg0, @embed_tokens)\n"
            "return(t0)\n");
  // docs/numerics.md 5; arguments are layer, x, positions, cache.
  EXPECT_EQ(
      dataflow(**module, "layer"),
      "t0 = rms_norm(arg1, @input_layernorm[arg0])\n"
      "q_proj = bitlinear(t0, @q_proj[arg0], @q_proj.scale[arg0])\n"
      "k_proj = bitlinear(t0, @k_proj[arg0], @k_proj.scale[arg0])\n"
      "v_proj = bitlinear(t0, @v_proj[arg0], @v_proj.scale[arg0])\n"
      "t1 = rope(q_proj, arg2, @rope_cos, @rope_sin)\n"
      "t2 = rope(k_proj, arg2, @rope_cos, @rope_sin)\n"
      "kv_append(t2, v_proj, arg3, arg0, arg2)\n"
      "t3 = attention(t1, arg3, arg0, arg2)\n"
      "t4 = rms_norm(t3, @attn_sub_norm[arg0])\n"
      "o_proj = bitlinear(t4, @o_proj[arg0], @o_proj.scale[arg0])\n"
      "t5 = addf(arg1, o_proj)\n"
      "t6 = rms_norm(t5, @post_attention_layernorm[arg0])\n"
      "gate_proj = bitlinear(t6, @gate_proj[arg0], @gate_proj.scale[arg0])\n"
      "up_proj = bitlinear(t6, @up_proj[arg0], @up_proj.scale[arg0])\n"
      "t7 = glu(gate_proj, up_proj)\n"
      "t8 = rms_norm(t7, @ffn_sub_norm[arg0])\n"
      "down_proj = bitlinear(t8, @down_proj[arg0], @down_proj.scale[arg0])\n"
      "t9 = addf(t5, down_proj)\n"
      "return(t9)\n");
  EXPECT_EQ(dataflow(**module, "head"), "t0 = rms_norm(arg0, @norm)\n"
                                        "t1 = lm_head(t0, @embed_tokens)\n"
                                        "return(t1)\n");
}

/// The dataflow of a function of the tiny model as another family.
static std::string flowOf(TinyCheckpoint &tiny, llvm::StringRef function) {
  tiny.config["hidden_act"] = "silu";
  tiny.config["head_dim"] = 4;
  for (std::string layer : {"0", "1"}) {
    std::string base = "model.layers." + layer;
    tiny.tensors.erase(base + ".self_attn.attn_sub_norm.weight");
    tiny.tensors.erase(base + ".mlp.ffn_sub_norm.weight");
  }
  auto checkpoint = Checkpoint::open(tiny.write());
  if (!checkpoint)
    return llvm::toString(checkpoint.takeError());
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto module = importModel(context, **checkpoint);
  return module ? dataflow(**module, function)
                : llvm::toString(module.takeError());
}

TEST(ImportModel, HeadsOfQwen3AreNormedBeforeTheyAreRotated) {
  TinyCheckpoint tiny;
  tiny.config["model_type"] = "qwen3";
  tiny.config["architectures"] = {"Qwen3ForCausalLM"};
  for (std::string layer : {"0", "1"}) {
    std::string base = "model.layers." + layer + ".self_attn.";
    tiny.addFloats(base + "q_norm.weight", {4});
    tiny.addFloats(base + "k_norm.weight", {4});
  }
  std::string flow = flowOf(tiny, "layer");
  EXPECT_HAS(flow, "t1 = rms_norm(q_proj, @q_norm[arg0])\n"
                   "t2 = rms_norm(k_proj, @k_norm[arg0])\n"
                   "t3 = rope(t1, arg2, @rope_cos, @rope_sin)\n"
                   "t4 = rope(t2, arg2, @rope_cos, @rope_sin)\n"
                   "kv_append(t4, v_proj, arg3, arg0, arg2)\n");
  tiny.config["rope_scaling"] = {{"rope_type", "yarn"},
                                 {"factor", 4},
                                 {"original_max_position_embeddings", 64}};
  std::string text = import(tiny.write());
  EXPECT_EQ(count(text, "head_dim 4 : tensor<?x"), 4u) << text; // two of rope
  EXPECT_EQ(count(text, "factor = 1.13862943"), 2u) << text;
}

TEST(ImportModel, ScalesOfMiniCpm) {
  TinyCheckpoint tiny;
  tiny.config["model_type"] = "minicpm";
  tiny.config["architectures"] = {"MiniCPMForCausalLM"};
  tiny.config["scale_emb"] = 12;
  tiny.config["scale_depth"] = 1.4;
  tiny.config["dim_model_base"] = 2;
  EXPECT_EQ(flowOf(tiny, "embed"), "t0 = gather_rows(arg0, @embed_tokens)\n"
                                   "t1 = scale(t0)\n"
                                   "return(t1)\n");
  std::string layer = flowOf(tiny, "layer");
  EXPECT_HAS(layer, "t4 = scale(o_proj)\n"
                    "t5 = addf(arg1, t4)\n");
  EXPECT_HAS(layer, "t8 = scale(down_proj)\n"
                    "t9 = addf(t5, t8)\n");
  EXPECT_EQ(flowOf(tiny, "head"), "t0 = rms_norm(arg0, @norm)\n"
                                  "t1 = scale(t0)\n"
                                  "t2 = lm_head(t1, @embed_tokens)\n"
                                  "return(t2)\n");
  EXPECT_HAS(import(tiny.write()), "divided by 4.000000e+00");
}

TEST(ImportModel, TheCacheFollowsOptions) {
  std::string directory = TERN_TEST_DIR "/models/shakespeare-a48";
  ImportOptions options;
  options.kvBits = 8;
  options.qBits = 4;
  options.context = 100;
  std::string text = import(directory, options);
  EXPECT_HAS(text, "!kv_cache = !tern.kv_cache<layers = 5, heads = 1, head_dim "
                   "= 64, capacity = 100, bits = 8, bos_bits = 8, q_bits = 4>");
  EXPECT_HAS(text, "max_context = 100");
  EXPECT_HAS(text, "@rope_sin <rope_sin> [] {head_dim = 64 : i64, theta = "
                   "1.000000e+04 : f64} : tensor<100x32xf32>");
  options.kvBits = 4; // the config's bos_bits stay, being as many
  EXPECT_HAS(import(directory, options), "bits = 4, bos_bits = 4");
  options.kvBits = 3;
  EXPECT_HAS(import(directory, options), "bits = 3, bos_bits = 4");
  options.bosBits = 3;
  EXPECT_HAS(import(directory, options), "bits = 3, bos_bits = 3");
  options.kvBits = 16;
  options.bosBits.reset();
  EXPECT_HAS(import(directory, options), "bits = 16, bos_bits = 16");
}

TEST(ImportModel, OptionsThatCannotBe) {
  std::string directory = TERN_TEST_DIR "/models/shakespeare-a48";
  auto refusal = [&](void (*edit)(ImportOptions &)) {
    ImportOptions options;
    edit(options);
    return import(directory, options);
  };
  EXPECT_HAS(refusal([](ImportOptions &o) { o.kvBits = 5; }),
             "a cache of 5 bits");
  EXPECT_HAS(refusal([](ImportOptions &o) { o.bosBits = 16; }),
             "with 16 for position 0");
  EXPECT_HAS(refusal([](ImportOptions &o) { o.bosBits = 7; }),
             "with 7 for position 0");
  EXPECT_HAS(refusal([](ImportOptions &o) { o.qBits = 3; }),
             "queries of 3 bits");
  EXPECT_HAS(refusal([](ImportOptions &o) { o.context = 257; }),
             "the model takes 1 to 256");
  EXPECT_HAS(refusal([](ImportOptions &o) { o.context = 0; }),
             "a context of 0 tokens");
  EXPECT_HAS(refusal([](ImportOptions &o) { o.name = "a b"; }),
             "the name 'a b'");
  EXPECT_HAS(refusal([](ImportOptions &o) { o.name = ""; }), "the name ''");
}

TEST(ImportModel, SchemesAreOptions) {
  ImportOptions options;
  options.schemes.activations = "v2";
  options.schemes.topK = {{Projection::Down, 0.25}};
  options.kvBits = 4;
  std::string text = import(TERN_TEST_DIR "/models/shakespeare-a48", options);
  // 192 features are three blocks of 64; what is kept is kept of their mix.
  EXPECT_HAS(text, "tern.hadamard block 64(");
  EXPECT_HAS(text, "tern.hadamard block 512(");
  EXPECT_EQ(count(text, "act_quant <int4_absmean>"), 7u);
  EXPECT_HAS(text, "act_quant <int4_absmean> top_k <keep = 128>");
  // The first position keeps the scheme's width.
  EXPECT_HAS(text, "bits = 4, bos_bits = 8");
}

TEST(ImportModel, SmallVariants) {
  TinyCheckpoint tiny;
  tiny.config["tie_word_embeddings"] = false;
  tiny.config["hidden_act"] = "silu";
  tiny.addFloats("lm_head.weight", {5, 8});
  tiny.tensors["lm_head.weight"].dtype = "F16";
  tiny.config["activation_quantization"] = {
      {"o_proj", {{"scheme", "fp4_e2m1"}, {"topk", 0.3}}},
      {"down_proj", {{"scheme", "int8_absmax"}, {"topk", 0.999}}}};
  for (std::string layer : {"0", "1"}) {
    std::string base = "model.layers." + layer;
    tiny.tensors.erase(base + ".self_attn.attn_sub_norm.weight");
    tiny.tensors.erase(base + ".mlp.ffn_sub_norm.weight");
    tiny.addFloats(base + ".mlp.ffn_layernorm.weight", {12});
  }
  std::string text = import(tiny.write());
  EXPECT_HAS(text, "tern.weight @lm_head <values> [\"lm_head.weight\"] : "
                   "tensor<5x8xf16>");
  EXPECT_EQ(count(text, "attn_sub_norm"), 0u);
  EXPECT_EQ(count(text, "mlp.ffn_layernorm.weight"), 1u);
  EXPECT_HAS(text, "tern.glu <silu>");
  EXPECT_HAS(text, "<fp4_e2m1> top_k <keep = 3>"); // ceil(0.3 * 8)
  EXPECT_EQ(count(text, "top_k"), 1u);             // ceil(0.999 * 12) keeps all
  EXPECT_EQ(count(text, "tern.rms_norm"), 4u);
}

/// A tied one is one weight, with two readers.
TEST(ImportModel, TernaryTableAndHead) {
  TinyCheckpoint tiny;
  tiny.config["vocab_size"] = 12;
  tiny.config["activation_quantization"] = {
      {"q_proj", {{"scheme", "int4_absmean"}}},
      {"k_proj", {{"scheme", "int4_absmean"}}},
      {"v_proj", {{"scheme", "int4_absmean"}}}};
  tiny.addPacked("model.embed_tokens", 12, 8);
  std::string text = import(tiny.write());
  EXPECT_HAS(text, "tern.weight @embed_tokens <digits> "
                   "[\"model.embed_tokens.weight\"] : tensor<12x8x!tern.trit>");
  EXPECT_HAS(text, "tern.weight @embed_tokens.scale <scale> "
                   "[\"model.embed_tokens.weight\"] : tensor<1xf32>");
  EXPECT_EQ(count(text, "= tern.get_weight @embed_tokens "), 2u);
  EXPECT_HAS(text, "tern.gather_rows(%arg0, %0) scales(%1 : tensor<1xf32>)");
  // As the inputs of q, k and v.
  EXPECT_HAS(text, "tern.bitlinear \"lm_head\" %1, %2 scale %3 act_quant "
                   "<int4_absmean> : tensor<?x8xf32>, tensor<12x8x!tern.trit>");
  EXPECT_EQ(count(text, "tern.lm_head"), 0u);

  ImportOptions options;
  options.head = HeadRows::Int8;
  EXPECT_HAS(import(tiny.write(), options),
             "a head of int8 was asked for, but the head of this model is "
             "ternary");
  options.head = HeadRows::Stored;
  options.embedding = HeadRows::Int8;
  EXPECT_HAS(import(tiny.write(), options),
             "an embedding of int8 was asked for, but that of this model is "
             "ternary");

  tiny.config["tie_word_embeddings"] = false;
  tiny.addPacked("lm_head", 12, 8);
  tiny.addFloats("lm_head.weight_scale", {12, 2});
  tiny.addFloats("model.embed_tokens.weight", {12, 8});
  tiny.tensors.erase("model.embed_tokens.weight_scale");
  text = import(tiny.write());
  EXPECT_HAS(text, "tern.weight @embed_tokens <values>");
  EXPECT_HAS(text, "tern.weight @lm_head <digits> [\"lm_head.weight\"] : "
                   "tensor<12x8x!tern.trit>");
  EXPECT_HAS(text, "tern.weight @lm_head.scale <scale> [\"lm_head.weight\"] : "
                   "tensor<12x2xf16>");
}

TEST(ImportModel, Int8Embedding) {
  ImportOptions options;
  options.embedding = HeadRows::Int8;
  std::string text = import(TinyCheckpoint().write(), options);
  EXPECT_HAS(text, "tern.weight @embed_tokens.int8 <integer_rows> "
                   "[\"model.embed_tokens.weight\"] : tensor<5x8xi8>");
  EXPECT_HAS(text, "tern.weight @embed_tokens.scales <integer_scales> "
                   "[\"model.embed_tokens.weight\"] : tensor<5xf32>");
  // The tied head is computed with them.
  EXPECT_EQ(count(text, "tern.get_weight @embed_tokens.int8"), 2u);
  EXPECT_EQ(count(text, "@lm_head"), 0u);
  options.head = HeadRows::Int4;
  text = import(TinyCheckpoint().write(), options);
  EXPECT_EQ(count(text, "tern.get_weight @embed_tokens.int8"), 1u);
  EXPECT_HAS(text, "tern.weight @lm_head.int4 <integer_rows>");
}

TEST(ImportModel, Int8Head) {
  ImportOptions options;
  options.head = HeadRows::Int8;
  std::string text = import(TinyCheckpoint().write(), options);
  EXPECT_HAS(text, "tern.weight @lm_head.int8 <integer_rows> "
                   "[\"model.embed_tokens.weight\"] : tensor<5x8xi8>");
  EXPECT_HAS(text, "tern.weight @lm_head.scales <integer_scales> "
                   "[\"model.embed_tokens.weight\"] : tensor<5xf32>");
  EXPECT_HAS(text, "scales(");
  EXPECT_HAS(text, "tern.weight @embed_tokens <values>");
}

TEST(ImportModel, Int8HeadInPlanes) {
  ImportOptions options;
  options.head = HeadRows::Int8Planes;
  std::string text = import(TinyCheckpoint().write(), options);
  const char *source = "[\"model.embed_tokens.weight\"] : ";
  for (std::string weight : {"upper <upper_bits> $tensor<5x8xi6>",
                             "low <lower_bits> $tensor<5x8xi2>",
                             "scales <integer_scales> $tensor<5xf32>",
                             "norms <lower_norms> $tensor<5xf32>"})
    EXPECT_HAS(text, "tern.weight @lm_head." +
                         weight.replace(weight.find('$'), 1, source));
  EXPECT_HAS(text, "low(");
  EXPECT_HAS(text, "func.func @best(%arg0: tensor<?x8xf32>) -> tensor<?xi32>");
  EXPECT_HAS(text, "tern.best_token(");
}
