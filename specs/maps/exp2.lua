-- Exponential of the features and of their negatives. F = 2D.
return function(x)
  return concat(exp(x), exp(-x))
end
