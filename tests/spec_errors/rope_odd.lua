-- rope_odd.lua:4: head_dim: 15 is odd, and rope rotates pairs (use an even head_dim, or leave rope out)
return rattention {
  heads = 4,
  head_dim = 15,
  window = 8,
  rope = { theta = 10000 },
}
