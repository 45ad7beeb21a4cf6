import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { readObjects } from "../kubernetes/read.ts";
import { readMeshSettings } from "./mesh-config.ts";

function reading(provider: object) {
  const spec = { extensionProviders: [provider] };
  const object = { apiVersion: "mesh.istio.io/v1alpha1", kind: "MeshConfig" };
  const text = stringify({ ...object, metadata: { name: "mesh" }, spec });
  const { objects } = readObjects([{ file: "mesh.yaml", text }]);
  const { diagnostics, settings } = readMeshSettings(objects);
  return {
    provider: settings.authorizationProviders?.[0],
    messages: diagnostics.map(({ message }) => message),
  };
}

const ASKED = { service: "foo/authz.foo.svc.cluster.local", port: 9000 };

describe("an extension provider that decides about requests", () => {
  it("waits ten minutes and fails closed where nothing else is written", () => {
    expect(reading({ name: "opa", envoyExtAuthzGrpc: ASKED })).toEqual({
      provider: expect.objectContaining({
        name: "opa",
        protocol: "grpc",
        host: "authz.foo.svc.cluster.local",
        port: 9000,
        timeoutMs: 600_000,
        failOpen: false,
        statusOnError: 403,
        body: undefined,
      }),
      messages: [],
    });
  });

  it("names headers exactly, by their beginning or their end, of any case", () => {
    const includeRequestHeadersInCheck = ["x-id", "x-prefix-*", "*-suffix"];
    const { provider } = reading({
      name: "web",
      envoyExtAuthzHttp: { ...ASKED, pathPrefix: "/check", includeRequestHeadersInCheck },
    });
    expect(provider).toMatchObject({ protocol: "http", pathPrefix: "/check" });
    expect(provider?.headersInCheck).toEqual([
      { kind: "exact", value: "x-id", ignoreCase: true },
      { kind: "prefix", value: "x-prefix-", ignoreCase: true },
      { kind: "suffix", value: "-suffix", ignoreCase: true },
    ]);
  });

  it.each([
    { wrong: { ...ASKED, port: 0 }, message: "port number 0 must be in the range 1..65535" },
    { wrong: { ...ASKED, statusOnError: "none" }, message: 'statusOnError: "none" is no HTTP' },
    { wrong: { ...ASKED, service: "a/b/c" }, message: "service must be in the format" },
    {
      wrong: { ...ASKED, includeRequestBodyInCheck: { maxRequestBytes: 0 } },
      message: "maxRequestBytes must be greater than 0",
    },
  ])("is refused where it is wrong: $message", ({ wrong, message }) => {
    expect(reading({ name: "opa", envoyExtAuthzGrpc: wrong }).messages.join()).toContain(message);
  });

  it("must begin its path with a slash", () => {
    const wrong = { ...ASKED, pathPrefix: "check" };
    expect(reading({ name: "web", envoyExtAuthzHttp: wrong }).messages.join()).toContain(
      "pathPrefix should begin with `/`",
    );
  });
});
