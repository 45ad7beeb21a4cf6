import fs from "node:fs";
import net from "node:net";
import { type ComparedCase, compareProxies } from "../support/compare-proxies.ts";
import { Peer } from "../support/peer.ts";
import { describeWith } from "../support/tools.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** The proxy's start took one of three tokens. */
const CASES: readonly ComparedCase[] = [
  { name: "is let through" },
  { name: "is let through while there is a token" },
  { name: "is closed without a byte, when there is none" },
  { name: "is closed as long as there is none" },
];

describeWith(["envoy"], "a limit of TCP connections", () => {
  compareProxies({
    yaml: fs.readFileSync(new URL("differential-connection-limit.yaml", import.meta.url), "utf8"),
    groups: { "a connection": CASES },
    exchange: async (proxy) => {
      const peer = new Peer(net.connect(proxy.port, "127.0.0.1"));
      peer.sends(GET);
      const received = await peer.sees("end");
      return received.replace(/date: [^\r]*/i, "date: …");
    },
    counters: /^(local_rate_limit\.|tcp\.in\.downstream_cx_total$|cluster\.a\.upstream_cx_total$)/,
  });
});
