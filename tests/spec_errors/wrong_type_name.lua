-- wrong_type_name.lua:2: name: expected a string, got the number 7 (a name is 1 to 63 letters, digits and _, and does not start with a digit)
return rattention { name = 7, heads = 4, head_dim = 16, window = 8 }
