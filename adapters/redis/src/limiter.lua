-- One request against a bucket that fills evenly: the generic cell rate algorithm (GCRA), in microseconds.
--
-- KEYS[1]: the bucket. Its value is the time at which the bucket will be full.
-- ARGV[1]: requests that a full bucket holds. ARGV[2]: microseconds in which an empty one fills.
-- Answers whether the request may pass, how many more would, and after how many microseconds one would.

local requests, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local share = window / requests
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local full_then = full_at + share
-- Half a microsecond, because shares need not be whole.
if full_then - now > window + 0.5 then
    return {0, 0, math.ceil(full_then - now - window)}
end
redis.call('SET', KEYS[1], string.format('%.3f', full_then), 'PX', math.ceil((full_then - now) / 1000) + 1)
return {1, math.floor((window - (full_then - now)) / share + 0.001), 0}
