-- The local layers of gpt-oss: a short window, a sink logit per head, and a residual branch behind them.
return rattention {
  name = "gpt_oss",
  heads = 64, kv_heads = 8,
  head_dim = 64,
  window = 128,
  feature_map = "softmax2",
  rope = { theta = 150000, style = "half" },
  sink = true,
  dtype = "bf16",
}
