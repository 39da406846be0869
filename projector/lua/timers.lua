-- Sets timers, each unless a newer snapshot already did. A timer that an older snapshot leaves behind after a newer
-- one removed it fires once too often, never too late.
--
-- KEYS[1]  sorted set of timers by the unix microseconds at which they are due
-- KEYS[2]  hash of their versions, "<epoch> <order> <clock>"
-- ARGV     epoch, order, clock, then pairs of timer and due time ("" for none)
local epoch, order, clock = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local version = ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3]

local function newer(stored)
    local e, o, c = string.match(stored, '^(%d+) (%d+) (%d+)$')
    e, o, c = tonumber(e), tonumber(o), tonumber(c)
    if e ~= epoch then return e > epoch end
    if o ~= order then return o > order end
    return c > clock
end

for i = 4, #ARGV, 2 do
    local timer, due = ARGV[i], ARGV[i + 1]
    local stored = redis.call('HGET', KEYS[2], timer)
    if not stored or not newer(stored) then
        if due == '' then
            if stored then
                redis.call('ZREM', KEYS[1], timer)
                redis.call('HDEL', KEYS[2], timer)
            end
        else
            redis.call('ZADD', KEYS[1], due, timer)
            redis.call('HSET', KEYS[2], timer, version)
        end
    end
end
return 1
