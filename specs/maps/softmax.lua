-- Softmax over the features. F = D.
return function(x)
  return softmax(x)
end
