/** Endpoints that are reached each in its own way, through a real Envoy and through Outrigger. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TestAuthority } from "../support/certificates.ts";
import { ProxyUnderTest } from "../support/differential.ts";
import { EitherOrigin } from "../support/either-origin.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(
  new URL("differential-transport-sockets.yaml", import.meta.url),
  "utf8",
);
/** What both must have counted alike after all of it. */
const COUNTERS =
  /^cluster\.\w+\.(ssl\.(handshake|no_certificate|fail_\w+)|upstream_cx_total|membership_\w+)$/;

let folder: string;
let origin: EitherOrigin;
let envoy: ProxyUnderTest;
let outrigger: ProxyUnderTest;

describeWith(
  ["envoy"],
  "Envoy and Outrigger on one file, with a transport for each endpoint",
  () => {
    beforeAll(async () => {
      folder = fs.mkdtempSync(path.join(os.tmpdir(), "differential-sockets-"));
      const authority = await TestAuthority.create();
      const sans = [{ type: "dns", value: "one.example" }] as const;
      const one = await authority.issue({ name: "one", sans });
      const files = { "ca.crt": authority.pem, "one.crt": one.chain, "one.key": one.key };
      for (const [name, text] of Object.entries(files)) {
        fs.writeFileSync(path.join(folder, name), text);
      }
      origin = await EitherOrigin.listen(one);
      const yaml = YAML.replaceAll("$DIR", folder);
      envoy = await ProxyUnderTest.start("envoy", yaml, { ORIGIN: origin.port });
      outrigger = await ProxyUnderTest.start("outrigger", yaml, { ORIGIN: origin.port });
    });

    afterAll(async () => {
      await envoy?.stop();
      await outrigger?.stop();
      origin?.stop();
      fs.rmSync(folder, { recursive: true });
    });

    it.each([
      { target: "/labelled", answer: "tls CN=one" },
      { target: "/other", answer: "plain" },
      { target: "/several", answer: "plain" },
      { target: "/locality", answer: "tls CN=one" },
      { target: "/both", answer: "plain" },
      { target: "/none", answer: "tls CN=one" },
      { target: "/order", answer: "plain" },
    ])("$target is reached by $answer", async ({ answer, target }) => {
      expect(await bodyOf(envoy, target)).toBe(answer);
      expect(await bodyOf(outrigger, target)).toBe(answer);
    });

    it("counts alike", async () => {
      const wanted = await envoy.stats(COUNTERS);
      await expect.poll(() => outrigger.stats(COUNTERS)).toEqual(wanted);
    });
  },
);

async function bodyOf({ port }: ProxyUnderTest, target: string): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}${target}`)).text();
}
