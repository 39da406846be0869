-- Publishes one document: writes each section unless a newer snapshot already did (the fence), and tells the
-- channel when bytes changed. A version is "<epoch> <order> <clock>" in fixed width, so that text compares as the
-- numbers do; behind it stands "<cause> <built>": what the bytes last changed for, and the clock at which they did. An
-- unknown cause is left out.
--
-- KEYS[1]  the document
-- ARGV     version, cause and built, channel, tombstone seconds, mode ("put" or "delete"),
--          then for "put": JSON list of the sections that failed ("" for none), and pairs of section name and bytes
-- returns  0 fenced off, 1 nothing new, 2 changed
local key, version = KEYS[1], ARGV[1]
local width = #version
local fresh = version .. ' ' .. ARGV[2]

local function newer(stored)
    return string.sub(stored, 1, width) > version
end

local kind = redis.call('TYPE', key).ok
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', key) end

if ARGV[5] == 'delete' then
    local fields = redis.call('HGETALL', key)
    local buried = false
    for i = 1, #fields, 2 do
        local name = fields[i]
        if string.sub(name, -1) == '@' and newer(fields[i + 1]) then return 0 end
        buried = buried or name == 'deleted@'
    end
    redis.call('DEL', key)
    redis.call('HSET', key, 'deleted@', fresh)
    redis.call('EXPIRE', key, ARGV[4])
    if buried then return 1 end
    redis.call('PUBLISH', ARGV[3], key)
    return 2
end

local names = {'deleted@', 'degraded'}
for i = 7, #ARGV, 2 do
    local n = #names
    names[n + 1] = ARGV[i] .. '@'
    names[n + 2] = ARGV[i]
end
local stored = kind == 'hash' and redis.call('HMGET', key, unpack(names)) or {}

if stored[1] then
    if newer(stored[1]) then return 0 end
    redis.call('DEL', key)
end

local writes, rebuilt, changed, fenced = {}, {}, false, false
for n = 3, #names, 2 do
    local section, bytes, was = names[n + 1], ARGV[n + 5], stored[n]
    if was and newer(was) then
        fenced = true
    else
        rebuilt[section] = true
        local w = #writes
        writes[w + 1] = names[n]
        if was and stored[n + 1] == bytes then
            writes[w + 2] = version .. string.sub(was, width + 1)
        else
            changed = true
            writes[w + 2] = fresh
            writes[w + 3] = section
            writes[w + 4] = bytes
        end
    end
end

-- A section that failed keeps its last good bytes and is named until it can be built again.
if stored[2] or ARGV[6] ~= '' then
    local degraded, seen = {}, {}
    local function add(section)
        if not rebuilt[section] and not seen[section] then
            seen[section] = true
            degraded[#degraded + 1] = section
        end
    end
    for _, section in ipairs(stored[2] and cjson.decode(stored[2]) or {}) do add(section) end
    for _, section in ipairs(ARGV[6] ~= '' and cjson.decode(ARGV[6]) or {}) do
        local was = redis.call('HGET', key, section .. '@')
        if not was or not newer(was) then add(section) end
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
    redis.call('PUBLISH', ARGV[3], key)
    return 2
end
return fenced and #writes == 0 and 0 or 1
