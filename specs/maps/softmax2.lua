-- The paper's map: softmax of the features and of their negatives. F = 2D.
return function(x)
  return concat(softmax(x), softmax(-x))
end
