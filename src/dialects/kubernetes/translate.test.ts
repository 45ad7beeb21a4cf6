import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { corpusFolder, filesBelow } from "../../../test/support/corpus.ts";
import { readmeRow } from "../../../test/support/field-readme.ts";
import { goldenCases, showGolden } from "../../../test/support/golden.ts";
import { formatDiagnostic } from "../../base/diagnostic.ts";
import { DEFAULT_SETTINGS } from "../../model/mesh.ts";
import type { FieldTable } from "./field-table.ts";
import { METADATA_TABLES } from "./metadata.ts";
import { POD_TABLES } from "./pod-spec.ts";
import { protocolOf } from "./port-protocol.ts";
import { readObjects } from "./read.ts";
import { SERVICE_TABLES } from "./service.ts";
import { isKubernetesObject, translateKubernetes, unknownKind } from "./translate.ts";
import { WORKLOAD_TABLES } from "./workload.ts";

const HERE = import.meta.dirname;

describe("Kubernetes objects", () => {
  it.each(goldenCases(`${HERE}/testdata`))("reads $name", async ({ file, text, golden }) => {
    const read = readObjects([{ file, text }]);
    const translation = translateKubernetes(read.objects, DEFAULT_SETTINGS);
    const diagnostics = [...read.diagnostics, ...translation.diagnostics];
    await expect(showGolden({ ...translation, diagnostics })).toMatchFileSnapshot(golden);
  });

  it.each([
    ["PreferClose", "", true, ""],
    ["", "preferSameZone", true, ""],
    ["PreferClose", "Any", true, ""],
    ["", "any", undefined, ""],
    ["", "PreferCloze", undefined, "warning IST0125"],
    ["PreferSameNode", "", true, "info OUT0201"],
    ["", "PreferSameNode", true, "info OUT0201"],
  ])(
    "a Service's trafficDistribution %j and annotation %j",
    (field, annotation, close, finding) => {
      const text = `apiVersion: v1
kind: Service
metadata: { name: a, annotations: { networking.istio.io/traffic-distribution: "${annotation}" } }
spec:
  ports: [{ name: http, port: 80 }]
  ${field === "" ? "" : `trafficDistribution: ${field}`}
`;
      const { objects } = readObjects([{ file: "a.yaml", text }]);
      const { services, diagnostics } = translateKubernetes(objects, DEFAULT_SETTINGS);
      expect(services[0]?.prefersClose).toBe(close);
      const found = diagnostics.map(({ severity, code }) => `${severity} ${code}`);
      expect(found).toEqual(finding === "" ? [] : [finding]);
    },
  );

  it.each(["PEEK_EWMA", "peak_ewma", ""])("says what %j should be as a load balancer", (name) => {
    const text = `apiVersion: v1
kind: Service
metadata:
  name: a
  annotations:
    outrigger.dev/load-balancer: "${name}"
spec: { ports: [{ name: http, port: 80 }] }
`;
    const { objects } = readObjects([{ file: "a.yaml", text }]);
    const { services, diagnostics } = translateKubernetes(objects, DEFAULT_SETTINGS);
    expect(services[0]?.algorithm).toBeUndefined();
    expect(diagnostics.map(formatDiagnostic)).toEqual([
      expect.stringMatching(/^a.yaml:6:34: error IST0125[\s\S]*allowed[\s\S]*PEAK_EWMA/),
    ]);
  });

  it("leaves the dialects' objects to them", () => {
    const groups = ["", "apps", "networking.k8s.io", "rbac.authorization.k8s.io"];
    expect(groups.every((group) => isKubernetesObject({ group }))).toBe(true);
    const others = ["networking.istio.io", "gateway.networking.k8s.io", "split.smi-spec.io"];
    expect(others.some((group) => isKubernetesObject({ group }))).toBe(false);
  });

  it("warns about kinds that nobody knows", () => {
    const text = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}";
    const { objects } = readObjects([{ file: "w.yaml", text }]);
    const messages = objects.map((object) => formatDiagnostic(unknownKind(object)));
    expect(messages[0]).toMatch(/w.yaml:2:7: warning OUT0203: Nothing here executes Widget/);
  });
});

describe("what a port speaks", () => {
  const cases = [
    { name: "http", appProtocol: undefined, port: 80, speaks: "http" },
    { name: "http2-web", appProtocol: undefined, port: 80, speaks: "http2" },
    { name: "grpc-web", appProtocol: undefined, port: 80, speaks: "grpcWeb" },
    { name: "web", appProtocol: "grpc-web", port: 80, speaks: "grpcWeb" },
    { name: "grpc-main", appProtocol: undefined, port: 80, speaks: "grpc" },
    { name: "web", appProtocol: "kubernetes.io/h2c", port: 80, speaks: "http2" },
    { name: "GRPC", appProtocol: undefined, port: 80, speaks: "grpc" },
    { name: "mongo", appProtocol: undefined, port: 80, speaks: "tcp" },
    { name: "httpweb", appProtocol: undefined, port: 80, speaks: "auto" },
    { name: "", appProtocol: undefined, port: 3306, speaks: "tcp" },
    { name: "http", appProtocol: "tcp", port: 80, speaks: "tcp" },
    { name: "http", appProtocol: "acme.com/own", port: 80, speaks: "auto" },
    { name: "web", appProtocol: "kubernetes.io/ws", port: 80, speaks: "http" },
    { name: "kubernetes.io/ws", appProtocol: undefined, port: 80, speaks: "auto" },
  ] as const;
  it.each(cases)("name '$name', appProtocol $appProtocol: $speaks", ({ speaks, ...port }) => {
    expect(protocolOf({ ...port, transport: "TCP" })).toBe(speaks);
  });
});

describe("the README", () => {
  const readme = readFileSync(`${HERE}/README.md`, "utf8").replaceAll(/ +/g, " ");
  const tables: Record<string, FieldTable> = {
    ...METADATA_TABLES,
    ...SERVICE_TABLES,
    ...POD_TABLES,
    ...WORKLOAD_TABLES,
  };
  it.each(Object.entries(tables))("says what becomes of every field of %s", (name, table) => {
    expect(readme).toContain(readmeRow(name, table));
  });
});

const samples = corpusFolder("istio/samples");

describe.skipIf(samples === undefined)("Istio's samples", () => {
  const files =
    samples === undefined
      ? []
      : filesBelow(samples, /(?<!swagger|demo-profile-no-gateways)\.ya?ml$/);
  const main = files.filter(({ file }) => /(bookinfo|helloworld)\.yaml$/.test(file));

  it.each(main)("reads $file without a word", (file) => {
    const read = readObjects([file]);
    const own = read.objects.filter(isKubernetesObject);
    const { diagnostics, services, podTemplates } = translateKubernetes(own, DEFAULT_SETTINGS);
    expect([...read.diagnostics, ...diagnostics].map(formatDiagnostic)).toEqual([]);
    expect(services.length).toBeGreaterThan(0);
    expect(podTemplates.length).toBeGreaterThan(0);
  });

  it.each(files)("reads $file without an error", (file) => {
    const read = readObjects([file]);
    const own = read.objects.filter(isKubernetesObject);
    const { diagnostics } = translateKubernetes(own, DEFAULT_SETTINGS);
    const errors = [...read.diagnostics, ...diagnostics].filter((d) => d.severity === "error");
    expect(errors.map(formatDiagnostic)).toEqual([]);
  });
});
