-- state_dtype.lua:2: state_dtype: unknown word "bf16" (the state is kept in "fp32")
return rattention { heads = 4, head_dim = 16, window = 8, state_dtype = "bf16" }
