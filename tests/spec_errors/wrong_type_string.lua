-- wrong_type_string.lua:3: heads: expected an integer, got the string "four" (there are 1 to 65536 heads)
return rattention {
  heads = "four",
  head_dim = 16, window = 8,
}
