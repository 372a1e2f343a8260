-- syntax.lua:4: '}' expected (to close '{' at line 2) near 'head_dim'
return rattention {
  heads = 4
  head_dim = 16,
}
