import { describe, expect, it } from "vitest";
import { askOverSockets } from "./ask.ts";

/** What becomes of one question over UDP to this server. */
function outcomeAt(server: string): Promise<"reply" | "failure"> {
  return new Promise((resolve) => {
    const asking = askOverSockets(9)(server, Buffer.alloc(20), "udp", {
      onReply: () => resolve("reply"),
      onFailure: () => {
        asking.cancel();
        resolve("failure");
      },
    });
  });
}

describe("asking a server that cannot be reached", () => {
  // A resolv.conf may name any of them: of a network that is gone, or for others than us.
  it.each([
    ["that no route leads to", "::ffff:255.255.255.255"],
    ["whose link is not said", "fe80::1"],
    ["that is for nobody to ask", "255.255.255.255"],
  ])("fails for one %s", async (_what, server) => {
    await expect(outcomeAt(server)).resolves.toBe("failure");
  });
});
