//===- Passes.td - Transformations of the tern dialect -----*- tablegen -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DIALECT_TERN_TRANSFORMS_PASSES_TD
#define TERN_DIALECT_TERN_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def FuseProjectionsPass : Pass<"tern-fuse-projections", "::mlir::ModuleOp"> {
  let summary = "merge projections that read the same activations";
  let description = [{
    Bitlinears with the same input, quantization and no top-k become one: their
    weights are concatenated along rows, so activations are quantized once and one
    stream of weights is read. A gate and an up projection joined by `relu2` stay
    apart, because the rows of up are then skipped where the gate is closed. Those
    that differ only in having one scale or many, or a bias, stay apart too, which is
    reported as a missed remark.

    *Before*

    ```mlir
    %q = tern.bitlinear "q_proj" %h, %wq scale %sq act_quant <int4_absmean> : ...
    %k = tern.bitlinear "k_proj" %h, %wk scale %sk act_quant <int4_absmean> : ...
    ```

    *After*

    ```mlir
    %q, %k = tern.bitlinear "q_proj+k_proj" %h, %wqk scale %sqk act_quant <int4_absmean> : ...
    ```
  }];
  let statistics = [
    Statistic<"numMerged", "num-merged", "Bitlinears merged into another">,
  ];
}

def SpecializeTokensPass : Pass<"tern-specialize-tokens", "::mlir::ModuleOp"> {
  let summary = "one body for one token, one for many";
  let description = [{
    Every function on a dynamic number of tokens becomes two: `NAME.decode`, in
    which that number is the constant 1, and `NAME.prefill`. Rows and
    columns are skipped in the former only, since that needs a single token.
    Two to sixteen tokens take `NAME.prefill` too, unless `few` or the module's target
    (`Target::wantsFew`) asks for a third body, `NAME.few`: that is worth its code where
    a target has kernels for so many. Where one token is the most, as on small devices,
    `NAME.decode` is all there is.

    *Before*

    ```mlir
    func.func @embed(%tokens: tensor<?xi32>) -> tensor<?x192xf32>
    ```

    *After*

    ```mlir
    func.func @embed.decode(%tokens: tensor<1xi32>) -> tensor<1x192xf32>
    func.func @embed.prefill(%tokens: tensor<?xi32>) -> tensor<?x192xf32>
    ```
  }];
  let options = [
    Option<"maxTokens", "max-tokens", "int64_t", /*default=*/"0",
           "Most tokens of one pass, `tern.max_tokens` of the module; 0: as the target "
           "says (`Target::getTokensOfPass`), 32 without one">,
    Option<"few", "few", "bool", /*default=*/"false",
           "Two to sixteen tokens have a body of their own, `NAME.few`">,
  ];
  let statistics = [
    Statistic<"numSpecialized", "num-specialized", "Functions made for numbers of tokens">,
  ];
}

def AddChoicePass : Pass<"tern-add-choice", "::mlir::ModuleOp"> {
  let summary = "let a device choose the next token";
  let description = [{
    A module for a device gets functions that read the logits of the head's rows:
    `best.prefill`, so that greedy decoding waits for no host, and `candidates.prefill`,
    so that sampling copies no more than what it is likely to choose from. One that the
    import has made, which finds the token without all logits, goes, and so do weights
    that nothing else reads. Modules for CPUs stay as they are.

    *Before*

    ```mlir
    func.func @head.prefill(%x: tensor<?x192xf32>) -> tensor<?x1024xf32> {...}
    ```

    *After*

    ```mlir
    func.func @head.prefill(%x: tensor<?x192xf32>) -> tensor<?x1024xf32> {...}
    func.func @best.prefill(%logits: tensor<?x1024xf32>) -> tensor<?x2xi32> {
      %t = tern.argmax(%logits) : (tensor<?x1024xf32>) -> tensor<?x2xi32>
      return %t : tensor<?x2xi32>
    }
    func.func @candidates.prefill(%logits: tensor<?x1024xf32>) -> tensor<?x512xi32> {
      %t = tern.top_logits(%logits) parts 32 each 8 : (tensor<?x1024xf32>) -> tensor<?x512xi32>
      return %t : tensor<?x512xi32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
  let statistics = [
    Statistic<"numAdded", "num-added", "Functions added">,
  ];
}

def DecomposeBitLinearPass : Pass<"tern-decompose-bitlinear"> {
  let summary = "bitlinears and quantized heads to kernel operations";
  let description = [{
    Makes quantization, top-k, the integer product and the scales explicit. Equal
    quantizations of one input are then common subexpressions. A head of int8 in two
    planes is two products; the best token of each row takes all of the upper plane,
    which rows share, and, of the lower one, what the sums do not exclude.

    *Before*

    ```mlir
    %o = tern.bitlinear "o_proj" %a, %w scale %s act_quant <int8_absmax> top_k <keep = 96> : ...
    ```

    *After*

    ```mlir
    %q, %f = tern.quantize <int8_absmax> (%a) : ...
    %k = tern.keep_top_k <keep = 96> (%a, %q) : ...
    %acc = tern.matmul "o_proj" ins(%k, %w : ...) outs(%init : ...) codes [-128, 127] -> ...
    %o = tern.dequantize(%acc, %f, %s) : ...
    ```
  }];
  let statistics = [
    Statistic<"numDecomposed", "num-decomposed", "Bitlinears and heads decomposed">,
  ];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect",
                           "::mlir::scf::SCFDialect"];
}

def ExploitInputSparsityPass : Pass<"tern-exploit-input-sparsity"> {
  let summary = "skip weight columns whose activation is zero";
  let description = [{
    A product of one token whose codes are mostly zero, because a top-k was applied
    or because they come out of a ReLU^2 gated unit, reads only the columns of the
    non-zero ones. No bit of the result changes.

    *Before*

    ```mlir
    %acc = tern.matmul "down_proj" ins(%q, %w : tensor<1x512xi8>, ...) outs(%init : ...) ...
    ```

    *After*

    ```mlir
    %i, %v, %n = tern.sparsify(%q) : ...
    %acc = tern.matmul "down_proj" ins(%v, %w : ...) columns(%i, %n : ...) outs(%init : ...) ...
    ```
  }];
  let statistics = [
    Statistic<"numSparse", "num-sparse", "Products made sparse in their input">,
  ];
}

def ExploitGateSparsityPass : Pass<"tern-exploit-gate-sparsity"> {
  let summary = "skip rows of up whose ReLU^2 gate is closed";
  let description = [{
    ReLU^2(gate) * up is zero where the gate is not positive, whatever up is; so of
    one token's up projection only the rows with a positive gate are computed and
    their weights read. No bit that is used changes.

    *Before*

    ```mlir
    %acc = tern.matmul "up_proj" ins(%q, %w : tensor<1x192xi8>, ...) outs(%init : ...) ...
    %u = tern.dequantize(%acc, %f, %s) : ...
    %y = tern.glu <relu2> %g, %u : tensor<1x512xf32>
    ```

    *After*

    ```mlir
    %i, %n = tern.active_rows(%g) : ...
    %zero = linalg.fill ins(%c0 : i32) outs(%init : ...) -> ...
    %acc = tern.matmul "up_proj" ins(%q, %w : ...) rows(%i, %n : ...) outs(%zero : ...) ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect"];
  let statistics = [
    Statistic<"numMasked", "num-masked", "Products restricted to active rows">,
  ];
}

def SelectStrategiesPass : Pass<"tern-select-strategies", "::mlir::ModuleOp"> {
  let summary = "choose how products are computed and how weights are stored";
  let description = [{
    A weight has one layout for all products that read it. The table of the module's
    `tern.target` (lib/Target) makes of each product, as large as it is, strategies: a
    layout and the micro kernels that read it. Those whose kernels do not fit, which a
    remark tells with its reason, are left out; the layout is taken in which one generated
    token and its share of prompt, one token, cost least, and each product gets its kernels.
    A product costs bytes / bandwidth or issue slots / width, whichever takes longer. So a
    product whose list of columns saves less than it costs reads all of them again, and
    prefill has its say where decode skips. A remark names the choice, the runner-up and by
    how much it lost, and the price that prefill pays.

    A table of digits whose rows are looked up has the layout of the products that read
    it too; if none does, its rows are runs of bytes (`b2, rows, k:4:1, []`).

    The only pass that makes layouts. Where a layout pads, codes get zero columns,
    destinations columns nobody reads, and results are sliced. Scales of groups that are a
    weight made of the same tensors become a part of the layout, if groups are whole tiles
    of it, and are no operand any more.

    Where a module names several `tern.version_targets`, code for each of them is to read
    the weights: every version chooses the layout that is best for all, by the sum of what
    each takes next to its own choice. Targets make kernels for the layout of another if
    they can; products that none reads are portable loops, and a remark names the price.

    `strategies` overrules it: PATTERN=LAYOUT for the projections that the pattern
    (* and ? as in a shell) is or is a part of, PATTERN=LAYOUT:dense to skip nothing,
    LAYOUT:ahead=N to ask so far ahead. The first one that matches counts. With @WEIGHT
    behind it a rule is for weights with just these readers (docs/strategies.md), of
    which there need be none.

    *Before*: weights are logical, `tensor<NxKx!tern.trit>`; the module carries
    `tern.target`.

    *After*: the type of every ternary `tern.weight` has a layout. Reading one gives
    its bytes, a grid of tiles, so that a slice of a weight is an ordinary slice of
    the grid; a product's `weight_type` says what the bytes hold.

    ```mlir
    %w = tern.get_weight @q_proj[%layer] : tensor<12x12x64xi8>
    %acc = tern.matmul "q_proj" ins(%q, %w : tensor<?x192xi8>, tensor<12x12x64xi8>) outs(%init : ...)
        codes [-128, 127] weight_type tensor<192x192x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>> -> ...
    ```
  }];
  let options = [
    ListOption<"strategies", "strategies", "std::string",
               "Layouts of projections, PATTERN=LAYOUT[:dense][:ahead=N][@WEIGHT]">,
  ];
  let statistics = [
    Statistic<"numWeights", "num-weights", "Ternary weights given a layout">,
    Statistic<"numDense", "num-dense", "Products that read all though they could skip">,
    Statistic<"numPaddedBytes", "num-padded-bytes", "Bytes added by padding, per instance">,
  ];
  let dependentDialects = ["::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect"];
}

def ReportPaddingPass : Pass<"tern-report-padding", "::mlir::ModuleOp"> {
  let summary = "say which weights are mostly padding";
  let description = [{
    A layout cuts a matrix into equal tiles, so small or odd matrices are padded.
    Padding is read by every step and multiplies by zero. A remark names each weight
    of which more than `percent` of the bytes are padding.

    *Before*: every ternary weight has a layout.

    *After*: the module is unchanged.

    ```mlir
    // 8 rows of 7 columns in tiles of 16 rows and 16 columns: 50 of 64 bytes
    tern.weight @w <digits> ["w"] : tensor<8x7x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>>
    ```
  }];
  let options = [
    Option<"percent", "percent", "int64_t", "10", "Share of padding that is no news">,
  ];
  let statistics = [
    Statistic<"numReported", "num-reported", "Weights reported">,
  ];
}

def PlanWeightsPass : Pass<"tern-plan-weights", "::mlir::ModuleOp"> {
  let summary = "give every weight its place in the artifact";
  let description = [{
    Weights lie in the order the functions read them, aligned to 64 bytes, those of
    a layer together. Weights nobody reads are dropped.

    *Before*: every ternary weight has a layout.

    *After*: every `tern.weight` has an `offset`; the module says
    `tern.layer_stride`, `tern.weights_bytes`, and, in `tern.weights_id`, a
    fingerprint of names, types, layouts and offsets, which the runtime compares.
  }];
  let statistics = [
    Statistic<"numPlanned", "num-planned", "Weights placed">,
  ];
}

def PlanStatePass : Pass<"tern-plan-state", "::mlir::ModuleOp"> {
  let summary = "place what each kind of layers keeps in a sequence's state";
  let description = [{
    A state is a header, the fixed bytes of all kinds, then blocks of positions with
    a part for each kind that has a cache. With one kind there is nothing to say.

    *Before*: functions of kinds (`tern.layer_kinds`), each with at most one argument
    of a type `!tern.kv_cache`, whose layers are the kind's, or `!tern.state`.

    *After*: these types say where they lie.

    ```mlir
    func.func @layer.a.decode(..., %cache: !tern.kv_cache<layers = 3, ...>)
    func.func @layer.b.decode(..., %state: !tern.state<bytes = 100>)
    ```
    becomes
    ```mlir
    func.func @layer.a.decode(..., %cache: !tern.kv_cache<layers = 3, ..., first_rows_at = 64, blocks_at = 192, block_stride = 4608>)
    func.func @layer.b.decode(..., %state: !tern.state<bytes = 100, at = 64>)
    ```
  }];
  let statistics = [
    Statistic<"numPlaced", "num-placed", "States whose places are said">,
  ];
}

def RunTargetPassesPass : Pass<"tern-run-target-passes", "::mlir::ModuleOp"> {
  let summary = "run what the module's target adds to a phase";
  let description = [{
    The target of `tern.target` may have passes of its own for the end of a phase
    (`Target::addPasses`); which target it is only the module says, so the
    pipeline is put together when it runs. A module without a target, and a target
    without passes, stay as they are.

    *Before*: a module at the end of `phase`.

    *After*: the same, as the target wants it.
  }];
  let options = [
    Option<"phase", "phase", "std::string", /*default=*/"\"import\"",
           "A name of the phases' table">,
  ];
}

def VerifyContractPass : Pass<"tern-verify-contract", "::mlir::ModuleOp"> {
  let summary = "check that a module is in the form a phase promises";
  let description = [{
    Runs between phases and on every input of `--compile-from`. Says which
    operation of which function breaks which promise.

    *Before*: any module.

    *After*: the same module, which keeps the promise of `phase`.
  }];
  let options = [
    Option<"phase", "phase", "std::string", /*default=*/"\"import\"",
           "import, fused, quantized, packed, tiled, kernels or llvm">,
  ];
}

#endif // TERN_DIALECT_TERN_TRANSFORMS_PASSES_TD
