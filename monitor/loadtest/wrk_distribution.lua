-- For wrk --script, loaded behind wrk_summary.lua: prints wrk's whole histogram of latencies as one line of JSON,
-- [microseconds, requests] in pairs, so that wrk's correction for coordinated omission can be taken back exactly.
-- Reading the n-th value costs wrk a walk over all before it, 3e9 steps a second: what would take much longer than 10 s
-- is left out. A stall of 0.4 s makes 5e9 steps.

local steps_max = 5e10

function plimsoll_distribution(latency)
   local values = #latency
   if values * latency.max > steps_max then
      return
   end
   local pairs_text = {}
   for index = 1, values do
      local value, count = latency(index)
      pairs_text[index] = string.format("[%d,%d]", value, count)
   end
   io.write('{"wrk_distribution":1,"latency_us":[', table.concat(pairs_text, ","), "]}\n")
end

function done(summary, latency, requests)
   plimsoll_done(summary, latency, requests)
   if summary.requests > 0 then
      plimsoll_distribution(latency)
   end
end
