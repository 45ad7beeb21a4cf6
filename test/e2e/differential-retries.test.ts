/** Retries and hedging: what is tried again, what the client gets, and what is counted. */
import fs from "node:fs";
import { describe } from "vitest";
import { compareProxies } from "../support/compare-proxies.ts";
import { PlannedOrigin } from "../support/planned-origin.ts";
import {
  ASKED,
  CONDITIONS,
  HEDGES,
  MORE,
  REFUSALS,
  type RetryCase,
  ROUTES,
  STRANGERS,
  TIMES,
} from "../support/retry-cases.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-retries.yaml", import.meta.url), "utf8");

function rawOf({ body = "", headers = [], plan, target }: RetryCase): string {
  const length = body === "" ? [] : [`Content-Length: ${body.length}`];
  const lines = [`${body === "" ? "GET" : "POST"} ${target} HTTP/1.1`, "Host: a", ...headers];
  return `${[...lines, ...length, `X-Plan: ${plan}`].join("\r\n")}\r\n\r\n${body}`;
}

const H2 = `    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
`;

const COUNTED = new RegExp(
  "^cluster\\.\\w+\\.(retry\\..*|retry_or_shadow_abandoned|upstream_cx_none_healthy" +
    "|(internal|external)\\.upstream_rq_[2-5]xx" +
    "|upstream_rq_(retry.*|total|completed|[2-5]xx|[2-5]\\d\\d|timeout" +
    "|per_try.*|max_duration.*|rx_reset|tx_reset|pending_(total|overflow|failure_eject)))$",
);

function difference(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const changed = Object.entries(after).filter(([name, value]) => value !== (before[name] ?? 0));
  return Object.fromEntries(changed.map(([name, value]) => [name, value - (before[name] ?? 0)]));
}

describeWith(["envoy"], "retries", () => {
  describe.each([
    { protocol: "HTTP/1.1", port: "$PLANNED", options: "", refusals: [] },
    { protocol: "HTTP/2", port: "$PLANNED_TWO", options: H2, refusals: REFUSALS },
  ])("over $protocol", ({ port, options, refusals }) => {
    let planned: PlannedOrigin;
    compareProxies<RetryCase>({
      yaml: YAML.replace(
        "$ROUTES",
        ROUTES.map((route) => `              - ${JSON.stringify(route)}`).join("\n"),
      )
        .replaceAll("$UPSTREAM", port)
        .replaceAll("$OPTIONS\n", options),
      servers: async () => {
        planned = await PlannedOrigin.start();
        return planned;
      },
      groups: {
        "on each condition": [...CONDITIONS, ...refusals],
        "try again": MORE,
        "a request may ask for": ASKED,
        strangers: STRANGERS,
        "within their time": TIMES,
        "hedged, where": HEDGES,
      },
      exchange: async (proxy, one, origins) => {
        planned.take();
        const before = await proxy.stats(COUNTED);
        const { seen: _, ...outcome } = await proxy.exchange(rawOf(one), origins);
        const counted = difference(before, await proxy.stats(COUNTED));
        return { ...outcome, counted, seen: planned.take() };
      },
    });
  });
});
