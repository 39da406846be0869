-- Requests targets in turn (a file of lines "path <tab> if-none-match <tab> accept-encoding") and prints what came of
-- it as JSON.
local requests, turn = {}, 0

function init(args)
    for line in io.lines(args[1]) do
        local path, tag, coding = string.match(line, '^([^\t]*)\t([^\t]*)\t([^\t]*)$')
        local headers = { ['Host'] = wrk.headers['Host'] }
        if tag ~= '' then headers['If-None-Match'] = tag end
        if coding ~= '' then headers['Accept-Encoding'] = coding end
        requests[#requests + 1] = wrk.format('GET', path, headers)
    end
end

function request()
    turn = turn % #requests + 1
    return requests[turn]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format('\n{"requests": %d, "seconds": %f, "bytes": %d, "p50_ms": %f, "p99_ms": %f, "errors": %d}\n',
        summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50) / 1e3,
        latency:percentile(99) / 1e3, errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
