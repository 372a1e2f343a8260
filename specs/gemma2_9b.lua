-- The local layers of Gemma-2 9B, with a residual branch behind the window.
return rattention {
  name = "gemma2_9b",
  heads = 16, kv_heads = 8,
  head_dim = 256,
  window = 4096,
  feature_map = "softmax2",
  rope = { theta = 10000, style = "half" },
  scale = 256 ^ -0.5,
  softcap = 50,
  dtype = "bf16",
}
