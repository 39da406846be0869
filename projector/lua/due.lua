-- Takes timers that are due, on a lease: whoever takes them queues their sections; publishing sets them anew or
-- removes them, and if that never happens the lease runs out and they are due again.
--
-- KEYS[1]  sorted set of timers
-- ARGV     now, end of the lease (unix microseconds), how many at most
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, timer in ipairs(due) do
    redis.call('ZADD', KEYS[1], ARGV[2], timer)
end
return due
