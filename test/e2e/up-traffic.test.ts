import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { mortal } from "../support/mortal.ts";
import { folderOf, serviceYaml } from "../support/outrigger.ts";
import { describeWith } from "../support/tools.ts";

const folder = folderOf({
  "shop.yaml": [serviceYaml("shop", ["v1"]), serviceYaml("shadow", ["v1"])].join("---\n"),
  "traffic.yaml": `apiVersion: mesh.istio.io/v1alpha1
kind: MeshConfig
metadata: {name: mesh}
accessLogFile: /dev/stdout
accessLogEncoding: JSON
accessLogFormat: |
  {"path": "%REQ(:PATH)%", "status": "%RESPONSE_CODE%", "to": "%UPSTREAM_CLUSTER_RAW%"}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop]
  http:
    - route: [{destination: {host: shop}}]
      mirrors: [{destination: {host: shadow}}]
      corsPolicy: {allowOrigins: [{exact: https://a.example}], allowMethods: [GET]}
`,
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Ends when its input does. */
const CLIENT = `
set -e
curl -sS -D - -H 'Origin: https://a.example' http://shop:9080/buy
cat
`;
const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** Runs the client until so many lines have a text; gives what was printed, and those lines. */
async function printedBy(
  args: readonly string[],
  text: string,
  count: number,
): Promise<{ readonly stdout: string; readonly lines: readonly string[] }> {
  const child = spawn(...mortal(process.execPath, [MAIN, ...args]), { stdio: "pipe" });
  const printed = { stdout: "", stderr: "" };
  const linesWith = () => printed.stderr.split("\n").filter((line) => line.includes(text));
  child.stdout.setEncoding("utf8").on("data", (more: string) => {
    printed.stdout += more;
  });
  child.stderr.setEncoding("utf8").on("data", (more: string) => {
    printed.stderr += more;
    if (linesWith().length >= count) child.stdin.end();
  });
  await once(child, "close");
  return { stdout: printed.stdout, lines: linesWith() };
}

describeWith(["curl", "ip", "iptables", "root"], "outrigger up", () => {
  describe.each(["intercept", "explicit"])("in %s mode", (mode) => {
    it("mirrors, shares across sites and logs as the YAML says", async () => {
      const client = ["--", "sh", "-c", CLIENT];
      const args = ["up", "--mode", mode, "--for", "60s", "--logs", folder, ...client];
      const { stdout, lines } = await printedBy(args, '"path":"/buy"', 3);
      expect(stdout.toLowerCase()).toContain("access-control-allow-origin: https://a.example");
      const pods = lines.map((line) => /default\/([a-z]+)\S* sidecar \| /.exec(line)?.[1]);
      expect(pods.sort()).toEqual(["client", "shadow", "shop"]);
      const own = lines.find((line) => line.includes("default/client"));
      expect(own).toContain('"status":200,"to":"outbound|9080||shop.default.svc.cluster.local"');
    });
  });
});
