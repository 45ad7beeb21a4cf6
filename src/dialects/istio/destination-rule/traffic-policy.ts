import type {
  PolicyBlocks,
  PortPolicy,
  RetryBudgetSettings,
  TrafficPolicy,
} from "../../../model/destination-policy.ts";
import type { Spec } from "../spec.ts";
import { portError } from "../text-rules.ts";
import { readConnectionPool } from "./connection-pool.ts";
import { readLoadBalancer } from "./load-balancer.ts";
import { readOutlierDetection } from "./outlier-detection.ts";
import { readTls, type TlsPlace } from "./tls.ts";

type RulePlace = Omit<TlsPlace, "port">;

const PORT_FIELDS = ["outlierDetection", "connectionPool", "loadBalancer", "tls"];
const FIELDS = [...PORT_FIELDS, "portLevelSettings", "tunnel", "proxyProtocol", "retryBudget"];

/** TrafficPolicy of a rule or of a subset; no block where none is written. */
export function readTrafficPolicy(policy: Spec, place: RulePlace): TrafficPolicy {
  if (policy.present && !FIELDS.some((field) => policy.at(field).present)) {
    policy.refuse("traffic policy must have at least one field", FIELDS.join(", "));
  }
  checkTunnel(policy);
  const retryBudget = readRetryBudget(policy.at("retryBudget"));
  const blocks = { ...readBlocks(policy, { ...place, port: undefined }), retryBudget };
  const ports = policy.at("portLevelSettings").items();
  return { ...blocks, ports: ports.map((port) => readPort(port, place, retryBudget)) };
}

function readBlocks(policy: Spec, place: TlsPlace): Omit<PolicyBlocks, "retryBudget"> {
  const outlier = policy.at("outlierDetection");
  const tls = readTls(policy.at("tls"), place);
  return {
    ...(tls === undefined ? {} : { tls }),
    loadBalancer: readLoadBalancer(policy.at("loadBalancer"), outlier.present),
    connectionPool: readConnectionPool(policy.at("connectionPool")),
    outlierDetection: readOutlierDetection(outlier),
  };
}

/** A port's settings replace all blocks but the retry budget, which it cannot have. */
function readPort(
  settings: Spec,
  place: RulePlace,
  retryBudget: RetryBudgetSettings | undefined,
): PortPolicy {
  const port = settings.at("port").at("number").count() ?? 0;
  if (!settings.at("port").present) {
    settings.refuse("portTrafficPolicy must have valid port", "port: {number: 1..65535}");
  } else {
    settings.at("port").refuse(portError(port));
  }
  if (!PORT_FIELDS.some((field) => settings.at(field).present)) {
    settings.refuse("port traffic policy must have at least one field", PORT_FIELDS.join(", "));
  }
  return { port, ...readBlocks(settings, { ...place, port }), retryBudget };
}

/** Istio's defaults: 20 percent, and 3 at least. */
function readRetryBudget(budget: Spec): RetryBudgetSettings | undefined {
  if (!budget.present) return undefined;
  return {
    percent: budget.at("percent").number() ?? 20,
    minRetryConcurrency: budget.at("minRetryConcurrency").count() ?? 3,
  };
}

function checkTunnel(policy: Spec): void {
  const tunnel = policy.at("tunnel");
  if (!tunnel.present) return;
  if (policy.at("proxyProtocol").present) {
    policy.refuse("tunnel and proxyProtocol must not be set together");
  }
  if (!["", "CONNECT", "POST"].includes(tunnel.at("protocol").text() ?? "")) {
    tunnel.at("protocol").refuse('tunnel protocol must be "CONNECT" or "POST"', "CONNECT | POST");
  }
  const error = portError(tunnel.at("targetPort").count() ?? 0);
  if (error !== undefined) tunnel.refuse(`tunnel target port is invalid: ${error}`);
}
