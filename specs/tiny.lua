-- The least there is to write, small enough for an interpreter.
return rattention { heads = 2, head_dim = 8, window = 4 }
