import { expect, it } from "vitest";
import { readMeshSettings } from "../src/dialects/istio/mesh-config.ts";
import { readObjects } from "../src/dialects/kubernetes/read.ts";
import { EmptySource } from "../src/proxy/format/source.ts";
import { compileLogFormat, ENVOY_LOG_FORMAT } from "../src/proxy/telemetry/access-log/format.ts";

class Request extends EmptySource {
  override protocol(): string {
    return "HTTP/1.1";
  }

  override requestHeader(name: string): string | undefined {
    const headers: Readonly<Record<string, string>> = {
      ":method": "GET",
      ":path": "/reviews/1",
      ":authority": "reviews",
    };
    return headers[name];
  }

  override upstreamCluster(): string {
    return "outbound|9080||reviews";
  }

  override routeName(): string {
    return "default";
  }
}

/** What a proxy writes of a request, told by Istio's MeshConfig. */
function lineOf(...settings: readonly string[]): string {
  const text = [
    "apiVersion: mesh.istio.io/v1alpha1",
    "kind: MeshConfig",
    "metadata: { name: mesh }",
    "accessLogFile: /dev/stdout",
    ...settings,
  ].join("\n");
  const { objects } = readObjects([{ file: "mesh.yaml", text }]);
  const [log] = readMeshSettings(objects).settings.accessLogs;
  return compileLogFormat(log?.format ?? ENVOY_LOG_FORMAT).format(new Request());
}

it("Istio's default access log is a line of text", () => {
  expect(lineOf()).toBe(
    '[1970-01-01T00:00:00.000Z] "GET /reviews/1 HTTP/1.1" 0 - - - "-" 0 0 - - "-" "-" "-" ' +
      '"reviews" "-" outbound|9080||reviews - - - - default\n',
  );
});

it("Istio's default access log in JSON has the same values", () => {
  const fields: Readonly<Record<string, unknown>> = JSON.parse(lineOf("accessLogEncoding: JSON"));
  expect(Object.keys(fields)).toHaveLength(24);
  expect(fields).toMatchObject({
    authority: "reviews",
    bytes_sent: 0,
    duration: null,
    method: "GET",
    path: "/reviews/1",
    response_code: 0,
    upstream_cluster: "outbound|9080||reviews",
  });
});

it("a format of one's own ends its line", () => {
  expect(lineOf('accessLogFormat: "%PROTOCOL%"')).toBe("HTTP/1.1\n");
});
