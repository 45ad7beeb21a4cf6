import { add, at } from "../../../../metrics/cells.ts";
import type { Registry } from "../../../../metrics/registry.ts";
import type { Table } from "../../../../metrics/table.ts";
import { type ColumnSet, envoyColumn, envoyColumns, statSegment } from "../columns.ts";

/** Envoy: configuration/http/http_filters/rbac_filter and network_filters/rbac_filter. */
type Verdict = "allowed" | "denied";
type ShadowVerdict = "shadow_allowed" | "shadow_denied";

export type RbacVerdict = Verdict | ShadowVerdict;

const ALLOWED = "allowed by the rules";
const DENIED = "denied by the rules";

function verdicts(kind: string, what: string): ColumnSet<Verdict> {
  return envoyColumns(kind, {
    allowed: ["counter", `${what} ${ALLOWED}.`],
    denied: ["counter", `${what} ${DENIED}.`],
  });
}

function shadowVerdicts(kind: string, what: string): ColumnSet<ShadowVerdict> {
  return envoyColumns(kind, {
    shadow_allowed: ["counter", `${what} that would be ${ALLOWED} in the shadow.`],
    shadow_denied: ["counter", `${what} that would be ${DENIED} in the shadow.`],
  });
}

const HTTP = verdicts("http_rbac", "Requests");
const HTTP_SHADOW = shadowVerdicts("http_rbac", "Requests");
const OF_POLICY: Readonly<Record<RbacVerdict, string>> = {
  allowed: "Requests that matched a policy and were allowed.",
  denied: "Requests that matched a policy and were denied.",
  shadow_allowed: "Requests that matched a policy, and would be allowed in the shadow.",
  shadow_denied: "Requests that matched a policy, and would be denied in the shadow.",
};

const TCP = verdicts("rbac", "Connections");
const TCP_SHADOW = shadowVerdicts("rbac", "Connections");

const PREFIX = "envoy_http_conn_manager_prefix";
const RULES = "envoy_rbac_http_prefix";
const POLICY_NAME = "envoy_rbac_policy_name";

export interface RbacTables {
  readonly http: Table;
  readonly httpShadow: Table;
  /** One column each: a policy's action says which of them it counts in. */
  readonly policies: Readonly<Record<RbacVerdict, Table>>;
  readonly tcp: Table;
  readonly tcpShadow: Table;
}

/** `foo` and `foo.` stand before a name alike; the empty prefix leaves it as it is. */
function dotted(prefix: string): string {
  if (prefix === "") return "";
  return prefix.endsWith(".") ? statSegment(prefix) : `${statSegment(prefix)}.`;
}

export function rbacTables(registry: Registry): RbacTables {
  return {
    http: httpTable(registry, "http_rbac", HTTP.columns),
    httpShadow: httpTable(registry, "http_rbac_shadow", HTTP_SHADOW.columns),
    policies: {
      allowed: policyTable(registry, "allowed"),
      denied: policyTable(registry, "denied"),
      shadow_allowed: policyTable(registry, "shadow_allowed"),
      shadow_denied: policyTable(registry, "shadow_denied"),
    },
    tcp: tcpTable(registry, "rbac", TCP.columns),
    tcpShadow: tcpTable(registry, "rbac_shadow", TCP_SHADOW.columns),
  };
}

function httpTable(registry: Registry, name: string, columns: Table["columns"]): Table {
  return registry.table({
    name,
    columns,
    labelNames: [PREFIX, RULES],
    rowsMax: 5000,
    statName: (column, [prefix = "", rules = ""]) =>
      `http.${statSegment(prefix)}.rbac.${dotted(rules)}${column.stat}`,
  });
}

function policyTable(registry: Registry, verdict: RbacVerdict): Table {
  const kind = "http_rbac_policy";
  return registry.table({
    name: `${kind}_${verdict}`,
    columns: [envoyColumn("counter", kind, verdict, OF_POLICY[verdict])],
    labelNames: [PREFIX, RULES, POLICY_NAME],
    rowsMax: 20_000,
    statName: (column, [prefix = "", rules = "", policy = ""]) => {
      const before = `http.${statSegment(prefix)}.rbac.${dotted(rules)}policy.`;
      return `${before}${statSegment(policy)}.${column.stat}`;
    },
  });
}

function tcpTable(registry: Registry, name: string, columns: Table["columns"]): Table {
  return registry.table({
    name,
    columns,
    labelNames: ["envoy_rbac_prefix", RULES],
    rowsMax: 5000,
    statName: (column, [prefix = "", rules = ""]) =>
      `${dotted(prefix)}rbac.${dotted(rules)}${column.stat}`,
  });
}

/** The prefixes that stand in the names of an RBAC filter's statistics. */
export interface RbacPrefixes {
  /** Of the connection manager, or of a network filter. */
  readonly statPrefix: string;
  readonly rulesStatPrefix: string;
  readonly shadowRulesStatPrefix: string;
}

/** What an RBAC filter counts. Filters with the same prefixes count together, as in Envoy. */
export class RbacStats {
  readonly #rules: Float64Array;
  readonly #shadow: Float64Array;
  readonly #prefixes: RbacPrefixes;
  readonly #tables: Readonly<Record<RbacVerdict, Table>> | undefined;
  readonly #policies = new Map<RbacVerdict, Map<string, Float64Array>>();

  constructor(prefixes: RbacPrefixes, tables: RbacTables, of: "http" | "tcp") {
    const { rulesStatPrefix, shadowRulesStatPrefix, statPrefix } = prefixes;
    const [rules, shadow] =
      of === "http" ? [tables.http, tables.httpShadow] : [tables.tcp, tables.tcpShadow];
    this.#rules = rules.row([statPrefix, rulesStatPrefix]).cells;
    this.#shadow = shadow.row([statPrefix, shadowRulesStatPrefix]).cells;
    this.#prefixes = prefixes;
    this.#tables = of === "http" ? tables.policies : undefined;
  }

  count(allowed: boolean): void {
    add(this.#rules, allowed ? HTTP.at.allowed : HTTP.at.denied, 1);
  }

  countShadow(allowed: boolean): void {
    add(this.#shadow, allowed ? HTTP_SHADOW.at.shadow_allowed : HTTP_SHADOW.at.shadow_denied, 1);
  }

  /** Of a policy that matched; its row is made when that happens first. */
  countPolicy(verdict: RbacVerdict, policy: string): void {
    let ofVerdict = this.#policies.get(verdict);
    if (ofVerdict === undefined) {
      ofVerdict = new Map();
      this.#policies.set(verdict, ofVerdict);
    }
    let cells = ofVerdict.get(policy);
    if (cells === undefined) {
      cells = this.#policyCells(verdict, policy);
      ofVerdict.set(policy, cells);
    }
    add(cells, 0, 1);
  }

  #policyCells(verdict: RbacVerdict, policy: string): Float64Array {
    const { rulesStatPrefix, shadowRulesStatPrefix, statPrefix } = this.#prefixes;
    const shadow = verdict === "shadow_allowed" || verdict === "shadow_denied";
    const rules = shadow ? shadowRulesStatPrefix : rulesStatPrefix;
    const row = this.#tables?.[verdict].row([statPrefix, rules, policy]);
    return row?.cells ?? new Float64Array(1);
  }

  value(verdict: RbacVerdict): number {
    if (verdict === "allowed" || verdict === "denied") return at(this.#rules, HTTP.at[verdict]);
    return at(this.#shadow, HTTP_SHADOW.at[verdict]);
  }
}
