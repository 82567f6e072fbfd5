/*===- command_line.c - the command line of compiled programs ---------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int run_command(host_program *program) {
  switch (program->options.command) {
  case COMMAND_CHAT:
    return command_chat(program);
  case COMMAND_PPL:
    return command_ppl(program);
  case COMMAND_BENCH:
    return host_bench(program);
  default:
    return command_run(program);
  }
}

/* A result that nobody got is no success, on a full disk for example. */
static int check_stdout(tern_error *error) {
  int failed = fflush(stdout) != 0;
  int cause = errno;
  if (!failed && !ferror(stdout))
    return 0;
  /* If it failed long ago, the cause is not known any more. */
  return error->text[0]
             ? -1
             : host_fail(error, "cannot write to standard output%s%s",
                         failed ? ": " : "", failed ? strerror(cause) : "");
}

static void print_version(const tern_model *const *models, unsigned count) {
  char versions[256];
  host_list_versions(models, count, versions, sizeof(versions));
  printf("%s (tern %s, %s%s%s)\n", models[0]->name, TERN_VERSION_TEXT,
         models[0]->target, count > 1 ? "; code for " : "",
         count > 1 ? versions : "");
}

int tern_main(const tern_model *const *models, unsigned count, int argc,
              char **argv) {
  host_program program;
  memset(&program, 0, sizeof(program));
  const char *path = argc > 0 && argv[0] ? argv[0] : "tern";
  const char *slash = strrchr(path, '/');
  program.name = slash ? slash + 1 : path;
  program.interrupt = &host_interrupted;

  int status = EXIT_USAGE;
  if (host_options_parse(&program.options, argc, argv, &program.error) == 0 &&
      host_options_check(&program.options, &program.error) == 0) {
    if (program.options.help || program.options.version) {
      if (count == 0)
        return EXIT_FAILED;
      if (program.options.help)
        host_options_help(&program.options, program.name, models[0]);
      else
        print_version(models, count);
      status = EXIT_OK;
    } else {
      status = EXIT_FAILED;
      host_interrupt_catch(program.name);
      host_catch_lost_file(&program);
      if (host_program_open(&program, models, count) == 0)
        status = run_command(&program);
    }
  }
  host_interrupt_over();
  host_progress_end(&program);
  if (status != EXIT_USAGE && check_stdout(&program.error) != 0)
    status = EXIT_FAILED;
  if (status == EXIT_FAILED && host_interrupted)
    status = EXIT_INTERRUPTED;
  if (status == EXIT_INTERRUPTED)
    fprintf(stderr, "%s: interrupted\n", program.name);
  else if (program.error.text[0])
    fprintf(stderr, "%s: error: %s%s\n", program.name, program.error.text,
            status == EXIT_USAGE ? " (--help lists the flags)" : "");
  host_program_close(&program);
  return status;
}
