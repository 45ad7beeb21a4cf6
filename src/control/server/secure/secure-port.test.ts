import type { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { expect, it } from "vitest";
import { type AuthorityScene, authorityScene } from "../../../../test/support/authority-scene.ts";
import { readSubjectAltNames } from "../../../identity/subject-alt-names.ts";

/** The certificate that the port shows; rejects where it is not good for this name. */
function shownBy({ control }: AuthorityScene, servername: string): Promise<X509Certificate> {
  const { host, port } = control.address;
  const options = { host, port, servername, ca: control.bundle.roots, ALPNProtocols: ["h2"] };
  return new Promise((resolve, reject) => {
    const socket = connect(options, () => {
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      if (certificate === undefined) reject(new Error("none"));
      else resolve(certificate);
    });
    socket.once("error", reject);
  });
}

it("the port's certificate is the mesh's own, for the names that clients use", async () => {
  const scene = await authorityScene({ hostNames: ["control.example", "10.1.2.3"] });
  const { raw } = await shownBy(scene, "istiod.istio-system.svc");
  expect(readSubjectAltNames(raw)).toEqual({
    dns: ["istiod.istio-system.svc", "localhost", "control.example"],
    uri: [],
    email: [],
    ip: ["127.0.0.1", "10.1.2.3"],
  });
  await expect(shownBy(scene, "control.example")).resolves.toBeDefined();
  await expect(shownBy(scene, "other.example")).rejects.toThrow("does not match");
});

it("the port's certificate is renewed at half of its life, while the port goes on", async () => {
  const scene = await authorityScene({ validityMs: 60_000 });
  const first = await shownBy(scene, "localhost");
  scene.clock.advance(29_000);
  expect((await shownBy(scene, "localhost")).serialNumber).toBe(first.serialNumber);
  scene.clock.advance(2000);
  const second = await shownBy(scene, "localhost");
  expect(second.serialNumber).not.toBe(first.serialNumber);
  expect(second.validToDate.getTime()).toBeGreaterThan(first.validToDate.getTime());
});

it("handshakes are not resumed, so that each sees the newest rules", async () => {
  const { control } = await authorityScene();
  const { host, port } = control.address;
  const tickets: Buffer[] = [];
  const roots = control.bundle.roots;
  const options = { host, port, servername: "localhost", ca: roots, ALPNProtocols: ["h2"] };
  await new Promise<void>((resolve, reject) => {
    const socket = connect(options);
    socket.on("session", (ticket) => tickets.push(ticket));
    // The server's settings come behind whatever tickets there are.
    socket.once("data", () => socket.destroy());
    socket.once("close", () => resolve());
    socket.once("error", reject);
  });
  const resumed = await new Promise<boolean>((resolve, reject) => {
    const session = tickets.at(-1);
    const socket = connect({ ...options, ...(session === undefined ? {} : { session }) }, () => {
      resolve(socket.isSessionReused());
      socket.destroy();
    });
    socket.once("error", reject);
  });
  expect(resumed).toBe(false);
});
