// RUN: tern-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{expected a pair of rows at least, got 0}}
func.func private @f() attributes {k = #tern_arm.paired_rows<pairs = 0, tiles = 2, code_bits = 8>}

// -----

// expected-error @+1 {{expected codes of 2 to 8 bits, got 9}}
func.func private @f() attributes {k = #tern_arm.paired_rows<pairs = 4, tiles = 2, code_bits = 9>}

// -----

// expected-error @+1 {{expected 1, 2 or 4 tiles, got 3}}
func.func private @f() attributes {k = #tern_arm.paired_rows<pairs = 4, tiles = 3, code_bits = 8>}

// -----

// expected-error @+1 {{expected no less than 0 steps that are prepared, got -1}}
func.func private @f() attributes {k = #tern_arm.paired_rows<pairs = 4, tiles = 2, code_bits = 8, prepared = -1>}

// -----

// expected-error @+1 {{expected a row at least, got 0}}
func.func private @f() attributes {k = #tern_arm.byte_rows<rows = 0>}

// -----

// expected-error @+1 {{expected no less than 0 steps that are prepared, got -1}}
func.func private @f() attributes {k = #tern_arm.byte_rows<rows = 4, prepared = -1>}

// -----

// expected-error @+1 {{expected a row at least, got 0}}
func.func private @f() attributes {k = #tern_arm.vector_rows<rows = 0>}
