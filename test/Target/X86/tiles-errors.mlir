// RUN: tern-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{expected a part of 4 vectors, from a multiple of their number on, got 3 from 0}}
func.func private @f() attributes {k = #tern_x86.tiles<panel = 4, first = 0, vectors = 3, tokens = 16>}

// -----

// expected-error @+1 {{expected a part of 4 vectors, from a multiple of their number on, got 2 from 1}}
func.func private @f() attributes {k = #tern_x86.tiles<panel = 4, first = 1, vectors = 2, tokens = 16>}

// -----

// expected-error @+1 {{expected a multiple of 16 tokens, got 24}}
func.func private @f() attributes {k = #tern_x86.tiles<panel = 4, first = 0, vectors = 2, tokens = 24>}

// -----

// expected-error @+1 {{expected to take up to 8 tiles, got 11}}
func.func private @f() attributes {k = #tern_x86.tiles<panel = 4, first = 0, vectors = 4, tokens = 32>}
