// RUN: tern-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{expected words of 32 or 64 bits, got 16}}
func.func private @f() attributes {k = #tern_riscv.word_rows<word_bits = 16, words = 4, code_bits = 8>}

// -----

// expected-error @+1 {{expected a word at least, got 0}}
func.func private @f() attributes {k = #tern_riscv.word_rows<word_bits = 32, words = 0, code_bits = 8>}

// -----

// expected-error @+1 {{expected codes of 4 or 8 bits, got 6}}
func.func private @f() attributes {k = #tern_riscv.word_rows<word_bits = 32, words = 4, code_bits = 6>}

// -----

// expected-error @+1 {{expected a row and a group at least, got 16 and 0}}
func.func private @f() attributes {k = #tern_riscv.table_rows<rows = 16, groups = 0>}

// -----

// expected-error @+1 {{expected a row at least, got 0}}
func.func private @f() attributes {k = #tern_riscv.byte_rows<rows = 0>}
