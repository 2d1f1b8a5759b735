-- Requests for wrk, and a report of the result as one line of JSON.
-- AUTHORIZATION is sent with every request. With FIRST_NUMBER, each request is a validation request for the next number,
-- starting there: seven digits after the area code 415. CALL_DELAY is the CallDelay in seconds.

local authorization = os.getenv("AUTHORIZATION")
local number = tonumber(os.getenv("FIRST_NUMBER") or "")
local delay = os.getenv("CALL_DELAY")
local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }

if authorization then
  wrk.headers["Authorization"] = authorization
  headers["Authorization"] = authorization
end

if number then
  request = function()
    local body = string.format("PhoneNumber=%%2B1415%07d&FriendlyName=Bench", number)
    number = number + 1
    if delay then
      body = body .. "&CallDelay=" .. delay
    end
    return wrk.format("POST", nil, headers, body)
  end
end

done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "refused": %d, "broken": %d, "p50_us": %d, "p99_us": %d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
