-- The layers of Mistral 7B (first version, sliding window), with a residual branch behind the window.
return rattention {
  name = "mistral_7b",
  heads = 32, kv_heads = 8,
  head_dim = 128,
  window = 4096,
  feature_map = "softmax2",
  rope = { theta = 10000, style = "half" },
  dtype = "bf16",
}
