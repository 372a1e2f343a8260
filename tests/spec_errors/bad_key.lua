-- bad_key.lua:2: a value without a field's name: the number 1 (write every field as name = value)
return rattention { heads = 4, head_dim = 16, window = 8, [true] = 1 }
