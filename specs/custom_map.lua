-- A feature map of one's own: positive features of both signs, scaled to sum to one, and their mean as one feature more.
local function positive(x) return relu(x) + 0.01 * exp(-abs(x)) end

return rattention {
  name = "custom_map",
  heads = 4, kv_heads = 2,
  head_dim = 64,
  window = 96,
  feature_map = function(x)
    local both = concat(positive(x), positive(-x))
    return concat(both / sum(both), mean(both))
  end,
  rope = { theta = 10000, style = "half" },
}
