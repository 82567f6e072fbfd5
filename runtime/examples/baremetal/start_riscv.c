/*===- start_riscv.c - RISC-V: reset, and output by semihosting ----===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * An emulator or a debugger does what the three instructions ask for. On a
 * board of yours, board_write goes to a serial port.
 */
#include "board.h"

#include <stdint.h>

static long ask(long operation, const void *argument) {
  register long a0 __asm__("a0") = operation;
  register const void *a1 __asm__("a1") = argument;
  /* These bytes, in one page: that is how they are told from a breakpoint. */
  __asm__ volatile(".option push\n.option norvc\n.balign 16\n"
                   "slli zero, zero, 0x1f\nebreak\nsrai zero, zero, 7\n"
                   ".option pop\n"
                   : "+r"(a0)
                   : "r"(a1)
                   : "memory");
  return a0;
}

void board_write(const char *bytes, size_t count) {
  for (size_t i = 0; i < count; ++i)
    ask(3 /* SYS_WRITEC */, bytes + i);
}

_Noreturn void board_exit(int status) {
  uintptr_t block[2] = {0x20026 /* ADP_Stopped_ApplicationExit */,
                        (uintptr_t)status};
  ask(0x20 /* SYS_EXIT_EXTENDED */, block);
  for (;;)
    ;
}

#ifdef COUNT
uint64_t board_instructions(void) {
  uintptr_t low;
  __asm__ volatile("csrr %0, minstret" : "=r"(low));
#if __riscv_xlen == 32
  static uint32_t last;
  static uint64_t all;
  all += (uint32_t)(low - last);
  last = (uint32_t)low;
  return all;
#else
  return low;
#endif
}
#endif

extern uintptr_t bss_start[], bss_end[];

__attribute__((used)) static void begin(void) {
  for (uintptr_t *at = bss_start; at != bss_end;)
    *at++ = 0;
  board_exit(main());
}

/* The FPU, and vectors where there are any, are on (mstatus.FS, mstatus.VS). */
__asm__(".section .text.reset\n.globl reset\nreset:\n"
        ".option push\n.option norelax\n"
        "la gp, __global_pointer$\n.option pop\n"
        "la sp, stack_top\n"
        "li t0, 0x6600\ncsrs mstatus, t0\n"
        "tail begin\n"
        ".text\n");
