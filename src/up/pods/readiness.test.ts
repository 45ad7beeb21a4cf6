import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { listeningPorts, silentPorts } from "./readiness.ts";

describe("the kernel's table of sockets", () => {
  it("tells who listens, on every address, from who is connected", () => {
    const table = [
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid",
      "   0: 00000000:2378 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0",
      "   1: 0100007F:3A9A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0",
      "   2: 0100007F:9C40 0100007F:2378 01 00000000:00000000 00:00000000 00000000     0",
    ].join("\n");
    expect(listeningPorts(table)).toEqual([9080, 15_002]);
  });
});

describe.runIf(process.platform === "linux")("a process's network (Linux alone has /proc)", () => {
  it("shows which ports nobody listens on", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    expect(await silentPorts(process.pid, [port, 1])).toEqual([1]);
    server.close();
    await once(server, "close");
    expect(await silentPorts(process.pid, [port])).toEqual([port]);
  });
});
