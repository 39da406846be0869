-- Publishes one document: writes each section unless a newer snapshot already did (the fence), and tells the
-- channel when bytes changed. A version is "<epoch> <order> <clock> <built>"; built, the clock at which the bytes
-- last changed, takes no part in the order.
--
-- KEYS[1]  the document
-- ARGV     epoch, order, clock, channel, tombstone seconds, mode ("put" or "delete"),
--          then for "put": JSON list of the sections that failed ("" for none), and pairs of section name and bytes
-- returns  0 fenced off, 1 nothing new, 2 changed
local key = KEYS[1]
local epoch, order, clock = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local version = ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3] .. ' '

-- The stored version's `built` where it is not newer than ours, else nil.
local function older(stored)
    local e, o, c, built = string.match(stored, '^(%d+) (%d+) (%d+) (%d+)$')
    if not e then return ARGV[3] end -- edited by hand: nothing that could be newer
    e, o, c = tonumber(e), tonumber(o), tonumber(c)
    if e ~= epoch then return e < epoch and built or nil end
    if o ~= order then return o < order and built or nil end
    return c <= clock and built or nil
end

if redis.call('TYPE', key).ok ~= 'hash' then redis.call('DEL', key) end

if ARGV[6] == 'delete' then
    local fields = redis.call('HGETALL', key)
    local existed = false
    for i = 1, #fields, 2 do
        local name = fields[i]
        if string.sub(name, -1) == '@' then
            if not older(fields[i + 1]) then return 0 end
            existed = existed or name ~= 'deleted@'
        end
    end
    redis.call('DEL', key)
    redis.call('HSET', key, 'deleted@', version .. ARGV[3])
    redis.call('EXPIRE', key, ARGV[5])
    if not existed then return 1 end
    redis.call('PUBLISH', ARGV[4], key)
    return 2
end

local names = {'deleted@', 'degraded'}
for i = 8, #ARGV, 2 do
    names[#names + 1] = ARGV[i] .. '@'
    names[#names + 1] = ARGV[i]
end
local stored = redis.call('HMGET', key, unpack(names))

if stored[1] then
    if not older(stored[1]) then return 0 end
    redis.call('DEL', key)
end

local writes, rebuilt, changed, fenced = {}, {}, false, false
for n = 3, #names, 2 do
    local section, bytes, was = names[n + 1], ARGV[n + 6], stored[n]
    local built = ARGV[3]
    if was then built = older(was) end
    if not built then
        fenced = true
    else
        rebuilt[section] = true
        if was and stored[n + 1] == bytes then
            writes[#writes + 1] = names[n]
            writes[#writes + 1] = version .. built
        else
            changed = true
            writes[#writes + 1] = section
            writes[#writes + 1] = bytes
            writes[#writes + 1] = names[n]
            writes[#writes + 1] = version .. ARGV[3]
        end
    end
end

-- A section that failed keeps its last good bytes and is named until it can be built again.
if stored[2] or ARGV[7] ~= '' then
    local degraded, seen = {}, {}
    local function add(section)
        if not rebuilt[section] and not seen[section] then
            seen[section] = true
            degraded[#degraded + 1] = section
        end
    end
    for _, section in ipairs(stored[2] and cjson.decode(stored[2]) or {}) do add(section) end
    for _, section in ipairs(ARGV[7] ~= '' and cjson.decode(ARGV[7]) or {}) do
        local was = redis.call('HGET', key, section .. '@')
        if not was or older(was) then add(section) end
    end
    if #degraded == 0 then
        redis.call('HDEL', key, 'degraded')
        changed = true
    else
        table.sort(degraded)
        local text = cjson.encode(degraded)
        if text ~= stored[2] then
            changed = true
            redis.call('HSET', key, 'degraded', text)
        end
    end
end

if #writes > 0 then redis.call('HSET', key, unpack(writes)) end
if changed then
    redis.call('PUBLISH', ARGV[4], key)
    return 2
end
return fenced and #writes == 0 and 0 or 1
