import { EventEmitter } from "node:events";
import type { TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../base/clock.ts";
import { CUT_DRAIN_MS, RENEWAL_DRAIN_MS, SecuredConnections } from "./secured-connections.ts";

class FakeSocket extends EventEmitter {
  destroyed = false;
  drained = 0;

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

function scene(isBelieved: (socket: FakeSocket) => boolean = () => true) {
  const clock = new VirtualClock();
  const connections = new SecuredConnections(clock, (socket) =>
    isBelieved(socket as unknown as FakeSocket),
  );
  const open = (generation: number): FakeSocket => {
    const socket = new FakeSocket();
    const drain = (): void => void socket.drained++;
    connections.add({ socket: socket as unknown as TLSSocket, generation, drain });
    return socket;
  };
  return { clock, connections, open };
}

describe("connections of a context that is renewed", () => {
  it("drain at once, and are closed after ten minutes at the latest", () => {
    const { clock, connections, open } = scene();
    const old = open(1);
    connections.renewed(2, false);
    expect(old.drained).toBe(1);
    clock.advance(RENEWAL_DRAIN_MS - 1);
    expect(old.destroyed).toBe(false);
    clock.advance(1);
    expect(old.destroyed).toBe(true);
  });

  it("that come afterwards stay", () => {
    const { clock, connections, open } = scene();
    connections.renewed(2, true);
    const fresh = open(2);
    clock.advance(RENEWAL_DRAIN_MS);
    expect(fresh).toMatchObject({ destroyed: false, drained: 0 });
  });

  it("are closed after fifteen seconds where their peers are not believed any more", () => {
    const revoked = new Set<FakeSocket>();
    const { clock, connections, open } = scene((socket) => !revoked.has(socket));
    const [bad, good] = [open(1), open(1)];
    revoked.add(bad);
    connections.renewed(2, true);
    clock.advance(CUT_DRAIN_MS);
    expect([bad.destroyed, good.destroyed]).toEqual([true, false]);
  });

  it("are not looked at where nobody is believed less", () => {
    const { clock, connections, open } = scene(() => false);
    const old = open(1);
    connections.renewed(2, false);
    clock.advance(CUT_DRAIN_MS);
    expect(old.destroyed).toBe(false);
  });

  it("drain as well where their handshake ended only after the renewal", () => {
    const { clock, connections, open } = scene(() => false);
    connections.renewed(2, true);
    const late = open(1);
    expect(late.drained).toBe(1);
    clock.advance(CUT_DRAIN_MS);
    expect(late.destroyed).toBe(true);
  });

  it("are forgotten when they close", () => {
    const { connections, open } = scene();
    const socket = open(1);
    expect(connections.size).toBe(1);
    socket.destroy();
    expect(connections.size).toBe(0);
  });
});
