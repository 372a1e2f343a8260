-- norm_kind.lua:2: norm.kind: unknown word "layer" (the one kind is "rms")
return rattention { heads = 4, head_dim = 16, window = 8, norm = { kind = "layer" } }
