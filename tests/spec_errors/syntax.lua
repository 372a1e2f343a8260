-- syntax.lua:4: '}' expected (to close '{' at line 2) near 'head_dim' (a spec is Lua: fields end with a comma, words stand in quotes)
return rattention {
  heads = 4
  head_dim = 16,
}
