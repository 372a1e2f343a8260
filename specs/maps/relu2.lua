-- Positive and negative parts. F = 2D.
return function(x)
  return concat(relu(x), relu(-x))
end
