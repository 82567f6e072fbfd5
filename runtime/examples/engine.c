/*===- engine.c - two answers at once ---------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 *   tern compile MODEL -o bard.so     # bard.so, bard.h, bard.weights
 *   cc engine.c $(pkg-config --cflags --libs tern) -o engine
 *   ./engine ./bard.so "ROMEO:" "JULIET:"
 */
#include "tern/engine.h"

#include <stdio.h>
#include <string.h>

/* Called with each piece of text, as it comes. */
static int on_event(void *data, const tern_event *event) {
  char *answer = data;
  strncat(answer, event->text, event->text_bytes);
  if (event->kind == TERN_EVENT_END && event->finish == TERN_FINISH_FAILED)
    fprintf(stderr, "%s\n", event->error);
  return 0; /* go on */
}

int main(int argc, char **argv) {
  static char answers[16][4096];
  if (argc < 3 || argc > 18) {
    fprintf(stderr, "usage: %s LIBRARY TEXT...\n", argv[0]);
    return 2;
  }
  tern_engine *engine = tern_engine_open(argv[1], NULL);
  int status = engine ? 0 : TERN_ENGINE_FAILED;
  for (int i = 2; i < argc && status == 0; ++i) {
    tern_request request;
    tern_request_init(&request);
    request.text = argv[i];
    request.text_bytes = strlen(argv[i]);
    request.temperature = 0;
    request.max_tokens = 20;
    request.on_event = on_event;
    request.data = answers[i - 2];
    status = tern_engine_submit(engine, &request, NULL);
  }
  if (status == 0)
    while ((status = tern_engine_step(engine)) == 1)
      ;
  if (status < 0)
    fprintf(stderr, "%s\n", tern_engine_error());
  else
    for (int i = 2; i < argc; ++i)
      printf("%s\n", answers[i - 2]);
  tern_engine_close(engine);
  return status < 0;
}
