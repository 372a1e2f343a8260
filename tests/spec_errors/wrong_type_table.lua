-- wrong_type_table.lua:2: rope: expected a table or false, got the number 10000 (write rope = { theta = 10000, style = "half" }, or leave it out)
return rattention { heads = 4, head_dim = 16, window = 8, rope = 10000 }
