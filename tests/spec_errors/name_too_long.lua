-- name_too_long.lua:2: name: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..." is not a name (a name is 1 to 63 letters, digits and _, and does not start with a digit)
return rattention { name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", heads = 4, head_dim = 16, window = 8 }
