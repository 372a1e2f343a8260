-- Square of the positive part. F = D.
return function(x)
  return relu(x) * relu(x)
end
