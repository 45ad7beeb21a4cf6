import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { socketAddress } from "../../src/model/address.ts";
import { ask } from "../support/ask.ts";
import {
  eventually,
  freePort,
  type RunningProgram,
  startEnvoy,
  startOutrigger,
} from "../support/envoy-process.ts";
import { type Family, parseExposition } from "../support/exposition.ts";
import { describeWith, tool } from "../support/tools.ts";

/**
 * What Envoy 1.40 counts and Outrigger does not: about features that are not executed (and whose
 * configuration is refused), and about Envoy's inside.
 */
const NOT_OURS = [
  /^envoy_cluster_lb_(?:subsets|zone|local_cluster|recalculate)_/,
  /^envoy_(?:cluster|http)_\w*(?:http2|http3|0_?rtt|ssl)/,
  /^envoy_cluster_http1_/,
  /^envoy_(?:cluster_upstream|http_passthrough)_internal_redirect_/,
  /^envoy_http_tracing_/,
  /^envoy_cluster_circuit_breakers_(?:high_|default_\w*cx_pool)/,
  /^envoy_(?:cluster|http)_\w+_bytes_buffered$/,
  /^envoy_cluster_(?:assignment_|default_total_match_count|max_host_weight|version|warming_state)/,
  /^envoy_cluster_(?:original_dst_host_invalid|upstream_queue_overloaded|manager_)/,
  /^envoy_cluster_upstream_cx_(?:pool_overflow|preconnect_skipped)$/,
  /^envoy_cluster_upstream_rq_(?:maintenance_mode|max_duration_reached|per_try_idle_timeout)$/,
  /^envoy_cluster_upstream_rq_(?:retry_backoff_ratelimited|rx_reset_no_error)$/,
  /^envoy_http_downstream_cx_(?:delayed_close_timeout|overload_disable_keepalive)$/,
  /^envoy_http_downstream_cx_http1_soft_drain$/,
  /^envoy_http_downstream_rq_(?:redirected_with|rejected_via|too_many_premature)/,
  /^envoy_http_rq_overload_local_reply$/,
  /^envoy_listener_(?:admin_|manager_|worker_|extension_|network_|connections_accepted_)/,
  /^envoy_listener_downstream_cx_transport_socket_connect_timeout$/,
];

const FILTERS = "envoy.extensions.filters";
const HCM = `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`;
const ROUTER = `${FILTERS}.http.router.v3.Router`;

const FILE_LOG = "envoy.extensions.access_loggers.file.v3.FileAccessLog";

/** Without what differs from run to run. */
const LOG_FORMAT = [
  "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %REQ(:PATH):4% %PROTOCOL% %RESPONSE_CODE%",
  "%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG% %BYTES_RECEIVED% %UPSTREAM_CLUSTER% %ROUTE_NAME%",
  "%UPSTREAM_CLUSTER_RAW% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %RESP(SERVER)% %REQ(NONE)%",
  "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %GRPC_STATUS% %CONNECTION_TERMINATION_DETAILS% %%",
].join(" ");

const KINDS = /^envoy_(?:cluster|http|listener)_/;

/** Both proxies ask their own admin server: an upstream that is there without another program. */
function bootstrapOf(adminPort: number, port: number, deadPort: number, logFile: string): string {
  return `
admin: {address: {socket_address: {address: 127.0.0.1, port_value: ${adminPort}}}}
static_resources:
  listeners:
  - name: web
    address: {socket_address: {address: 127.0.0.1, port_value: ${port}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/${HCM}
          stat_prefix: web
          access_log:
          - name: file
            typed_config:
              "@type": type.googleapis.com/${FILE_LOG}
              path: ${logFile}
              log_format: {text_format_source: {inline_string: "${LOG_FORMAT}\\n"}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/${ROUTER}}
          route_config:
            name: routes
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {prefix: /dead}
                name: to-nobody
                route: {cluster: "outbound|80||dead"}
              - match: {prefix: /retried}
                route:
                  cluster: admin
                  prefix_rewrite: /nowhere
                  retry_policy:
                    retry_on: retriable-status-codes
                    num_retries: 1
                    retriable_status_codes: [404]
              - match: {path: /ready}
                route: {cluster: admin}
  clusters:
  - name: admin
    type: STATIC
    circuit_breakers: {thresholds: [{track_remaining: true}]}
    load_assignment:
      cluster_name: admin
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${adminPort}}}}
  - name: "outbound|80||dead"
    type: STATIC
    load_assignment:
      cluster_name: dead
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${deadPort}}}}
`;
}

interface Told {
  readonly metrics: string;
  readonly log: string;
}

/** Starts one, sends the requests, and reads its metrics and its access log. */
async function toldBy(start: (bootstrap: string) => RunningProgram): Promise<Told> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-telemetry-"));
  const logFile = path.join(folder, "access.log");
  const [adminPort, port, deadPort] = [await freePort(), await freePort(), await freePort()];
  const program = start(bootstrapOf(adminPort, port, deadPort, logFile));
  const metrics = await countedBy(program, adminPort, port);
  const log = fs.readFileSync(logFile, "utf8");
  fs.rmSync(folder, { recursive: true });
  return { metrics, log };
}

async function countedBy(
  program: RunningProgram,
  adminPort: number,
  port: number,
): Promise<string> {
  const admin = socketAddress("127.0.0.1", adminPort);
  try {
    await eventually("the proxy is ready", () =>
      ask(admin, "/ready").then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
    const web = socketAddress("127.0.0.1", port);
    for (const path of ["/ready", "/ready", "/dead", "/retried", "/unrouted"]) {
      await ask(web, path);
    }
    let text = "";
    await eventually("all is counted", async () => {
      text = (await ask(admin, "/stats/prometheus")).body;
      const times = parseExposition(text).get("envoy_http_downstream_cx_length_ms");
      const count =
        'envoy_http_downstream_cx_length_ms_count{envoy_http_conn_manager_prefix="web"}';
      return times?.samples.get(count) === 5;
    });
    return text;
  } finally {
    await program.stop();
  }
}

describeWith(["envoy", "promtool"], "our metrics beside Envoy's", () => {
  let text: string;
  let ours: Map<string, Family>;
  let envoys: Map<string, Family>;
  let logs: { readonly envoys: string; readonly ours: string };

  beforeAll(async () => {
    const envoy = await toldBy(startEnvoy);
    const outrigger = await toldBy(startOutrigger);
    envoys = parseExposition(envoy.metrics);
    text = outrigger.metrics;
    ours = parseExposition(text);
    logs = { envoys: envoy.log, ours: outrigger.log };
  });

  it("have Envoy's names, types and labels", () => {
    const named = [...ours].filter(([name]) => name.startsWith("envoy_"));
    expect(named.length).toBeGreaterThan(80);
    for (const [name, { type, labelSets }] of named) {
      const envoy = envoys.get(name);
      // Envoy shows these only once something was counted.
      const sameLabels =
        envoy === undefined || [...labelSets].every((set) => envoy.labelSets.has(set));
      expect({ name, type, sameLabels }).toEqual({
        name,
        type: envoy?.type ?? "missing in Envoy",
        sameLabels: true,
      });
    }
  });

  it("lack only what is about features that are not executed", () => {
    const lacking = [...envoys.keys()].filter(
      (name) => KINDS.test(name) && !ours.has(name) && !NOT_OURS.some((known) => known.test(name)),
    );
    expect(lacking).toEqual([]);
  });

  it("count the same requests as the same", () => {
    const counted = [
      "envoy_cluster_upstream_rq",
      "envoy_cluster_upstream_rq_xx",
      "envoy_cluster_upstream_rq_total",
      "envoy_cluster_upstream_rq_completed",
      "envoy_cluster_upstream_rq_retry",
      "envoy_cluster_retry_upstream_rq",
      "envoy_cluster_upstream_rq_pending_failure_eject",
      "envoy_cluster_upstream_cx_connect_fail",
      "envoy_cluster_membership_healthy",
      "envoy_http_downstream_rq_total",
      "envoy_http_downstream_rq_completed",
      "envoy_http_downstream_rq_xx",
      "envoy_http_downstream_cx_total",
      "envoy_http_no_route",
      "envoy_http_rq_total",
      "envoy_listener_downstream_cx_total",
      "envoy_listener_http_downstream_rq_xx",
    ];
    for (const name of counted) {
      expect([name, samplesOf(ours, name)]).toEqual([name, samplesOf(envoys, name)]);
    }
  });

  it("go with the same access log", () => {
    expect(logs.ours.trimEnd().split("\n")).toHaveLength(5);
    expect(logs.ours).toBe(logs.envoys);
  });

  it("are what promtool wants, but for the names that are Envoy's", () => {
    const { stderr, stdout } = spawnSync(tool("promtool"), ["check", "metrics"], { input: text });
    const complaints = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
    expect(complaints.filter((line) => !/^envoy_/.test(line))).toEqual([]);
    expect(
      complaints.filter((line) => !/suffix$|abbreviated units$|instead of "days"$/.test(line)),
    ).toEqual([]);
  });
});

/** Without the port in a listener's address, and without what is Envoy's own. */
function samplesOf(families: ReadonlyMap<string, Family>, name: string): Record<string, number> {
  const samples = families.get(name)?.samples ?? new Map<string, number>();
  return Object.fromEntries(
    [...samples]
      .filter(([key]) => !/prefix="(?:admin|async-client)"/.test(key))
      .map(([key, value]) => [key.replace(/127\.0\.0\.1_\d+/, "ADDRESS"), value] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
