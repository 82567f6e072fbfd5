#include "tern/Dialect/Tern/Transforms/Passes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
namespace tern {
#define GEN_PASS_DEF_FUSEPROJECTIONSPASS
#include "tern/Dialect/Tern/Transforms/Passes.h.inc"
} // namespace tern
namespace { struct FuseProjections : tern::impl::FuseProjectionsPassBase<FuseProjections> { void runOnOperation() override {} }; }
