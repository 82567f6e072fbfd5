/*===- gpu_weak.h - a program may be without the part for GPUs -------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Who includes this does not pull gpu.c out of its archive: the linker of a
 * program with a GPU's code does (-u tern_gpu_open, -u tern_gpu_describe), and
 * others are without it.
 */
#ifndef TERN_SRC_HOST_GPU_WEAK_H
#define TERN_SRC_HOST_GPU_WEAK_H

#include "tern/host.h"

#pragma weak tern_gpu_open
#pragma weak tern_gpu_close
#pragma weak tern_gpu_device
#pragma weak tern_gpu_allocate
#pragma weak tern_gpu_free
#pragma weak tern_gpu_failure
#pragma weak tern_gpu_describe
#pragma weak tern_gpu_describe_memory
#pragma weak tern_gpu_describe_choices

#endif /* TERN_SRC_HOST_GPU_WEAK_H */
