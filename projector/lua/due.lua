-- Takes timers that are due: moves them to the leased ones, from which the caller removes them once their sections
-- are queued. A lease that ran out (its holder died) makes its timers due again.
--
-- KEYS[1]  sorted set of timers by the unix microseconds at which they are due
-- KEYS[2]  sorted set of leased timers by the end of the lease
-- ARGV     now, end of the lease, how many at most
for _, timer in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])) do
    redis.call('ZREM', KEYS[2], timer)
    redis.call('ZADD', KEYS[1], 'LT', ARGV[1], timer)
end
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, timer in ipairs(due) do
    redis.call('ZREM', KEYS[1], timer)
    redis.call('ZADD', KEYS[2], ARGV[2], timer)
end
return due
