import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { folderOf, Outrigger, outrigger, serviceYaml } from "../support/outrigger.ts";
import { describeWith } from "../support/tools.ts";

let run: Outrigger | undefined;
let folder = "";
afterEach(() => {
  run?.clean();
  rmSync(folder, { recursive: true, force: true });
});

/** Answers a request only some time after it was told to end. */
const PATIENT = [
  'const answers = []; const server = require("http").createServer((request, response) => {',
  'answers.push(response); console.log("asked"); });',
  'process.on("SIGTERM", () => { server.close(); setTimeout(() => {',
  'for (const each of answers) each.end("late\\n"); }, 3000); });',
  "server.listen(9080);",
].join(" ");

/** A Service and its Deployment, whose pod runs `program`; `turn` tells one from the next. */
function patientYaml(program: string, turn: number): string {
  const command = JSON.stringify(`exec '${process.execPath}' '${program}'`);
  return `apiVersion: v1
kind: Service
metadata: {name: patient}
spec: {selector: {app: patient}, ports: [{name: http, port: 9080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: patient}
spec:
  replicas: 1
  selector: {matchLabels: {app: patient}}
  template:
    metadata:
      labels: {app: patient, turn: "${turn}"}
      annotations: {outrigger.dev/command.app: ${command}}
    spec:
      containers: [{name: app, image: patient, ports: [{containerPort: 9080}]}]
`;
}

const LOAD = `while :; do curl -s -o /dev/null -w '%{http_code}\\n' http://reviews:9080/; done`;

describeWith(["curl", "ip", "iptables", "root"], "outrigger up follows its files", () => {
  it("starts and ends pods without dropping a request", async () => {
    folder = folderOf({ "mesh.yaml": serviceYaml("reviews", ["v1"]) });
    const file = join(folder, "mesh.yaml");
    run = new Outrigger(["up", folder, "--", "sh", "-c", LOAD]);
    await run.until(({ stdout }) => stdout.split("\n").length > 20);
    writeFileSync(file, serviceYaml("reviews", ["v1", "v2"]));
    await run.until(({ stderr }) => /reviews-v2-\S+ ready/.test(stderr));
    writeFileSync(file, serviceYaml("reviews", ["v2"]));
    await run.until(({ stderr }) => /reviews-v1-\S+ removed/.test(stderr));
    const seen = run.stdout.length;
    await run.until(({ stdout }) => stdout.length > seen + 100);
    expect(new Set(run.stdout.trim().split("\n").slice(0, -1))).toEqual(new Set(["200"]));
    run.child.kill("SIGTERM");
    expect((await run.ended).status).toBe(143);
  });

  it("lets a pod that goes finish what it was asked", async () => {
    folder = folderOf({ "patient.cjs": PATIENT });
    const file = join(folder, "mesh.yaml");
    writeFileSync(file, patientYaml(join(folder, "patient.cjs"), 1));
    const call = "curl -s http://patient:9080/";
    run = new Outrigger(["up", "--logs", file, "--", "sh", "-c", `${call}; echo "status $?"`]);
    await run.until(({ stdout, stderr }) => `${stdout}${stderr}`.includes("asked"));
    writeFileSync(file, patientYaml(join(folder, "patient.cjs"), 2));
    expect((await run.ended).stdout).toContain("late\nstatus 0\n");
  });

  it("keeps the last good configuration and says what is wrong with the new one", async () => {
    folder = folderOf({ "mesh.yaml": serviceYaml("reviews", ["v1"]) });
    run = new Outrigger(["up", folder, "--", "sh", "-c", LOAD]);
    await run.until(({ stdout }) => stdout.includes("200"));
    writeFileSync(join(folder, "bad.yaml"), "apiVersion: v1\nkind: Service\nspec: {ports: no}\n");
    await run.until(({ stderr }) => stderr.includes("the last good configuration stays"));
    expect(run.stderr).toContain("bad.yaml:");
    const seen = run.stdout.length;
    await run.until(({ stdout }) => stdout.length > seen + 40);
    expect(run.stdout).not.toMatch(/[^20\n]/);
  });
});

describeWith(["ip", "iptables", "root"], "outrigger up on the bookstore", () => {
  describe.each(["intercept", "explicit"])("in %s mode", (mode) => {
    it("ends by itself with a table on standard output", async () => {
      const sample = join(import.meta.dirname, "../../samples/bookstore");
      const args = ["up", "--mode", mode, sample, "--for", "6s"];
      const { status, stdout } = await outrigger(args);
      expect(status).toBe(0);
      const line = (start: RegExp): string =>
        stdout.split("\n").find((each) => start.test(each)) ?? "";
      expect(line(/^ SERVICE/)).toContain("WANTED  MEASURED");
      for (const service of ["catalog", "reviews", "storefront"]) {
        expect(line(new RegExp(`^ ${service} `))).toMatch(/ (100\.0|9\d\.\d)% /);
      }
      for (const version of ["version-a", "version-b"]) {
        expect(line(new RegExp(` ${version} `))).toMatch(/ 50% {2,}(4|5)\d\.\d% /);
      }
    });
  });
});
