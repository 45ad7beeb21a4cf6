import type {
  AccessPolicy,
  AccessRule,
  Condition,
  OperationMatch,
  SourceMatch,
} from "../../src/model/policy/access-policy.ts";
import { ANY_OPERATION, ANY_SOURCE } from "../../src/model/policy/access-policy.ts";
import type { MetadataFields } from "../../src/proxy/filters/dynamic-metadata.ts";
import type { DescribedRequest } from "../../src/proxy/filters/rbac/decide.ts";

/** A request as changeable facts, before it is one. */
interface Facts {
  /** URIs of the certificate by the field that asks for them; none: no certificate. */
  identities: Record<string, string>;
  method: string;
  host: string;
  path: string;
  port: number;
  sourceIp: string;
  remoteIp: string;
  destinationIp: string;
  serverName: string;
  headers: Record<string, string>;
  claims: Record<string, unknown>;
  filters: Record<string, Record<string, unknown>>;
}

type Change = (facts: Facts) => void;

/** What nobody asks for. */
function plain(): Facts {
  return {
    identities: {},
    method: "GET",
    host: "else.example",
    path: "/else",
    port: 7,
    sourceIp: "203.0.113.1",
    remoteIp: "203.0.113.2",
    destinationIp: "203.0.113.3",
    serverName: "",
    headers: {},
    claims: {},
    filters: {},
  };
}

/**
 * Requests that the rules of some policies are about, and their neighbours: for each rule one that
 * it asks for, as far as one can be, then that one with a single fact changed to each other value
 * of the rule, and to values that are nearly those.
 */
export function requestsOf(policies: readonly AccessPolicy[]): readonly DescribedRequest[] {
  const requests = policies.flatMap(({ rules }) => rules.flatMap(ofRule));
  const distinct = new Map([plain(), ...requests].map((facts) => [JSON.stringify(facts), facts]));
  return [...distinct.values()].map(described);
}

function ofRule(rule: AccessRule): readonly Facts[] {
  const sources = rule.from.length === 0 ? [ANY_SOURCE] : rule.from;
  const operations = rule.to.length === 0 ? [ANY_OPERATION] : rule.to;
  return sources.flatMap((source) =>
    operations.flatMap((operation) => {
      const fields = [
        ...ofSource(source),
        ...ofOperation(operation),
        ...rule.when.flatMap(ofCondition),
      ];
      const wanted = fields.flatMap(([first]) => first ?? []);
      const changes = fields.flat();
      const bare: Change = (facts) => {
        facts.identities = {};
      };
      const tokenless: Change = (facts) => {
        facts.claims = {};
      };
      const alone = changes.map((change) => changed([change]));
      return [
        changed(wanted),
        ...alone,
        ...[...changes, bare, tokenless].map((change) => changed([...wanted, change])),
      ];
    }),
  );
}

function changed(changes: readonly Change[]): Facts {
  const facts = plain();
  for (const change of changes) change(facts);
  return facts;
}

function described(facts: Facts): DescribedRequest {
  const uris = Object.values(facts.identities);
  const payload = facts.claims as MetadataFields;
  return {
    ...(uris.length === 0 ? {} : { principal: uris }),
    method: facts.method,
    host: facts.host,
    path: facts.path,
    headers: Object.entries(facts.headers),
    sourceIp: facts.sourceIp,
    remoteIp: facts.remoteIp,
    destinationIp: facts.destinationIp,
    destinationPort: facts.port,
    serverName: facts.serverName,
    metadata: {
      ...(facts.filters as Record<string, MetadataFields>),
      ...(Object.keys(facts.claims).length === 0
        ? {}
        : { "envoy.filters.http.jwt_authn": { payload } }),
    },
  };
}

/** The first is what is asked for; of a field that asks for nothing the list is empty. */
type Field = readonly Change[];

function textField(
  values: readonly string[],
  notValues: readonly string[],
  set: (facts: Facts, text: string) => void,
): Field {
  const texts = [...values.flatMap(near), ...notValues.flatMap(near)];
  const first = values.length === 0 ? [] : texts;
  const all = values.length === 0 ? texts : first;
  return all.map((text) => (facts) => set(facts, text));
}

/** The value made concrete, then what is nearly that. */
function near(value: string): readonly string[] {
  const text = value
    .replaceAll("{**}", "some/where")
    .replaceAll("{*}", "one")
    .replace(/^\*(?=.)/, "begin")
    .replace(/(?<=.)\*$/, "end")
    .replace(/^\*$/, "anything");
  return [text, `${text}x`, `x${text}`, text.slice(0, -1), text.toUpperCase(), value];
}

function nearAddress(block: string): readonly string[] {
  const [address = ""] = block.split("/");
  const bytes = address.split(".").map(Number);
  const moved = bytes.map((_, at) =>
    bytes.map((byte, index) => (index === at ? byte ^ 1 : byte)).join("."),
  );
  return [address, ...moved, bytes.with(3, 255).join(".")];
}

function addressField(
  values: readonly string[],
  notValues: readonly string[],
  set: (facts: Facts, text: string) => void,
): Field {
  return [...values, ...notValues].flatMap(nearAddress).map((text) => (facts) => set(facts, text));
}

function identityField(
  name: string,
  values: readonly string[],
  notValues: readonly string[],
  uri: (text: string) => string,
): Field {
  return textField(values, notValues, (facts, text) => {
    facts.identities[name] = uri(text);
  });
}

const PRINCIPAL = (text: string): string => `spiffe://${text}`;
const NAMESPACE = (text: string): string => `spiffe://some.td/ns/${text}/sa/some`;
const TRUST_DOMAIN = (text: string): string => `spiffe://${text}/ns/some/sa/some`;
const ACCOUNT = (text: string): string => `spiffe://some.td/ns/${text.replace("/", "/sa/")}`;

function ofSource(source: SourceMatch): readonly Field[] {
  return [
    identityField("principal", source.principals, source.notPrincipals, PRINCIPAL),
    identityField("namespace", source.namespaces, source.notNamespaces, NAMESPACE),
    identityField("account", source.serviceAccounts, source.notServiceAccounts, ACCOUNT),
    identityField("domain", source.trustDomains, source.notTrustDomains, TRUST_DOMAIN),
    textField(source.requestPrincipals, source.notRequestPrincipals, setToken),
    addressField(source.ipBlocks, source.notIpBlocks, (facts, text) => {
      facts.sourceIp = text;
    }),
    addressField(source.remoteIpBlocks, source.notRemoteIpBlocks, (facts, text) => {
      facts.remoteIp = text;
    }),
  ];
}

/** `issuer/subject`; Istio takes one without a slash for an issuer whose subject is empty. */
function setToken(facts: Facts, text: string): void {
  const slash = text.lastIndexOf("/");
  facts.claims.iss = slash < 0 ? text : text.slice(0, slash);
  facts.claims.sub = slash < 0 ? "" : text.slice(slash + 1);
}

function ofOperation(operation: OperationMatch): readonly Field[] {
  const { hosts, notHosts, methods, notMethods, paths, notPaths, ports, notPorts } = operation;
  return [
    textField(hosts, notHosts, (facts, text) => {
      facts.host = text;
    }),
    textField(methods, notMethods, (facts, text) => {
      facts.method = text;
    }),
    textField(paths, notPaths, (facts, text) => {
      facts.path = text;
    }),
    portField(ports, notPorts),
  ];
}

function portField(ports: readonly number[], notPorts: readonly number[]): Field {
  return [...ports, ...notPorts]
    .flatMap((port) => [port, port + 1])
    .map((port) => (facts: Facts) => {
      facts.port = port;
    });
}

function ofCondition({ key, values, notValues }: Condition): readonly Field[] {
  const [name = "", inner = ""] = key.replace(/\]$/, "").split(/\[(.*)/s);
  const text = (set: (facts: Facts, text: string) => void): readonly Field[] => [
    textField(values, notValues, set),
  ];
  const address = (set: (facts: Facts, text: string) => void): readonly Field[] => [
    addressField(values, notValues, set),
  ];
  switch (name) {
    case "request.headers":
      return text((facts, value) => {
        if (inner === ":method") facts.method = value;
        else facts.headers[inner] = value;
      });
    case "source.ip":
      return address((facts, value) => {
        facts.sourceIp = value;
      });
    case "remote.ip":
      return address((facts, value) => {
        facts.remoteIp = value;
      });
    case "destination.ip":
      return address((facts, value) => {
        facts.destinationIp = value;
      });
    case "destination.port":
      return [portField(values.map(Number), notValues.map(Number))];
    case "source.principal":
      return [identityField("when-principal", values, notValues, PRINCIPAL)];
    case "source.namespace":
      return [identityField("when-namespace", values, notValues, NAMESPACE)];
    case "request.auth.principal":
      return text(setToken);
    case "connection.sni":
      return text((facts, value) => {
        facts.serverName = value;
      });
    default:
      return text((facts, value) => setMetadata(facts, name, inner, value));
  }
}

const CLAIMS: Readonly<Record<string, string>> = {
  "request.auth.audiences": "aud",
  "request.auth.presenter": "azp",
};

function setMetadata(facts: Facts, name: string, inner: string, value: string): void {
  if (name.startsWith("experimental.")) {
    const listed = value.startsWith("[") ? [value.replaceAll(/[[\]]/g, "")] : value;
    facts.filters[name.slice("experimental.".length)] = { [inner]: listed };
  } else {
    facts.claims[CLAIMS[name] ?? inner] = value.length % 2 === 0 ? value : [value, "another"];
  }
}
