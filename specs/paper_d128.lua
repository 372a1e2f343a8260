-- The paper's layer at head_dim 128: a window of 512 keys, the two-sided softmax map behind it.
return rattention {
  name = "paper_d128",
  heads = 32, kv_heads = 8,
  head_dim = 128,
  window = 512,
  feature_map = "softmax2",
  rope = { theta = 500000, style = "interleaved" },
  norm = { kind = "rms", eps = 1e-8 },
  dtype = "bf16",
}
