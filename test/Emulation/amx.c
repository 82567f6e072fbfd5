/*===- amx.c - AMX on a processor without it --------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "amx.h"
#include "tiles.h"

#include <cpuid.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* Of a thread's state, which is mapped when it is first used. */
static pthread_key_t state_key;
static atomic_ulong products;
static atomic_int is_permitted, is_refused;
static int is_emulated;
static struct sigaction before;

static void drop_state(void *state) { munmap(state, sizeof(tile_state)); }

static tile_state *get_state(void) {
  tile_state *state = pthread_getspecific(state_key);
  if (state)
    return state;
  state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (state == MAP_FAILED || pthread_setspecific(state_key, state) != 0)
    abort();
  return state;
}

int amx_is_emulated(void) { return is_emulated; }
unsigned long amx_products(void) { return products; }
void amx_refuse(int refuses) {
  is_refused = refuses;
  is_permitted = 0;
}

static void report(const char *fault) {
  char line[256];
  int length = snprintf(line, sizeof(line), "AMX emulation: %s\n", fault);
  if (write(STDERR_FILENO, line, (size_t)length) != length)
    _exit(1);
  abort();
}

/* Signal handlers of others come first again. */
static void pass_on(int signal, siginfo_t *info, void *context) {
  if (before.sa_flags & SA_SIGINFO)
    before.sa_sigaction(signal, info, context);
  else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
    before.sa_handler(signal);
  else
    sigaction(SIGILL, &before, NULL); /* the instruction is tried again */
}

static void handle(int signal, siginfo_t *info, void *context) {
  static const int numbers[16] = {
      REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
      REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  greg_t *saved = ((ucontext_t *)context)->uc_mcontext.gregs;
  uint64_t registers[16];
  for (unsigned i = 0; i < 16; ++i)
    registers[i] = (uint64_t)saved[numbers[i]];
  tile_machine machine = {get_state(), registers, 0, ""};
  unsigned length = 0;
  int error = errno;
  switch (tile_execute(&machine, (const uint8_t *)saved[REG_RIP], &length)) {
  case TILE_DONE:
    if (!is_permitted)
      report("expected the permission to be asked for first, by "
             "arch_prctl(ARCH_REQ_XCOMP_PERM, 18)");
    products += (unsigned)machine.multiplied;
    saved[REG_RIP] += length;
    break;
  case TILE_FAULT:
    report(machine.fault);
    break;
  case TILE_UNKNOWN:
    pass_on(signal, info, context);
    break;
  }
  errno = error;
}

static int has_amx(void) {
  uint32_t a, b, c, d, low, high;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 27))) /* OSXSAVE */
    return 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low >> 17 & 3) != 3 || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
    return 0;
  return (d >> 24 & 3) == 3; /* AMX-TILE, AMX-INT8 */
}

__attribute__((constructor)) static void install(void) {
  struct sigaction action;
  is_emulated = !has_amx() && pthread_key_create(&state_key, drop_state) == 0;
  if (!is_emulated)
    return;
  memset(&action, 0, sizeof(action));
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGILL, &action, &before);
}

/* In the place of libc's. */
long syscall(long number, ...) {
  long arguments[6];
  va_list list;
  va_start(list, number);
  for (unsigned i = 0; i < 6; ++i)
    arguments[i] = va_arg(list, long);
  va_end(list);
  if (is_emulated && number == SYS_arch_prctl &&
      arguments[0] == AMX_GET_PERMISSION) {
    *(uint64_t *)arguments[1] = (uint64_t)is_permitted << AMX_TILE_DATA;
    return 0;
  }
  if (is_emulated && number == SYS_arch_prctl &&
      arguments[0] == AMX_REQUEST_PERMISSION) {
    if (!is_refused && arguments[1] == AMX_TILE_DATA) {
      is_permitted = 1;
      return 0;
    }
    errno = is_refused ? EPERM : EINVAL;
    return -1;
  }
  long (*real)(long, ...);
  *(void **)&real = dlsym(RTLD_NEXT, "syscall");
  return real(number, arguments[0], arguments[1], arguments[2], arguments[3],
              arguments[4], arguments[5]);
}
