/**
 * `look-up.ts SERVER udp|tcp TYPE NAME` asks a DNS server as `dig` does and prints the reply in
 * JSON: its code, and its answers without their names.
 */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { decode, encode, type Packet, streamDecode, streamEncode } from "dns-packet";

const [server = "", transport = "", type = "", name = ""] = process.argv.slice(2);
const question = { type: type as "A", name };
const query: Packet = { type: "query", id: 4711, flags: 256, questions: [question] };

function print(reply: Packet): void {
  const answers = (reply.answers ?? []).map((record) => [
    record.type,
    "ttl" in record ? record.ttl : 0,
    "data" in record ? record.data : "",
  ]);
  process.stdout.write(`${JSON.stringify({ code: (reply.flags ?? 0) & 15, answers })}\n`);
}

if (transport === "udp") {
  const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
  socket.once("message", (reply) => {
    socket.close();
    print(decode(reply));
  });
  socket.send(encode(query), 53, server);
} else {
  const socket = connect(53, server, () => socket.write(streamEncode(query)));
  socket.once("data", (reply: Buffer) => {
    socket.destroy();
    print(streamDecode(reply) ?? {});
  });
}
