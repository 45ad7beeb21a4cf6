import fs from "node:fs";
import { compareProxies } from "../support/compare-proxies.ts";
import { CASES, rawOf } from "../support/differential-cases.ts";
import { describeWith } from "../support/tools.ts";

const OF_CLUSTERS = [
  "upstream_rq_(total|2xx|4xx|5xx|completed|retry|retry_success|timeout|per_try_timeout)",
  "upstream_cx_(none_healthy|connect_fail)",
].join("|");
const OF_LISTENERS = ["downstream_rq_(total|2xx|3xx|4xx|5xx)", "no_route"].join("|");

describeWith(["envoy"], "Envoy and Outrigger on one file", () => {
  compareProxies({
    yaml: fs.readFileSync(new URL("differential.yaml", import.meta.url), "utf8"),
    groups: CASES,
    exchange: (proxy, one, origins) => proxy.exchange(rawOf(one), origins),
    counters: new RegExp(
      `^(cluster\\.(a|b|refused|empty|limited)\\.(${OF_CLUSTERS})|http\\.in\\.(${OF_LISTENERS}))$`,
    ),
  });
});
