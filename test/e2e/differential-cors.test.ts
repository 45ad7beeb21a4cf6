import fs from "node:fs";
import { compareProxies } from "../support/compare-proxies.ts";
import { type DifferentialCase, rawOf } from "../support/differential-cases.ts";
import { describeWith } from "../support/tools.ts";

const SHOP = "Origin: http://shop.example";
const OTHER = "Origin: http://other.example";

function ask(name: string, path: string, ...headers: string[]): DifferentialCase {
  return { name, lines: [`GET ${path} HTTP/1.1`, "Host: reviews", ...headers] };
}

function preflight(name: string, path: string, ...headers: string[]): DifferentialCase {
  const method = "Access-Control-Request-Method: PUT";
  return { name, lines: [`OPTIONS ${path} HTTP/1.1`, "Host: reviews", method, ...headers] };
}

const CASES: Readonly<Record<string, readonly DifferentialCase[]>> = {
  "requests of pages": [
    ask("marks the answer for an allowed site", "/", SHOP),
    ask("marks it for a site that a regex allows", "/", "Origin: https://a.shop.example"),
    ask("says nothing to other sites", "/", OTHER),
    ask("says nothing without a site", "/"),
    ask("takes no part of a name for the whole", "/", "Origin: http://shop.example.evil"),
    ask(
      "overwrites what the origin says",
      "/",
      SHOP,
      "X-Origin-Header: access-control-allow-origin=*",
    ),
    ask(
      "keeps what the origin says to others",
      "/",
      OTHER,
      "X-Origin-Header: access-control-allow-origin=*",
    ),
    ask("lets the route's policy come first", "/any", OTHER),
    ask("fills the route's gaps from the virtual host", "/kept", "Origin: http://kept.example"),
    ask("marks a direct response", "/direct", SHOP),
    ask("marks a redirect", "/moved", SHOP),
    ask("marks the answer where a cluster is missing", "/nowhere", SHOP),
    ask("says nothing where no route matches", "/", SHOP, "X-Miss: 1"),
    ask("only counts in the shadow", "/shadow", SHOP),
    ask("does nothing where it is off", "/off", SHOP),
    ask("takes an empty site for none", "/", "Origin:"),
  ],
  preflights: [
    preflight("answers an allowed site", "/", SHOP),
    preflight("asks the origin for other sites", "/", OTHER),
    preflight("asks the origin without a site", "/"),
    preflight("answers before a direct response", "/direct", SHOP),
    preflight("answers before a redirect", "/moved", SHOP),
    preflight("answers where the cluster is missing", "/nowhere", SHOP),
    preflight("answers others itself where it shall", "/kept", OTHER),
    preflight("answers the site there", "/kept", "Origin: http://kept.example"),
    preflight(
      "allows private networks",
      "/any",
      OTHER,
      "Access-Control-Request-Private-Network: true",
    ),
    preflight("allows no private networks unasked", "/any", OTHER),
    preflight("names what was asked for without credentials too", "/open", OTHER),
    preflight(
      "allows the headers asked about",
      "/any",
      OTHER,
      "Access-Control-Request-Headers: X-A, x-b",
    ),
    preflight("is none where it is off", "/off", SHOP),
    preflight("is none in the shadow", "/shadow", SHOP),
    {
      name: "is none without the method that it asks about",
      lines: ["OPTIONS / HTTP/1.1", "Host: reviews", SHOP],
    },
    {
      name: "is none with another method",
      lines: ["GET / HTTP/1.1", "Host: reviews", SHOP, "Access-Control-Request-Method: PUT"],
    },
  ],
};

describeWith(["envoy"], "Envoy's CORS filter and Outrigger's", () => {
  compareProxies({
    yaml: fs.readFileSync(new URL("differential-cors.yaml", import.meta.url), "utf8"),
    groups: CASES,
    exchange: (proxy, one, origins) => proxy.exchange(rawOf(one), origins),
    counters: /^http\.in\.cors\./,
  });
});
