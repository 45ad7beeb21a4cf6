import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { runUp } from "../support/running-up.ts";
import type { Answers } from "../support/scraping-prometheus.ts";
import type { Findings } from "../support/stranger.ts";
import { describeWith, tool } from "../support/tools.ts";

const STRANGER = fileURLToPath(new URL("../support/stranger.ts", import.meta.url));
const SAMPLE = fileURLToPath(new URL("../../samples/zero-trust", import.meta.url));
const TIMEOUT_MS = 90_000;
/** Declared by the ratings' containers. */
const DECLARED = [8080, 9080];
/** Nobody declares it, and nobody may get through it to whatever listens. */
const UNDECLARED = 7777;

/** The stranger has seen all: what comes behind it is the end of the mesh. */
const DONE = "stranger: done";

const STRICT = 'namespace="my-namespace"';
const SERVED = 'reporter="destination",destination_workload_namespace="my-namespace"';
const QUERIES = {
  requests: `sum(istio_requests_total{${SERVED}})`,
  encrypted: `sum(istio_requests_total{${SERVED},connection_security_policy="mutual_tls"})`,
  callers: `count by (source_principal) (istio_requests_total{${SERVED}})`,
  handshakes: `sum(envoy_listener_ssl_handshake{${STRICT}})`,
  strangers: `sum(envoy_listener_ssl_fail_verify_error{${STRICT}})`,
  nameless: `sum(envoy_listener_ssl_fail_verify_no_cert{${STRICT}})`,
  plaintext: `sum(envoy_listener_no_filter_chain_match{${STRICT}})`,
  refused:
    `sum(envoy_listener_ssl_fail_verify_error{${STRICT}})` +
    ` + sum(envoy_listener_ssl_fail_verify_no_cert{${STRICT}})`,
  denied: 'sum(istio_requests_total{reporter="destination",response_code="403"})',
};

/** The last that each caller has printed of each URL. */
function lastAnswers(text: string): Record<string, string> {
  const lines = text.matchAll(/(\w+)\/\S+ caller \| (http\S+): (\S+)/g);
  return Object.fromEntries(
    [...lines].map(([, namespace, url, answer]) => [`${namespace} ${url}`, answer ?? ""]),
  );
}

function figure(answers: Answers | undefined, name: keyof typeof QUERIES): number {
  return answers?.[name]?.[0]?.value ?? 0;
}

describeWith(
  ["prometheus", "ip", "iptables", "root"],
  "a mesh whose my-namespace is STRICT",
  () => {
    describe.each(["intercept", "explicit"])("in %s mode", (mode) => {
      let findings: Findings = { knocks: [], before: {}, after: {} };
      let printed = "";
      const ports = mode === "intercept" ? [...DECLARED, UNDECLARED] : DECLARED;

      beforeAll(async () => {
        const queries = Object.entries(QUERIES).map(([name, query]) => `${name}=${query}`);
        const arguments_ = [tool("prometheus"), "my-namespace", ports.join(","), ...queries];
        const command = [process.execPath, STRANGER, ...arguments_];
        const options = ["--mode", mode, "--outside", "--logs"];
        const result = await runUp([SAMPLE, ...options, "--", ...command], TIMEOUT_MS);
        expect(result.status, result.stderr).toBe(0);
        findings = JSON.parse(result.stdout) as Findings;
        printed = result.stderr.slice(0, result.stderr.indexOf(DONE));
      });

      it("serves its own once they are all there", () => {
        expect(lastAnswers(printed)).toEqual({
          "batch http://ratings.my-namespace:8080/": "200",
          "batch http://ratings.my-namespace:9080/": "200",
          "batch http://web.shop:8080/": "200",
          "shop http://ratings.my-namespace:8080/": "200",
        });
      });

      it("has encrypted every request that is counted", () => {
        const { after } = findings;
        expect(figure(after, "requests")).toBeGreaterThan(20);
        expect(figure(after, "encrypted")).toBe(figure(after, "requests"));
        expect(after.callers?.map(({ labels }) => labels.source_principal).sort()).toEqual([
          "spiffe://cluster.local/ns/batch/sa/nightly",
          "spiffe://cluster.local/ns/shop/sa/web",
        ]);
      });

      it("answers nobody else, on any port of any pod", () => {
        const { knocks } = findings;
        expect(knocks).toHaveLength(2 * 3 * ports.length);
        expect(knocks.filter(({ answer }) => answer !== "")).toEqual([]);
      });

      it("counts handshakes, and what it refused, by why", () => {
        const { before, after } = findings;
        const grown = (name: keyof typeof QUERIES): number =>
          figure(after, name) - figure(before, name);
        const pods = 2;
        expect(figure(after, "handshakes")).toBeGreaterThan(0);
        expect(grown("strangers")).toBe(pods * ports.length);
        expect(grown("nameless")).toBe(pods * ports.length);
        expect(figure(before, "strangers")).toBe(0);
      });
    });
  },
);
