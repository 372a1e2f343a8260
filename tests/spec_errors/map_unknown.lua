-- map_unknown.lua:3: feature_map: unknown feature map "sofmax2" (did you mean softmax2? there are elu1 exp exp2 identity relu relu2 softmax softmax2 squared_relu, or write a function)
return rattention { heads = 4, head_dim = 16, window = 8,
  feature_map = "sofmax2" }
