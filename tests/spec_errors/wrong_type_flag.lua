-- wrong_type_flag.lua:3: sink: expected true or false, got the number 1 (write true or false)
return rattention { heads = 4, head_dim = 16, window = 8,
  sink = 1 }
