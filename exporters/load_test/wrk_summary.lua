-- For wrk --script: prints one line of JSON with the exact figures of a run after wrk's own text.
-- Loaded beside another script, call plimsoll_done from its done().
-- Times are microseconds, whole numbers; percentiles are after wrk's correction for coordinated omission.

local percentiles = { 50, 66, 75, 80, 90, 95, 98, 99, 99.9, 99.99 }

function plimsoll_done(summary, latency, requests)
   local quantiles = {}
   for _, percentile in ipairs(percentiles) do
      quantiles[#quantiles + 1] = string.format('"%g":%d', percentile, latency:percentile(percentile))
   end
   local errors = summary.errors
   io.write(string.format(
      '{"wrk_summary":1,"duration_us":%d,"requests":%d,"bytes":%d,'
         .. '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d},'
         .. '"latency_us":{"min":%d,"max":%d,"mean":%.3f,"stdev":%.3f,"percentiles":{%s}}}\n',
      summary.duration, summary.requests, summary.bytes,
      errors.connect, errors.read, errors.write, errors.status, errors.timeout,
      latency.min, latency.max, latency.mean, latency.stdev, table.concat(quantiles, ",")))
end

done = plimsoll_done
