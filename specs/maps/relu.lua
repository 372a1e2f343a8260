-- Positive part. F = D.
return function(x)
  return relu(x)
end
