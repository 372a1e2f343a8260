-- unknown_name.lua:2: unknown name ratention (did you mean rattention?)
return ratention { heads = 4, head_dim = 16, window = 8 }
