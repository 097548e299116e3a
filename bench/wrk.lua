-- wrk's part: takes each line of a pool once, sends it as the token, stops when all are answered.
--
-- Arguments: HEAD FILE SIZE FIRST COUNT CYCLE CONNECTIONS
--   HEAD   a file with the request up to the token's header, which is the last one
--   FILE   a pool: one token a line, all of SIZE bytes with the line's end
--   FIRST  the first line to take
--   COUNT  how many requests to send
--   CYCLE  after how many lines to begin again at FIRST; as many as COUNT: never a token twice
--   CONNECTIONS  as many as wrk opens
--
-- Prints "started" and "answered" when they are, and at the end a line that starts with "result".

local head, pool, size, first, count, cycle, connections
local sent, idle = 0, 0

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  head = file:read("*a")
  file:close()
  pool = assert(io.open(arguments[2], "rb"))
  size, first = tonumber(arguments[3]), tonumber(arguments[4])
  count, cycle = tonumber(arguments[5]), tonumber(arguments[6])
  connections = tonumber(arguments[7])
end

local function say(line)
  io.write(line .. "\n")
  io.flush()
end

function request()
  if sent == count then
    idle = idle + 1
    -- Envoy has answered everything. wrk sleeps until its time is up, or the runner interrupts it.
    if idle == connections then say("answered") end
    return ""
  end
  if sent == 0 then say("started") end
  if sent % cycle == 0 then pool:seek("set", first * size) end
  sent = sent + 1
  local token = assert(pool:read(size), "the pool ran out of tokens"):sub(1, -2)
  -- The second one of a line is an access token.
  local user, access = token:match("^(%S+) (%S+)$")
  if access then token = user .. "\r\nx-amzn-oidc-accesstoken: " .. access end
  return head .. token .. "\r\n\r\n"
end

function done(summary, latency)
  local errors = summary.errors
  say(string.format("result %d %d %d %d", summary.requests, latency:percentile(50),
    latency:percentile(99), errors.connect + errors.read + errors.write + errors.timeout))
end
