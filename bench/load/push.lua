-- Sends GitHub pushes, each once: arguments are the file of pushes that pushes.ts wrote, the webhook's path on the
-- server, and how many connections share the file.
local function read(path)
  local file = assert(io.open(path, 'rb'))
  local text = file:read('*a')
  file:close()
  return text
end

local head, tail, pushes, count, front, next_push, wrapped

function init(args)
  head, tail, pushes = read(args[1] .. '.head'), read(args[1] .. '.tail'), read(args[1])
  count, next_push, wrapped = #pushes / 104, 0, 0
  front = 'POST ' .. args[2] .. ' HTTP/1.1\r\nHost: ' .. wrk.host .. ':' .. wrk.port
    .. '\r\nContent-Type: application/json\r\nUser-Agent: GitHub-Hookshot/760256b\r\nX-GitHub-Event: push'
    .. '\r\nContent-Length: ' .. (#head + 40 + #tail) .. '\r\nX-GitHub-Delivery: '
end

function request()
  local at = (next_push % count) * 104
  next_push = next_push + 1
  local commit, signature = pushes:sub(at + 1, at + 40), pushes:sub(at + 41, at + 104)
  local id = commit:sub(1, 8) .. '-' .. commit:sub(9, 12) .. '-' .. commit:sub(13, 16) .. '-' .. commit:sub(17, 20)
    .. '-' .. commit:sub(21, 32)
  return front .. id .. '\r\nX-Hub-Signature-256: sha256=' .. signature .. '\r\n\r\n' .. head .. commit .. tail
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"micros":%d,"failed":%d,"broken":%d,"p50":%d,"p99":%d,"most":%d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
