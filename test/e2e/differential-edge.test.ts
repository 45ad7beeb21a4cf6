import fs from "node:fs";
import { compareProxies } from "../support/compare-proxies.ts";
import { EDGE_CASES, rawOf } from "../support/differential-cases.ts";
import { describeWith } from "../support/tools.ts";

describeWith(["envoy"], "Envoy and Outrigger at the edge", () => {
  compareProxies({
    yaml: fs.readFileSync(new URL("differential-edge.yaml", import.meta.url), "utf8"),
    groups: EDGE_CASES,
    exchange: (proxy, one, origins) => proxy.exchange(rawOf(one), origins),
  });
});
