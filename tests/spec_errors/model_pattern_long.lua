-- model_pattern_long.lua:2: pattern: the pattern has 2 entries, the model 1 layers (make the pattern at most as long as layers)
return model { layers = 1, pattern = { "l", "l" }, l = rattention { heads = 4, head_dim = 16, window = 8 } }
