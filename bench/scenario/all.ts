/** The table of the benchmark, in the order in which it runs. */
import type { Scenario } from "../scenario.ts";
import { bodiesMtls, bodiesPlain } from "./bodies.ts";
import { fairness } from "./fairness.ts";
import { grpc, http2 } from "./http2.ts";
import { idleMtls, idlePlain } from "./idle.ts";
import { latency } from "./latency.ts";
import { memory1, memory1000 } from "./memory.ts";
import { oneHop } from "./one-hop.ts";
import { pair8, pair64 } from "./pair.ts";
import { policies } from "./policies.ts";
import { start } from "./start.ts";
import { tcpBytes, tcpConnections } from "./tcp.ts";

export const SCENARIOS: readonly Scenario[] = [
  oneHop,
  policies,
  pair64,
  pair8,
  http2,
  grpc,
  bodiesPlain,
  bodiesMtls,
  tcpBytes,
  tcpConnections,
  latency,
  fairness,
  memory1,
  memory1000,
  idlePlain,
  idleMtls,
  start,
];
