-- Read a request's body before nginx does, to bound its time and to drop the slowest bodies first when they are too
-- many. Called by nginx.conf in the access and log phases. The rules are those of web/room.py and web/pace.py.
-- One state per nginx worker process.

local semaphore = require "ngx.semaphore"

local M = {}

local GRACE_S = 1 -- as pace.py
local MEMORY_S = 3
local LEFT = 0.875 -- as room.py
local FREE_BYTES = 65536
local QUICK = 100000 -- bytes since the last look at which the next one comes sooner
local QUICK_S, SLOW_S = 0.1, 1

local limits -- set by `init`
local bodies = {} -- id → the body of a request that has not ended
local last = 0
local arriving = 0 -- how many of them are incomplete
local held = 0 -- bytes received of all of them
local in_flight = 0 -- complete requests that the workers answer

-- The limits: `body_s` seconds for a body, and one more per `min_rate` bytes; `bytes` of all bodies; incomplete `bodies`;
-- complete `requests`. `slow`, `full` and `busy` are the locations of the responses.
function M.init(given)
    limits = given
end

local function rate(body, now)
    local age = math.max(now - body.began, 0.001)
    return body.level * math.exp((body.seen - now) / MEMORY_S) / (MEMORY_S * (1 - math.exp(-age / MEMORY_S)))
end

local function slower(one, other, now)
    local one_new, other_new = now - one.began < GRACE_S, now - other.began < GRACE_S
    if one_new ~= other_new then
        return other_new
    end
    if one_new then
        return one.began < other.began
    end
    return rate(one, now) < rate(other, now)
end

local function by_slowness(now)
    local found = {}
    for _, body in pairs(bodies) do
        if not body.complete and not body.given_up then
            found[#found + 1] = body
        end
    end
    table.sort(found, function(one, other)
        return slower(one, other, now)
    end)
    return found
end

local function forget(body)
    held = held - body.size
    body.size = 0
    if not body.complete and not body.given_up then
        arriving = arriving - 1
    end
end

-- If bodies are too many, give up the slowest until some room is left. False if complete ones take up all of it.
local function make_room(now)
    if held <= limits.bytes and arriving <= limits.bodies then
        return true
    end
    for _, body in ipairs(by_slowness(now)) do
        if held <= LEFT * limits.bytes and arriving <= LEFT * limits.bodies then
            break
        end
        forget(body)
        body.given_up = true
        body.wake:post()
    end
    return held <= limits.bytes
end

local function note(body)
    local now = ngx.now()
    local size = tonumber(ngx.var.request_length) - body.head
    local more = size - body.total
    body.total = size
    body.level = body.level * math.exp((body.seen - now) / MEMORY_S) + more
    body.seen = now
    body.size = body.size + more
    held = held + more
    return now, more
end

local function read(body)
    ngx.req.read_body()
    body.complete = true
    if body.wake then
        body.wake:post()
    end
end

local function wait(body)
    local pause = QUICK_S
    while true do
        body.wake:wait(pause)
        if body.given_up then
            return ngx.exec(limits.slow)
        end
        if body.complete then
            arriving = arriving - 1
            note(body)
            return
        end
        local now, more = note(body)
        if not make_room(now) and body.total > FREE_BYTES then
            return ngx.exec(limits.full)
        end
        if body.given_up or now > body.began + limits.body_s + body.total / limits.min_rate then
            return ngx.exec(limits.slow)
        end
        pause = more > QUICK and QUICK_S or SLOW_S
    end
end

-- Access phase: returns when the body is complete.
function M.body()
    local var = ngx.var
    if (not var.http_content_length and not var.http_transfer_encoding) or var.body_id ~= "" then
        return
    end
    local body = { complete = false }
    local before = tonumber(var.request_length)
    ngx.thread.spawn(read, body)
    if body.complete and tonumber(var.request_length) - before <= FREE_BYTES then
        return
    end
    local now = ngx.now()
    body.began, body.seen, body.level = now, now, 0
    body.head, body.total, body.size = before, 0, 0
    last = last + 1
    var.body_id = last
    bodies[tostring(last)] = body
    if body.complete then
        note(body)
        if not make_room(now) then
            return ngx.exec(limits.full)
        end
        return
    end
    body.wake = semaphore.new()
    arriving = arriving + 1
    make_room(now)
    return wait(body)
end

-- Access phase of requests to workers, which are counted when they are complete.
function M.request()
    M.body()
    local var = ngx.var
    if var.counted ~= "" then
        return
    end
    if in_flight >= limits.requests then
        return ngx.exec(limits.busy)
    end
    in_flight = in_flight + 1
    var.counted = "1"
end

-- Header filter: there is an answer. How long the client takes to read it does not matter.
function M.answered()
    local var = ngx.var
    if var.counted == "1" then
        in_flight = in_flight - 1
        var.counted = "0"
    end
end

-- Log phase: the request has ended.
function M.ended()
    local var = ngx.var
    M.answered()
    local id = var.body_id
    local body = id and id ~= "" and bodies[id]
    if body then
        bodies[id] = nil
        forget(body)
    end
end

return M
