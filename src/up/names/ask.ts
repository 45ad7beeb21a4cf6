import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { socketAddress } from "../../model/address.ts";
import type { Dial } from "../fabric/outside/door.ts";
import type { Ask } from "./forwarder.ts";
import { MessageStream, withLength } from "./message-stream.ts";

const PORT = 53;

/** Over sockets of its own. `port`: other than 53 in tests. */
export function askOverSockets(port: number = PORT): Ask {
  const overUdp = askOverUdp(port);
  const overTcp = askOverTcp(({ host }) => connect({ host, port }));
  return (server, message, transport, owner) =>
    transport === "udp"
      ? overUdp(server, message, transport, owner)
      : overTcp(server, message, transport, owner);
}

/** The `nameserver` lines of a resolv.conf; none where there is no such file. */
export function hostResolvers(file = "/etc/resolv.conf"): string[] {
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  return [...text.matchAll(/^\s*nameserver\s+([^\s#;]+)/gm)].map((match) => match[1] ?? "");
}

function askOverUdp(port: number): Ask {
  return (server, message, _transport, owner) => {
    const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
    let open = true;
    socket.on("error", () => owner.onFailure());
    socket.on("message", (reply) => owner.onReply(reply));
    // An event, not a callback: that would be called for a server without a route as well.
    socket.on("connect", () => {
      if (open) socket.send(message, () => {});
    });
    // Connected, so that only the server's own datagrams come in, from a port by chance.
    socket.connect(port, server);
    return {
      cancel: () => {
        if (open) socket.close();
        open = false;
      },
    };
  };
}

/** Over TCP alone, however connections come about. */
export function askOverTcp(dial: Dial): Ask {
  return (server, message, _transport, owner) => {
    const socket = dial(socketAddress(server, PORT));
    socket.write(withLength(message));
    const stream = new MessageStream(0xffff);
    socket.on("error", () => owner.onFailure());
    socket.on("close", () => owner.onFailure());
    socket.on("data", (chunk: Buffer) => {
      for (const reply of stream.take(chunk) ?? []) owner.onReply(reply);
    });
    return { cancel: () => socket.destroy() };
  };
}
