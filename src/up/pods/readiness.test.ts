import { describe, expect, it } from "vitest";
import { listeningPorts } from "./readiness.ts";

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
