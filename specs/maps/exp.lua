-- Exponential. F = D.
return function(x)
  return exp(x)
end
