/*===- start_arm.c - Cortex-M: reset, and output by semihosting ----===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A debugger or an emulator does what `bkpt 0xab` asks for. On a board of
 * yours, board_write goes to a serial port.
 */
#include "board.h"

#include <stdint.h>

extern uint32_t stack_top[], data_start[], data_end[], data_source[];
extern uint32_t bss_start[], bss_end[];

static int32_t ask(int32_t operation, const void *argument) {
  register int32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void board_write(const char *bytes, size_t count) {
  for (size_t i = 0; i < count; ++i)
    ask(3 /* SYS_WRITEC */, bytes + i);
}

_Noreturn void board_exit(int status) {
  uint32_t block[2] = {0x20026 /* ADP_Stopped_ApplicationExit */,
                       (uint32_t)status};
  ask(0x20 /* SYS_EXIT_EXTENDED */, block);
  for (;;)
    ;
}

#ifdef COUNT
/* SysTick, of 24 bits: with `-icount shift=0` an instruction takes 1 ns of its
 * time, and a tick TICK_EIGHTHS of an eighth of it. */
uint64_t board_instructions(void) {
  static uint32_t last;
  static uint64_t ticks;
  uint32_t now = 0xFFFFFF - *(volatile uint32_t *)0xE000E018;
  ticks += (now - last) & 0xFFFFFF;
  last = now;
  return ticks * TICK_EIGHTHS >> 3;
}
#endif

static void fault(void) {
  static const char text[] = "fault\n";
  board_write(text, sizeof(text) - 1);
  board_exit(125);
}

/* In a function of its own: before the FPU is on, no code may touch it. */
static __attribute__((noinline, noreturn)) void run(void) {
  board_exit(main());
}

void reset(void) {
  *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* CPACR: the FPU is on */
  __asm__ volatile("dsb\n isb");
  for (uint32_t *to = data_start, *from = data_source; to != data_end;)
    *to++ = *from++;
  for (uint32_t *at = bss_start; at != bss_end;)
    *at++ = 0;
#ifdef COUNT
  *(volatile uint32_t *)0xE000E014 = 0xFFFFFF; /* counts down from there */
  *(volatile uint32_t *)0xE000E018 = 0;
  *(volatile uint32_t *)0xE000E010 = 5;
#endif
  run();
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    stack_top,     (void *)reset, (void *)fault, (void *)fault,
    (void *)fault, (void *)fault, (void *)fault};
