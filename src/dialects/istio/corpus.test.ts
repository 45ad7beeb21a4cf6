import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { DEFAULT_SETTINGS } from "../../model/mesh.ts";
import { readObjects } from "../kubernetes/read.ts";
import { isKubernetesObject, translateKubernetes } from "../kubernetes/translate.ts";
import { reportAgainstPods } from "./analyze/pods.ts";
import { AUTHORIZATION_POLICY } from "./fields/authorization-policy.ts";
import { WORKLOAD_ENTRY } from "./fields/common.ts";
import { DESTINATION_RULE } from "./fields/destination-rule.ts";
import type { FieldTable, Shape } from "./fields/field.ts";
import { PEER_AUTHENTICATION } from "./fields/peer-authentication.ts";
import { SERVICE_ENTRY } from "./fields/service-entry.ts";
import { SIDECAR } from "./fields/sidecar.ts";
import { VIRTUAL_SERVICE } from "./fields/virtual-service.ts";
import { istio } from "./istio.ts";

/** Istio's own documents, which are not part of this repository. */
const HERE = fileURLToPath(new URL("../../../../shared/corpus", import.meta.url));
const CORPUS = `${process.env.OUTRIGGER_CORPUS ?? HERE}/istio`;
const present = existsSync(CORPUS);
if (!present) console.warn(`\nNOT RUN: Istio's corpus is not at ${CORPUS} (OUTRIGGER_CORPUS)\n`);

function text(path: string): string {
  return readFileSync(`${CORPUS}/${path}`, "utf8");
}

/** Everything that the mesh would say of some files. */
function diagnose(...files: { readonly file: string; readonly text: string }[]): Diagnostic[] {
  const { objects, diagnostics } = readObjects(files);
  const kubernetes = translateKubernetes(objects.filter(isKubernetesObject), DEFAULT_SETTINGS);
  const spoken = objects.filter(istio.speaks);
  const context = { settings: DEFAULT_SETTINGS, services: kubernetes.services };
  const translation = istio.translate(spoken, context);
  const services = [...kubernetes.services, ...translation.services];
  const pods = reportAgainstPods({
    ...kubernetes,
    ...translation,
    services,
    settings: DEFAULT_SETTINGS,
  });
  return [...diagnostics, ...translation.diagnostics, ...pods];
}

const EXECUTED = ["authz", "destinationrule", "peerauth", "serviceentry", "workloadentry"];

describe.skipIf(!present)("Istio's validation documents", () => {
  const files = present ? readdirSync(`${CORPUS}/validation`) : [];
  const documents = files
    .filter((file) => EXECUTED.includes(file.split("-")[0] ?? ""))
    .flatMap((file) =>
      text(`validation/${file}`)
        .split(/^#?---$/m)
        .map((part) => ({ file, part, value: parse(part) as Record<string, never> | null }))
        .filter(({ value }) => value !== null),
    )
    .map(({ file, part, value }, index) => ({
      title: `${file} ${(value?.metadata as { name?: string } | undefined)?.name} ${index}`,
      error: value?._err as string | undefined,
      part: part.replace(/^_err:.*$/m, ""),
    }));

  it("are there", () => expect(documents.length).toBeGreaterThan(20));

  it.each(documents.filter(({ error }) => error !== undefined))("refuses $title", (document) => {
    const errors = diagnose({ file: "a.yaml", text: document.part })
      .filter(({ severity }) => severity === "error")
      .map(({ path, message }) => `${path}: ${message}`);
    expect(errors.join("\n")).toContain(document.error);
  });

  it.each(documents.filter(({ error }) => error === undefined))("accepts $title", (document) => {
    // YAML 1.2 reads a colon before a bracket as a mapping; Go's reader as part of the text.
    const part = document.part.replace("001:db8::]", '"001:db8::"]');
    const found = diagnose({ file: "a.yaml", text: part });
    expect(found.filter(({ severity }) => severity === "error")).toEqual([]);
  });
});

interface OpenApi {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, OpenApi>>;
  readonly items?: OpenApi;
  readonly additionalProperties?: OpenApi;
  readonly required?: readonly string[];
}

/** `path: type` of every field, so that two schemas are compared as two lists. */
function flatten(schema: OpenApi, path: string): string[] {
  const words = schema.enum === undefined ? "" : ` ${[...schema.enum].sort().join("|")}`;
  return [
    `${path}: ${schema.type}${words}`,
    ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) =>
      flatten(inner, `${path}.${name}${schema.required?.includes(name) ? "!" : ""}`),
    ),
    ...(schema.items ? flatten(schema.items, `${path}[]`) : []),
    ...(schema.additionalProperties ? flatten(schema.additionalProperties, `${path}{}`) : []),
  ];
}

function toOpenApi(shape: Shape): OpenApi {
  switch (shape.type) {
    case "list":
      return { type: "array", items: toOpenApi(shape.item) };
    case "map":
      return { type: "object", additionalProperties: toOpenApi(shape.value) };
    case "enum":
      return { type: "string", enum: shape.values };
    case "object":
      return tableToOpenApi(shape.fields);
    case "duration":
    case "any":
      return { type: "string" };
    default:
      return { type: shape.type };
  }
}

function tableToOpenApi(table: FieldTable): OpenApi {
  const fields = Object.entries(table);
  return {
    type: "object",
    properties: Object.fromEntries(fields.map(([name, { shape }]) => [name, toOpenApi(shape)])),
    required: fields.filter(([, { required }]) => required).map(([name]) => name),
  };
}

describe.skipIf(!present)("Istio's CRDs", () => {
  const crds = present ? parseAllDocuments(text("crd-all.gen.yaml")).map((it) => it.toJS()) : [];
  it.each([
    ["VirtualService", VIRTUAL_SERVICE],
    ["DestinationRule", DESTINATION_RULE],
    ["ServiceEntry", SERVICE_ENTRY],
    ["Sidecar", SIDECAR],
    ["WorkloadEntry", WORKLOAD_ENTRY],
    ["PeerAuthentication", PEER_AUTHENTICATION],
    ["AuthorizationPolicy", AUTHORIZATION_POLICY],
  ] as const)(
    "have the fields, types, words and requirements of our table for %s",
    (kind, table) => {
      const crd = crds.find((it) => it?.spec.names.kind === kind);
      const spec: OpenApi = crd.spec.versions[0].schema.openAPIV3Schema.properties.spec;
      expect(flatten(tableToOpenApi(table), "spec").sort()).toEqual(flatten(spec, "spec").sort());
    },
  );
});

describe.skipIf(!present)("Istio's bookinfo policies", () => {
  const files = present ? readdirSync(`${CORPUS}/samples/bookinfo/networking`) : [];
  const platform = present ? text("samples/bookinfo/platform/kube/bookinfo.yaml") : "";

  it.each(files)("%s says what it does not do, and nothing else", (file) => {
    const found = diagnose(
      { file, text: text(`samples/bookinfo/networking/${file}`) },
      { file: "bookinfo.yaml", text: platform },
    ).filter(({ position }) => position?.file === file);
    const codes = found.map(({ severity, code, path }) => `${severity} ${code} ${path}`);
    expect(codes).toMatchSnapshot();
  });
});

interface AnalyzerCase {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly expected: readonly { readonly message: string; readonly resource: string }[];
}

const CODES: Readonly<Record<string, string>> = {
  ConflictingMeshGatewayVirtualServiceHosts: "IST0109",
  ConflictingSidecarWorkloadSelectors: "IST0110",
  MultipleSidecarsWithoutWorkloadSelectors: "IST0111",
  VirtualServiceDestinationPortSelectorRequired: "IST0112",
  NoMatchingWorkloadsFound: "IST0127",
  NoServerCertificateVerificationDestinationLevel: "IST0128",
  NoServerCertificateVerificationPortLevel: "IST0129",
  VirtualServiceUnreachableRule: "IST0130",
  VirtualServiceIneffectiveMatch: "IST0131",
  ServiceEntryAddressesRequired: "IST0134",
  DestinationRuleSubsetNotSelectPods: "IST0173",
  UnknownDestinationRuleHost: "IST0174",
  ConflictingServiceEntryProtocol: "IST0177",
};

/** Cases about kinds or modes that are not executed, by name, and why they are not run. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  virtualServiceGateways: "gateways are not executed",
  virtualServiceJWTClaimRoute: "gateways are not executed",
  virtualServiceInternalGatewayRef: "gateways are not executed",
  "host defined in virtualservice not found in the gateway": "gateways are not executed",
  "host defined in virtualservice not found in the gateway with ns": "gateways are not executed",
  "host defined in virtualservice not found in the gateway with ns(beta version)":
    "gateways are not executed",
};

/** The cases' pods have no spec, which the API server would refuse. */
function withContainers(yaml: string): string {
  const documents = yaml.split(/^---$/m).map((part) => {
    const bare = /^kind: Pod$/m.test(part) && !/^spec:/m.test(part);
    return bare ? `${part}\nspec: {containers: [{name: app, image: app}]}\n` : part;
  });
  return documents.join("---");
}

const COMMON = ["ReferencedResourceNotFound"];

describe.skipIf(!present)("Istio's analyzer cases", () => {
  const all: readonly AnalyzerCase[] = present ? JSON.parse(text("analyzers/cases.json")) : [];
  const ours = /virtualService|destination ?rule|sidecar|dupmatches|ServiceEntry|authorizationp/i;
  const cases = all.filter(({ name }) => ours.test(name) && LEFT_OUT[name] === undefined);

  it("are there", () => expect(cases.length).toBeGreaterThan(15));

  it.each(cases)("$name", ({ inputs, expected, name }) => {
    const files = inputs
      .filter((file) => !file.includes("mesh-cfg"))
      .map((file) => ({ file, text: withContainers(text(`analyzers/${file}`)) }));
    // An analyzer reports of its own messages; of others the case says nothing.
    const codes = Object.values(CODES).filter(
      (code) => code !== "IST0101" && relevant(code, name, expected),
    );
    const wanted = expected.flatMap(({ message, resource }) => {
      const code = CODES[message] ?? (COMMON.includes(message) ? "IST0101" : undefined);
      return code === undefined ? [] : [`${code} ${qualified(resource)}`];
    });
    const found = diagnose(...files)
      .filter(({ code, message }) => codes.includes(code) || isReference(code, message, name))
      .map(({ code, subject }) => `${code} ${subject}`);
    expect([...new Set(found)].sort()).toEqual([...new Set(wanted)].sort());
  });

  /** An empty expectation is about the codes that its name speaks of. */
  function relevant(code: string, name: string, expected: AnalyzerCase["expected"]): boolean {
    if (expected.some(({ message }) => CODES[message] === code)) return true;
    if (expected.length > 0) return false;
    if (/addresses/i.test(name)) return code === "IST0134";
    if (/exportTo/i.test(name)) return code === "IST0177";
    return code === "IST0128" || code === "IST0129";
  }

  /** The cases of the DestinationRule and Sidecar analyzers have no services beside them. */
  function isReference(code: string, message: string, name: string): boolean {
    if (code !== "IST0101") return false;
    if (name === "virtualServiceDestinationRules") return message.includes("subset");
    return name === "sidecarSelector" || name === "authorizationpolicies";
  }

  function qualified(resource: string): string {
    const [kind = "", name = ""] = resource.split(" ");
    return `${kind} ${name.includes("/") ? name : `default/${name}`}`;
  }
});
