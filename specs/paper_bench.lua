-- The paper's head shape with 8 heads in fp32: what the CPU benchmark times.
return rattention {
  name = "paper_bench",
  heads = 8, kv_heads = 2,
  head_dim = 128,
  window = 512,
  feature_map = "softmax2",
  rope = { theta = 500000, style = "interleaved" },
  dtype = "fp32",
}
