-- The features themselves. F = D.
return function(x)
  return x
end
