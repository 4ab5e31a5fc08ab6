-- What wrk sends. Arguments: HEADS BODY FIRST COUNT SIZE
-- HEADS: a file with one request head a line, CRLF written as \1; sent in order from line FIRST, from
-- the top again at the end. BODY: "-", or a file; its first 16 bytes are replaced by a counter, so
-- that a server that stores equal blocks once has to store each. COUNT: stop after so many answers.
-- SIZE: when it is not 0, BODY has several bodies of this size, sent in turn and unchanged, because
-- their hashes stand in the heads; the number of heads is a multiple of theirs.
local heads, bodies, sent, body, counter, first = {}, {}, 0, nil, 0, true

function init(arguments)
  for line in io.lines(arguments[1]) do heads[#heads + 1] = line:gsub("\1", "\r\n") end
  if arguments[2] ~= "-" then
    local file = io.open(arguments[2], "rb")
    body = file:read("*a")
    file:close()
    math.randomseed(os.time())
    counter = math.random(1, 2 ^ 30) * 65536
    local size = tonumber(arguments[5] or "0")
    if size > 0 then
      for from = 1, #body, size do bodies[#bodies + 1] = body:sub(from, from + size - 1) end
    end
  end
  sent = tonumber(arguments[3] or "0") % #heads
  local count, answers = tonumber(arguments[4] or "0"), 0
  if count > 0 then
    response = function()
      answers = answers + 1
      if answers == count then
        wrk.thread:stop()
        io.stderr:write("DONE\n")
        io.stderr:flush()
      end
    end
  end
end

function request()
  local head = heads[sent % #heads + 1]
  local fixed = bodies[sent % math.max(1, #bodies) + 1]
  -- wrk asks once to see whether the script works, and does not send that one.
  if first then first = false else sent = sent + 1 end
  if not body then return head end
  if fixed then return head .. fixed end
  counter = counter + 1
  return head .. string.format("%016.0f", counter) .. body:sub(17)
end

function done(summary, latency)
  local e = summary.errors
  print(string.format('JSON{"requests":%d,"micros":%d,"refused":%d,"broken":%d,"p50_us":%d,"p99_us":%d}',
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
