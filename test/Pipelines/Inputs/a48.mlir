// The `import` phase form of shakespeare-a48 (what importModel builds).
module @bard attributes {tern.model = #tern.model<name = "bard", vocab = 1024, hidden = 192, layers = 5, max_context = 256>} {
  tern.weight @embed_tokens <values> ["model.embed_tokens.weight"] : tensor<1024x192xbf16>
  tern.weight @rope_cos <rope_cos> [] {head_dim = 64 : i64, theta = 1.000000e+04 : f64} : tensor<256x32xf32>
  tern.weight @rope_sin <rope_sin> [] {head_dim = 64 : i64, theta = 1.000000e+04 : f64} : tensor<256x32xf32>
  tern.weight @input_layernorm per_layer <values> ["model.layers.{}.input_layernorm.weight"] : tensor<192xf32>
  tern.weight @q_proj per_layer <digits> ["model.layers.{}.self_attn.q_proj.weight"] : tensor<192x192x!tern.trit>
  tern.weight @q_proj.scale per_layer <scale> ["model.layers.{}.self_attn.q_proj.weight"] : tensor<1xf32>
  tern.weight @k_proj per_layer <digits> ["model.layers.{}.self_attn.k_proj.weight"] : tensor<64x192x!tern.trit>
  tern.weight @k_proj.scale per_layer <scale> ["model.layers.{}.self_attn.k_proj.weight"] : tensor<1xf32>
  tern.weight @v_proj per_layer <digits> ["model.layers.{}.self_attn.v_proj.weight"] : tensor<64x192x!tern.trit>
  tern.weight @v_proj.scale per_layer <scale> ["model.layers.{}.self_attn.v_proj.weight"] : tensor<1xf32>
  tern.weight @attn_sub_norm per_layer <values> ["model.layers.{}.self_attn.attn_sub_norm.weight"] : tensor<192xf32>
  tern.weight @o_proj per_layer <digits> ["model.layers.{}.self_attn.o_proj.weight"] : tensor<192x192x!tern.trit>
  tern.weight @o_proj.scale per_layer <scale> ["model.layers.{}.self_attn.o_proj.weight"] : tensor<1xf32>
  tern.weight @post_attention_layernorm per_layer <values> ["model.layers.{}.post_attention_layernorm.weight"] : tensor<192xf32>
  tern.weight @gate_proj per_layer <digits> ["model.layers.{}.mlp.gate_proj.weight"] : tensor<512x192x!tern.trit>
  tern.weight @gate_proj.scale per_layer <scale> ["model.layers.{}.mlp.gate_proj.weight"] : tensor<1xf32>
  tern.weight @up_proj per_layer <digits> ["model.layers.{}.mlp.up_proj.weight"] : tensor<512x192x!tern.trit>
  tern.weight @up_proj.scale per_layer <scale> ["model.layers.{}.mlp.up_proj.weight"] : tensor<1xf32>
  tern.weight @ffn_sub_norm per_layer <values> ["model.layers.{}.mlp.ffn_sub_norm.weight"] : tensor<512xf32>
  tern.weight @down_proj per_layer <digits> ["model.layers.{}.mlp.down_proj.weight"] : tensor<192x512x!tern.trit>
  tern.weight @down_proj.scale per_layer <scale> ["model.layers.{}.mlp.down_proj.weight"] : tensor<1xf32>
  tern.weight @norm <values> ["model.norm.weight"] : tensor<192xf32>

  func.func @embed(%tokens: tensor<?xi32>) -> tensor<?x192xf32> {
    %table = tern.get_weight @embed_tokens : tensor<1024x192xbf16>
    %x = tern.gather_rows(%tokens, %table) : (tensor<?xi32>, tensor<1024x192xbf16>) -> tensor<?x192xf32>
    return %x : tensor<?x192xf32>
  }

  func.func @layer(%layer: index, %x: tensor<?x192xf32>, %positions: tensor<?xi32>,
                   %cache: !tern.kv_cache<layers = 5, heads = 1, head_dim = 64, capacity = 256, bits = 3, bos_bits = 4>)
      -> tensor<?x192xf32> {
    %w0 = tern.get_weight @input_layernorm[%layer] : tensor<192xf32>
    %h = tern.rms_norm %x, %w0 eps 1.000000e-05 : tensor<?x192xf32>, tensor<192xf32>
    %wq = tern.get_weight @q_proj[%layer] : tensor<192x192x!tern.trit>
    %sq = tern.get_weight @q_proj.scale[%layer] : tensor<1xf32>
    %q = tern.bitlinear "q_proj" %h, %wq scale %sq act_quant <int4_absmean> : tensor<?x192xf32>, tensor<192x192x!tern.trit>, tensor<1xf32> -> tensor<?x192xf32>
    %wk = tern.get_weight @k_proj[%layer] : tensor<64x192x!tern.trit>
    %sk = tern.get_weight @k_proj.scale[%layer] : tensor<1xf32>
    %k = tern.bitlinear "k_proj" %h, %wk scale %sk act_quant <int4_absmean> : tensor<?x192xf32>, tensor<64x192x!tern.trit>, tensor<1xf32> -> tensor<?x64xf32>
    %wv = tern.get_weight @v_proj[%layer] : tensor<64x192x!tern.trit>
    %sv = tern.get_weight @v_proj.scale[%layer] : tensor<1xf32>
    %v = tern.bitlinear "v_proj" %h, %wv scale %sv act_quant <int4_absmean> : tensor<?x192xf32>, tensor<64x192x!tern.trit>, tensor<1xf32> -> tensor<?x64xf32>
    %cos = tern.get_weight @rope_cos : tensor<256x32xf32>
    %sin = tern.get_weight @rope_sin : tensor<256x32xf32>
    %qr = tern.rope %q at %positions cos %cos sin %sin head_dim 64 : tensor<?x192xf32>, tensor<?xi32>, tensor<256x32xf32>, tensor<256x32xf32>
    %kr = tern.rope %k at %positions cos %cos sin %sin head_dim 64 : tensor<?x64xf32>, tensor<?xi32>, tensor<256x32xf32>, tensor<256x32xf32>
    tern.kv_append %kr, %v into %cache[%layer] at %positions : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?xi32>, !tern.kv_cache<layers = 5, heads = 1, head_dim = 64, capacity = 256, bits = 3, bos_bits = 4>
    %a = tern.attention(%qr, %cache[%layer], %positions) : (tensor<?x192xf32>, !tern.kv_cache<layers = 5, heads = 1, head_dim = 64, capacity = 256, bits = 3, bos_bits = 4>, tensor<?xi32>) -> tensor<?x192xf32>
    %wan = tern.get_weight @attn_sub_norm[%layer] : tensor<192xf32>
    %an = tern.rms_norm %a, %wan eps 1.000000e-05 : tensor<?x192xf32>, tensor<192xf32>
    %wo = tern.get_weight @o_proj[%layer] : tensor<192x192x!tern.trit>
    %so = tern.get_weight @o_proj.scale[%layer] : tensor<1xf32>
    %o = tern.bitlinear "o_proj" %an, %wo scale %so act_quant <int8_absmax> top_k <keep = 96> : tensor<?x192xf32>, tensor<192x192x!tern.trit>, tensor<1xf32> -> tensor<?x192xf32>
    %x1 = arith.addf %x, %o : tensor<?x192xf32>
    %wp = tern.get_weight @post_attention_layernorm[%layer] : tensor<192xf32>
    %p = tern.rms_norm %x1, %wp eps 1.000000e-05 : tensor<?x192xf32>, tensor<192xf32>
    %wg = tern.get_weight @gate_proj[%layer] : tensor<512x192x!tern.trit>
    %sg = tern.get_weight @gate_proj.scale[%layer] : tensor<1xf32>
    %g = tern.bitlinear "gate_proj" %p, %wg scale %sg act_quant <int4_absmean> : tensor<?x192xf32>, tensor<512x192x!tern.trit>, tensor<1xf32> -> tensor<?x512xf32>
    %wu = tern.get_weight @up_proj[%layer] : tensor<512x192x!tern.trit>
    %su = tern.get_weight @up_proj.scale[%layer] : tensor<1xf32>
    %u = tern.bitlinear "up_proj" %p, %wu scale %su act_quant <int4_absmean> : tensor<?x192xf32>, tensor<512x192x!tern.trit>, tensor<1xf32> -> tensor<?x512xf32>
    %f = tern.glu <relu2> %g, %u : tensor<?x512xf32>
    %wf = tern.get_weight @ffn_sub_norm[%layer] : tensor<512xf32>
    %fn = tern.rms_norm %f, %wf eps 1.000000e-05 : tensor<?x512xf32>, tensor<512xf32>
    %wd = tern.get_weight @down_proj[%layer] : tensor<192x512x!tern.trit>
    %sd = tern.get_weight @down_proj.scale[%layer] : tensor<1xf32>
    %d = tern.bitlinear "down_proj" %fn, %wd scale %sd act_quant <int8_absmax> : tensor<?x512xf32>, tensor<192x512x!tern.trit>, tensor<1xf32> -> tensor<?x192xf32>
    %x2 = arith.addf %x1, %d : tensor<?x192xf32>
    return %x2 : tensor<?x192xf32>
  }

  func.func @head(%x: tensor<?x192xf32>) -> tensor<?x1024xf32> {
    %wn = tern.get_weight @norm : tensor<192xf32>
    %h = tern.rms_norm %x, %wn eps 1.000000e-05 : tensor<?x192xf32>, tensor<192xf32>
    %w = tern.get_weight @embed_tokens : tensor<1024x192xbf16>
    %logits = tern.lm_head(%h, %w) : (tensor<?x192xf32>, tensor<1024x192xbf16>) -> tensor<?x1024xf32>
    return %logits : tensor<?x1024xf32>
  }
}
// Int8 head (--head=int8), besides @embed_tokens:
//   tern.weight @lm_head.int8 <integer_rows> ["model.embed_tokens.weight"] : tensor<1024x192xi8>
//   tern.weight @lm_head.scales <integer_scales> ["model.embed_tokens.weight"] : tensor<1024xf32>
//   %logits = tern.lm_head(%h, %w8) scales(%s : tensor<1024xf32>) : (tensor<?x192xf32>, tensor<1024x192xi8>) -> tensor<?x1024xf32>
// Untied: @lm_head <values> ["lm_head.weight"].
