-- Full causal attention: no end to the window, no residual branch.
return attention {
  name = "full_attention",
  heads = 8, kv_heads = 2,
  head_dim = 64,
  rope = { theta = 500000, style = "interleaved" },
  norm = false,
}
