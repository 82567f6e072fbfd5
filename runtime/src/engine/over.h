/*===- over.h - an engine for a command line -------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef TERN_SRC_ENGINE_OVER_H
#define TERN_SRC_ENGINE_OVER_H

#include "../host/host.h"
#include "tern/engine.h"

/* Over a program that was opened as its command line says, which has more to
 * say than tern_engine_options: where weights lie, which code and GPU. It stays
 * the caller's, whose signal handlers and files are its own; of `options` those
 * count that say nothing of a model. NULL: see tern_engine_error. */
tern_engine *engine_open_over(const host_program *program,
                              const tern_engine_options *options);

#endif /* TERN_SRC_ENGINE_OVER_H */
