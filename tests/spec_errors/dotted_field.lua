-- dotted_field.lua:2: rope.theta: unknown field "rope.theta" (write the table that the field lives in, as in rope = { theta = 10000 })
return rattention { heads = 4, head_dim = 16, window = 8, ["rope.theta"] = 10000 }
