/** The same file and the same requests as in HTTP/1.1, but both proxies are spoken to in HTTP/2. */
import fs from "node:fs";
import { compareProxies } from "../support/compare-proxies.ts";
import { exchangeHttp2, HTTP2_CASES } from "../support/differential-http2.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs
  .readFileSync(new URL("differential.yaml", import.meta.url), "utf8")
  .replace("codec_type: HTTP1", "codec_type: HTTP2");

describeWith(["envoy"], "Envoy and Outrigger on one file, over HTTP/2", () => {
  compareProxies({
    yaml: YAML,
    groups: HTTP2_CASES,
    exchange: exchangeHttp2,
    counters:
      /^http\.in\.(downstream_(cx|rq)_http[12]_total|downstream_rq_(total|[2345]xx)|no_route)$/,
  });
});
