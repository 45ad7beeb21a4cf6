/** Requests whose retries are compared with Envoy's, and the routes that they take. */
import type { ComparedCase } from "./compare-proxies.ts";

/** Retry policies by the path that has them, with a back-off of next to nothing. */
const POLICIES: Readonly<Record<string, object>> = {
  "/5xx": { retry_on: "5xx", num_retries: 2 },
  "/gateway": { retry_on: "gateway-error", num_retries: 2 },
  "/reset": { retry_on: "reset", num_retries: 2 },
  "/before": { retry_on: "reset-before-request", num_retries: 2 },
  "/connect": { retry_on: "connect-failure", num_retries: 2 },
  "/refused": { retry_on: "refused-stream", num_retries: 2 },
  "/4xx": { retry_on: "retriable-4xx", num_retries: 2 },
  "/limited": { retry_on: "envoy-ratelimited,5xx", num_retries: 2 },
  "/codes": {
    retry_on: "retriable-status-codes,http3-post-connect-failure",
    retriable_status_codes: [418, 425],
  },
  "/headers": {
    retry_on: "retriable-headers",
    retriable_headers: [{ name: "x-again", string_match: { exact: "yes" } }, { name: "x-more" }],
  },
  "/grpc": {
    retry_on: "cancelled,deadline-exceeded,internal,resource-exhausted,unavailable",
    num_retries: 2,
  },
  "/asked": {
    retry_on: "5xx",
    num_retries: 2,
    retriable_request_headers: [{ name: "x-again" }],
  },
  "/wait": {
    retry_on: "5xx",
    rate_limited_retry_back_off: {
      reset_headers: [
        { name: "Retry-After", format: "SECONDS" },
        { name: "x-reset", format: "UNIX_TIMESTAMP" },
      ],
      max_interval: "2s",
    },
  },
};

const PREVIOUS_HOSTS =
  "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";

const BACK_OFF = { base_interval: "0.001s" };

export const ROUTES: readonly object[] = [
  ...Object.entries(POLICIES).map(([prefix, policy]) => ({
    match: { prefix },
    route: { cluster: "planned", retry_policy: { retry_back_off: BACK_OFF, ...policy } },
  })),
  { match: { prefix: "/none" }, route: { cluster: "planned" } },
  {
    match: { prefix: "/adds" },
    route: { cluster: "planned" },
    request_headers_to_add: [
      { header: { key: "x-envoy-retry-on", value: "5xx" } },
      { header: { key: "x-envoy-max-retries", value: "2" } },
    ],
  },
  {
    match: { prefix: "/unreachable" },
    route: {
      cluster: "refused",
      retry_policy: { retry_on: "connect-failure", num_retries: 2, retry_back_off: BACK_OFF },
    },
  },
  {
    match: { prefix: "/other" },
    route: {
      cluster: "half",
      hash_policy: [{ header: { header_name: "host" } }],
      retry_policy: {
        retry_on: "connect-failure",
        num_retries: 3,
        retry_back_off: BACK_OFF,
        retry_host_predicate: [
          {
            name: "envoy.retry_host_predicates.previous_hosts",
            typed_config: { "@type": PREVIOUS_HOSTS },
          },
        ],
        host_selection_retry_max_attempts: "5",
      },
    },
  },
  {
    match: { prefix: "/empty" },
    route: { cluster: "empty", retry_policy: { retry_on: "5xx,connect-failure" } },
  },
  {
    match: { prefix: "/budget" },
    route: { cluster: "budget", retry_policy: { retry_on: "5xx" } },
  },
  {
    match: { prefix: "/late" },
    route: {
      cluster: "planned",
      retry_policy: { retry_on: "5xx", per_try_timeout: "0.2s", retry_back_off: BACK_OFF },
    },
  },
  {
    match: { prefix: "/bounded" },
    route: {
      cluster: "planned",
      timeout: "0.3s",
      retry_policy: {
        retry_on: "5xx",
        num_retries: 9,
        per_try_timeout: "5s",
        retry_back_off: { base_interval: "100s" },
      },
    },
  },
  {
    match: { prefix: "/idle" },
    route: {
      cluster: "planned",
      retry_policy: { retry_on: "reset", per_try_idle_timeout: "0.2s", retry_back_off: BACK_OFF },
    },
  },
  {
    match: { prefix: "/hedge" },
    route: {
      cluster: "planned",
      timeout: "1s",
      hedge_policy: { hedge_on_per_try_timeout: true },
      retry_policy: {
        retry_on: "5xx",
        num_retries: 2,
        per_try_timeout: "0.2s",
        retry_back_off: BACK_OFF,
      },
    },
  },
];

export interface RetryCase extends ComparedCase {
  readonly target: string;
  readonly plan: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** From a client that counts as internal. */
const INSIDE = "X-Forwarded-For: 10.1.2.3";

export const CONDITIONS: readonly RetryCase[] = [
  ["/5xx", "503,500,200"],
  ["/5xx", "500,500,500"],
  ["/5xx", "404"],
  ["/5xx", "reset,reset,200"],
  ["/5xx", "reset"],
  ["/5xx", "503,404"],
  ["/5xx", "half"],
  ["/5xx", "hint-reset,200", "Interim answers are passed on"],
  ["/gateway", "502,504,200"],
  ["/gateway", "500"],
  ["/gateway", "503,500"],
  ["/gateway", "reset,200"],
  ["/reset", "reset,200"],
  ["/reset", "503"],
  ["/before", "reset,200"],
  ["/connect", "reset,200"],
  ["/refused", "reset,200"],
  ["/4xx", "409,409,200"],
  ["/4xx", "404"],
  ["/limited", "503+x-envoy-ratelimited=true,200"],
  ["/limited", "429+x-envoy-ratelimited=true,200"],
  ["/5xx", "503+x-envoy-ratelimited=true,200"],
  ["/5xx", "503+x-envoy-overloaded=true,200"],
  ["/codes", "418,200"],
  ["/codes", "425,200"],
  ["/codes", "503"],
  ["/headers", "200+x-again=yes,200"],
  ["/headers", "200+x-again=no"],
  ["/headers", "404+x-more=,200"],
  ["/grpc", "grpc-1,grpc-14,grpc-0"],
  ["/grpc", "grpc-4,grpc-8,grpc-13"],
  ["/grpc", "grpc-2"],
  ["/grpc", "200+grpc-status=14,200"],
  ["/asked", "503,200"],
  ["/wait", "503+retry-after=1,200"],
  ["/wait", "503+retry-after=3,200"],
  ["/wait", "503+retry-after=soon,200"],
  ["/wait", "503+retry-after=0,200"],
  ["/wait", "503+x-reset=1,200"],
  ["/none", "503"],
  ["/adds", "503,503,200"],
  ["/unreachable", "200"],
  ["/other", "200"],
  ["/empty", "200", "An attempt counts once it has a host"],
  ["/budget", "503,200"],
  ["/budget", "reset,200"],
].map(([target = "", plan = "", difference]) => ({
  name: `${target}: ${plan}`,
  target,
  plan,
  difference,
}));

export const MORE: readonly RetryCase[] = [
  { name: "a body again", target: "/5xx", plan: "503,reset,200", body: "hello" },
  { name: "where the request matches", target: "/asked", plan: "503,200", headers: ["X-Again: a"] },
  {
    name: "nothing that came early",
    target: "/codes",
    plan: "425,200",
    headers: ["Early-Data: 1"],
  },
];

export const ASKED: readonly RetryCase[] = [
  ["retries", "503,503,200", "X-Envoy-Retry-On: 5xx", "X-Envoy-Max-Retries: 2"],
  ["one retry", "503,503,200", "X-Envoy-Retry-On: gateway-error"],
  [
    "retries of several words",
    "409,reset,200",
    "X-Envoy-Retry-On: reset , retriable-4xx,what",
    "X-Envoy-Max-Retries: +2",
  ],
  ["a number that is none", "503,503,200", "X-Envoy-Retry-On: 5xx", "X-Envoy-Max-Retries: -1"],
  ["no retries", "503,200", "X-Envoy-Retry-On: 5xx", "X-Envoy-Max-Retries: 0"],
  ["gRPC's retries", "grpc-14,grpc-0", "X-Envoy-Retry-Grpc-On: unavailable"],
  ["gRPC's words for HTTP's", "grpc-14,grpc-0", "X-Envoy-Retry-On: unavailable"],
  [
    "statuses",
    "418,404,200",
    "X-Envoy-Retry-On: retriable-status-codes",
    "X-Envoy-Retriable-Status-Codes: 418, 404,x",
    "X-Envoy-Max-Retries: 3",
  ],
  ["statuses alone", "418,200", "X-Envoy-Retriable-Status-Codes: 418"],
  [
    "headers",
    "200+x-again=1,200",
    "X-Envoy-Retry-On: retriable-headers",
    "X-Envoy-Retriable-Header-Names: x-other , X-Again",
  ],
  ["a timeout", "silent", "X-Envoy-Upstream-Rq-Timeout-Ms: 100"],
  [
    "a timeout, and no word of it",
    "silent",
    "X-Envoy-Upstream-Rq-Timeout-Ms: 100",
    "X-Envoy-Upstream-Rq-Timeout-Alt-Response: 1",
  ],
  [
    "a try's timeout",
    "silent,200",
    "X-Envoy-Upstream-Rq-Per-Try-Timeout-Ms: 100",
    "X-Envoy-Retry-On: 5xx",
  ],
  ["a try's timeout alone", "silent,200", "X-Envoy-Upstream-Rq-Per-Try-Timeout-Ms: 100"],
  [
    "a try's timeout above all",
    "silent",
    "X-Envoy-Upstream-Rq-Per-Try-Timeout-Ms: 300",
    "X-Envoy-Upstream-Rq-Timeout-Ms: 200",
    "X-Envoy-Retry-On: 5xx",
  ],
  ["a stream's duration", "silent", "X-Envoy-Upstream-Stream-Duration-Ms: 100"],
  [
    "a stream's duration, and retries",
    "silent,200",
    "X-Envoy-Upstream-Stream-Duration-Ms: 100",
    "X-Envoy-Retry-On: reset",
  ],
  [
    "hedging",
    "after2,silent",
    "X-Envoy-Hedge-On-Per-Try-Timeout: true",
    "X-Envoy-Upstream-Rq-Per-Try-Timeout-Ms: 100",
    "X-Envoy-Retry-On: 5xx",
  ],
  ["another statistic", "200", "X-Envoy-Upstream-Alt-Stat-Name: x"],
].map(([name = "", plan = "", ...headers]) => ({
  name,
  target: "/none",
  plan,
  headers: [INSIDE, ...headers],
}));

export const STRANGERS: readonly RetryCase[] = [
  {
    name: "ask for retries in vain",
    target: "/none",
    plan: "503,200",
    headers: ["X-Envoy-Retry-On: 5xx"],
  },
  {
    name: "are no less strangers behind two proxies",
    target: "/none",
    plan: "503,200",
    headers: ["X-Forwarded-For: 10.1.1.1, 10.1.1.2", "X-Envoy-Retry-On: 5xx"],
  },
  {
    name: "may bound their own streams",
    target: "/none",
    plan: "silent",
    headers: ["X-Envoy-Upstream-Stream-Duration-Ms: 100"],
  },
  {
    name: "switch no hedging off",
    target: "/hedge",
    plan: "after2,silent",
    headers: ["X-Envoy-Hedge-On-Per-Try-Timeout: false"],
  },
];

export const TIMES: readonly RetryCase[] = [
  ["/late", "silent,200"],
  ["/late", "silent,silent"],
  ["/bounded", "503,200"],
  ["/bounded", "silent"],
  ["/idle", "silent,200"],
  ["/idle", "silent,silent"],
].map(([target = "", plan = ""]) => ({ name: `${target}: ${plan}`, target, plan }));

export const HEDGES: readonly RetryCase[] = [
  ["the first answers, when another has joined", "after2,silent"],
  ["the second answers", "silent,200"],
  ["the third answers", "silent,silent,200"],
  ["the second is bad, the third is not", "silent,503,200"],
  ["the second is bad, the first is not", "after3,503,silent"],
  ["all are bad", "silent,503,503"],
  ["none answers", "silent"],
  ["the first answers in time", "200"],
  ["the first is bad in time", "503,200"],
  ["the second is reset", "silent,reset,200"],
].map(([name = "", plan = ""]) => ({ name, target: "/hedge", plan }));

/** HTTP/2 alone has them. */
export const REFUSALS: readonly RetryCase[] = [
  { name: "/refused: refuse,refuse,200", target: "/refused", plan: "refuse,refuse,200" },
  { name: "/before: refuse,200", target: "/before", plan: "refuse,200" },
];
