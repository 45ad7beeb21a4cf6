import { connect, Server } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import { systemClock } from "../../base/clock.ts";
import { type SocketAddress, socketAddress } from "../../model/address.ts";
import { startAdsServer } from "./ads-server.ts";
import { serveHttp } from "./http-server.ts";

const ANY = socketAddress("127.0.0.1", 0);

interface Door {
  readonly address: SocketAddress;
  stop(): Promise<void>;
}

async function http(): Promise<Door> {
  const { address, close } = await serveHttp({ address: ANY, pages: new Map() });
  return { address, stop: close };
}

function ads(): Promise<Door> {
  const source = { snapshotFor: () => undefined, onChange: () => () => undefined };
  return startAdsServer({ address: ANY, source, clock: systemClock });
}

let door: Door | undefined;
afterEach(() => door?.stop());

it.each([
  ["HTTP server", http],
  ["ADS server", ads],
])("the control plane's %s outlives connections that it cannot accept", async (_what, open) => {
  const listening = vi.spyOn(Server.prototype, "listen");
  door = await open();
  const server = listening.mock.contexts.at(-1) as Server;
  listening.mockRestore();
  // As Node tells of a process without descriptors.
  for (let i = 0; i < 3; i++) server.emit("error", new Error("accept EMFILE"));
  const { host, port } = door.address;
  const accepted = await new Promise((resolve) => {
    const socket = connect(port, host, () => resolve(true));
    socket.once("connect", () => socket.destroy());
    socket.once("error", () => resolve(false));
  });
  expect(accepted).toBe(true);
});
