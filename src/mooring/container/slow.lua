-- Read a request's body before nginx does, to bound its time and to drop the slowest bodies first when they are too
-- many. Called by nginx.conf in the access and log phases. The rules are those of web/room.py and web/pace.py.
-- One state per nginx worker process.

local semaphore = require "ngx.semaphore"

local M = {}

local QUICK = 100000 -- bytes since the last look at which the next one comes sooner
local QUICK_S, SLOW_S = 0.1, 1

local limits -- set by `init`
local bodies = {} -- id → the body of a request that has not ended
local last = 0
local held = 0 -- counted bytes of all of them
local arriving = 0 -- how many of them are incomplete
local arriving_bytes = 0 -- the part of `held` that is theirs
local in_flight = 0 -- complete requests that the workers answer

-- The limits: `body_s` seconds for a body, and one more per `min_rate` bytes; `bytes` of all bodies, of which `free_bytes`
-- of each complete one do not count; incomplete `bodies`; complete `requests`. The share `left` remains after the slowest
-- were given up. `grace_s` and `memory_s` are those of web/pace.py. `slow`, `full` and `busy` are the locations of the
-- responses.
function M.init(given)
    limits = given
end

local function rate(body, now)
    local age = math.max(now - body.began, 0.001)
    return body.level * math.exp((body.seen - now) / limits.memory_s) / (limits.memory_s * (1 - math.exp(-age / limits.memory_s)))
end

local function slower(one, other, now)
    local one_new, other_new = now - one.began < limits.grace_s, now - other.began < limits.grace_s
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
        if body.arriving then
            found[#found + 1] = body
        end
    end
    table.sort(found, function(one, other)
        return slower(one, other, now)
    end)
    return found
end

local function count(body, size)
    local more = size - body.size
    body.size = size
    held = held + more
    if body.arriving then
        arriving_bytes = arriving_bytes + more
    end
end

local function arrives_no_longer(body)
    if body.arriving then
        body.arriving = false
        arriving = arriving - 1
        arriving_bytes = arriving_bytes - body.size
    end
end

-- If bodies are too many, give up the slowest until some room is left. Nobody is given up for bytes that complete bodies
-- take up. False if there is no room.
local function make_room(now)
    if held <= limits.bytes and arriving <= limits.bodies then
        return true
    end
    local complete = held - arriving_bytes
    local most = limits.left * limits.bytes
    if complete > limits.bytes then
        most = held
    elseif complete > most then
        most = limits.bytes
    end
    local number = arriving <= limits.bodies and arriving or limits.left * limits.bodies
    for _, body in ipairs(by_slowness(now)) do
        if held <= most and arriving <= number then
            break
        end
        count(body, 0)
        arrives_no_longer(body)
        body.given_up = true
        body.wake:post()
    end
    return held <= limits.bytes
end

local function note(body)
    local now = ngx.now()
    local total = tonumber(ngx.var.request_length) - body.head
    local more = total - body.total
    body.total = total
    body.level = body.level * math.exp((body.seen - now) / limits.memory_s) + more
    body.seen = now
    count(body, total)
    return now, more
end

local function read(body)
    ngx.req.read_body()
    body.complete = true
    arrives_no_longer(body)
    if body.wake then
        body.wake:post()
    end
end

local function complete(body)
    local total = tonumber(ngx.var.request_length) - body.head
    count(body, math.max(0, total - limits.free_bytes))
    if total > limits.free_bytes and not make_room(ngx.now()) then
        return ngx.exec(limits.full)
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
            return complete(body)
        end
        local now, more = note(body)
        if not make_room(now) and body.total > limits.free_bytes then
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
    local body = { complete = false, arriving = false }
    local before = tonumber(var.request_length)
    ngx.thread.spawn(read, body)
    if body.complete and tonumber(var.request_length) - before <= limits.free_bytes then
        return
    end
    local now = ngx.now()
    body.began, body.seen, body.level = now, now, 0
    body.head, body.total, body.size = before, 0, 0
    last = last + 1
    var.body_id = last
    bodies[tostring(last)] = body
    if body.complete then
        return complete(body)
    end
    body.wake = semaphore.new()
    body.arriving = true
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
        count(body, 0)
        arrives_no_longer(body)
    end
end

return M
