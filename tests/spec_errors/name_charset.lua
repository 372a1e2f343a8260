-- name_charset.lua:2: name: "../../etc/passwd" is not a name (a name is 1 to 63 letters, digits and _, and does not start with a digit)
return rattention { name = "../../etc/passwd", heads = 4, head_dim = 16, window = 8 }
