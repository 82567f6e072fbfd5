//===- BuildStep.cpp - The function a model is called through               ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The driver is written as IR below: it is read more often than changed. Words
// that begin with a dollar sign stand for numbers of the module at hand.

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/DriverSlots.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"
#include "tern/abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#define DEBUG_TYPE "tern-build-step"

namespace tern {
#define GEN_PASS_DEF_BUILDSTEPPASS
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

/// Runs the first %rows tokens of the slots through the model.
constexpr StringLiteral kRunText = R"mlir(
func.func private @copy_floats(%from: !llvm.ptr, %to: !llvm.ptr, %count: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %count step %c1 {
    %i64 = arith.index_cast %i : index to i64
    %source = llvm.getelementptr %from[%i64] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %target = llvm.getelementptr %to[%i64] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %value = llvm.load %source : !llvm.ptr -> f32
    llvm.store %value, %target : f32, !llvm.ptr
  }
  return
}

func.func private @address(%base: index, %offset: index) -> !llvm.ptr {
  %sum = arith.addi %base, %offset : index
  %i64 = arith.index_cast %sum : index to i64
  %pointer = llvm.inttoptr %i64 : i64 to !llvm.ptr
  return %pointer : !llvm.ptr
}

// Logits of the first %rows rows of the head's input, to where they are wanted.
func.func private @run_head(%env: !llvm.ptr, %weights: memref<$WEIGHTSxi8>, %scratch: memref<$SCRATCHxi8>, %rows: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.cmpi eq, %rows, %c1 : index
  scf.if %one {
    func.call @head.decode(%env, %weights, %scratch, %c0, %rows) : (!llvm.ptr, memref<$WEIGHTSxi8>, memref<$SCRATCHxi8>, index, index) -> ()
  } else {
    func.call @head.prefill(%env, %weights, %scratch, %c0, %rows) : (!llvm.ptr, memref<$WEIGHTSxi8>, memref<$SCRATCHxi8>, index, index) -> ()
  }
  %head_to_at = arith.constant $HEAD_TO : index
  %head_to = memref.view %scratch[%head_to_at][] : memref<$SCRATCHxi8> to memref<$HEAD_TOKENSxi64>
  %logits = arith.constant $LOGITS : index
  %vocab = arith.constant $VOCAB : index
  %row_bytes = arith.constant $LOGIT_BYTES : index
  %base = memref.extract_aligned_pointer_as_index %scratch : memref<$SCRATCHxi8> -> index
  scf.for %r = %c0 to %rows step %c1 {
    %skip = arith.muli %r, %row_bytes : index
    %offset = arith.addi %logits, %skip : index
    %from = func.call @address(%base, %offset) : (index, index) -> !llvm.ptr
    %target = memref.load %head_to[%r] : memref<$HEAD_TOKENSxi64>
    %to = llvm.inttoptr %target : i64 to !llvm.ptr
    func.call @copy_floats(%from, %to, %vocab) : (!llvm.ptr, !llvm.ptr, index) -> ()
  }
  return
}

func.func private @run(%env: !llvm.ptr, %weights: memref<$WEIGHTSxi8>, %scratch: memref<$SCRATCHxi8>, %rows: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0 : i64
  %layers = arith.constant $LAYERS : index
  %hidden = arith.constant $HIDDEN : index
  %hidden_bytes = arith.constant $ROW_BYTES : index
  %input = arith.constant $INPUT : index
  %output = arith.constant $OUTPUT : index
  %head_input = arith.constant $HEAD_INPUT : index
  %head_tokens = arith.constant $HEAD_TOKENS : index
  %logits_to_at = arith.constant $LOGITS_TO : index
  %hidden_to_at = arith.constant $HIDDEN_TO : index
  %hidden_stride_at = arith.constant $HIDDEN_STRIDE : index
  %head_to_at = arith.constant $HEAD_TO : index
  %logits_to = memref.view %scratch[%logits_to_at][] : memref<$SCRATCHxi8> to memref<$TOKENSxi64>
  %hidden_to = memref.view %scratch[%hidden_to_at][] : memref<$SCRATCHxi8> to memref<$TOKENSxi64>
  %hidden_stride = memref.view %scratch[%hidden_stride_at][] : memref<$SCRATCHxi8> to memref<$TOKENSxi64>
  %head_to = memref.view %scratch[%head_to_at][] : memref<$SCRATCHxi8> to memref<$HEAD_TOKENSxi64>
  %base = memref.extract_aligned_pointer_as_index %scratch : memref<$SCRATCHxi8> -> index
  %in = func.call @address(%base, %input) : (index, index) -> !llvm.ptr
  %out = func.call @address(%base, %output) : (index, index) -> !llvm.ptr
  %all = arith.muli %rows, %hidden : index
  %one = arith.cmpi eq, %rows, %c1 : index
  scf.if %one {
    func.call @embed.decode(%env, %weights, %scratch, %c0, %rows) : (!llvm.ptr, memref<$WEIGHTSxi8>, memref<$SCRATCHxi8>, index, index) -> ()
  } else {
    func.call @embed.prefill(%env, %weights, %scratch, %c0, %rows) : (!llvm.ptr, memref<$WEIGHTSxi8>, memref<$SCRATCHxi8>, index, index) -> ()
  }
  scf.for %layer = %c0 to %layers step %c1 {
    scf.if %one {
      func.call @layer.decode(%env, %weights, %scratch, %layer, %rows) : (!llvm.ptr, memref<$WEIGHTSxi8>, memref<$SCRATCHxi8>, index, index) -> ()
    } else {
      func.call @layer.prefill(%env, %weights, %scratch, %layer, %rows) : (!llvm.ptr, memref<$WEIGHTSxi8>, memref<$SCRATCHxi8>, index, index) -> ()
    }
    func.call @copy_floats(%out, %in, %all) : (!llvm.ptr, !llvm.ptr, index) -> ()
    scf.for %r = %c0 to %rows step %c1 {
      %target = memref.load %hidden_to[%r] : memref<$TOKENSxi64>
      %wanted = arith.cmpi ne, %target, %zero : i64
      scf.if %wanted {
        %stride = memref.load %hidden_stride[%r] : memref<$TOKENSxi64>
        %layer64 = arith.index_cast %layer : index to i64
        %layer_bytes = arith.muli %layer64, %stride : i64
        %to64 = arith.addi %target, %layer_bytes : i64
        %to = llvm.inttoptr %to64 : i64 to !llvm.ptr
        %skip = arith.muli %r, %hidden_bytes : index
        %offset = arith.addi %input, %skip : index
        %from = func.call @address(%base, %offset) : (index, index) -> !llvm.ptr
        func.call @copy_floats(%from, %to, %hidden) : (!llvm.ptr, !llvm.ptr, index) -> ()
      }
    }
  }
  %left = scf.for %r = %c0 to %rows step %c1 iter_args(%h = %c0) -> (index) {
    %target = memref.load %logits_to[%r] : memref<$TOKENSxi64>
    %wanted = arith.cmpi ne, %target, %zero : i64
    %next = scf.if %wanted -> (index) {
      memref.store %target, %head_to[%h] : memref<$HEAD_TOKENSxi64>
      %from_skip = arith.muli %r, %hidden_bytes : index
      %from_offset = arith.addi %input, %from_skip : index
      %from = func.call @address(%base, %from_offset) : (index, index) -> !llvm.ptr
      %to_skip = arith.muli %h, %hidden_bytes : index
      %to_offset = arith.addi %head_input, %to_skip : index
      %to = func.call @address(%base, %to_offset) : (index, index) -> !llvm.ptr
      func.call @copy_floats(%from, %to, %hidden) : (!llvm.ptr, !llvm.ptr, index) -> ()
      %count = arith.addi %h, %c1 : index
      %full = arith.cmpi eq, %count, %head_tokens : index
      %after = scf.if %full -> (index) {
        func.call @run_head(%env, %weights, %scratch, %count) : (!llvm.ptr, memref<$WEIGHTSxi8>, memref<$SCRATCHxi8>, index) -> ()
        scf.yield %c0 : index
      } else {
        scf.yield %count : index
      }
      scf.yield %after : index
    } else {
      scf.yield %h : index
    }
    scf.yield %next : index
  }
  %some = arith.cmpi ne, %left, %c0 : index
  scf.if %some {
    func.call @run_head(%env, %weights, %scratch, %left) : (!llvm.ptr, memref<$WEIGHTSxi8>, memref<$SCRATCHxi8>, index) -> ()
  }
  return
}
)mlir";

/// tern_segment is (state, tokens, logits, hidden, n, position, logits_count, 0).
constexpr StringLiteral kStepText = R"mlir(
// What is wrong with a segment, or 0.
func.func private @check(%segment: !llvm.ptr) -> i32 {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %ok = arith.constant $OK : i32
  %bad_argument = arith.constant $BAD_ARGUMENT : i32
  %bad_token = arith.constant $BAD_TOKEN : i32
  %context_full = arith.constant $CONTEXT_FULL : i32
  %vocab = arith.constant $VOCAB : i32
  %context = arith.constant $CONTEXT : i64
  %null = llvm.mlir.zero : !llvm.ptr
  %state_at = llvm.getelementptr %segment[0, 0] : (!llvm.ptr) -> !llvm.ptr, $SEGMENT
  %state = llvm.load %state_at : !llvm.ptr -> !llvm.ptr
  %tokens_at = llvm.getelementptr %segment[0, 1] : (!llvm.ptr) -> !llvm.ptr, $SEGMENT
  %tokens = llvm.load %tokens_at : !llvm.ptr -> !llvm.ptr
  %n_at = llvm.getelementptr %segment[0, 4] : (!llvm.ptr) -> !llvm.ptr, $SEGMENT
  %n = llvm.load %n_at : !llvm.ptr -> i32
  %position_at = llvm.getelementptr %segment[0, 5] : (!llvm.ptr) -> !llvm.ptr, $SEGMENT
  %position = llvm.load %position_at : !llvm.ptr -> i32
  %wanted_at = llvm.getelementptr %segment[0, 6] : (!llvm.ptr) -> !llvm.ptr, $SEGMENT
  %wanted = llvm.load %wanted_at : !llvm.ptr -> i32
  %no_state = llvm.icmp "eq" %state, %null : !llvm.ptr
  %no_tokens = llvm.icmp "eq" %tokens, %null : !llvm.ptr
  %no_count = arith.cmpi eq, %n, %c0 : i32
  %too_many = arith.cmpi ugt, %wanted, %n : i32
  %bad0 = arith.ori %no_state, %no_tokens : i1
  %bad1 = arith.ori %no_count, %too_many : i1
  %bad = arith.ori %bad0, %bad1 : i1
  %n64 = arith.extui %n : i32 to i64
  %position64 = arith.extui %position : i32 to i64
  %end = arith.addi %n64, %position64 : i64
  %full = arith.cmpi ugt, %end, %context : i64
  %first = arith.select %full, %context_full, %ok : i32
  %so_far = arith.select %bad, %bad_argument, %first : i32
  %is_ok = arith.cmpi eq, %so_far, %ok : i32
  %count = arith.select %is_ok, %n, %c0 : i32
  %status = scf.for unsigned %i = %c0 to %count step %c1 iter_args(%status = %so_far) -> (i32) : i32 {
    %token_at = llvm.getelementptr %tokens[%i] : (!llvm.ptr, i32) -> !llvm.ptr, i32
    %token = llvm.load %token_at : !llvm.ptr -> i32
    %outside = arith.cmpi uge, %token, %vocab : i32
    %next = arith.select %outside, %bad_token, %status : i32
    scf.yield %next : i32
  }
  return %status : i32
}

func.func private @step(%env: !llvm.ptr, %weights_ptr: !llvm.ptr, %scratch_ptr: !llvm.ptr, %segments: !llvm.ptr, %count: i32) -> i32 {
  %i0 = arith.constant 0 : i32
  %i1 = arith.constant 1 : i32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0 : i64
  %ok = arith.constant $OK : i32
  %bad_argument = arith.constant $BAD_ARGUMENT : i32
  %row_bytes = arith.constant $ROW_BYTES : i64
  %logit_bytes = arith.constant $LOGIT_BYTES : i64
  %max_tokens = arith.constant $TOKENS : index
  %null = llvm.mlir.zero : !llvm.ptr
  %no_env = llvm.icmp "eq" %env, %null : !llvm.ptr
  %no_weights = llvm.icmp "eq" %weights_ptr, %null : !llvm.ptr
  %no_scratch = llvm.icmp "eq" %scratch_ptr, %null : !llvm.ptr
  %no_segments = llvm.icmp "eq" %segments, %null : !llvm.ptr
  %bad0 = arith.ori %no_env, %no_weights : i1
  %bad1 = arith.ori %no_scratch, %no_segments : i1
  %bad = arith.ori %bad0, %bad1 : i1
  %first = arith.select %bad, %bad_argument, %ok : i32
  %checked = arith.select %bad, %i0, %count : i32
  %status = scf.for unsigned %s = %i0 to %checked step %i1 iter_args(%status = %first) -> (i32) : i32 {
    %is_ok = arith.cmpi eq, %status, %ok : i32
    %next = scf.if %is_ok -> (i32) {
      %segment = llvm.getelementptr %segments[%s] : (!llvm.ptr, i32) -> !llvm.ptr, $SEGMENT
      %answer = func.call @check(%segment) : (!llvm.ptr) -> i32
      scf.yield %answer : i32
    } else {
      scf.yield %status : i32
    }
    scf.yield %next : i32
  }
  %all_ok = arith.cmpi eq, %status, %ok : i32
  scf.if %all_ok {
    %weights64 = llvm.ptrtoint %weights_ptr : !llvm.ptr to i64
    %weights_index = arith.index_cast %weights64 : i64 to index
    %weights = tern.from_address %weights_index : memref<$WEIGHTSxi8>
    %scratch64 = llvm.ptrtoint %scratch_ptr : !llvm.ptr to i64
    %scratch_index = arith.index_cast %scratch64 : i64 to index
    %scratch = tern.from_address %scratch_index : memref<$SCRATCHxi8>
    %tokens_slot = arith.constant $TOKENS_AT : index
    %positions_slot = arith.constant $POSITIONS : index
    %states_slot = arith.constant $STATES : index
    %logits_to_slot = arith.constant $LOGITS_TO : index
    %hidden_to_slot = arith.constant $HIDDEN_TO : index
    %hidden_stride_slot = arith.constant $HIDDEN_STRIDE : index
    %row_tokens = memref.view %scratch[%tokens_slot][] : memref<$SCRATCHxi8> to memref<$TOKENSxi32>
    %row_positions = memref.view %scratch[%positions_slot][] : memref<$SCRATCHxi8> to memref<$TOKENSxi32>
    %row_states = memref.view %scratch[%states_slot][] : memref<$SCRATCHxi8> to memref<$TOKENSxi64>
    %row_logits = memref.view %scratch[%logits_to_slot][] : memref<$SCRATCHxi8> to memref<$TOKENSxi64>
    %row_hidden = memref.view %scratch[%hidden_to_slot][] : memref<$SCRATCHxi8> to memref<$TOKENSxi64>
    %row_stride = memref.view %scratch[%hidden_stride_slot][] : memref<$SCRATCHxi8> to memref<$TOKENSxi64>
    %rows_left = scf.for unsigned %s = %i0 to %count step %i1 iter_args(%rows_before = %c0) -> (index) : i32 {
      %segment = llvm.getelementptr %segments[%s] : (!llvm.ptr, i32) -> !llvm.ptr, $SEGMENT
      %state_at = llvm.getelementptr %segment[0, 0] : (!llvm.ptr) -> !llvm.ptr, $SEGMENT
      %state_ptr = llvm.load %state_at : !llvm.ptr -> !llvm.ptr
      %state = llvm.ptrtoint %state_ptr : !llvm.ptr to i64
      %tokens_at = llvm.getelementptr %segment[0, 1] : (!llvm.ptr) -> !llvm.ptr, $SEGMENT
      %tokens = llvm.load %tokens_at : !llvm.ptr -> !llvm.ptr
      %logits_at = llvm.getelementptr %segment[0, 2] : (!llvm.ptr) -> !llvm.ptr, $SEGMENT
      %logits_ptr = llvm.load %logits_at : !llvm.ptr -> !llvm.ptr
      %logits = llvm.ptrtoint %logits_ptr : !llvm.ptr to i64
      %hidden_at = llvm.getelementptr %segment[0, 3] : (!llvm.ptr) -> !llvm.ptr, $SEGMENT
      %hidden_ptr = llvm.load %hidden_at : !llvm.ptr -> !llvm.ptr
      %hidden = llvm.ptrtoint %hidden_ptr : !llvm.ptr to i64
      %n_at = llvm.getelementptr %segment[0, 4] : (!llvm.ptr) -> !llvm.ptr, $SEGMENT
      %n = llvm.load %n_at : !llvm.ptr -> i32
      %position_at = llvm.getelementptr %segment[0, 5] : (!llvm.ptr) -> !llvm.ptr, $SEGMENT
      %position = llvm.load %position_at : !llvm.ptr -> i32
      %wanted_at = llvm.getelementptr %segment[0, 6] : (!llvm.ptr) -> !llvm.ptr, $SEGMENT
      %wanted = llvm.load %wanted_at : !llvm.ptr -> i32
      %has_logits = arith.cmpi ne, %logits, %zero : i64
      %has_hidden = arith.cmpi ne, %hidden, %zero : i64
      %n64 = arith.extui %n : i32 to i64
      %stride = arith.muli %n64, %row_bytes : i64
      %skipped = arith.subi %n, %wanted : i32
      %rows_after = scf.for unsigned %j = %i0 to %n step %i1 iter_args(%r = %rows_before) -> (index) : i32 {
        %token_at = llvm.getelementptr %tokens[%j] : (!llvm.ptr, i32) -> !llvm.ptr, i32
        %token = llvm.load %token_at : !llvm.ptr -> i32
        memref.store %token, %row_tokens[%r] : memref<$TOKENSxi32>
        %here = arith.addi %position, %j : i32
        memref.store %here, %row_positions[%r] : memref<$TOKENSxi32>
        memref.store %state, %row_states[%r] : memref<$TOKENSxi64>
        %late = arith.cmpi uge, %j, %skipped : i32
        %is_wanted = arith.andi %late, %has_logits : i1
        %nth = arith.subi %j, %skipped : i32
        %nth64 = arith.extui %nth : i32 to i64
        %logits_skip = arith.muli %nth64, %logit_bytes : i64
        %logits_here = arith.addi %logits, %logits_skip : i64
        %logits_to = arith.select %is_wanted, %logits_here, %zero : i64
        memref.store %logits_to, %row_logits[%r] : memref<$TOKENSxi64>
        %j64 = arith.extui %j : i32 to i64
        %hidden_skip = arith.muli %j64, %row_bytes : i64
        %hidden_here = arith.addi %hidden, %hidden_skip : i64
        %hidden_to = arith.select %has_hidden, %hidden_here, %zero : i64
        memref.store %hidden_to, %row_hidden[%r] : memref<$TOKENSxi64>
        memref.store %stride, %row_stride[%r] : memref<$TOKENSxi64>
        %rows = arith.addi %r, %c1 : index
        %full = arith.cmpi eq, %rows, %max_tokens : index
        %next = scf.if %full -> (index) {
          func.call @run(%env, %weights, %scratch, %rows) : (!llvm.ptr, memref<$WEIGHTSxi8>, memref<$SCRATCHxi8>, index) -> ()
          scf.yield %c0 : index
        } else {
          scf.yield %rows : index
        }
        scf.yield %next : index
      }
      scf.yield %rows_after : index
    }
    %some = arith.cmpi ne, %rows_left, %c0 : index
    scf.if %some {
      func.call @run(%env, %weights, %scratch, %rows_left) : (!llvm.ptr, memref<$WEIGHTSxi8>, memref<$SCRATCHxi8>, index) -> ()
    }
  }
  return %status : i32
}
)mlir";

/// `text` with each word of `words` replaced by its number; longer words first.
std::string substitute(std::string text,
                       ArrayRef<std::pair<StringRef, std::string>> words) {
  auto sorted = llvm::to_vector(words);
  llvm::stable_sort(sorted, [](const auto &a, const auto &b) {
    return a.first.size() > b.first.size();
  });
  for (const auto &[word, value] : sorted) {
    std::string marked = ("$" + word).str();
    for (size_t at = text.find(marked); at != std::string::npos;
         at = text.find(marked, at + value.size()))
      text.replace(at, marked.size(), value);
  }
  return text;
}

struct BuildStep : tern::impl::BuildStepPassBase<BuildStep> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ModelAttr model = ModelAttr::lookup(module);
    auto scratch =
        module->getAttrOfType<IntegerAttr>(TernDialect::kScratchBytesAttr);
    auto weights =
        module->getAttrOfType<IntegerAttr>(TernDialect::kWeightsBytesAttr);
    if (!model || !scratch || !weights) {
      module.emitError("expected tern.model, tern.scratch_bytes and "
                       "tern.weights_bytes");
      return signalPassFailure();
    }
    std::string text =
        (getDeclarations(module) + kRunText + kStepText).str();
    OwningOpRef<ModuleOp> parsed = parseSourceString<ModuleOp>(
        substitute(std::move(text), getWords(model, weights.getInt(),
                                             scratch.getInt())),
        &getContext());
    if (!parsed)
      return signalPassFailure();
    for (Operation &op :
         llvm::make_early_inc_range(parsed->getBody()->getOperations())) {
      auto function = cast<func::FuncOp>(op);
      if (!function.isExternal())
        op.moveBefore(module.getBody(), module.getBody()->end());
    }
  }

private:
  /// The model's functions, so that the text can be parsed on its own.
  static std::string getDeclarations(ModuleOp module) {
    std::string text;
    for (StringRef function : {"embed", "layer", "head"})
      for (StringRef body : {"decode", "prefill"})
        text += ("func.func private @" + function + "." + body +
                 "(!llvm.ptr, memref<$WEIGHTSxi8>, memref<$SCRATCHxi8>, index, "
                 "index)\n")
                    .str();
    return text;
  }

  SmallVector<std::pair<StringRef, std::string>>
  getWords(ModelAttr model, int64_t weights, int64_t scratch) {
    DriverSlots slots = DriverSlots::of(getOperation());
    auto number = [](int64_t value) { return std::to_string(value); };
    return {
        {"WEIGHTS", number(weights)},
        {"SCRATCH", number(scratch)},
        {"TOKENS", number(slots.maxTokens)},
        {"HEAD_TOKENS", number(slots.headTokens)},
        {"LAYERS", number(model.getLayers())},
        {"HIDDEN", number(model.getHidden())},
        {"VOCAB", number(model.getVocab())},
        {"CONTEXT", number(model.getMaxContext())},
        {"ROW_BYTES", number(4 * model.getHidden())},
        {"LOGIT_BYTES", number(4 * model.getVocab())},
        {"TOKENS_AT", number(slots.tokens)},
        {"POSITIONS", number(slots.positions)},
        {"STATES", number(slots.states)},
        {"LOGITS_TO", number(slots.logits_to)},
        {"HIDDEN_TO", number(slots.hidden_to)},
        {"HIDDEN_STRIDE", number(slots.hidden_stride)},
        {"INPUT", number(slots.input)},
        {"OUTPUT", number(slots.output)},
        {"HEAD_TO", number(slots.head_to)},
        {"HEAD_INPUT", number(slots.head_input)},
        {"LOGITS", number(slots.logits)},
        {"OK", number(TERN_STEP_OK)},
        {"BAD_ARGUMENT", number(TERN_STEP_BAD_ARGUMENT)},
        {"BAD_TOKEN", number(TERN_STEP_BAD_TOKEN)},
        {"CONTEXT_FULL", number(TERN_STEP_CONTEXT_FULL)},
        {"SEGMENT",
         "!llvm.struct<(ptr, ptr, ptr, ptr, i32, i32, i32, i32)>"},
    };
  }
};

} // namespace
