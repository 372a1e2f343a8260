-- dtype.lua:2: dtype: unknown word "bfloat16" (a dtype is "fp32", "bf16" or "fp16")
return rattention { heads = 4, head_dim = 16, window = 8, dtype = "bfloat16" }
