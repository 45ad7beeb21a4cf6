import fs from "node:fs";
import { type ComparedCase, compareProxies } from "../support/compare-proxies.ts";
import { describeWith } from "../support/tools.ts";

interface HostCase extends ComparedCase {
  readonly target: string;
  readonly headers?: readonly string[];
}

const CASES: readonly HostCase[] = [
  { name: "is what the endpoint is called", target: "/named" },
  { name: "leaves behind what it was", target: "/forwarded" },
  {
    name: "leaves behind what it was once",
    target: "/forwarded",
    headers: ["X-Forwarded-Host: first.example, a.example"],
  },
  {
    name: "leaves behind what the last proxy has left already",
    target: "/forwarded",
    headers: ["X-Forwarded-Host: first.example,a.example"],
  },
  {
    name: "is the endpoint's at every try",
    target: "/again",
    headers: ["X-Origin-Status: 503"],
  },
  { name: "is the endpoint's, whatever its share of the route says", target: "/both" },
  { name: "is what the share of the route says", target: "/split" },
  { name: "is what the route says after that", target: "/outvoted" },
  { name: "stays where the endpoint has no name", target: "/plain" },
  { name: "stays where the route says so", target: "/off" },
  { name: "is the name that was looked up", target: "/strict" },
  { name: "is the name of a logical cluster", target: "/logical" },
  { name: "is the endpoint's own name before that", target: "/given" },
];

describeWith(["envoy"], "the Host of an endpoint", () => {
  compareProxies<HostCase>({
    yaml: fs.readFileSync(new URL("differential-host.yaml", import.meta.url), "utf8"),
    groups: { auto_host_rewrite: CASES },
    exchange: (proxy, { headers = [], target }, origins) => {
      const lines = [`GET ${target} HTTP/1.1`, "Host: a.example", ...headers];
      return proxy.exchange(`${lines.join("\r\n")}\r\n\r\n`, origins);
    },
  });
});
