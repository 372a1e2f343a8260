-- unknown_style.lua:5: rope.style: unknown word "neox" (a style is "interleaved" (pairs 2i, 2i+1) or "half" (pairs i, i+D/2))
return rattention {
  heads = 4, head_dim = 16, window = 8,
  rope = { theta = 10000,
           style = "neox" },
}
