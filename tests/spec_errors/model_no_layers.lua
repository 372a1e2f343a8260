-- model_no_layers.lua:2: layers: is missing (a model has 1 to 65536 layers)
return model { pattern = { "l" }, l = rattention { heads = 4, head_dim = 16, window = 8 } }
