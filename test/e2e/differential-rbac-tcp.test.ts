import fs from "node:fs";
import net from "node:net";
import { type ComparedCase, compareProxies } from "../support/compare-proxies.ts";
import { Peer } from "../support/peer.ts";
import { describeWith } from "../support/tools.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** By the last part of the client's address, which chooses the policies. */
interface Caller extends ComparedCase {
  readonly from: number;
}

const CASES: readonly Caller[] = [
  { name: "is allowed by its own address", from: 2 },
  { name: "is denied by its address", from: 3 },
  { name: "is denied where nobody is allowed", from: 4 },
  { name: "is let through where it is denied in the shadow", from: 5 },
  { name: "is denied by the second of two filters", from: 6 },
  { name: "is allowed by what it is not", from: 7 },
  { name: "is denied without certificate", from: 8 },
  { name: "is denied without the right certificate", from: 9 },
  { name: "is denied by what another filter has said", from: 10 },
  { name: "is let through by a filter without rules", from: 11 },
];

describeWith(["envoy"], "policies of TCP connections", () => {
  compareProxies({
    yaml: fs.readFileSync(new URL("differential-rbac-tcp.yaml", import.meta.url), "utf8"),
    groups: { "a connection": CASES },
    exchange: async (proxy, { from }) => {
      const localAddress = `127.0.0.${from}`;
      const peer = new Peer(net.connect({ port: proxy.port, host: "127.0.0.1", localAddress }));
      peer.sends(GET);
      const received = await peer.sees("end").catch(() => "reset");
      return received.replace(/date: [^\r]*/i, "date: …");
    },
    counters: /\.rbac\.|tcp\.in\.downstream_cx_total$/,
  });
});
